"""What `replicas` does with a network's folder: carry a change through on its chains, and show how the replicas stand."""

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.text import Text

from scripts import nodes, processes
from scripts.changes import Change, describe
from scripts.client import client_of, load_network
from scripts.errors import CommandFailed
from scripts.replicas import Edit, Operator, View, entries, on_all, views
from scripts.screen import err, out, table, working


def chains_of(data: Path, chain: str | None) -> list[str]:
    """All chains of the network, or the one that is meant."""
    known = [entry["id"] for entry in load_network(data)["chains"]]
    if chain is None:
        return known
    if chain not in known:
        raise CommandFailed(f"there is no chain {chain!r}; there are {', '.join(known)}")
    return [chain]


def address_of(text: str | None) -> tuple[str, int] | None:
    """HOST:PORT."""
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise CommandFailed(f"--address is {text!r}; give HOST:PORT")
    return host, int(port)


def carry_out(data: Path, chains: Sequence[str], edit: Edit, title: str) -> None:
    """Let the replicas whose keys are here sign a change, submit it, and wait until it is in force."""
    network = load_network(data)
    signing = nodes.keys(data)
    with client_of(data, "operator") as client, working(title) as told:
        told("the replicas sign; then it takes two more blocks")
        operator = Operator.of(data, client, network["network_id"])
        on_all(chains, lambda one: operator.carry_out(one, edit, signing))


def wait_until_it_takes_part(data: Path, chains: Sequence[str], name: str) -> None:
    """Return when a replica is connected, at the head and signs, on all these chains."""
    with client_of(data, "platform") as client, working(f"Waiting for {name} 正在等待") as told:
        processes.wait_for(lambda: _takes_part(views(client, chains), name, told), f"{name} to take part")


def _takes_part(found: list[View], name: str, told: Callable[[str], None]) -> bool:
    missing = [
        view["chain"]
        for view in found
        if name in view["behind"]
        or not any(one["name"] == name and one["connected"] and one["signs"] for one in view["replicas"])
    ]
    told(", ".join(missing))
    return not missing


def show_replicas(found: list[View]) -> None:
    """One line per replica; chains are named only where they differ."""
    names = dict.fromkeys(one["name"] for view in found for one in view["replicas"])
    columns = ("name", "consensus key", "chains", "connected", "signs", "convictions")
    table("Replicas 副本", *columns, rows=[_line(found, name) for name in names])
    seen_by = ", ".join(sorted({view["seen_by"] for view in found}))
    sizes = sorted({f"{view['quorum']} of {len(view['replicas'])}" for view in found})
    out.print(f"\nas seen by {seen_by}; a quorum is {', '.join(sizes)} 法定人数")
    pending = [view for view in found if view["change"] is not None]
    if pending:
        out.print()
        rows = [_pending(view) for view in pending]
        table("Pending changes 待生效变更", "chain", "height", "in force at", "change", rows=rows)
    for view in found:
        if view["waits_for"]:
            err.print(f"{view['chain']} waits: {view['why'] or view['waits_for']}", markup=False)


def show_changes(changes: Sequence[Change]) -> None:
    """What is proposed, with the bytes that are signed."""
    columns = ("chain", "in force at", "from", "to", "change", "bytes to sign")
    rows = [
        (
            change.chain,
            change.effective_height,
            len(change.old),
            len(change.new),
            describe(change.old, change.new),
            change.message().hex(),
        )
        for change in changes
    ]
    table("Change of membership 成员变更", *columns, rows=rows)
    for newcomer in dict.fromkeys(change.newcomer for change in changes):
        if newcomer is not None:
            out.print(
                f"{newcomer.name}: consensus key {newcomer.consensus_key}, TLS key digest {newcomer.tls_key_digest}"
            )


def _pending(view: View) -> tuple[object, ...]:
    change = view["change"]
    what = describe(entries(view["replicas"]), entries(change["replicas"]))
    return view["chain"], view["height"], change["effective_height"], what


def _line(found: list[View], name: str) -> tuple[str | Text, ...]:
    here = [(view["chain"], one) for view in found for one in view["replicas"] if one["name"] == name]
    linked = [(chain, one) for chain, one in here if one["connected"]]
    total = sum(one["convictions"] for _, one in here)
    return (
        name,
        ", ".join(dict.fromkeys(f"{one['consensus_key'][:16]}…" for _, one in here)),
        "all" if len(here) == len(found) else ", ".join(chain for chain, _ in here),
        _where([chain for chain, _ in linked], len(here)),
        _where([chain for chain, one in linked if one["signs"]], len(linked)) if linked else "-",
        Text(str(total), "red") if total else "0",
    )


def _where(chains: list[str], of: int) -> str | Text:
    """Where something is so, out of so many chains."""
    if len(chains) == of:
        return "yes"
    return f"only on {', '.join(chains)}" if chains else Text("no", "red")
