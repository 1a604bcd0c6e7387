"""What a node and its callers say to each other (protocol 12). Transport and framing are elsewhere.

A caller numbers its requests; every answer carries the number. A `Submit` is answered by one `Outcomes` for
what is refused at once and one per block that holds some of its transactions, until all are accounted for.
"""

from typing import Annotated, Final

from msgspec import Meta
from msgspec.structs import force_setattr

from chain.block import BLOCK_TRANSACTIONS_MAX, BlockHeader
from chain.codec import Record
from chain.ids import Digest, Natural
from chain.light_client import CertifiedHeader, Handover
from chain.membership import REPLICAS_MAX, Membership, Replica, ReplicaName
from chain.state import StateProof
from chain.transaction import Code, Receipt, Values, checked_values

REQUEST_TRANSACTIONS_MAX: Final = 1_000
REQUEST_KEYS_MAX: Final = 64
CHAINS_MAX: Final = 64
HANDOVERS_MAX: Final = 64
ChainName = Annotated[str, Meta(max_length=32)]


class Hello(Record, frozen=True, tag=0):
    """The first frame of either side of any link: the protocol's version, the network, and who speaks.

    `speaker` is a node's name, or None for a caller. It makes nobody that node: the TLS key does.
    """

    version: Natural
    network_id: Digest
    speaker: ReplicaName | None


class Submit(Record, frozen=True, tag=1):
    """Take these signed transactions of one chain, and say what became of each."""

    request: Natural
    chain_id: ChainName
    transactions: Annotated[tuple[bytes, ...], Meta(min_length=1, max_length=REQUEST_TRANSACTIONS_MAX)]


class ReadState(Record, frozen=True, tag=2):
    """The values under `keys` with proofs, after block `height` (None: the head)."""

    request: Natural
    chain_id: ChainName
    keys: Annotated[tuple[Annotated[bytes, Meta(max_length=256)], ...], Meta(max_length=REQUEST_KEYS_MAX)]
    height: Natural | None


class ReadBlock(Record, frozen=True, tag=3):
    """A committed block with its receipts."""

    request: Natural
    chain_id: ChainName
    height: Natural


class ReadStatus(Record, frozen=True, tag=4):
    """How every chain of the node stands."""

    request: Natural


class Follow(Record, frozen=True, tag=5):
    """Push every committed block of the chain after `height`, oldest first, and go on as they come."""

    request: Natural
    chain_id: ChainName
    height: Natural


class ReadHandovers(Record, frozen=True, tag=6):
    """The changes of membership handed over above height `after`, oldest first."""

    request: Natural
    chain_id: ChainName
    after: Natural


Request = Hello | Submit | ReadState | ReadBlock | ReadStatus | Follow | ReadHandovers


class Rejection(Record, frozen=True):
    """A transaction that was not taken: its place in the request, a stable code and the code's values."""

    index: Natural
    code: Code
    values: Values

    def __post_init__(self) -> None:
        """Of `Value`s and nothing else."""
        force_setattr(self, "values", checked_values(self.values))


class Included(Record, frozen=True):
    """A transaction's place in its request and in the block, and its receipt."""

    index: Natural
    place: Natural
    receipt: Receipt


class Outcomes(Record, frozen=True, tag=33):
    """What became of some transactions of a `Submit`.

    With a block: its certified header, the leaf hashes of all its receipts in order (from which the receipt
    root follows, and any receipt's inclusion proof), and the receipts of this request's transactions.
    """

    request: Natural
    rejected: Annotated[tuple[Rejection, ...], Meta(max_length=REQUEST_TRANSACTIONS_MAX)]
    certified: CertifiedHeader | None
    receipt_leaves: Annotated[tuple[Digest, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]
    included: Annotated[tuple[Included, ...], Meta(max_length=REQUEST_TRANSACTIONS_MAX)]


class ProvenValue(Record, frozen=True):
    """A value (None: there is none) and the proof of it."""

    value: bytes | None
    proof: StateProof


class StateAnswer(Record, frozen=True, tag=34):
    """Values in the order of the keys, under one certified header (None at height 0, where `genesis` stands)."""

    request: Natural
    certified: CertifiedHeader | None
    genesis: BlockHeader | None
    values: Annotated[tuple[ProvenValue, ...], Meta(max_length=REQUEST_KEYS_MAX)]


class BlockAnswer(Record, frozen=True, tag=35):
    """A block's certified header, its transactions and their receipts."""

    request: Natural
    certified: CertifiedHeader | None
    genesis: BlockHeader | None
    transactions: Annotated[tuple[bytes, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]
    receipts: Annotated[tuple[Receipt, ...], Meta(max_length=BLOCK_TRANSACTIONS_MAX)]


class MemberStatus(Record, frozen=True):
    """A replica of the present set as the node sees it; `convictions` is how often the chain holds evidence of it."""

    replica: Replica
    connected: bool
    signs: bool
    convictions: Natural


class PendingChange(Record, frozen=True):
    """The set that follows the present one, and the first height that it certifies."""

    effective_height: Natural
    membership: Membership


class ChainStatus(Record, frozen=True):
    """One chain as the node sees it: head, view, the primary's place among the members, the phase, and why it waits.

    `behind` are nodes below the node's head, members or not.
    """

    chain_id: ChainName
    height: Natural
    head: Digest
    time: Natural
    view: Natural
    primary: Natural
    phase: Code
    pool: Natural
    waits_for: Code
    behind: Annotated[tuple[ReplicaName, ...], Meta(max_length=REPLICAS_MAX)]
    members: Annotated[tuple[MemberStatus, ...], Meta(max_length=REPLICAS_MAX)]
    pending: PendingChange | None


class StatusAnswer(Record, frozen=True, tag=36):
    """The node's name, the nodes it can send to, and its chains."""

    request: Natural
    node: ReplicaName
    connected: Annotated[tuple[ReplicaName, ...], Meta(max_length=REPLICAS_MAX)]
    chains: Annotated[tuple[ChainStatus, ...], Meta(max_length=CHAINS_MAX)]


class Refused(Record, frozen=True, tag=37):
    """A request that could not be answered: a stable code and its values."""

    request: Natural
    code: Code
    values: Values

    def __post_init__(self) -> None:
        """Of `Value`s and nothing else."""
        force_setattr(self, "values", checked_values(self.values))


class HandoversAnswer(Record, frozen=True, tag=38):
    """The first hand-overs above the height asked for; fewer than `HANDOVERS_MAX`: these are all."""

    request: Natural
    handovers: Annotated[tuple[Handover, ...], Meta(max_length=HANDOVERS_MAX)]


Answer = Hello | Outcomes | StateAnswer | BlockAnswer | StatusAnswer | Refused | HandoversAnswer
