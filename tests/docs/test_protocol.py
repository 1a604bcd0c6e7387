"""docs/protocol.md says what the code does: clauses, record tables, codes, methods and worked examples."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from chain.domains import Domain
from chain.genesis import parse_genesis
from chain.profiles import load_profiles
from contracts.registry import METHODS, VIEWS
from credentials.verifier import Reason, verify_bundle
from tests.docs.example_network import BLOCK_TIME
from tests.docs.protocol_page import PAGE, ROOT, clauses, examples, tables
from tests.docs.records import expected_tables
from tests.docs.worked_examples import EXAMPLES

PACKAGES = ("chain", "contracts", "credentials", "node", "gateway", "scripts", "tests")
CITATION = re.compile(
    r"(?:[Pp]rotocol(?:\.md, sections?)?|docs/protocol\.md, sections?) (\d+(?:\.\d+)?)(?: (?:to|and) (\d+))?"
)
REFUSALS = (
    re.compile(r"(?:ContractReverted|Refusal)\(\s*\"([a-z-]+)\""),
    re.compile(r"(?:unknown|frozen)=\"([a-z-]+)\""),
    re.compile(r"code(?::[^=]*)? ?= ?\"([a-z-]+)\""),
    re.compile(r"NON_TRANSFERABLE: Final = \"([a-z-]+)\""),
    re.compile(r"(?:return|return \"\" if .+ else) \"(no-quorum|votes-forgotten|view-change|primary-unreachable)\""),
)
page = PAGE.read_text("utf-8")


def sources(*packages: str) -> Iterator[tuple[Path, str]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, path.read_text("utf-8")


def section(number: str) -> str:
    """The text of one clause, its sub-clauses included."""
    level = "##" if "." not in number else "###"
    start = re.search(rf"^{level} {re.escape(number)}\.? ", page, re.MULTILINE)
    assert start is not None
    rest = page[start.end() :]
    end = re.search(r"^## " if level == "##" else r"^##+ ", rest, re.MULTILINE)
    return rest[: end.start()] if end else rest


def test_every_cited_clause_exists() -> None:
    known = clauses(page)
    cited = [(path, found) for path, text in sources(*PACKAGES) for found in CITATION.findall(text)]
    missing = [(path, number) for path, numbers in cited for number in numbers if number and number not in known]
    assert len(cited) > 50
    assert not missing


def test_clauses_are_numbered_without_gaps() -> None:
    found = re.findall(r"^##+ (\d+)(?:\.(\d+))?", page, re.MULTILINE)
    expected, top, low = [], 0, 0
    for _, below in found:
        top, low = (top, low + 1) if below else (top + 1, 0)
        expected.append((str(top), str(low) if low else ""))
    assert found == expected


@pytest.mark.parametrize("name", sorted(expected_tables()))
def test_the_table_of_a_record_has_its_fields_types_and_tag(name: str) -> None:
    assert tables(page).get(name) == expected_tables()[name]


def test_no_table_is_of_a_record_that_is_gone() -> None:
    assert set(tables(page)) == set(expected_tables())


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_worked_example_is_what_the_code_makes(name: str) -> None:
    assert examples(page)[name] == EXAMPLES[name]()


def test_no_worked_example_is_left_unchecked() -> None:
    assert set(examples(page)) == set(EXAMPLES)
    assert page.count("```example ") == len(EXAMPLES)


def test_the_bundle_on_the_page_verifies_with_the_genesis_document_on_the_page() -> None:
    shown = examples(page)
    genesis = parse_genesis(shown["genesis"]["document"].encode())
    verdict = verify_bundle(shown["bundle"]["bundle"].encode(), genesis, load_profiles(), now=BLOCK_TIME)
    assert verdict.valid
    assert verdict.revealed == {"degree": "Bachelor of Engineering"}


def test_every_code_of_a_refusal_is_on_the_page_and_every_code_on_the_page_is_used() -> None:
    used = {code for _, text in sources("contracts", "node") for form in REFUSALS for code in form.findall(text)}
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", section("26"), re.MULTILINE))
    assert listed == used


def test_every_method_and_read_is_on_the_page() -> None:
    for contract, method in METHODS:
        number = {"access": "15", "classes": "16", "ddc721": "18", "system": "19"}[contract]
        assert f"`{method}`" in section(number) or f"`{contract}.{method}`" in section(number)
    listed = re.findall(r"^\| `(\w+)` \| `Of", section("18.4"), re.MULTILINE)
    assert sorted(listed) == sorted(name for _, name in VIEWS)


def test_every_domain_is_on_the_page_and_no_other() -> None:
    assert set(re.findall(r"^\| `(bsn/[a-z-]+/1)`", section("2.2"), re.MULTILINE)) == {
        domain.value for domain in Domain
    }


def test_every_reason_of_a_verdict_is_on_the_page() -> None:
    assert all(f"`{reason}`" in section("25.3") for reason in Reason)


def test_the_table_of_chains_is_that_of_the_profiles() -> None:
    rows = re.findall(
        r"^\| `([a-z]+)` \| (.+?) \| `(.+?)` \| `(.+?)` \| `(.+?)` \| (\w+) \|$", section("20.3"), re.MULTILINE
    )
    assert rows == [
        (name, p.framework, p.signature_scheme, p.digest_name, p.address_codec, p.origin)
        for name, p in load_profiles().items()
    ]
