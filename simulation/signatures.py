"""Keys of replicas and accounts, and the ideal table that may stand for the libraries.

In the table a statement is signed if the holder of the key entered it. Nobody can guess an entry, and every check is
still made where it is made with real signatures, and counted.
"""

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

from chain.rules import ChainRules
from chain.signatures import KeyPair

Sign = Callable[[bytes], bytes]
Verify = Callable[[bytes, bytes, bytes], bool]


class Signatures:
    """All signatures of one run: the table, or the libraries."""

    def __init__(self, *, ideal: bool) -> None:
        self.ideal = ideal
        self.checks = 0
        self.refused = 0
        self._entered: dict[bytes, tuple[bytes, bytes]] = {}

    def holder(self, pair: KeyPair) -> Sign:
        """The holder's way to sign; whoever was not given it cannot."""
        if not self.ideal:
            return pair.sign
        public_key, entered = pair.public_key, self._entered

        def sign(message: bytes) -> bytes:
            signature = blake2b(message, key=public_key[:64], digest_size=64).digest()
            entered[signature] = (public_key, message)
            return signature

        return sign

    def bind(self, rules: ChainRules) -> ChainRules:
        """The rules of a chain, whose checks of replicas and accounts ask here."""
        return replace(
            rules,
            scheme=replace(rules.scheme, verify=self._counted(rules.scheme.verify)),
            consensus_verify=self._counted(rules.consensus_verify),
        )

    def _counted(self, library: Verify) -> Verify:
        ask = self._is_entered if self.ideal else library

        def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
            self.checks += 1
            valid = ask(public_key, message, signature)
            if not valid:
                self.refused += 1
            return valid

        return verify

    def _is_entered(self, public_key: bytes, message: bytes, signature: bytes) -> bool:
        return self._entered.get(signature) == (public_key, message)
