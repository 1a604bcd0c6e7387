"""The PBFT replica as a value: `Replica.step(input) -> effects` (Castro and Liskov, OSDI 1999).

No socket, clock, disk, thread or dice. One block is in flight per chain: sequence number = height, so a
certified header is a stable checkpoint and there is no checkpoint message. docs/protocol.md, section 21, says
where this is the paper with window 1 and where it departs.

Duties of the host:

1. Perform the effects of one step in their order; what stands before must be done before. `Persist` is done
   when the record is durable.
2. Sign what is broadcast or sent, and give every own vote back as a `MessageReceived` once it is durable.
3. Check signer, signature and membership of every message before it is an input (`authenticate`).
4. Give one `Tick` per tick while the replica is pending; an idle replica needs none.
5. Answer `BuildBlock` with `BlockBuilt` or `NothingToBuild`, `ValidateBlock` with `BlockValidated`.
"""
