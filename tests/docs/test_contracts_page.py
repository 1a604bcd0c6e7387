"""docs/contracts.md is what the code does."""

from contracts.registry import METHODS
from tests.docs.contracts_page import PAGE, contracts_shown, with_tables

page = PAGE.read_text("utf-8")


def test_the_tables_are_those_of_the_code() -> None:
    assert with_tables(page) == page


def test_every_contract_has_its_table() -> None:
    assert contracts_shown(page) == list(dict.fromkeys(contract for contract, _ in METHODS))


def test_every_check_and_effect_says_what_it_does() -> None:
    for place, method in METHODS.items():
        assert method.checks, place
        assert all(check.says and check.codes for check in method.checks), place
        assert method.effect.__doc__, place
