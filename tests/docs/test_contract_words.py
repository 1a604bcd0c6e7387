"""docs/protocol.md has every refusal, event, read and key of the contracts, with as many values as the code gives."""

import re

import pytest

from contracts.registry import VIEWS
from tests.docs.contract_words import declared_codes, declared_events, state_keys, written_codes, written_events
from tests.docs.protocol_page import PAGE, clauses, section

READS = {
    "authority": "15.5", "charge": "27.4", "did": "28.5", "ddc721": "18.4", "ddc1155": "30.4", "evidence": "31.3", "crosschain": "34.3", "mirrors": "35.1",
    "state": "14.1", "storage": "32.3",
}  # fmt: skip
"""Where the reads of a contract are."""
PRICED = "every contract with a price"
page = PAGE.read_text("utf-8")


def rows(number: str, columns: int) -> list[list[str]]:
    """The cells of the last table of a clause that has so many columns."""
    lines = [line for line in section(page, number).splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if len(row) == columns and "`" in row[0] + row[1]]


def count_of(values: str) -> int:
    """How many values a cell names."""
    return len(values.split(",")) if values else 0


def names(cell: str) -> list[str]:
    """What a cell names in code."""
    return re.findall(r"`(\w+)`", cell)


def listed_events() -> dict[tuple[str, str], int]:
    """Contract and event, and how many values the page names."""
    priced = sorted(contract for contract, event in declared_events() if event == "Pay")
    return {
        (contract, event): count_of(values)
        for contracts, events, values in rows("29", 3)
        for contract in (priced if contracts == PRICED else names(contracts))
        for event in names(events)
    }


def test_what_the_checks_declare_is_what_the_sources_can_refuse_with() -> None:
    assert declared_codes() | set(written_codes("registry")) == set(written_codes())


def test_every_code_is_on_the_page_and_no_other() -> None:
    listed = [names_of[0] for row in rows("26.1", 3) if (names_of := re.findall(r"^`([a-z-]+)`$", row[0]))]
    assert listed == sorted(written_codes())


def test_the_page_names_as_many_values_of_a_code_as_the_contracts_give() -> None:
    counted = {row[0].strip("`"): {count_of(row[1])} for row in rows("26.1", 3)}
    assert counted == written_codes()


@pytest.mark.parametrize("number", ["26.1", "26.2"])
def test_a_code_names_clauses_that_the_page_has(number: str) -> None:
    cited = {clause for row in rows(number, 3) for clause in row[2].split(", ")}
    assert len(cited) >= 5
    assert cited <= clauses(page)


def test_every_event_is_on_the_page_and_no_other() -> None:
    assert set(listed_events()) == declared_events()


def test_the_page_names_as_many_values_of_an_event_as_the_contracts_tell() -> None:
    counted: dict[str, set[int]] = {}
    for (_, event), count in listed_events().items():
        counted.setdefault(event, set()).add(count)
    written = written_events()
    assert len(written) > 50
    assert {event: counted[event] for event in written} == written


@pytest.mark.parametrize("contract", sorted(READS))
def test_every_read_is_on_the_page_with_its_arguments_and_no_other(contract: str) -> None:
    listed = {
        name: record.strip("`")
        for read, record, _ in rows(READS[contract], 3)
        if record.startswith("`Of")
        for name in names(read)
    }
    assert listed == {name: view.arguments.__name__ for (owner, name), view in VIEWS.items() if owner == contract}


def test_every_contract_with_reads_has_a_place_on_the_page() -> None:
    assert {contract for contract, _ in VIEWS} == set(READS)


def test_every_key_of_the_state_is_on_the_page_and_no_other() -> None:
    assert {row[0] for row in rows("14", 2)} == state_keys()
