"""What two strangers must agree on, byte for byte: encodings, digests, signatures, proofs, headers.

Pure: no clock, no randomness, no file, no network. Everything above imports this floor; it imports nobody.
"""
