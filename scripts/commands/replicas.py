"""`replicas`: who certifies the chains, and the change of that (protocol 19.2)."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from scripts import nodes, processes
from scripts.changes import describe
from scripts.client import client_of, gateway_url, load_network
from scripts.commands.change_files import propose, sign, submit
from scripts.commands.options import DEFAULT_DATA, Data, Json
from scripts.errors import CommandFailed
from scripts.replicas import Edit, Operator, View, entries, joined, left, on_all, rekeyed, views
from scripts.screen import err, out, table, working

Chain = Annotated[str | None, typer.Option("--chain", metavar="CHAIN", help="One chain only; all by default.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")]
Propose = Annotated[
    Path | None, typer.Option("--propose", metavar="FILE", help="Write the change for others to sign; send nothing.")
]
Ahead = Annotated[
    int, typer.Option("--ahead", min=3, max=900, help="With --propose: in how many blocks it takes effect.")
]
Address = Annotated[
    str | None, typer.Option("--address", metavar="HOST:PORT", help="Where the others reach it; a free port here.")
]
app = typer.Typer(help="The replicas of each chain, and changes of them. 各链的副本及其变更。")
app.command("sign")(sign)
app.command("submit")(submit)


@app.callback(invoke_without_command=True)
def replicas(context: typer.Context, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Show who the replicas of each chain are, who is connected and signs, who was convicted, what is pending."""
    if context.invoked_subcommand is not None:
        return
    network = load_network(data)
    with client_of(data, "platform") as client:
        found = views(client, [entry["id"] for entry in network["chains"]])
    if as_json:
        out.print_json(json.dumps({"url": gateway_url(network), "chains": found}))
        return
    _show(found)


@app.command("add")
def add(
    name: Name,
    data: Data = DEFAULT_DATA,
    chain: Chain = None,
    address: Address = None,
    propose_to: Propose = None,
    ahead: Ahead = 20,
) -> None:
    """Make a node with keys of its own, start it, and let it join: it follows first, and votes once it is in force."""
    if not name.replace("-", "").isalnum() or name != name.lower() or not name[:1].isalpha():
        raise CommandFailed(f"a node's name is of a-z, 0-9 and hyphens and begins with a letter; {name!r} is not")
    load_network(data)
    edit = joined(nodes.make_newcomer(data, name, _address(address)))
    if propose_to is not None:
        propose(data, _chains(data, chain), edit, propose_to, ahead)
        return
    if name not in processes.alive(data):
        processes.start(data, name)
    _carry_out(data, chain, edit, f"Letting {name} join 正在加入")
    _wait_until_it_takes_part(data, chain, name)
    out.print(f"{name} is a replica now 已成为副本.")


@app.command("remove")
def remove(
    name: Name,
    data: Data = DEFAULT_DATA,
    chain: Chain = None,
    keep: Annotated[bool, typer.Option("--keep-running", help="Let it follow the chains without a vote.")] = False,
    propose_to: Propose = None,
    ahead: Ahead = 20,
) -> None:
    """Take a replica out: it votes no more once that is in force. Its folder stays."""
    if propose_to is not None:
        propose(data, _chains(data, chain), left(name), propose_to, ahead)
        return
    _carry_out(data, chain, left(name), f"Taking {name} out 正在移除")
    if chain is None and not keep:
        processes.forget(data, name)
    out.print(f"{name} is no replica any more 不再是副本.")


@app.command("rekey")
def rekey(name: Name, data: Data = DEFAULT_DATA, propose_to: Propose = None, ahead: Ahead = 20) -> None:
    """Give a replica a new consensus key, on all chains: a node has one. Its TLS key stays."""
    edit = rekeyed(nodes.make_next_key(data, name))
    if propose_to is not None:
        propose(data, _chains(data, None), edit, propose_to, ahead)
        out.print(
            f"When it is in force, rename {nodes.NEXT_KEY} to {nodes.KEY} in the folder of {name} and restart it."
        )
        return
    _carry_out(data, None, edit, f"Giving {name} a new key 正在更换密钥")
    with working(f"Restarting {name} 正在重启"):
        processes.stop(data, name)
        nodes.take_next_key(data, name)
        processes.start(data, name)
    _wait_until_it_takes_part(data, None, name)
    out.print(f"{name} has a new key 已更换密钥. The old one signs nothing any more.")


def _carry_out(data: Path, chain: str | None, edit: Edit, title: str) -> None:
    network = load_network(data)
    signing = list(nodes.keys(data))
    with client_of(data, "operator") as client, working(title) as told:
        told("the replicas here sign; then it takes two more blocks")
        operator = Operator.of(data, client, network["network_id"])
        on_all(_chains(data, chain), lambda one: operator.carry_out(one, edit, signing))


def _wait_until_it_takes_part(data: Path, chain: str | None, name: str) -> None:
    with client_of(data, "platform") as client, working(f"Waiting for {name} 正在等待") as told:
        processes.wait_for(lambda: _takes_part(views(client, _chains(data, chain)), name, told), f"{name} to take part")


def _takes_part(found: list[View], name: str, told: Callable[[str], None]) -> bool:
    """Whether a replica is connected, at the head and signs, on all these chains."""
    missing = [
        view["chain"]
        for view in found
        if name in view["behind"]
        or not any(one["name"] == name and one["connected"] and one["signs"] for one in view["replicas"])
    ]
    told(", ".join(missing))
    return not missing


def _chains(data: Path, chain: str | None) -> list[str]:
    known = [entry["id"] for entry in load_network(data)["chains"]]
    if chain is None:
        return known
    if chain not in known:
        raise CommandFailed(f"there is no chain {chain!r}; there are {', '.join(known)}")
    return [chain]


def _address(text: str | None) -> tuple[str, int] | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 1 <= int(port) <= 65_535:
        raise CommandFailed(f"--address is {text!r}; give HOST:PORT")
    return host, int(port)


def _show(found: list[View]) -> None:
    """One line per replica; chains are named only where they differ."""
    names = list(dict.fromkeys(one["name"] for view in found for one in view["replicas"]))
    table(
        "Replicas 副本",
        "name",
        "consensus key",
        "chains",
        "connected",
        "signs",
        "convictions",
        rows=[_line(found, name) for name in names],
    )
    seen_by = ", ".join(sorted({view["seen_by"] for view in found}))
    sizes = sorted({f"{view['quorum']} of {len(view['replicas'])}" for view in found})
    out.print(f"\nas seen by {seen_by}; a quorum is {', '.join(sizes)} 法定人数")
    pending = [view for view in found if view["change"] is not None]
    if pending:
        out.print()
        table(
            "Pending changes 待生效变更",
            "chain",
            "height",
            "in force at",
            "change",
            rows=[
                (
                    view["chain"],
                    view["height"],
                    view["change"]["effective_height"],
                    describe(entries(view["replicas"]), entries(view["change"]["replicas"])),
                )
                for view in pending
            ],
        )
    for view in found:
        if view["waits_for"]:
            err.print(f"{view['chain']} waits: {view['why'] or view['waits_for']}")


def _line(found: list[View], name: str) -> tuple[str, ...]:
    here = [(view["chain"], one) for view in found for one in view["replicas"] if one["name"] == name]
    total = sum(one["convictions"] for _, one in here)
    return (
        name,
        ", ".join(dict.fromkeys(f"{one['consensus_key'][:16]}…" for _, one in here)),
        _where(found, [chain for chain, _ in here]),
        _where(found, [chain for chain, one in here if one["connected"]], len(here)),
        _where(found, [chain for chain, one in here if one["signs"]], len(here)),
        f"[red]{total}[/red]" if total else "0",
    )


def _where(found: list[View], chains: list[str], of: int | None = None) -> str:
    """Chains by name, or how many if that says it all."""
    if len(chains) == (len(found) if of is None else of):
        return "all" if of is None else "yes"
    return ", ".join(chains) or ("-" if of is None else "[red]no[/red]")
