"""What goes between chains as the index knows it: where certificates may go, and the moves that there were.

Of each move it is known when it was opened, confirmed, arrived and settled, in block times. What its two chains tell comes
in any order, for each chain is followed by itself.
"""

import sqlite3
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any, Final

from chain.rules import ChainRules
from chain.universal_id import CertificateName, format_token
from contracts.classes import Requirements
from contracts.transfers import State
from gateway.events import HeardEvent, values_of

SCHEMA: Final = """
CREATE TABLE moves (
  chain TEXT NOT NULL, cross_id BLOB NOT NULL, class TEXT, token BLOB, to_chain TEXT, opened_at INTEGER,
  confirmed_at INTEGER, arrived_at INTEGER, settled_at INTEGER, state INTEGER, code TEXT,
  PRIMARY KEY (chain, cross_id)
) WITHOUT ROWID;
CREATE INDEX moves_token ON moves (token, chain);
CREATE INDEX moves_pair ON moves (chain, to_chain, arrived_at);
CREATE TABLE ways (
  use TEXT NOT NULL, source TEXT NOT NULL, class TEXT NOT NULL, target TEXT NOT NULL, issues TEXT NOT NULL,
  PRIMARY KEY (use, source, class, target, issues)
) WITHOUT ROWID;
"""
WAYS_MAX: Final = 500
RECENT: Final = 20
"""How many moves say what is usual."""
_FIELDS: Final = (
    "class",
    "token",
    "to_chain",
    "opened_at",
    "confirmed_at",
    "arrived_at",
    "settled_at",
    "state",
    "code",
)
Change = dict[str, object]
Way = tuple[str, str, str, str, str]
"""`move` or `require`, the source, the class there, the target, and the class there that is issued."""


def learn_move(connection: sqlite3.Connection, chain: str, event: HeardEvent, time: int) -> None:
    """What an event, at its block's time (ms), tells of a move, or of where certificates may move."""
    if event.contract != "crosschain":
        return
    if event.name in ("AddTargetChain", "DeleteTargetChain"):
        _learn_target(connection, chain, event)
    read = _TOLD.get(event.name)
    if read is None:
        return
    values = values_of(event)
    place, change = (chain, values[0]), read(values, time)
    if event.name == "CrossChainArrived":
        place = (values[1], values[0])
    names, changed = ", ".join(change), ", ".join(f"{name} = excluded.{name}" for name in change)
    marks = ", ".join("?" * len(change))
    connection.execute(
        f"INSERT INTO moves (chain, cross_id, {names}) VALUES (?, ?, {marks}) ON CONFLICT DO UPDATE SET {changed}",  # noqa: S608 - names of ours
        (*place, *change.values()),
    )


def learn_requirements(connection: sqlite3.Connection, chain: str, class_id: str, requires: Requirements) -> None:
    """What a class asks for of other chains, now and no more."""
    connection.execute("DELETE FROM ways WHERE use = 'require' AND target = ? AND issues = ?", (chain, class_id))
    ways = [("require", one.chain_id, one.class_id, chain, class_id) for one in requires if one.chain_id != chain]
    connection.executemany("INSERT INTO ways VALUES (?, ?, ?, ?, ?)", ways)


def list_ways(
    connection: sqlite3.Connection, source: str | None, target: str | None, class_id: str | None
) -> list[Way]:
    """Where certificates may go: from a chain, to a chain, of a class."""
    return connection.execute(
        "SELECT use, source, class, target, issues FROM ways WHERE (?1 IS NULL OR source = ?1) "
        "AND (?2 IS NULL OR target = ?2) AND (?3 IS NULL OR class = ?3) ORDER BY use, source, class, target LIMIT ?4",
        (source, target, class_id, WAYS_MAX),
    ).fetchall()


def list_moves(
    connection: sqlite3.Connection,
    rules: Mapping[str, ChainRules],
    *,
    source: str | None = None,
    target: str | None = None,
    place: tuple[str, str, bytes] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """The newest moves: from a chain, to a chain, of one certificate (chain, class, token)."""
    chain, class_id, token = place or (None, None, None)
    rows = connection.execute(
        f"SELECT chain, cross_id, {', '.join(_FIELDS)} FROM moves WHERE opened_at IS NOT NULL "  # noqa: S608 - names of ours
        "AND (?1 IS NULL OR chain = ?1) AND (?2 IS NULL OR to_chain = ?2) "
        "AND (?3 IS NULL OR (token = ?3 AND class = ?4 AND chain = ?5)) ORDER BY opened_at DESC, cross_id LIMIT ?6",
        (source, target, token, class_id, chain, limit),
    )
    return [_shown(rules, *row) for row in rows]


def usual_ms(connection: sqlite3.Connection, source: str, target: str) -> tuple[int | None, int]:
    """Between the confirmation's block and the arrival's, of the newest moves from a chain to another; and of how many."""
    rows = connection.execute(
        "SELECT arrived_at - confirmed_at FROM moves WHERE chain = ? AND to_chain = ? AND arrived_at IS NOT NULL "
        "AND confirmed_at IS NOT NULL ORDER BY arrived_at DESC LIMIT ?",
        (source, target, RECENT),
    )
    times = [max(0, row[0]) for row in rows]
    return (round(median(times)) if times else None), len(times)


def state_word(state: int) -> str:
    """How far a move is, in a word."""
    return State(state).name.lower().replace("_", "-")


def _shown(
    rules: Mapping[str, ChainRules], chain: str, cross_id: bytes, class_id: str, token: bytes, *rest: Any
) -> dict[str, Any]:
    name = CertificateName(chain, class_id, format_token(rules[chain].profile.token_id_style, token))
    to_chain, *times, state, code = rest
    return {
        "chain": chain,
        "cross_id": cross_id.hex(),
        "id": name.path,
        "uid": name.universal,
        "to_chain": to_chain,
        **dict(zip(("opened_at", "confirmed_at", "arrived_at", "settled_at"), times, strict=True)),
        "state": state_word(state),
        "code": code or "",
    }


def _learn_target(connection: sqlite3.Connection, chain: str, event: HeardEvent) -> None:
    class_id, target = values_of(event)
    way = ("move", chain, class_id, target, class_id)
    if event.name == "AddTargetChain":
        connection.execute("INSERT OR IGNORE INTO ways VALUES (?, ?, ?, ?, ?)", way)
    else:
        connection.execute(
            "DELETE FROM ways WHERE use = ? AND source = ? AND class = ? AND target = ? AND issues = ?", way
        )


def _opened(values: list[Any], time: int) -> Change:
    _, class_id, token, _, to_chain, *_ = values
    opened = {"class": class_id, "token": token, "to_chain": to_chain, "opened_at": time}
    return opened | {"state": int(State.UNCONFIRMED)}


def _confirmed(_values: list[Any], time: int) -> Change:
    return {"confirmed_at": time, "state": int(State.SENT)}


def _arrived(_values: list[Any], time: int) -> Change:
    return {"arrived_at": time}


def _settled(values: list[Any], time: int) -> Change:
    return {"settled_at": time, "state": values[1], "code": values[2]}


_TOLD: Final[Mapping[str, Callable[[list[Any], int], Change]]] = {
    "CrossChainTransfer": _opened,
    "CrossChainConfirmed": _confirmed,
    "CrossChainArrived": _arrived,
    "CrossChainSettled": _settled,
}
"""What each event changes of its move's row."""
