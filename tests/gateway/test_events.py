"""What becomes of certificates stands in the index as the ledger records it, and everything that is told is kept."""

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from chain.codec import encode
from chain.transaction import Event, Receipt
from contracts.access import NO_DID
from contracts.certificate import Recorded, certificate_of, status_at
from contracts.interface import Role
from contracts.keys import certificate_key
from contracts.meta import Signed
from contracts.registry import METHODS
from gateway import index
from gateway.events import HeardEvent, did_text, events_of, minted_by, role_word, told, values_of
from gateway.search import history, list_classes, search
from tests.chain.small_genesis import did_of
from tests.contracts.small_chain import CLASS, token
from tests.gateway.life_play import HISTORIES, OFFERED, SIGNED, STATUSES, LifePlay, full_life


@pytest.fixture(scope="module")
def play() -> LifePlay:
    return full_life()


@pytest.fixture
def connection(play: LifePlay) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(":memory:")
    opened.executescript(index.SCHEMA)
    play.index(opened)
    yield opened
    opened.close()


def found(play: LifePlay, connection: sqlite3.Connection, **filters: str) -> list[dict[str, Any]]:
    return search(connection, {play.chain.rules.chain_id: play.chain.rules}, filters, 0, 100)[0]


def number_of(entry: dict[str, Any]) -> int:
    return int(entry["id"].rsplit(".", 1)[1])


def test_every_status_is_the_one_that_the_ledger_records(connection: sqlite3.Connection, play: LifePlay) -> None:
    entries = found(play, connection)
    assert len(entries) == len(STATUSES) + 3
    for entry in entries:
        record = play.chain.state.get(certificate_key(entry["class"], token(number_of(entry))))
        assert record is not None
        certificate = certificate_of(record)
        assert entry["recorded_status"] == status_at(certificate, certificate.valid_from)
        assert entry["holder"] == play.chain.rules.addresses.format(certificate.holder)
    statuses = {number_of(entry): entry["recorded_status"] for entry in entries if entry["class"] == CLASS}
    assert statuses == STATUSES
    assert {entry["recorded_status"] for entry in entries if entry["class"] == OFFERED} == {"offered"}
    signed = {number_of(entry): entry["recorded_status"] for entry in entries if entry["class"] == SIGNED}
    assert signed == {1: "revoked", 2: "active"}


def test_certificates_are_found_by_every_status(connection: sqlite3.Connection, play: LifePlay) -> None:
    for status, count in Counter(STATUSES.values()).items():
        entries = found(play, connection, status=status, **{"class": CLASS})
        assert [STATUSES[number_of(entry)] for entry in entries] == [status] * count
    assert found(play, connection, status="moved") == []


def test_the_history_tells_all_that_became_of_a_certificate(connection: sqlite3.Connection, play: LifePlay) -> None:
    for number, kinds in HISTORIES.items():
        assert [event["event"] for event in history(connection, play.chain.rules, CLASS, str(number))] == kinds


def test_an_event_says_to_whom_and_why(connection: sqlite3.Connection, play: LifePlay) -> None:
    rules = play.chain.rules
    burnt = history(connection, rules, CLASS, "5")[-1]
    assert (burnt["holder"], burnt["reason"]) == (play.name("alice"), "issued-twice")
    assert burnt["id"] == f"wuhan.ddc721.{CLASS}.5"
    assert history(connection, rules, CLASS, "4")[-1]["reason"] == "declined"
    assert history(connection, rules, CLASS, "9")[-1]["superseded_by"] == "10"
    assert [event["event"] for event in history(connection, rules, SIGNED, "1")] == ["minted", "revoked", "reissued"]
    assert history(connection, rules, SIGNED, "1")[-1]["superseded_by"] == "2"
    _, used, freed, marked, addressed = history(connection, rules, CLASS, "12")
    assert (used["user"], freed["user"], freed["until"]) == (play.name("rival"), None, 0)
    assert (marked["name"], marked["value"], addressed["uri"]) == ("grade", "A", "https://example.org/12")
    asked, approved = history(connection, rules, CLASS, "11")[3:5]
    assert (asked["holder"], asked["to"], asked["due_at"]) == (
        play.name("alice"),
        play.name("carol"),
        asked["time"],
    )
    assert approved["approved_by"] == play.name("operator")


def test_a_rebound_certificate_is_its_new_holders_and_was_minted_to_the_old(
    connection: sqlite3.Connection, play: LifePlay
) -> None:
    (entry,) = found(play, connection, holder=play.name("carol"))
    assert number_of(entry) == 11
    assert 11 not in {number_of(entry) for entry in found(play, connection, holder=play.name("alice"))}
    minted, *_, rebound = history(connection, play.chain.rules, CLASS, "11")
    assert minted["holder"] == play.name("alice")
    assert (rebound["holder"], rebound["to"]) == (play.name("alice"), play.name("carol"))
    (streamed,) = (
        event for event in play.stream(connection) if event.data.get("id") == entry["id"] and event.kind == "minted"
    )
    assert streamed.data["holder"] == play.name("alice")


def test_what_was_paid_is_one_event_for_each_call_that_costs(connection: sqlite3.Connection, play: LifePlay) -> None:
    paid = [event.data for event in play.stream(connection) if event.kind == "paid"]
    pays = [
        event
        for block in play.chain.blocks
        for receipt in block.receipts
        for event in receipt.events
        if event.name == "Pay"
    ]
    assert [(entry["fen"], entry["gas"], entry["units"]) for entry in paid] == [event.values[2:] for event in pays]
    assert paid[0] == {
        "chain": "wuhan", "height": paid[0]["height"], "time": paid[0]["time"], "transaction": paid[0]["transaction"],
        "event": "Pay", "contract": "ddc721", "payer": play.name("platform"), "method": "mint", "fen": 30,
        "gas": paid[0]["gas"], "units": 1,
    }  # fmt: skip


def test_accounts_are_told_one_by_one_and_in_batches(connection: sqlite3.Connection, play: LifePlay) -> None:
    bridge, carol, batch, joined = (event.data for event in play.stream(connection) if event.kind == "account")
    assert (bridge["role"], bridge["creator"]) == ("cross-chain", play.name("owner"))
    assert (carol["role"], carol["did"]) == ("consumer", f"did:bsn:{did_of('alice').hex()}")
    assert batch["addresses"] == [play.name("dave"), play.name("erin")]
    assert batch["dids"] == [None, None]
    assert (joined["address"], joined["did"]) == (play.name("dave"), carol["did"])


def test_what_nothing_is_known_of_is_kept_under_its_name(connection: sqlite3.Connection, play: LifePlay) -> None:
    plain = Counter(event.data["event"] for event in play.stream(connection) if event.kind == "event")
    assert plain == {"SetSignatories": 1, "MintData": 4, "MetaTransfer": 3, "Paused": 1}


def test_an_index_that_is_built_anew_says_the_same(connection: sqlite3.Connection, play: LifePlay) -> None:
    tables = {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in index.TABLES}
    index.forget(connection)
    play.index(connection)
    again = {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in index.TABLES}
    assert again == tables


def test_classes_have_their_standard_and_rules(connection: sqlite3.Connection) -> None:
    rules = {entry["class"]: entry["rules"] for entry in list_classes(connection, "wuhan")}
    assert (rules[OFFERED]["acceptance"], rules[SIGNED]["acceptance"]) == (True, False)
    assert rules[CLASS] == {
        "burn_authorisation": 2, "issuer_revokes": False, "acceptance": False, "attributes": 3, "validity_ms_max": None,
        "rebind_wait_ms": 0,
    }  # fmt: skip
    assert {entry["standard"] for entry in list_classes(connection, None)} == {721}


def heard_event(contract: str, name: str, *values: Any) -> HeardEvent:
    return msgspec.msgpack.decode(encode(Event(contract=contract, name=name, values=values)), type=HeardEvent)


def heard_receipt(*told_events: Event) -> Raw:
    return Raw(encode(Receipt(transaction_id=bytes(32), code="", values=(), events=told_events)))


@pytest.mark.parametrize("method", sorted(name for contract, name in METHODS if contract == "ddc721"))
def test_the_methods_that_issue_certificates_are_those_whose_events_say_so(play: LifePlay, method: str) -> None:
    known = METHODS["ddc721", method]
    issues = bool({"Issued", "IssuedBatch"} & set(known.events))
    if not issues:
        assert minted_by("ddc721", method, b"") is None
        return
    assert known.arguments is not None
    members = {name: SAMPLES[name](play) for name in known.arguments.__struct_fields__}
    minted = minted_by("ddc721", method, encode(known.arguments(**members)))
    assert minted is not None
    assert (minted.class_id, minted.items) == (CLASS, (play.item(1),))
    accepted, offered = "meta" in method, "safe" in method.lower() and "meta" not in method
    assert minted.recorded == (Recorded.ACTIVE if accepted else Recorded.OFFERED if offered else None)
    assert minted_by("ddc1155", method, b"") is None


SAMPLES: dict[str, Callable[[LifePlay], Any]] = {
    "class_id": lambda _: CLASS,
    "item": lambda play: play.item(1),
    "items": lambda play: (play.item(1),),
    "data": lambda _: b"",
    "held": lambda _: (),
    "signed": lambda _: Signed(counter=1, deadline=1, signature=b""),
    "deadline": lambda _: 1,
    "signers": lambda _: (),
    "signatures": lambda _: (),
    "token": lambda _: token(2),
    "holder": lambda _: None,
    "reason": lambda _: "misspelt",
}


def test_the_events_of_the_same_name_of_another_contract_change_no_certificate(play: LifePlay) -> None:
    alice = play.address("alice")
    for name in ("Revoked", "EnterBlacklist", "Rebound"):
        kept = told(play.chain.rules, heard_event("ddc1155", name, CLASS, token(1), alice, "by-request"))
        assert (kept.kind, kept.class_id, kept.token) == ("event", None, None)
        assert kept.data == {"event": name, "contract": "ddc1155"}


def test_what_rows_of_certificates_say_is_not_said_again() -> None:
    ours, theirs, pay = (
        Event(contract=contract, name=name, values=())
        for contract, name in (("ddc721", "TransferBatch"), ("ddc1155", "TransferBatch"), ("ddc721", "Pay"))
    )
    assert [event.contract for event in events_of(heard_receipt(ours, theirs, pay))] == ["ddc1155", "ddc721"]


def test_every_value_of_an_event_is_at_hand() -> None:
    assert values_of(heard_event("ddc721", "Any", 1, True, "text", b"\1", (b"\2", b"\3"))) == [
        1, True, "text", b"\1", [b"\2", b"\3"]
    ]  # fmt: skip


def test_roles_are_words_without_underscores() -> None:
    words = ["operator", "platform", "consumer", "cross-chain", "relayer", "owner"]
    assert [role_word(role) for role in Role] == words


def test_an_account_that_has_joined_no_did_has_none() -> None:
    assert did_text(NO_DID) is None
    assert did_text(b"\x0a" * 20) == f"did:bsn:{'0a' * 20}"
