"""Relayers carry proofs between chains: anybody may, any number at once, and nobody has to be believed."""
