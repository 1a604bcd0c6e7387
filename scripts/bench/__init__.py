"""The benchmark: what a network does on this machine, as rates and as ratios to the limits of the same run."""
