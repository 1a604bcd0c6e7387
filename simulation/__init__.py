"""The second host of the replica: a whole network in one thread, whose every accident a seed decides.

The hosts are the ones that real processes run. Clock, network, disks and, if the seed says so, signatures are
simulated; replicas crash, forget and lie. Checkers watch from outside. The same seed and the same code give the same
run, to the last frame.
"""
