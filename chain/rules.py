"""One chain's functions, bound once: its profile, digest, signature scheme and address codec.

Everything that hashes or checks for a chain takes a `ChainRules`, so nobody picks a function by name twice.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from chain import quorum
from chain.addresses import AddressCodec, address_codec
from chain.block import BlockHeader
from chain.codec import encode
from chain.digests import digest_function
from chain.domains import Domain, prefix
from chain.membership import Membership, membership_digest
from chain.merkle import leaf_hash, root
from chain.profile import ChainProfile
from chain.quorum import Statement, Verify, statement_bytes
from chain.signatures import SignatureScheme, scheme


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainRules:
    """The functions of one chain of one network; made once, and like nothing but itself."""

    network_id: bytes
    profile: ChainProfile
    digest: Callable[[bytes], bytes]
    scheme: SignatureScheme
    addresses: AddressCodec
    transaction_prefix: bytes
    block_prefix: bytes
    consensus_verify: Verify = quorum.consensus_verify
    """How a replica's signature is checked; an ideal signature table may stand in."""
    others: Mapping[str, "ChainRules"] = field(default_factory=dict, repr=False)
    """The rules of the other chains of the network, by chain id: what is needed to check what is said of them."""

    @classmethod
    def of(cls, network_id: bytes, profile: ChainProfile) -> "ChainRules":
        """The rules of the chain that `profile` describes, on the network `network_id` (32 bytes)."""
        chain_id = profile.chain_id
        return cls(
            network_id=network_id,
            profile=profile,
            digest=digest_function(profile.digest_name),
            scheme=scheme(profile.signature_scheme),
            addresses=address_codec(profile.address_codec),
            transaction_prefix=prefix(Domain.TRANSACTION, network_id, chain_id),
            block_prefix=prefix(Domain.BLOCK, network_id, chain_id),
        )

    @classmethod
    def of_network(cls, network_id: bytes, profiles: Mapping[str, ChainProfile], chain_id: str) -> "ChainRules":
        """The rules of `chain_id`, which know those of every other chain in `profiles`: the chains of the network, by id.

        The others have no others themselves.
        """
        others = {other: cls.of(network_id, profile) for other, profile in profiles.items() if other != chain_id}
        return replace(cls.of(network_id, profiles[chain_id]), others=others)

    @property
    def chain_id(self) -> str:
        """The chain's id."""
        return self.profile.chain_id

    def transaction_id(self, body: bytes) -> bytes:
        """The id of a transaction body, which is also the message its sender signs (protocol 6.2)."""
        return self.digest(self.transaction_prefix + body)

    def block_digest(self, header: BlockHeader) -> bytes:
        """The digest of a header, which is the digest of its block (protocol 7.2)."""
        return self.digest(self.block_prefix + encode(header))

    def transaction_root(self, transactions: Sequence[bytes]) -> bytes:
        """The root over signed transactions as they were sent (protocol 7.1)."""
        return root(self.digest, [leaf_hash(self.digest, raw) for raw in transactions])

    def membership_digest(self, membership: Membership) -> bytes:
        """What headers of this chain commit to for `membership`."""
        return membership_digest(self.digest, self.network_id, self.chain_id, membership)

    def vote_bytes(self, domain: Domain, *, view: int, height: int, block: bytes) -> bytes:
        """What a replica signs for a pre-prepare, prepare or commit on this chain."""
        statement = Statement(view=view, height=height, block=block)
        return statement_bytes(domain, self.network_id, self.chain_id, statement)

    def registration_bytes(self, address: bytes, public_key: bytes) -> bytes:
        """What a key signs to be registered under a chosen name: proof of possession (protocol 8.3)."""
        return self.digest(prefix(Domain.REGISTER, self.network_id, self.chain_id) + encode((address, public_key)))
