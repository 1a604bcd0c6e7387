"""What a replica is told and what it asks for. Both unions are closed."""

from dataclasses import dataclass
from enum import StrEnum

from chain.block import Block, BlockHeader, CommittedBlock
from chain.membership import Membership
from node.consensus.head import Head
from node.consensus.messages import Authenticated, Envelope, Message, PreparedCertificate


class Reason(StrEnum):
    """Why an input had no effect."""

    STALE = "stale"
    TOO_FAR_AHEAD = "too-far-ahead"
    DUPLICATE = "duplicate"
    NOT_PRIMARY = "not-primary"
    NOT_BACKUP = "not-backup"
    NEW_VIEW_MALFORMED = "new-view-malformed"
    VIEW_CHANGE_MALFORMED = "view-change-malformed"
    HEADER_MALFORMED = "header-malformed"
    PARENT_NOT_CERTIFIED = "parent-not-certified"
    COMMITTED_ELSEWHERE = "committed-elsewhere"
    CONFLICTS = "conflicts"
    INVALID_BLOCK = "invalid-block"


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """Something waits in the pool."""


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A checked message, from a peer or (durable by then) this replica's own."""

    received: Authenticated


@dataclass(frozen=True, slots=True)
class Tick:
    """One tick has passed; `reachable` says whether the primary of the replica's view can be sent to."""

    reachable: bool = True


@dataclass(frozen=True, slots=True)
class Censored:
    """An admitted request is not among the blocks that it should be in: the primary leaves it out."""


@dataclass(frozen=True, slots=True)
class BlockBuilt:
    """The block that `BuildBlock` asked for."""

    block: Block


@dataclass(frozen=True, slots=True)
class NothingToBuild:
    """No transaction in the pool can go into a block now; one may later."""


@dataclass(frozen=True, slots=True)
class NothingWaits:
    """The pool is empty."""


@dataclass(frozen=True, slots=True)
class BlockValidated:
    """Whether executing the block gave what its header claims, and its transactions are allowed.

    If so, `membership` is the set that certifies the height after it.
    """

    block: bytes
    membership: Membership | None


@dataclass(frozen=True, slots=True)
class BlockSynced:
    """A block fetched from a peer, its certificate and execution already checked by the host."""

    committed: CommittedBlock
    block: bytes
    membership: Membership
    """The set that certifies the height after it."""


@dataclass(frozen=True, slots=True)
class SnapshotInstalled:
    """The host stands at a checked and durable snapshot: `head` is its end, maybe many heights on."""

    head: Head


@dataclass(frozen=True, slots=True)
class MayNotSign:
    """It has come out that this replica does not know all that it has signed."""


@dataclass(frozen=True, slots=True)
class MaySign:
    """A replica that had lost what it signed is past everything it may have signed, or an operator says so."""


Input = (
    RequestReceived
    | MessageReceived
    | Tick
    | Censored
    | BlockBuilt
    | NothingToBuild
    | NothingWaits
    | BlockValidated
    | BlockSynced
    | SnapshotInstalled
    | MayNotSign
    | MaySign
)


@dataclass(frozen=True, slots=True)
class Cast:
    """Sign `message`, make it durable, then send it to all others and give it back as an input.

    A commit comes with the proof that its block is prepared, durable in the same record: a later change of view
    must be able to show it, also after a restart.
    """

    message: Message
    prepared: PreparedCertificate | None = None


@dataclass(frozen=True, slots=True)
class Accept:
    """Keep a proposal or new view durable before it is acted on: after a restart it must be the same one."""

    received: Authenticated


@dataclass(frozen=True, slots=True)
class Resend:
    """Nothing moves: send again what was sent for the height and view in flight, and what waits in the pool."""


@dataclass(frozen=True, slots=True)
class Show:
    """Send one peer a message as it was signed: it lacks the block that a view change speaks of, or a new view."""

    peer: int
    envelope: Envelope


@dataclass(frozen=True, slots=True)
class BuildBlock:
    """Make the next block on `parent`, to be proposed in `view`."""

    parent: BlockHeader
    view: int


@dataclass(frozen=True, slots=True)
class ValidateBlock:
    """Execute a proposed block on the present head and say whether it is as its header claims."""

    block: Block


@dataclass(frozen=True, slots=True)
class CommitBlock:
    """The block is committed: append it with its certificate, apply it, tell whoever waits."""

    block: bytes
    committed: CommittedBlock


@dataclass(frozen=True, slots=True)
class Adopt:
    """A block that is held here, with a certificate that somebody else showed: treat it as a fetched one."""

    committed: CommittedBlock


@dataclass(frozen=True, slots=True)
class Behind:
    """`peer` speaks of a height that follows `height`, so it has committed that one."""

    peer: int
    height: int


@dataclass(frozen=True, slots=True)
class Drop:
    """An input had no effect, and why."""

    reason: Reason


Effect = Cast | Accept | Resend | Show | BuildBlock | ValidateBlock | CommitBlock | Adopt | Behind | Drop
