"""Facts that the world of a run knows and no contract computes: which keys are keys, and who signed what.

Nothing here is cryptography. Whoever makes a key or a signature notes it down, and the model looks it up; so a signature is
good for what its maker said it is for, and for nothing else.
"""

from dataclasses import dataclass, field
from typing import Any

Statement = tuple[Any, ...]
"""What is signed, in words: its kind, then everything that it is about."""


@dataclass(slots=True)
class Facts:
    """What is true of keys and signatures."""

    addresses: dict[bytes, bytes] = field(default_factory=dict)
    """The address of every account key in form: the one that follows from it, or the name that goes with it."""
    names: set[bytes] = field(default_factory=set)
    """Every address in form."""
    did_keys: set[bytes] = field(default_factory=set)
    """Every key of a DID in form."""
    statements: dict[tuple[bytes, bytes], Statement] = field(default_factory=dict)
    """What a key's signature is for."""

    def signed(self, key: bytes, signature: bytes, statement: Statement) -> bool:
        """Whether the key made the signature, and for this."""
        return self.statements.get((key, signature)) == statement
