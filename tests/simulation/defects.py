"""Deliberate defects of the code under test: the simulator must find every one of them.

`python -m tests.simulation.defects [NAME ...]` looks for the first seeds that do.
"""

import sys
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from msgspec.structs import replace

from chain.membership import Membership
from node.consensus import changing_views, new_view, normal_case, replica, standing
from node.consensus.abstention import Abstention
from node.consensus.changing_views import ChangingViews
from node.consensus.effects import Cast
from node.consensus.log import InFlight
from node.consensus.messages import Commit, NewView, Prepare
from node.consensus.new_view import Judge, Selection
from node.consensus.patience import Patience
from node.consensus.replica import Replica
from node.consensus.standing import Standing
from node.execution import Executed
from node.inclusion import Inclusion
from node.ledger import Ledger
from node.mempool import SeenIds
from node.recovery import Recovery
from node.signed import Signed
from simulation.disk import SimulatedJournal
from simulation.observer import Violation
from simulation.run import run

Patch = pytest.MonkeyPatch
Defect = Callable[[Patch], None]
DEFECTS: dict[str, Defect] = {}


def defect(apply: Defect) -> Defect:
    DEFECTS[apply.__name__.replace("_", " ")] = apply
    return apply


@defect
def a_quorum_is_one_too_few(patch: Patch) -> None:
    patch.setattr(Membership, "quorum", property(lambda self: (self.size + self.faulty_max) // 2))


@defect
def a_new_view_forgets_what_is_prepared(patch: Patch) -> None:
    select = new_view.select
    for module in (new_view, standing, replica):
        patch.setattr(module, "select", lambda changes: Selection(select(changes).height, None))


@defect
def a_new_view_goes_on_at_any_height(patch: Patch) -> None:
    patch.setattr(Standing, "_is_below_view", property(lambda _: False))


@defect
def a_view_change_does_not_show_what_is_prepared(patch: Patch) -> None:
    cast = Standing._cast

    def forgetful(self: Standing, message: Any, prepared: Any = None) -> Any:
        return cast(self, replace(message, prepared=None) if hasattr(message, "prepared") else message, prepared)

    patch.setattr(Standing, "_cast", forgetful)


@defect
def a_vote_is_sent_before_it_is_durable(patch: Patch) -> None:
    append = SimulatedJournal.append

    def at_once(self: SimulatedJournal, record: bytes, then: Any = None) -> None:
        append(self, record)
        if then is not None:
            then()

    patch.setattr(SimulatedJournal, "append", at_once)


@defect
def a_restart_forgets_what_was_signed(patch: Patch) -> None:
    patch.setattr(Recovery, "finish", lambda _: ())


@defect
def a_restart_forgets_what_was_prepared(patch: Patch) -> None:
    restore = Replica.restore
    patch.setattr(Replica, "restore", lambda self, logged, _: restore(self, logged, None))


@defect
def a_new_segment_carries_nothing_over(patch: Patch) -> None:
    patch.setattr(Signed, "records", property(lambda _: []))


@defect
def a_wiped_replica_signs_at_once(patch: Patch) -> None:
    patch.setattr(Abstention, "is_over", lambda *_: True)


@defect
def ids_of_recent_transactions_are_forgotten(patch: Patch) -> None:
    patch.setattr(SeenIds, "__contains__", lambda *_: False)


@defect
def votes_for_another_block_count(patch: Patch) -> None:
    patch.setattr(InFlight, "_matching", lambda _, votes: sorted(votes))


@defect
def one_vote_counts_for_all(patch: Patch) -> None:
    def certificate(self: InFlight, membership: Membership) -> Any:
        signers = self._matching(self.commits)
        if not signers:
            return None
        commit = self.commits[signers[0]]
        signers = signers[:1] * membership.quorum
        view = commit.message.view  # type: ignore[union-attr]
        from chain.quorum import QuorumCertificate

        return QuorumCertificate(view=view, signers=tuple(signers), signatures=(commit.signature,) * len(signers))

    patch.setattr(InFlight, "certificate", certificate)


@defect
def a_backup_votes_before_it_executes(patch: Patch) -> None:
    validated = normal_case.NormalCase._on_validated

    def trusting(self: Any, block: bytes, membership: Membership | None) -> Any:
        return validated(self, block, membership or self.membership)

    patch.setattr(normal_case.NormalCase, "_on_validated", trusting)


@defect
def a_block_from_a_peer_is_taken_without_its_certificate(patch: Patch) -> None:
    patch.setattr("node.ledger.header_fault", lambda *_: None)


@defect
def a_promise_to_vote_in_no_lower_view_is_broken(patch: Patch) -> None:
    patch.setattr(replica.Replica, "changing", False, raising=False)
    patch.setattr(ChangingViews, "_change_view", _vote_on)


def _vote_on(self: Any, view: Any) -> Any:
    """Want the next view and stay in this one."""
    present = self.view
    self.view = view
    effects = self._cast_view_change()
    self.view = present
    return effects


@defect
def a_vote_is_cast_again_after_each_height_and_view(patch: Patch) -> None:
    cast = Standing._cast

    def again(self: Standing, message: Any, prepared: Any = None) -> Any:
        self._cast_kinds.discard(type(message))
        return cast(self, message, prepared)

    patch.setattr(Standing, "_cast", again)


@defect
def a_silent_primary_is_waited_for(patch: Patch) -> None:
    patch.setattr(Patience, "tick", lambda *_, **__: False)


@defect
def a_lost_message_is_not_sent_again(patch: Patch) -> None:
    patch.setattr(ChangingViews, "_resend_if_due", lambda _: ())


@defect
def a_primary_may_leave_requests_out(patch: Patch) -> None:
    patch.setattr(Inclusion, "is_overdue", lambda *_: False)


@defect
def a_new_view_is_believed(patch: Patch) -> None:
    patch.setattr(Judge, "allows", lambda *_: True)


@defect
def a_view_change_that_shows_the_commit_is_evidence(patch: Patch) -> None:
    patch.setattr("chain.evidence._is_shown", lambda _: False)
    forgets = "node.consensus.evidence._forgets"

    def always(key: bytes, view: int, block: bytes, commit: bytes, change: Any) -> Any:
        from chain.evidence import ForgottenCommit

        if change.message.view <= view:
            return None
        return ForgottenCommit(
            signer=key,
            view=view,
            block=block,
            commit=commit,
            view_change=change.message,
            signature=change.signature,
        )

    patch.setattr(forgets, always)


@defect
def a_block_takes_the_time_of_the_clock(patch: Patch) -> None:
    patch.setattr("node.execution.max", lambda *values: values[0], raising=False)
    patch.setattr("node.candidates.max", lambda *values: values[0], raising=False)


@defect
def an_answer_comes_before_the_sync(patch: Patch) -> None:
    log = "node.host.Host._log"
    from node.host import Host

    write = Host._log

    def hasty(self: Host, record: Any, then: Any = None) -> None:
        write(self, record)
        if then is not None:
            then()

    patch.setattr(log, hasty)


@defect
def state_after_a_block_depends_on_who_executes_it(patch: Patch) -> None:
    append = Ledger.append
    counted = {"blocks": 0}

    def append_wrongly(self: Ledger, executed: Executed, certificate: Any) -> None:
        counted["blocks"] += 1
        append(self, executed, certificate)
        if counted["blocks"] % 17 == 0:
            self.state.root = bytes(32)

    patch.setattr(Ledger, "append", append_wrongly)


def catching_seed(name: str, seeds: Iterable[int]) -> tuple[int, str] | None:
    """The first of the seeds that finds the defect, and what it says."""
    with pytest.MonkeyPatch.context() as patch:
        DEFECTS[name](patch)
        for seed in seeds:
            try:
                run(seed)
            except Violation as violation:
                return seed, str(violation)
            except Exception as problem:  # a crash of the code under test is found as well
                return seed, f"{type(problem).__name__}: {problem}"
    return None


__all__ = ["Cast", "Commit", "NewView", "Prepare", "changing_views"]

if __name__ == "__main__":
    for wanted in sys.argv[1:] or DEFECTS:
        print(f"{wanted}: {catching_seed(wanted, range(2_000))}", flush=True)
