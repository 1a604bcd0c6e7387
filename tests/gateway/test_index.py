"""The index says what the blocks say: in order, each once, and the same again when it is built anew."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.transaction import SignedTransaction, Transaction
from contracts.access import UpdateAccountState
from contracts.certificate import ChangeStatus, Mint, MintBatch
from contracts.classes import SetIssuer
from contracts.system import Touch, change_transaction, evidence_transaction
from gateway import index
from gateway.database import open_database
from gateway.index import (
    add_block,
    events_after,
    find_transaction,
    forget,
    head,
    history,
    latest_event,
    list_classes,
    search,
)
from tests.chain.small_genesis import account_key_pair, address_of
from tests.contracts.membership_changes import FOUR, agreed, first
from tests.contracts.misconduct import two_commits
from tests.contracts.small_chain import CLASS, SmallChain, class_of, item, token
from tests.gateway.memory_chain import MemoryChain

TABLES = ("heads", "transactions", "classes", "certificates", "events")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(tmp_path / "index.db", index.SCHEMA, index.VERSION)
    yield opened
    opened.close()


class Play:
    """A chain on which people act; every act makes a block, whether it is taken or fails in it."""

    def __init__(self, chain_id: str = "wuhan") -> None:
        self.chain = MemoryChain.founded(chain_id)
        self.nonce = 0

    def address(self, person: str) -> bytes:
        return address_of(self.chain.rules, person)

    def name(self, person: str) -> str:
        return self.chain.rules.addresses.format(self.address(person))

    def signed(self, person: str, contract: str, method: str, arguments: Record) -> bytes:
        self.nonce += 1
        body = encode(
            Transaction(
                chain_id=self.chain.rules.chain_id,
                sender=self.address(person),
                nonce=self.nonce.to_bytes(16, "big"),
                valid_until=self.chain.now() + 60_000,
                contract=contract,
                method=method,
                arguments=encode(arguments),
            )
        )
        pair = account_key_pair(self.chain.rules.chain_id, person)
        return encode(SignedTransaction(body=body, signature=pair.sign(self.chain.rules.transaction_id(body))))

    def act(self, person: str, contract: str, method: str, arguments: Record) -> bool:
        """Whether the act was taken."""
        refused, _ = self.chain.take((self.signed(person, contract, method, arguments),))
        return not refused

    def mint(self, *numbers: int, holder: str = "alice", **more: Any) -> bool:
        if len(numbers) == 1:
            return self.act(
                "platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(self.address(holder), numbers[0], **more))
            )
        items = tuple(item(self.address(holder), number, **more) for number in numbers)
        return self.act("platform", "ddc721", "mintBatch", MintBatch(class_id=CLASS, items=items))

    def change(self, method: str, number: int) -> bool:
        person = "platform" if method == "revoke" else "operator"
        return self.act(
            person, "ddc721", method, ChangeStatus(class_id=CLASS, token=token(number), reason="by-request")
        )

    def index(self, connection: sqlite3.Connection) -> None:
        for block in self.chain.blocks:
            add_block(connection, self.chain.rules, block)


@pytest.fixture
def play() -> Play:
    """Everything that an index knows of happens once."""
    own = Play()
    assert own.act("platform", "classes", "defineClass", class_of())
    assert own.mint(1)
    assert own.mint(2, 3, 4, valid_from=5, valid_until=2**50)
    assert own.change("freeze", 2)
    assert own.change("revoke", 3)
    assert own.change("freeze", 4)
    assert own.change("unfreeze", 4)
    assert own.act("operator", "access", "addAccount", SmallChain.founded().new_account())
    assert own.act(
        "operator",
        "access",
        "updateAccountState",
        UpdateAccountState(address=own.address("alice"), active=False, platform_flag=False),
    )
    assert own.act(
        "platform", "classes", "setIssuer", SetIssuer(class_id=CLASS, address=own.address("rival"), granted=True)
    )
    own.chain.ahead_ms += 10_000
    assert own.act("alice", "system", "touch", Touch())
    return own


def rows(connection: sqlite3.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES}


def test_certificates_have_their_holder_status_and_times(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    found, following = search(connection, {}, 0, 10)
    assert following is None
    assert [(one["id"].rsplit(".", 1)[1], one["recorded_status"]) for one in found] == [
        ("1", "active"),
        ("2", "frozen"),
        ("3", "revoked"),
        ("4", "active"),
    ]
    first, second = found[:2]
    assert first["id"] == f"wuhan.ddc721.{CLASS}.1"
    assert first["uid"] == f"bsn:wuhan/ddc721:{CLASS}/1"
    assert (first["issuer"], first["holder"]) == (play.name("platform"), play.name("alice"))
    assert (first["height"], first["valid_from"], first["valid_until"]) == (2, play.chain.headers[2].time, None)
    assert (second["height"], second["valid_from"], second["valid_until"]) == (3, 5, 2**50)


def test_what_is_searched_for_is_found_by_every_filter(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    expected = {
        ("chain", "wuhan"): 4,
        ("chain", "taian"): 0,
        ("class", CLASS): 4,
        ("class", "other"): 0,
        ("issuer", play.name("platform")): 4,
        ("holder", play.name("alice")): 4,
        ("holder", play.name("rival")): 0,
        ("status", "revoked"): 1,
        ("status", "active"): 2,
    }
    for (name, value), count in expected.items():
        assert len(search(connection, {name: value}, 0, 10)[0]) == count
    assert len(search(connection, {"chain": "wuhan", "status": "frozen", "holder": play.name("alice")}, 0, 10)[0]) == 1


def test_pages_follow_each_other_without_gap_or_repetition(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    for limit in range(1, 6):
        seen, cursor = [], 0
        while True:
            found, following = search(connection, {"chain": "wuhan"}, cursor, limit)
            seen += [one["id"] for one in found]
            if following is None:
                break
            cursor = following
        assert seen == [f"wuhan.ddc721.{CLASS}.{number}" for number in range(1, 5)]


def test_a_page_stays_the_same_while_more_is_minted(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    first = search(connection, {}, 0, 2)
    assert play.act(
        "operator",
        "access",
        "updateAccountState",
        UpdateAccountState(address=play.address("alice"), active=True, platform_flag=False),
    )
    assert play.mint(5)
    assert play.change("revoke", 1)
    play.index(connection)
    again = search(connection, {}, 0, 2)
    assert ([one["id"] for one in again[0]], again[1]) == ([one["id"] for one in first[0]], first[1])
    assert [one["id"].rsplit(".", 1)[1] for one in search(connection, {}, again[1] or 0, 9)[0]] == ["3", "4", "5"]


def test_the_history_of_a_certificate_is_told_oldest_first(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    told = {number: history(connection, "wuhan", CLASS, str(number)) for number in range(1, 6)}
    assert {number: [event["event"] for event in events] for number, events in told.items()} == {
        1: ["minted"],
        2: ["minted", "frozen"],
        3: ["minted", "revoked"],
        4: ["minted", "frozen", "unfrozen"],
        5: [],
    }
    revoked = told[3][1]
    assert (revoked["height"], revoked["time"]) == (5, play.chain.headers[5].time)
    assert (revoked["reason"], revoked["chain"]) == ("by-request", "wuhan")
    assert len(bytes.fromhex(revoked["transaction"])) == 32


def test_classes_and_transactions_are_found(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    (entry,) = list_classes(connection, "wuhan")
    assert (entry["class"], entry["name_zh"], entry["issuer"]) == (CLASS, "学位证书", play.name("platform"))
    assert (entry["height"], len(bytes.fromhex(entry["schema"]))) == (1, 32)
    assert list_classes(connection, None) == [entry]
    assert list_classes(connection, "taian") == []
    for height, block in enumerate(play.chain.blocks, start=1):
        for place, receipt in enumerate(block.receipts):
            assert find_transaction(connection, "wuhan", receipt.transaction_id) == (height, place)
    assert find_transaction(connection, "wuhan", bytes(32)) is None


def test_the_stream_tells_every_block_and_what_is_in_it(connection: sqlite3.Connection, play: Play) -> None:
    published = [event for block in play.chain.blocks for event in add_block(connection, play.chain.rules, block)]
    assert published == events_after(connection, 0, 1_000)
    assert [event.seq for event in published] == list(range(1, latest_event(connection) + 1))
    kinds = [event.kind for event in published if event.kind != "block"]
    assert kinds == [
        "class", "minted", "minted", "minted", "minted", "frozen", "revoked", "frozen", "unfrozen", "account", "account",
        "event", "event",
    ]  # fmt: skip
    account = next(event for event in published if event.kind == "account")
    assert account.data["role"] == "consumer"
    assert account.data["address"] == play.name("bob")
    assert events_after(connection, 3, 2) == published[3:5]
    assert {event.data["chain"] for event in published} == {"wuhan"}


def test_changes_of_the_replicas_and_convictions_are_told_with_their_values(connection: sqlite3.Connection) -> None:
    chain = MemoryChain.founded("wuhan")
    change, evidence = agreed(chain.rules, FOUR, first(5), 9), two_commits(chain.rules, 1)
    for raw in (
        evidence_transaction(chain.rules, evidence, now=chain.now(), nonce=bytes(16)),
        change_transaction(chain.rules, change, now=chain.now(), nonce=bytes(16)),
    ):
        assert chain.take((raw,))[0] == {}
    told = [event for block in chain.blocks for event in add_block(connection, chain.rules, block)]
    convicted, changed = (event for event in told if event.kind != "block")
    assert (convicted.kind, changed.kind) == ("conviction", "membership")
    shown = {"replica": "xian", "consensus_key": FOUR.key(3).hex(), "event": "Convicted", "chain": "wuhan", "height": 1}
    assert convicted.data.items() >= shown.items()
    assert [convicted.data[f"evidence_{of}"] for of in ("kind", "height", "view")] == [1, 1, 2]
    digests = [chain.rules.membership_digest(membership).hex() for membership in (FOUR, first(5))]
    assert [changed.data["membership"], changed.data["next_membership"]] == digests
    assert (changed.data["effective_height"], changed.data["height"]) == (9, 2)


def test_a_block_is_indexed_once_and_only_after_the_one_before(connection: sqlite3.Connection, play: Play) -> None:
    rules, blocks = play.chain.rules, play.chain.blocks
    assert head(connection, "wuhan") == 0
    for gap in (1, 2, len(blocks) - 1):
        assert add_block(connection, rules, blocks[gap]) == []
    assert rows(connection) == {table: [] for table in TABLES}
    assert add_block(connection, rules, blocks[0]) != []
    before = rows(connection)
    for again in (0, 2):
        assert add_block(connection, rules, blocks[again]) == []
    assert rows(connection) == before
    assert head(connection, "wuhan") == 1


def test_an_index_that_is_built_anew_is_the_same_row_by_row(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    before = rows(connection)
    assert all(before.values())
    forget(connection)
    assert rows(connection) == {table: [] for table in TABLES}
    play.index(connection)
    assert rows(connection) == before


def test_a_transaction_that_fails_in_its_block_changes_nothing_but_is_found(
    connection: sqlite3.Connection, play: Play
) -> None:
    twice = tuple(
        play.signed("platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(play.address("rival"), 9)))
        for _ in range(2)
    )
    refused, placed = play.chain.take(twice)
    assert (refused, len(set(placed.values()))) == ({}, 2)
    play.index(connection)
    failed = play.chain.blocks[-1].receipts[1]
    assert failed.code == "token-exists"
    assert find_transaction(connection, "wuhan", failed.transaction_id) == (len(play.chain.blocks), 1)
    assert len(history(connection, "wuhan", CLASS, "9")) == 1


def test_two_chains_have_heads_of_their_own(connection: sqlite3.Connection, play: Play) -> None:
    other = Play("zhongyi")
    assert other.act("platform", "classes", "defineClass", class_of())
    assert other.mint(1)
    play.index(connection)
    other.index(connection)
    assert (head(connection, "wuhan"), head(connection, "zhongyi")) == (len(play.chain.blocks), 2)
    assert [entry["chain"] for entry in list_classes(connection, None)] == ["wuhan", "zhongyi"]
    assert search(connection, {"chain": "zhongyi"}, 0, 10)[0][0]["holder"] == "alice1111111"


acts = st.lists(
    st.tuples(st.sampled_from(["mint", "batch", "revoke", "freeze", "unfreeze"]), st.integers(1, 4)),
    min_size=1,
    max_size=8,
)


@settings(max_examples=25)
@given(acts, st.data())
def test_whatever_happens_the_rebuilt_index_says_the_same(acts: list[tuple[str, int]], data: st.DataObject) -> None:
    own = Play()
    own.act("platform", "classes", "defineClass", class_of())
    for act, number in acts:
        if act in ("mint", "batch"):
            own.mint(*([number] if act == "mint" else [number, number + 10]))
        else:
            own.change(act, number)
    whole, rebuilt = (sqlite3.connect(":memory:") for _ in range(2))
    for connection in (whole, rebuilt):
        connection.executescript(index.SCHEMA)
    own.index(whole)
    for block in data.draw(st.lists(st.sampled_from(own.chain.blocks), max_size=20)):
        add_block(rebuilt, own.chain.rules, replace(block, request=1))  # out of turn, or again
    own.index(rebuilt)
    assert rows(rebuilt) == rows(whole)
    for connection in (whole, rebuilt):
        connection.close()
