"""After the demonstration no ledger, no index and no log holds a value of a content, a salt or a person's name.

What is looked for: every value of the ten sample files and of every content in the vault, with each salt, in every form
of `personal_data.forms`. Where: every file of the nodes, twice: as they were stopped, the last blocks in their logs, and after
a restart, all blocks, receipts and records in their stores; the gateway's files but the vault; everybody's logs.

Not personal, and not looked for:
- columns with @: the validity of a certificate is on its chain by design, in milliseconds;
- yes and no, whole numbers below 100,000 or of full thousands, texts of one letter: they are everywhere, and say nothing;
- texts below five bytes but as a whole text of a record: chance writes them into signatures and hashes;
- a beginning or an end of a public text, in the pages of a store: LMDB leaves them; the entries are read whole;
- gateway/vault.db: it is where contents and salts are kept, for their issuers and holders;
- network.json, bundle.json, demo-keys.json: not the nodes' nor the gateway's, but of who made the network.
"""

import gzip
import json
import shutil
import sqlite3
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb
import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.genesis import parse_genesis
from chain.transaction import SignedTransaction, Transaction
from contracts.storage import StoreData
from credentials.schema import content_of_row
from node.ledger import StoredBlock
from node.storage.interface import LoggedBlock
from node.storage.journal import DiskJournal
from scripts import lifecycle, processes
from scripts.demonstration import run_demonstration
from scripts.sectors import load_sectors
from tests.e2e.cluster import NODES, running_network
from tests.e2e.personal_data import Needles, Personal, content_values, left_in, pieces, rows

NAMES = ("Alice", "Alice Demo", "Bob Demo")
"""People of the demo. `bob` alone is three letters, which chance writes as well."""
NAMED = "addresses that the genesis document names"
"""People chose them on chains whose addresses are names (alice1111111, O=Alice Demo ...)."""
DEFINED = "titles, fields and ids of classes"
"""A class is defined for everybody to read; 教育, which is also a programme, is a part of one."""
VALUE = "云砧精铸 Yunzhen Foundry"
PACKED = zlib.compress(VALUE.encode())
PLANTED = Personal("planted", VALUE)
SECTORS = load_sectors()
DATA = "nodes/xian/data"

pytestmark = pytest.mark.processes


@dataclass(frozen=True)
class Left:
    """What a network left: its folder as it was stopped, and after another start and stop."""

    stopped: Path
    restarted: Path
    pieces: list[tuple[str, str | bytes | int]]
    """All that is in both, but for the vault, and where it is."""

    def vault(self, columns: str) -> list[Any]:
        with closing(sqlite3.connect(self.stopped / "gateway" / "vault.db")) as connection:
            return connection.execute(f"SELECT {columns}").fetchall()


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> Left:
    folder = tmp_path_factory.mktemp("personal") / "network"
    stopped = folder.with_name("stopped")
    with running_network(folder) as network:
        assert run_demonstration(folder, network.document)
        processes.stop_all(folder)
        shutil.copytree(folder, stopped)
        lifecycle.start(folder, lambda _: None)
    found = [(f"{path.name}: {where}", piece) for path in (stopped, folder) for where, piece in left_in(path)]
    return Left(stopped, folder, found)


def issued(left: Left) -> Iterator[Personal]:
    """Every value of every content that was ever issued, and every salt."""
    for chain, class_id, content, salts in left.vault("chain, class, content, salts FROM documents"):
        yield from content_values(f"{chain}.{class_id}", json.loads(content))
        for start in range(0, len(salts), 16):
            yield Personal(f"a salt of {chain}", salts[start : start + 16])


@pytest.fixture(scope="module")
def personal(left: Left) -> list[Personal]:
    """Of the files, of the vault, of the people; and what is planted, which is nowhere yet."""
    found = [PLANTED, *(Personal("the name of a person", name) for name in NAMES)]
    for chain_id, sector in SECTORS.items():
        for row in sector.rows():
            content = content_of_row(sector.schema, {name: cell for name, cell in row.items() if name[0] != "@"})
            found += content_values(f"{chain_id}.{sector.class_id}", content)
    return list(dict.fromkeys([*found, *issued(left)]))


@pytest.fixture(scope="module")
def public(left: Left) -> dict[str, set[str]]:
    """Texts of which a personal value may be a part."""
    genesis = parse_genesis((left.stopped / "genesis.json").read_bytes()).document
    named = {account.address for section in genesis.chains for account in section.accounts}
    defined = {class_id for (class_id,) in left.vault("class FROM documents")}
    for document in (json.loads(text) for (text,) in left.vault("document FROM schemas")):
        defined |= {document["title"], document["x-title-zh"], *document["properties"]}
    return {NAMED: named, DEFINED: defined}


@pytest.fixture(scope="module")
def needles(personal: list[Personal], public: dict[str, set[str]]) -> Needles:
    return Needles(personal, public[NAMED] | public[DEFINED])


def test_nothing_personal_is_anywhere(left: Left, needles: Needles) -> None:
    assert needles.found(left.pieces) == {}


def test_every_certificate_is_seen_in_every_place(left: Left) -> None:
    """By content roots, and in the index by classes: where these are seen, which are public, a field would have been."""
    roots = [
        Personal(f"{chain} {root.hex()}", root) for chain, root in left.vault("chain, content_root FROM documents")
    ]
    found = Needles([*roots, *(Personal(chain, sector.class_id) for chain, sector in SECTORS.items())]).found(
        left.pieces
    )
    assert len(SECTORS) == 10
    for chain, sector in SECTORS.items():
        assert ("stopped: index.db: certificates", chain) in found
        for node in NODES:
            # What is not in the store yet is in the log: every few seconds the one is filled and the other is cut
            stopped = {f"stopped: {node}: log", f"stopped: {node}: blocks"}
            for places in (stopped, {f"network: {node}: blocks"}, {f"network: {node}: records"}):
                seen = {what for where, what in found if where in places and what.startswith(f"{chain} ")}
                assert len(seen) >= len(sector.rows()), places


def test_in_the_vault_every_field_and_salt_is_seen(left: Left, needles: Needles) -> None:
    """The same search where they are kept finds all of them."""
    in_vault = [(where, piece) for where, row in rows(left.stopped / "gateway" / "vault.db") for piece in pieces(row)]
    kept = {one.what for one in issued(left)}
    assert {what for _, what in needles.found(in_vault)} >= kept
    assert len({one.value for one in issued(left) if one.what.startswith("a salt")}) >= 360 * 10
    assert len(kept) > 10 * 14


@pytest.mark.parametrize(("reason", "other"), [(NAMED, DEFINED), (DEFINED, NAMED)])
def test_what_is_left_out_is_needed(
    reason: str, other: str, left: Left, personal: list[Personal], public: dict[str, set[str]]
) -> None:
    """And of what is left out as a whole, there is nothing but names that are addresses."""
    assert Needles(personal, public[other]).found(left.pieces)
    assert {one.what for one in personal if one.value in public[reason]} <= {"the name of a person"}


@pytest.fixture
def one_node(left: Left, tmp_path: Path) -> Path:
    """A copy of what the network left, with one of its nodes."""
    return shutil.copytree(left.restarted, tmp_path / "network", ignore=shutil.ignore_patterns(*{*NODES} - {"xian"}))


def where_planted(folder: Path) -> set[str]:
    return {where for where, _ in Needles([PLANTED]).found(left_in(folder))}


def store_of(folder: Path) -> lmdb.Environment:
    return lmdb.open(str(folder / DATA / "store"), map_size=1 << 30)


def any_block(folder: Path) -> tuple[bytes, StoredBlock]:
    """A block in the node's store, and its key."""
    with store_of(folder) as store, store.begin() as transaction:
        key, value = next((bytes(k), bytes(v)) for k, v in transaction.cursor() if k[1:2] == b"b" and any(k[2:]))
    return key, decode(value, StoredBlock)


def with_a_call(stored: StoredBlock) -> StoredBlock:
    """The block with one call: a slice of a file is stored, and the value is in it, compressed."""
    block = stored.committed.block
    signed = decode(block.transactions[0], SignedTransaction)
    arguments = encode(StoreData(digest=bytes(32), number=0, data=gzip.compress(VALUE.encode())))
    body = replace(decode(signed.body, Transaction), contract="storage", method="storeData", arguments=arguments)
    changed = replace(block, transactions=(encode(replace(signed, body=encode(body))),))
    return replace(stored, committed=replace(stored.committed, block=changed))


def with_an_event(stored: StoredBlock) -> StoredBlock:
    receipt = stored.receipts[0]
    return replace(stored, receipts=(replace(receipt, events=(replace(receipt.events[0], values=(PACKED,)),)),))


def record(key: bytes, value: bytes) -> tuple[bytes, bytes]:
    return b"\0v" + b"\xff" * 8, len(key).to_bytes(2, "big") + key + value


ENTRIES: dict[str, Callable[[bytes, StoredBlock], tuple[bytes, bytes]]] = {
    "records: the value": lambda *_: record(b"T" + bytes(48), encode((1, PACKED))),
    "records: the key": lambda *_: record(b"W" + VALUE.encode("gb18030"), b"\xc0"),
    "blocks: a call": lambda key, block: (key, encode(with_a_call(block))),
    "blocks: an event": lambda key, block: (key, encode(with_an_event(block))),
    "store: an undo record": lambda *_: (b"\0u" + b"\xff" * 8, encode(((b"T", PACKED),))),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_a_value_in_an_entry_of_a_store_is_found(entry: str, one_node: Path) -> None:
    key, value = ENTRIES[entry](*any_block(one_node))
    with store_of(one_node) as store, store.begin(write=True) as transaction:
        transaction.put(key, value)
    assert f"xian: {entry.partition(':')[0]}" in where_planted(one_node)


def test_a_value_in_a_logged_call_is_found(one_node: Path) -> None:
    committed = with_a_call(any_block(one_node)[1]).committed
    journal = DiskJournal(one_node / DATA, lambda call: call(), lambda _: None)
    assert list(journal.replay()) is not None
    journal.start_segment([encode(LoggedBlock(chain_id=committed.header.chain_id, committed=committed))])
    journal.close()
    assert "xian: log" in where_planted(one_node)


def test_a_value_in_the_index_is_found(one_node: Path) -> None:
    with closing(sqlite3.connect(one_node / "gateway" / "index.db")) as connection, connection:
        connection.execute("UPDATE events SET data = ? WHERE seq = 1", (json.dumps({"note": VALUE}),))
    assert "index.db: events" in where_planted(one_node)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (f"{DATA}/part", b"\xff\xfe" + VALUE.encode("utf-16-le")),
        (f"{DATA}/part", gzip.compress(VALUE.encode())),
        (f"{DATA}/{VALUE}", b""),
        ("gateway/part", VALUE.encode()),
        ("logs/xian.log", f"15:29:37 xian refused {VALUE}\n".encode()),
        ("logs/gateway.log", f"POST {json.dumps(VALUE)}\n".encode()),
    ],
    ids=["a file", "a packed file", "a name", "the gateway's", "a node's log", "the gateway's log"],
)
def test_a_value_in_a_file_or_its_name_is_found(name: str, data: bytes, one_node: Path) -> None:
    with (one_node / name).open("ab") as file:
        file.write(data)
    assert where_planted(one_node) == {name}
