"""docs/protocol.md says what the code does: clauses, record tables, codes, methods and worked examples."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from chain.codec import Record
from chain.domains import Domain
from chain.genesis import parse_genesis
from chain.profiles import load_profiles
from chain.state import Overlay
from contracts.accounts import JoinDid
from contracts.ddc721 import MetaMint
from contracts.did import NewDid
from contracts.interface import ContractContext, ContractReverted
from contracts.meta import Signed
from contracts.registry import METHODS
from credentials.verifier import Reason, verify_bundle
from tests.docs.example_network import BLOCK_TIME, CLASS, did_base, mint_item, world
from tests.docs.protocol_page import PAGE, ROOT, clauses, examples, section, tables
from tests.docs.records import expected_tables
from tests.docs.worked_examples import EXAMPLES

PACKAGES = ("chain", "contracts", "credentials", "node", "gateway", "scripts", "tests")
CITATION = re.compile(
    r"(?:[Pp]rotocol(?:\.md, sections?)?|docs/protocol\.md, sections?) (\d+(?:\.\d+)?)(?: (?:to|and) (\d+))?"
)
REFUSALS = (
    re.compile(r"Refusal\(\s*\"([a-z-]+)\""),
    re.compile(r"(?:unknown|frozen)=\"([a-z-]+)\""),
    re.compile(r"code(?::[^=]*)? ?= ?\"([a-z-]+)\""),
    re.compile(r"(?:return|return \"\" if .+ else) \"(no-quorum|votes-forgotten|view-change|primary-unreachable)\""),
)
page = PAGE.read_text("utf-8")


def sources(*packages: str) -> Iterator[tuple[Path, str]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield path, path.read_text("utf-8")


def refusal_of(contract: str, method: str, code: str, arguments: Record) -> str | None:
    """With what the check that names a code refuses a call on the state of the examples; None if it does not."""
    made = world()
    context = ContractContext(
        rules=made.rules,
        records=Overlay(made.after),
        contract=contract,
        method=method,
        sender=b"anybody",
        height=2,
        time=BLOCK_TIME,
        parent_time=BLOCK_TIME,
    )
    (check,) = (check for check in METHODS[contract, method].checks if code in check.codes)
    try:
        check.test(context, arguments)
    except ContractReverted as refused:
        return refused.code
    return None


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


def test_every_code_of_a_node_is_on_the_page_and_every_code_on_the_page_is_used() -> None:
    used = {code for _, text in sources("node") for form in REFUSALS for code in form.findall(text)}
    listed = set(re.findall(r"^\| `([a-z-]+)` \|", section(page, "26.2"), re.MULTILINE))
    assert listed == used


def test_the_chain_takes_what_is_signed_on_the_page() -> None:
    made, shown = world(), examples(page)
    item = mint_item(made.rules)
    base = did_base("alice")
    signed = Signed(counter=1, deadline=BLOCK_TIME, signature=bytes.fromhex(shown["meta"]["signature of alice"]))
    mint = MetaMint(class_id=CLASS, item=item, data=b"", signed=signed)
    new = NewDid(base=base, signature=bytes.fromhex(shown["did"]["signature of the authentication key"]))
    joining = JoinDid(
        address=item.holder, did=base.did, did_sequence=0, did_signature=bytes.fromhex(shown["did"]["signature"])
    )
    assert refusal_of("ddc721", "metaMint", "meta-not-signed", mint) is None
    assert refusal_of("ddc721", "metaMint", "meta-not-signed", replace(mint, data=b"?")) == "meta-not-signed"
    assert refusal_of("did", "create", "did-not-signed", new) is None
    assert refusal_of("did", "create", "did-not-signed", replace(new, signature=bytes(64))) == "did-not-signed"
    assert refusal_of("authority", "joinDid", "did-not-signed", joining) is None
    assert (
        refusal_of("authority", "joinDid", "did-not-signed", replace(joining, did_sequence=1)) == "did-sequence-wrong"
    )


def test_every_domain_is_on_the_page_and_no_other() -> None:
    assert set(re.findall(r"^\| `(bsn/[a-z-]+/1)`", section(page, "2.2"), re.MULTILINE)) == {
        domain.value for domain in Domain
    }


def test_every_reason_of_a_verdict_is_on_the_page() -> None:
    assert all(f"`{reason}`" in section(page, "25.3") for reason in Reason)


def test_the_table_of_chains_is_that_of_the_profiles() -> None:
    rows = re.findall(
        r"^\| `([a-z]+)` \| (.+?) \| `(.+?)` \| `(.+?)` \| `(.+?)` \| (\w+) \|$", section(page, "20.3"), re.MULTILINE
    )
    assert rows == [
        (name, p.framework, p.signature_scheme, p.digest_name, p.address_codec, p.origin)
        for name, p in load_profiles().items()
    ]
