"""The two families of what can be wrong with foreign input."""


class ChainError(Exception):
    """Foreign input that is refused; the message says cause and next step."""


class Malformed(ChainError):
    """Input that has not the form it must have."""


class Rejected(ChainError):
    """Well-formed input that the rules or the present state refuse."""


class AddressMalformed(Malformed):
    """A text that is no address of the chain."""
