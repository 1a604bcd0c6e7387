"""What the contracts are said to offer is what they take."""

from typing import Any

import pytest

from chain.profiles import load_profiles
from chain.rules import ChainRules
from contracts.registry import METHODS, VIEWS
from gateway.arguments import ArgumentsMalformed, read_arguments, read_view_arguments, show_record
from gateway.contract_forms import catalogue, example_of, method_examples

RULES = ChainRules.of(bytes(32), load_profiles()["wenchang"])


def query(example: dict[str, Any]) -> list[tuple[str, str]]:
    """Arguments as the parameters of a query."""
    return [
        (name, str(part)) for name, value in example.items() for part in (value if isinstance(value, list) else [value])
    ]


@pytest.mark.parametrize("place", METHODS, ids=".".join)
def test_every_example_of_a_method_is_in_form(place: tuple[str, str]) -> None:
    body = method_examples()[".".join(place)]["value"]
    record = read_arguments(RULES, *place, body["arguments"])
    assert (record is None) == (METHODS[place].arguments is None)
    assert record is None or show_record(RULES, record) == body["arguments"]


@pytest.mark.parametrize("place", VIEWS, ids=".".join)
def test_every_example_of_a_read_is_in_form(place: tuple[str, str]) -> None:
    example = example_of(VIEWS[place].arguments)
    record = read_view_arguments(RULES, *place, query(example))
    assert show_record(RULES, record) == example


def test_everything_is_listed_with_its_members() -> None:
    contracts = {entry["contract"]: entry for entry in catalogue()["contracts"]}
    methods = {(contract, method["method"]) for contract, entry in contracts.items() for method in entry["methods"]}
    reads = {(contract, read["read"]) for contract, entry in contracts.items() for read in entry["reads"]}
    assert (methods, reads) == (set(METHODS), set(VIEWS))
    freeze = next(method for method in contracts["ddc721"]["methods"] if method["method"] == "freeze")
    assert freeze["arguments"] == {
        "class_id": r"text of the form \A[a-z0-9][a-z0-9-]{1,30}[a-z0-9]\Z",
        "token": "token id, as the chain writes it",
        "holder": {"or null": "address, as the chain writes it"},
        "reason": r"text of the form \A[a-z][a-z-]{0,39}\Z",
    }
    assert freeze["callers"] == ["operator"]
    assert [check["codes"] for check in freeze["checks"]][-1] == ["certificate-frozen"]
    assert freeze["events"] == ["EnterBlacklist"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ([("class_id", "diploma"), ("class_id", "licence"), ("token", "1")], "given twice"),
        ([("class_id", "diploma"), ("token", "1"), ("colour", "red")], "colour"),
        ([("class_id", "diploma")], "token"),
        ([("class_id", "di\0ma"), ("token", "1")], "regex"),
        ([("class_id", "diploma"), ("token", "x" * 100)], "token"),
    ],
)
def test_a_query_that_is_not_what_the_read_takes(given: list[tuple[str, str]], says: str) -> None:
    with pytest.raises(ArgumentsMalformed, match=says):
        read_view_arguments(RULES, "ddc721", "ownerOf", given)


def test_numbers_of_a_query_are_numbers_only_where_they_are_asked_for() -> None:
    given = [("role", "2"), ("contract", "ddc721")]
    assert show_record(RULES, read_view_arguments(RULES, "authority", "getFunctions", given)) == {
        "role": 2,
        "contract": "ddc721",
    }
    for number in ("-1", "2.0", "٢", "9" * 17):
        with pytest.raises(ArgumentsMalformed):
            read_view_arguments(RULES, "authority", "getFunctions", [("role", number), ("contract", "ddc721")])
