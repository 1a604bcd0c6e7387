"""What a chain computes: deterministic calls over the chain's state. Knows no consensus and no world."""
