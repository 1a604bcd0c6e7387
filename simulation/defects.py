"""Deliberate defects: each takes one rule out of the replicas' code for a while, and the simulation has to notice.

A suite that stays green whatever is broken proves nothing. `DEFECTS` names, for each defect, the checkers that may
be the first to see it.
"""

from collections.abc import Generator, Iterable
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, Final

import chain.evidence
import chain.light_client
import node.consensus.evidence
import node.consensus.new_view
import node.consensus.normal_case
import node.consensus.replica
import node.consensus.standing
import node.recovery
import node.signed
from chain.membership import Membership
from chain.subtree import Difference
from node.candidates import Candidates
from node.consensus.changing_views import ChangingViews
from node.consensus.log import InFlight
from node.consensus.normal_case import NormalCase
from node.consensus.patience import Patience
from node.consensus.replica import Replica
from node.consensus.standing import Standing
from node.consensus.view_change import ViewChanges
from node.host import Host
from node.ledger import Ledger
from node.mempool import SeenIds
from simulation import broken_rules

Patch = tuple[Any, str, object]
"""(module or class, name, what stands there instead)."""


@dataclass(frozen=True, slots=True)
class Defect:
    """What is broken, and the checkers that may be the first to see it."""

    patches: tuple[Patch, ...]
    seen_by: tuple[str, ...]

    def present(self) -> AbstractContextManager[None]:
        """The code has the defect for as long as this context lasts."""
        return _patched(self.patches)


@contextmanager
def _patched(patches: Iterable[Patch]) -> Generator[None]:
    with ExitStack() as undo:
        for owner, name, value in patches:
            undo.callback(setattr, owner, name, vars(owner)[name])
            setattr(owner, name, value)
        yield


DEFECTS: Final[dict[str, Defect]] = {
    "a quorum is one less": Defect(
        ((Membership, "quorum", property(broken_rules.quorum_less_one)),), ("certificates", "agreement")
    ),
    "a vote that is heard twice counts twice": Defect(
        (
            (NormalCase, "_on_vote", broken_rules.count_repeats),
            (InFlight, "_matching", broken_rules.matching_with_repeats),
        ),
        ("certificates",),
    ),
    "votes of lower views count": Defect(
        ((NormalCase, "_on_message", broken_rules.hear_lower_views),), ("certificates",)
    ),
    "a certificate's signatures are not checked": Defect(
        (
            (node.consensus.normal_case, "certificate_fault", broken_rules.unsigned_certificate),
            (chain.light_client, "certificate_fault", broken_rules.unsigned_certificate),
        ),
        ("certificates",),
    ),
    "a fetched block needs no certificate": Defect(
        ((Ledger, "execute_committed", broken_rules.believe_source),), ("certificates", "agreement")
    ),
    "a new view forgets what is prepared": Defect(
        tuple(
            (module, "select", broken_rules.select_nothing)
            for module in (node.consensus.new_view, node.consensus.standing, node.consensus.replica)
        ),
        ("agreement",),
    ),
    "whoever asks for a view votes on in the old one": Defect(
        ((ChangingViews, "_change_view", broken_rules.ask_and_stay),), ("promises",)
    ),
    "a new view goes on below the head that it shows": Defect(
        (
            (Standing, "_is_below_view", property(broken_rules.never)),
            (NormalCase, "_adopt", broken_rules.nobody_adopts),
        ),
        ("agreement", "votes", "liveness"),
    ),
    "f replicas drag the others into higher views": Defect(
        ((ViewChanges, "reached", broken_rules.reached_by_f),), ("leaps",)
    ),
    "a second proposal is voted for": Defect(
        ((NormalCase, "_on_pre_prepare", broken_rules.accept_second_proposal),), ("votes",)
    ),
    "votes are sent before they are durable": Defect(
        ((Host, "_log_message", broken_rules.tell_before_sync),), ("votes",)
    ),
    "accepted proposals are not kept": Defect(((Host, "_perform", broken_rules.keep_no_proposal),), ("durability",)),
    "a restart forgets what was voted for": Defect(((Replica, "restore", broken_rules.restore_no_votes),), ("votes",)),
    "a restart forgets which view was asked for": Defect(
        (
            (node.recovery, "binds", broken_rules.binds_no_promise),
            (node.signed, "binds", broken_rules.binds_no_promise),
        ),
        ("promises",),
    ),
    "a cut log does not carry what binds": Defect(((Host, "carried", lambda _: []),), ("votes", "promises")),
    "a replica without memory signs": Defect(
        ((Standing, "__init__", broken_rules.never_abstain),), ("votes", "promises")
    ),
    "the ids of the window are not looked up": Defect(((SeenIds, "__contains__", broken_rules.never),), ("order",)),
    "a block's time is the clock's": Defect(
        (
            (Candidates, "_build_on_head", broken_rules.build_by_the_clock),
            (NormalCase, "_proposal_fault", broken_rules.allow_any_time),
        ),
        ("block time",),
    ),
    "what a header claims is not compared": Defect(((Ledger, "execute", broken_rules.believe_header),), ("agreement",)),
    "a part of a snapshot is not checked": Defect(
        ((Difference, "take_pairs", broken_rules.believe_pairs),), ("agreement", "liveness")
    ),
    "impatience never comes": Defect(((Patience, "tick", broken_rules.never),), ("liveness",)),
    "nothing is sent again": Defect(((Host, "_resend", broken_rules.nothing),), ("liveness",)),
    "who says two things is not reported": Defect(((Host, "_witness_message", broken_rules.nothing),), ("liveness",)),
    "whoever commits and then changes views is accused": Defect(
        ((chain.evidence, "_is_shown", broken_rules.never), (node.consensus.evidence, "_forgets", broken_rules.accuse)),
        ("evidence",),
    ),
}
"""By what a reader would say of it."""
