"""The index is asked, and answers as each chain writes its addresses and token ids."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from contracts.accounts import UpdateAccountState
from contracts.system import change_transaction, evidence_transaction
from gateway import index
from gateway.database import open_database
from gateway.index import FIND_CERTIFICATE, FIND_TRANSACTION, RUN, add_block, find_transaction, latest_event
from gateway.search import Wanted, events_after, history, search
from tests.chain.small_genesis import did_of
from tests.contracts.membership_changes import FOUR, agreed, first
from tests.contracts.misconduct import two_commits
from tests.contracts.small_chain import CLASS, class_of
from tests.gateway.index_play import Play, eventful
from tests.gateway.memory_chain import CHAIN_IDS, MemoryChain, heard

RULES = {chain_id: MemoryChain.founded(chain_id).rules for chain_id in CHAIN_IDS}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = open_database(tmp_path / "index.db", index.SCHEMA, index.VERSION)
    yield opened
    opened.close()


@pytest.fixture
def play() -> Play:
    return eventful()


def test_certificates_have_their_holder_status_and_times(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    found, following = search(connection, RULES, {}, 0, 10)
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
        assert len(search(connection, RULES, {name: value}, 0, 10)[0]) == count
    assert (
        len(search(connection, RULES, {"chain": "wuhan", "status": "frozen", "holder": play.name("alice")}, 0, 10)[0])
        == 1
    )


def test_pages_follow_each_other_without_gap_or_repetition(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    for limit in range(1, 6):
        seen, cursor = [], 0
        while True:
            found, following = search(connection, RULES, {"chain": "wuhan"}, cursor, limit)
            seen += [one["id"] for one in found]
            if following is None:
                break
            cursor = following
        assert seen == [f"wuhan.ddc721.{CLASS}.{number}" for number in range(1, 5)]


def test_a_page_stays_the_same_while_more_is_minted(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    first = search(connection, RULES, {}, 0, 2)
    assert play.act(
        "operator",
        "authority",
        "updateAccountState",
        UpdateAccountState(address=play.address("alice"), active=True, platform_flag=False),
    )
    assert play.mint(5)
    assert play.change("revoke", 1)
    play.index(connection)
    again = search(connection, RULES, {}, 0, 2)
    assert ([one["id"] for one in again[0]], again[1]) == ([one["id"] for one in first[0]], first[1])
    assert [one["id"].rsplit(".", 1)[1] for one in search(connection, RULES, {}, again[1] or 0, 9)[0]] == [
        "3",
        "4",
        "5",
    ]


def test_the_history_of_a_certificate_is_told_oldest_first(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    told = {number: history(connection, play.chain.rules, CLASS, str(number)) for number in range(1, 6)}
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


def test_the_stream_tells_every_block_and_what_is_in_it(connection: sqlite3.Connection, play: Play) -> None:
    numbers = play.index(connection)
    published = play.stream(connection)
    assert [event.seq for event in published] == numbers == list(range(1, latest_event(connection) + 1))
    kinds = [event.kind for event in published if event.kind != "block"]
    assert kinds == [
        "class", "minted", "paid", "minted", "minted", "minted", "paid", "frozen", "revoked", "frozen", "unfrozen", "account", "account",
        "event", "event",
    ]  # fmt: skip
    account, state = (event.data for event in published if event.kind == "account")
    assert (account["role"], account["did"]) == ("consumer", f"did:bsn:{did_of('bob').hex()}")
    assert (account["creator"], account["address"]) == (play.name("operator"), play.name("bob"))
    assert (state["address"], state["platform_active"], state["operator_active"]) == (play.name("alice"), True, False)
    assert events_after(connection, RULES, 3, 2) == published[3:5]
    for kinds in ({"block"}, {"minted"}, {"minted", "frozen"}, {"unheard-of"}):
        wanted = Wanted(kinds=frozenset(kinds))
        chosen = [event for event in published if event.kind in kinds]
        assert events_after(connection, RULES, 0, len(published), wanted) == chosen
        assert events_after(connection, RULES, 3, 2, wanted) == [event for event in chosen if event.seq > 3][:2]
    assert events_after(connection, RULES, 0, 5, Wanted(chain="wuhan")) == published[:5]
    assert events_after(connection, RULES, 0, 5, Wanted(chain="zunyi")) == []
    assert {event.data["chain"] for event in published} == {"wuhan"}


def test_changes_of_the_replicas_and_convictions_are_told_with_their_values(connection: sqlite3.Connection) -> None:
    chain = MemoryChain.founded("wuhan")
    change, evidence = agreed(chain.rules, FOUR, first(5), 9), two_commits(chain.rules, 1)
    for raw in (
        evidence_transaction(chain.rules, evidence, now=chain.now(), nonce=bytes(16)),
        change_transaction(chain.rules, change, now=chain.now(), nonce=bytes(16)),
    ):
        assert chain.take((raw,))[0] == {}
    own = Play(chain=chain)
    own.index(connection)
    convicted, changed = (event for event in own.stream(connection) if event.kind != "block")
    assert (convicted.kind, changed.kind) == ("conviction", "membership")
    shown = {"replica": "xian", "consensus_key": FOUR.key(3).hex(), "event": "Convicted", "chain": "wuhan", "height": 1}
    assert convicted.data.items() >= shown.items()
    assert [convicted.data[f"evidence_{of}"] for of in ("kind", "height", "view")] == [1, 1, 2]
    digests = [chain.rules.membership_digest(membership).hex() for membership in (FOUR, first(5))]
    assert [changed.data["membership"], changed.data["next_membership"]] == digests
    assert (changed.data["effective_height"], changed.data["height"]) == (9, 2)


def spread(play: Play, connection: sqlite3.Connection) -> None:
    """Index the chain so that every block is in a run of its own."""
    for block in play.chain.blocks:
        assert add_block(connection, play.chain.rules, heard(block))
        beginning = (latest_event(connection) // RUN + 1) * RUN
        connection.execute("INSERT INTO events VALUES (?, 'wuhan', 0, 'block', NULL, NULL, '{}')", (beginning,))


def test_what_lies_in_many_runs_is_found_as_what_lies_in_one(connection: sqlite3.Connection, play: Play) -> None:
    dense = sqlite3.connect(":memory:")
    dense.executescript(index.SCHEMA)
    play.index(dense)
    spread(play, connection)
    assert latest_event(connection) // RUN == len(play.chain.blocks)
    for filters in ({}, {"holder": play.name("alice")}, {"status": "frozen", "holder": play.name("alice")}):
        assert search(connection, RULES, filters, 0, 10) == search(dense, RULES, filters, 0, 10)
    for number in range(1, 6):
        token = str(number)
        told = history(connection, play.chain.rules, CLASS, token)
        assert told == history(dense, play.chain.rules, CLASS, token)
    for block in play.chain.blocks:
        for receipt in block.receipts:
            place = find_transaction(connection, "wuhan", receipt.transaction_id)
            assert place == find_transaction(dense, "wuhan", receipt.transaction_id) is not None
    assert find_transaction(connection, "wuhan", bytes(32)) is None
    pages, cursor = [], 0
    while True:
        found, following = search(connection, RULES, {"holder": play.name("alice")}, cursor, 1)
        pages += found
        if following is None:
            break
        cursor = following
    assert pages == search(dense, RULES, {}, 0, 10)[0]
    dense.close()


def test_an_address_is_looked_for_as_every_chain_writes_it(connection: sqlite3.Connection, play: Play) -> None:
    other = Play("zhongyi")
    assert other.act("platform", "classes", "defineClass", class_of())
    assert other.mint(7)
    play.index(connection)
    other.index(connection)
    for holder, chain in ((play.name("alice"), "wuhan"), (other.name("alice"), "zhongyi")):
        found, _ = search(connection, RULES, {"holder": holder}, 0, 10)
        assert {(one["chain"], one["holder"]) for one in found} == {(chain, holder)}
        elsewhere = "wuhan" if chain == "zhongyi" else "zhongyi"
        assert search(connection, RULES, {"holder": holder, "chain": elsewhere}, 0, 10) == ([], None)
    assert search(connection, RULES, {"issuer": "nobody's"}, 0, 10) == ([], None)
    assert search(connection, RULES, {"issuer": play.name("platform"), "chain": "atlantis"}, 0, 10) == ([], None)


@pytest.mark.parametrize(
    ("statement", "values", "tree"),
    [
        (FIND_CERTIFICATE, ("wuhan", CLASS, b"1"), "INDEX certificates_token (<expr>=? AND token=?)"),
        (FIND_TRANSACTION, ("wuhan", b"1"), "PRIMARY KEY (run=? AND id=? AND chain=?)"),
    ],
)
def test_whoever_looks_for_a_key_goes_down_a_tree(
    connection: sqlite3.Connection, statement: str, values: tuple[object, ...], tree: str
) -> None:
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any(tree in step for step in plan), plan
    assert not any("SCAN certificates" in step or "SCAN transactions" in step for step in plan), plan


def test_a_holders_certificates_are_found_by_a_tree(connection: sqlite3.Connection, play: Play) -> None:
    play.index(connection)
    seen: list[str] = []
    connection.set_trace_callback(seen.append)
    assert search(connection, RULES, {"holder": play.name("alice")}, 0, 10)[0]
    connection.set_trace_callback(None)
    (query,) = [statement for statement in seen if "certificates_holder" in statement]
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")]
    assert any("INDEX certificates_holder (<expr>=? AND holder=?" in step for step in plan), plan
