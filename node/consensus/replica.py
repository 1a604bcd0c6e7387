"""The PBFT replica: one height in flight (Castro and Liskov 1999, sections 4.2 and 4.4; protocol 21.3, 21.4).

Rules, in the order in which a height passes through them:

R1  The primary of the view asks for a block when nothing is in flight and something waits.
R2  It proposes the block with the certificate of the parent; a proposal is durable before it is sent.
R3  A backup accepts the first proposal of its view's primary for the next height, if the parent is its own head
    and certified, and keeps it durable before it votes.
R4  It executes the block; only if it is as its header claims does it cast its prepare.
R5  Prepared = the proposal, valid, and quorum - 1 matching prepares of distinct backups: cast a commit.
R6  A quorum of matching commits commits the block, whoever cast them.
R7  At most one message of each kind is ever cast for one height and view, across restarts too.
R8  While something is pending and nothing moves, what was sent is sent again.

And when a height does not pass:

R9  A backup that has waited too long, or learns that a request is left out, or sees f + 1 others in higher views,
    casts a view change that shows its head and what it prepared; from then on it casts nothing in lower views.
R10 The primary of the view casts a new view once it has the view changes of a quorum.
R11 Whoever sees a valid new view enters it. It goes on after the highest committed height shown: heights below are
    fetched, never proposed; what is prepared there in the highest view is proposed again byte for byte, and nothing
    else is accepted there.
R12 A certificate of a view carries whoever sees it into that view. One that a view change shows commits the block
    for whoever holds it, and who holds a block that a view is bound to shows it to the primary.
"""

from typing import assert_never

from chain.ids import View
from node.consensus.changing_views import ChangingViews
from node.consensus.effects import (
    BlockBuilt,
    BlockSynced,
    BlockValidated,
    Censored,
    Input,
    MayNotSign,
    MaySign,
    MessageReceived,
    NothingToBuild,
    NothingWaits,
    RequestReceived,
    SnapshotInstalled,
    Tick,
    ValidateBlock,
)
from node.consensus.messages import (
    Authenticated,
    Commit,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    place,
)
from node.consensus.new_view import select
from node.consensus.standing import Effects


class Replica(ChangingViews):
    """One replica: every input has one place where it is heard."""

    def step(self, incoming: Input) -> Effects:  # noqa: C901, PLR0911, PLR0912 - one case, one line
        """One input in, effects out; their order is a promise to be kept."""
        match incoming:
            case MessageReceived(received):
                return self._hear(received)
            case BlockValidated(block, membership):
                return self._on_validated(block, membership)
            case BlockBuilt(block):
                return self._on_built(block)
            case NothingToBuild():
                self._building = False
                return ()
            case NothingWaits():
                self._wanted = False
                return ()
            case RequestReceived():
                self._begin_waiting()
                self._wanted = True
                return self._propose_if_due()
            case BlockSynced(committed, block, membership):
                return self._on_synced(committed, block, membership)
            case SnapshotInstalled(head):
                return self._on_installed(head)
            case Tick(reachable):
                return self._on_tick(reachable=reachable)
            case Censored():
                return () if self.changing or self.is_primary else self._change_view(View(self.view + 1))
            case MayNotSign():
                self.abstains = True
                return ()
            case MaySign():
                self.abstains = False
                return self._propose_if_due()
            case _:
                assert_never(incoming)

    def restore(self, logged: tuple[Authenticated, ...], prepared: PreparedCertificate | None) -> Effects:
        """Take back what the log holds: own messages, accepted proposals and new views.

        They bind as before the restart: no kind is cast again, no lower view is voted in, no other proposal is
        accepted. `prepared` is the proof of the highest view behind an own commit at the height in flight.
        """
        self.prepared = prepared
        wanted = max((place(taken.message)[1] for taken in logged if isinstance(taken.message, ViewChange)), default=0)
        opened = max(
            (place(taken.message)[1] for taken in logged if not isinstance(taken.message, ViewChange)), default=0
        )
        opened = max(opened, self.view)
        self.view, self.changing = View(max(wanted, opened)), wanted > opened
        effects = [effect for taken in logged for effect in self._take_back(taken)]
        if self.changing and ViewChange not in self._cast_kinds:
            effects.extend(self._cast_view_change())
        return tuple(effects)

    def _take_back(self, taken: Authenticated) -> Effects:
        message, at = taken.message, place(taken.message)
        if isinstance(message, PrePrepare) and at[0] == self.height:
            self._keep_block(taken)
        if isinstance(message, NewView) and message.view == self.view:
            self._opened, self._bound = taken, select(change.message for change in message.view_changes)
        if at != (self.height, self.view):
            return ()
        if taken.signer == self.replica_id:
            self._cast_kinds.add(type(message))
        match message:
            case PrePrepare(block=block):
                self._flight.proposal = taken
                return (ValidateBlock(block),)
            case Prepare() | Commit():
                self._flight.votes(taken)[taken.signer] = taken
            case ViewChange():
                self._changes.add(taken)
        return ()

    def _hear(self, received: Authenticated) -> Effects:
        message = received.message
        if isinstance(message, ViewChange):
            return self._on_view_change(received, message)
        if isinstance(message, NewView):
            return self._on_new_view(received, message)
        return self._on_message(received)
