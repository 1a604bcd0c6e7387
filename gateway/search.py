"""What the index of on-chain fields is asked, and its rows as their chain writes them."""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from chain.errors import AddressMalformed
from chain.rules import ChainRules
from chain.universal_id import CertificateName, IdMalformed, format_token, parse_token
from gateway.arguments import parse_did
from gateway.directory import accounts_of
from gateway.index import FIND_CERTIFICATE, RUN, latest_event

Rules = Mapping[str, ChainRules]
"""The rules of every chain, by its id."""
_FIELDS: Final = (
    "seq, chain, class, token, issuer, holder, status, valid_until, valid_from, height, time, transaction_id, minted_to"
)
_CLASS: Final = ("chain", "class", "name_en", "name_zh", "issuer", "schema", "height", "standard", "rules")
_ADDRESSES: Final = ("issuer", "holder")
_DIDS: Final = {"issuer_did": "issuer", "holder_did": "holder"}
"""Filter -> the column that has the addresses of the DID's accounts."""


@dataclass(frozen=True, slots=True)
class IndexedEvent:
    """An event with its place in the gateway's stream."""

    seq: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events somebody wants: of one chain or of all, of these kinds or, if none is named, of every kind."""

    chain: str | None = None
    kinds: frozenset[str] = frozenset()

    def takes(self, event: IndexedEvent) -> bool:
        """Whether it is one of them."""
        return self.chain in (None, event.data.get("chain")) and self.takes_kind(event.kind)

    def takes_kind(self, kind: str) -> bool:
        """Whether events of this kind may be among them."""
        return not self.kinds or kind in self.kinds


ALL_EVENTS: Final = Wanted()
MINTED: Final = "minted"
"""The kind of event that the row of a certificate tells; all others have rows of their own."""


def list_classes(connection: sqlite3.Connection, chain: str | None) -> list[dict[str, Any]]:
    """All classes, or those of one chain, by chain and id."""
    rows = connection.execute(
        "SELECT chain, class, name_en, name_zh, issuer, schema, height, standard, rules FROM classes "
        "WHERE ? IS NULL OR chain = ? ORDER BY chain, class",
        (chain, chain),
    )
    return [dict(zip(_CLASS, (*row[:5], row[5].hex(), *row[6:8], json.loads(row[8])), strict=True)) for row in rows]


def search(
    connection: sqlite3.Connection, rules: Rules, filters: Mapping[str, str], cursor: int, limit: int
) -> tuple[list[dict[str, Any]], int | None]:
    """Certificates that fit all `filters`, in the order in which they were indexed, after `cursor`."""
    where, values = ["seq > ?"], list[object]([cursor])
    for name in ("chain", "class", "status"):
        if name in filters:
            where.append(f"{name} = ?")
            values.append(filters[name])
    named = [
        (name, named_accounts(rules, filters.get("chain"), filters[name])) for name in _ADDRESSES if name in filters
    ]
    named += [(name, _accounts_of(connection, filters[did])) for did, name in _DIDS.items() if did in filters]
    if not all(pairs for _, pairs in named):
        return [], None
    for name, pairs in named:
        where.append(f"(chain, {name}) IN (VALUES {', '.join(['(?, ?)'] * len(pairs))})")
        values += [part for pair in pairs for part in pair]
    holders = {raw for name, pairs in named if name == "holder" for _, raw in pairs}
    rows = list(islice(_rows(connection, " AND ".join(where), values, "holder", holders, cursor), limit + 1))
    following = rows[limit - 1][0] if len(rows) > limit else None
    return [_found(rules, row) for row in rows[:limit]], following


def history(connection: sqlite3.Connection, rules: ChainRules, class_id: str, token: str) -> list[dict[str, Any]]:
    """What happened to one certificate, oldest first."""
    place = (rules.chain_id, class_id, parse_token(rules.profile.token_id_style, token))
    minted = connection.execute(
        f"SELECT {_FIELDS} FROM certificates WHERE seq = ({FIND_CERTIFICATE})",  # noqa: S608 - of ours
        place,
    ).fetchall()
    others = connection.execute(
        "SELECT seq, kind, chain, data FROM events WHERE chain = ?1 AND class = ?2 AND token = ?3 ORDER BY seq", place
    )
    events = [*(_minted({rules.chain_id: rules}, row) for row in minted), *map(_event, others)]
    return [{"event": event.kind, **event.data} for event in events]


def events_after(
    connection: sqlite3.Connection, rules: Rules, seq: int, limit: int, wanted: Wanted = ALL_EVENTS
) -> list[IndexedEvent]:
    """The first `limit` wanted events of the stream after number `seq`; what nobody wants is not read."""
    where, values = "seq > ? AND ? IN (chain, '')", (seq, wanted.chain or "")
    events: list[IndexedEvent] = []
    if wanted.takes_kind(MINTED):
        found = connection.execute(
            f"SELECT {_FIELDS} FROM certificates WHERE {where} ORDER BY seq LIMIT ?",  # noqa: S608 - of ours
            (*values, limit),
        )
        events += (_minted(rules, row) for row in found)
    kinds = sorted(wanted.kinds - {MINTED})
    if kinds or not wanted.kinds:
        of_kinds = f"AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        others = connection.execute(
            f"SELECT seq, kind, chain, data FROM events WHERE {where} {of_kinds} ORDER BY seq LIMIT ?",  # noqa: S608
            (*values, *kinds, limit),
        )
        events += map(_event, others)
    return sorted(events, key=lambda event: event.seq)[:limit]


def find_tokens(
    connection: sqlite3.Connection, rules: Rules, chain: str | None, token: str, limit: int
) -> list[dict[str, Any]]:
    """Certificates whose token some chain, or the one, writes like this."""
    wanted = {chain_id: _token(own, token) for chain_id, own in rules.items() if chain in (None, chain_id)}
    tokens = {raw for raw in wanted.values() if raw is not None}
    if not tokens:
        return []
    rows = _rows(connection, "TRUE", [], "token", tokens, 0)
    fitting = (row for row in rows if wanted.get(row[1]) == row[3])
    return [_found(rules, row) for row in islice(fitting, limit)]


def named_accounts(rules: Rules, chain: str | None, text: str) -> list[tuple[str, bytes]]:
    """(chain, raw address) for each chain, or the one, that has addresses like this text."""
    pairs = []
    for chain_id, own in rules.items():
        if chain in (None, chain_id):
            try:
                pairs.append((chain_id, own.addresses.parse(text)))
            except AddressMalformed:
                continue
    return pairs


def _token(rules: ChainRules, text: str) -> bytes | None:
    try:
        return parse_token(rules.profile.token_id_style, text)
    except IdMalformed:
        return None


def _accounts_of(connection: sqlite3.Connection, did: str) -> list[tuple[str, bytes]]:
    try:
        return accounts_of(connection, parse_did(did))
    except ValueError:
        return []


def _rows(
    connection: sqlite3.Connection, where: str, values: list[object], column: str, wanted: Iterable[bytes], cursor: int
) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of their numbers; those of known holders or tokens run by run, by the tree that there is for them."""
    wanted = tuple(wanted)
    if not wanted:
        yield from connection.execute(f"SELECT {_FIELDS} FROM certificates WHERE {where} ORDER BY seq", values)  # noqa: S608
        return
    query = (
        f"SELECT {_FIELDS} FROM certificates INDEXED BY certificates_{column} "  # noqa: S608 - names of ours
        f"WHERE seq / {RUN} = ? AND {column} IN ({', '.join('?' * len(wanted))}) AND {where} ORDER BY seq"
    )
    for run in range(cursor // RUN, latest_event(connection) // RUN + 1):
        yield from connection.execute(query, (run, *wanted, *values))


def _found(rules: Rules, row: tuple[Any, ...]) -> dict[str, Any]:
    _, chain, class_id, token, issuer, holder, status, valid_until, valid_from, height, *_ = row
    own = rules[chain]
    name = CertificateName(chain, class_id, format_token(own.profile.token_id_style, token))
    return {
        "id": name.path,
        "uid": name.universal,
        "chain": chain,
        "class": class_id,
        "issuer": own.addresses.format(issuer),
        "holder": own.addresses.format(holder),
        "recorded_status": status,
        "valid_until": valid_until,
        "valid_from": valid_from,
        "height": height,
    }


def _minted(rules: Rules, row: tuple[Any, ...]) -> IndexedEvent:
    found = _found(rules, row)
    if row[12] is not None:  # it was rebound since
        found["holder"] = rules[row[1]].addresses.format(row[12])
    data = {"chain": found["chain"], "height": found["height"], "time": row[10], "transaction": row[11].hex()}
    return IndexedEvent(row[0], MINTED, {**data, **{name: found[name] for name in ("id", "issuer", "holder")}})


def _event(row: tuple[Any, ...]) -> IndexedEvent:
    seq, kind, chain, data = row
    return IndexedEvent(seq, kind, {"chain": chain, **json.loads(data)})
