"""What stands in the place of a rule while a defect is present (`defects`): each is the rule with one thing wrong."""

# ruff: noqa: SLF001 - a rule is broken where it is kept

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

from chain.block import Block, CommittedBlock
from chain.evidence import ForgottenCommit
from chain.ids import View
from chain.membership import Membership
from chain.quorum import CertificateFault, QuorumCertificate, certificate_fault
from chain.state import node_hash
from chain.subtree import Difference, Pair, nodes_of
from node.candidates import Candidates
from node.consensus.changing_views import ChangingViews
from node.consensus.effects import Accept, Effect, Reason
from node.consensus.log import InFlight
from node.consensus.messages import (
    Authenticated,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
    Vote,
    place,
)
from node.consensus.new_view import Selection, select
from node.consensus.normal_case import NormalCase
from node.consensus.replica import Replica
from node.consensus.standing import Effects, Standing
from node.consensus.view_change import ViewChanges
from node.execution import BlockFault, Executed, build_block
from node.host import Host
from node.ledger import Ledger
from node.mempool import Checked
from node.recovery import binds
from node.storage.interface import LoggedMessage

REPEATS: Final = 1_000
"""A repeat of a vote is kept under the signer's place and a multiple of that."""


# ---- counting ----


def quorum_less_one(membership: Membership) -> int:
    """One fewer than any two quorums need to share a correct replica."""
    return (membership.size + membership.faulty_max) // 2


def count_repeats(self: NormalCase, received: Authenticated, vote: Vote) -> Effects:
    """A vote that is heard again counts again."""
    votes = self._flight.votes(received)
    if received.signer in votes and votes[received.signer].digest == received.digest:
        votes[received.signer + REPEATS * len(votes)] = received
        return self._advance()
    return _on_vote(self, received, vote)


def matching_with_repeats(self: InFlight, votes: dict[int, Authenticated], needed: int) -> list[int]:
    """Repeats are among the votes, under their signer's place."""
    assert self.proposal is not None
    signers = sorted(at % REPEATS for at, vote in votes.items() if vote.digest == self.proposal.digest)
    return signers[:needed] if len(signers) >= needed else []


def unsigned_certificate(
    certificate: QuorumCertificate, commit: bytes, membership: Membership, *, proposal_view: int, **_: object
) -> CertificateFault | None:
    """The form of a certificate is checked, and no signature."""
    return certificate_fault(certificate, commit, membership, proposal_view=proposal_view, verify=lambda *_: True)


def hear_lower_views(self: NormalCase, received: Authenticated) -> Effects:
    """A vote of a view before this one counts in this one."""
    message = received.message
    assert not isinstance(message, ViewChange | NewView)
    height, view = place(message)
    lower = height == self.height and view < self.view and not self.changing
    if lower and not isinstance(message, PrePrepare):
        return self._on_vote(received, message)
    return _on_message(self, received)


# ---- changing views ----


def select_nothing(changes: Iterable[ViewChange]) -> Selection:
    """A new view is bound to nothing."""
    return Selection(select(changes).height, None)


def ask_and_stay(self: ChangingViews, view: View) -> Effects:
    """Asks for a view and goes on voting in the old one."""
    before, self.view = self.view, view
    effects = self._cast_view_change()
    self.view = before
    return effects


def reached_by_f(self: ViewChanges, membership: Membership, own: int) -> int:
    """The highest view that f others want, none of whom need be correct."""
    views = sorted((place(kept.message)[1] for signer, kept in self.kept.items() if signer != own), reverse=True)
    return views[membership.faulty_max - 1] if len(views) >= membership.faulty_max else 0


def accept_second_proposal(self: NormalCase, received: Authenticated, proposal: PrePrepare) -> Effects:
    """A second proposal takes the place of the first, and is voted for."""
    flight = self._flight
    if flight.proposal is not None and flight.proposal.digest != received.digest and not self.is_primary:
        self._flight = InFlight()
        self._cast_kinds.discard(Prepare)
    return _on_pre_prepare(self, received, proposal)


def accuse(key: bytes, view: int, block: bytes, commit: bytes, change: Authenticated) -> ForgottenCommit | None:
    """Whatever a later view change shows is not looked at."""
    message = change.message
    assert isinstance(message, ViewChange)
    if message.view <= view:
        return None
    return ForgottenCommit(
        signer=key, view=view, block=block, commit=commit, view_change=message, signature=change.signature
    )


# ---- what must be durable ----


def tell_before_sync(self: Host, record: LoggedMessage, then: Callable[[], None] | None = None) -> None:
    """Whoever waits for the disk is told at once."""
    _log_message(self, record)
    if then is not None:
        then()


def keep_no_proposal(self: Host, effect: Effect) -> None:
    """Proposals and new views of others are not written down."""
    if not isinstance(effect, Accept):
        _perform(self, effect)


def restore_no_votes(self: Replica, logged: tuple[Authenticated, ...], prepared: PreparedCertificate | None) -> Effects:
    """View and promise are taken back, what was said in the view is not."""
    _restore(self, logged, prepared)
    self._clear_flight()
    return ()


def binds_no_promise(message: Message, ledger: Ledger) -> bool:
    """A view that was asked for or entered is forgotten at a restart."""
    return not isinstance(message, ViewChange | NewView) and binds(message, ledger)


def never_abstain(self: Standing, **known: Any) -> None:  # noqa: ANN401 - whatever the original takes
    """A replica always believes that it knows what it has signed."""
    _standing(self, **{**known, "abstains": False})


# ---- blocks ----


def build_by_the_clock(self: Candidates, view: int, proposer: int, now: int) -> Executed | None:
    """A block has the time of the clock, whatever its parent has."""
    ledger = self._ledger
    chosen = self._choose(now, ())
    if not chosen:
        return None
    head = ledger.head
    return build_block(
        ledger.rules, ledger.state, head.header, head.digest, chosen, time=now, view=view, proposer=proposer
    )


def allow_any_time(self: NormalCase, digest: bytes, proposal: PrePrepare) -> Reason | None:
    """A block need not be later than its parent."""
    fault = _proposal_fault(self, digest, proposal)
    early = proposal.block.header.time <= self.head.header.time
    return None if early and fault is Reason.HEADER_MALFORMED else fault


def believe_header(self: Ledger, block: Block, known: Callable[[bytes], Checked | None]) -> Executed | BlockFault:
    """The block is executed, and what its header claims is not compared."""
    done = _execute(self, block, known)
    checked = [found for found in map(known, block.transactions) if found is not None]
    if isinstance(done, Executed) or len(checked) < len(block.transactions):
        return done
    header, head = block.header, self.head
    own = build_block(
        self.rules, self.state, head.header, head.digest, checked, time=header.time, view=header.view, proposer=0
    )
    return replace(own, block=block, digest=self.rules.block_digest(header))


def believe_source(
    self: Ledger, committed: CommittedBlock, known: Callable[[bytes], Checked | None]
) -> Executed | BlockFault:
    """A fetched block needs a parent, and no certificate."""
    header = committed.header
    if header.height != self.height + 1 or header.parent != self.head.digest:
        return BlockFault("it does not follow the head")
    return self.execute(committed.block, known)


def believe_pairs(self: Difference, pairs: tuple[Pair, ...]) -> bool:
    """A part of a snapshot is taken as it comes, if it has a form at all."""
    path, _ = self._missing[-1]
    nodes = nodes_of(self._view.digest, path, pairs)
    if nodes is None:
        return False
    self._missing[-1] = (path, node_hash(self._view.digest, nodes[path], path))
    return _take_pairs(self, pairs)


_execute = Ledger.execute
_log_message = Host._log_message
_on_message = NormalCase._on_message
_on_pre_prepare = NormalCase._on_pre_prepare
_on_vote = NormalCase._on_vote
_perform = Host._perform
_proposal_fault = NormalCase._proposal_fault
_restore = Replica.restore
_standing = Standing.__init__
_take_pairs = Difference.take_pairs


def never(*_: object, **__: object) -> bool:
    """False."""
    return False


def nobody_adopts(*_: object) -> Effects:
    """A certificate that somebody shows commits nothing here."""
    return ()


def nothing(*_: object, **__: object) -> None:
    """No effect."""
