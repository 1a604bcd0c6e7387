"""Consensus as the API shows it: why a chain waits, in words."""

import pytest

from chain.rpc import ChainStatus, MemberStatus, StatusAnswer
from gateway.errors import PROBLEMS
from gateway.views import consensus_view
from tests.chain.small_network import FIRST


def shown(waits_for: str, phase: str = "idle") -> dict[str, object]:
    """What is shown of a chain that waits for that."""
    status = ChainStatus(
        chain_id="wuhan",
        height=7,
        head=bytes(32),
        time=1,
        view=5,
        primary=1,
        phase=phase,
        pool=3,
        waits_for=waits_for,
        behind=("guangzhou",),
        members=tuple(
            MemberStatus(replica=replica, connected=place < 3, signs=place != 1, convictions=place)
            for place, replica in enumerate(FIRST.membership.replicas)
        ),
        pending=None,
    )
    node = StatusAnswer(request=1, node="beijing", connected=("shanghai", "guangzhou"), chains=(status,))
    return consensus_view(status, node)


@pytest.mark.parametrize("code", ["no-quorum", "votes-forgotten", "view-change", "primary-unreachable"])
def test_a_chain_that_waits_says_why_in_two_languages(code: str) -> None:
    view = shown(code)
    assert view["waits_for"] == code
    assert view["why"] == PROBLEMS[code].cause.format("wuhan") + " " + PROBLEMS[code].next_step
    assert view["why_zh"] == PROBLEMS[code].cause_zh.format("wuhan") + PROBLEMS[code].next_step_zh


def test_a_chain_that_waits_for_nothing_has_nothing_to_explain() -> None:
    view = shown("", phase="view-change")
    assert (view["waits_for"], view["why"], view["why_zh"]) == (None, None, None)
    assert (view["view"], view["phase"], view["primary"], view["behind"]) == (
        5,
        "view-change",
        "shanghai",
        ["guangzhou"],
    )
    assert (view["seen_by"], view["quorum"], view["change"]) == ("beijing", 3, None)
    assert [replica["connected"] for replica in view["replicas"]] == [True, True, True, False]
    assert [replica["signs"] for replica in view["replicas"]] == [True, False, True, True]
    assert [replica["convictions"] for replica in view["replicas"]] == [0, 1, 2, 3]
