"""The small print of inputs and effects: what operators read, and what is meant where nothing is said."""

from node.consensus.effects import Reason, Tick


def test_a_reason_is_written_as_it_is_named() -> None:
    assert [reason.value for reason in Reason] == [reason.name.lower().replace("_", "-") for reason in Reason]


def test_a_primary_is_reachable_unless_something_else_is_said() -> None:
    assert Tick() == Tick(reachable=True)
