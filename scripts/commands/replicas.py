"""`replicas`: who certifies the chains, and changes of that (protocol 19.2)."""

import json
from typing import Annotated

import typer

from scripts import nodes, processes
from scripts.client import client_of, gateway_url, load_network
from scripts.commands.change_files import propose, sign, submit
from scripts.commands.options import DEFAULT_DATA, Ahead, Data, Json, Propose
from scripts.membership import address_of, carry_out, chains_of, show_replicas, wait_until_it_takes_part
from scripts.replicas import joined, left, rekeyed, views
from scripts.screen import out, working

Chain = Annotated[str | None, typer.Option("--chain", metavar="CHAIN", help="One chain only; all by default.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The node's name.")]
Address = Annotated[str | None, typer.Option(metavar="HOST:PORT", help="Where the others reach it; a free port here.")]
Keep = Annotated[bool, typer.Option("--keep-running", help="Let it follow the chains without a vote.")]
app = typer.Typer(help="The replicas of each chain, and changes of them. 各链的副本及其变更。")
app.command("sign")(sign)
app.command("submit")(submit)


@app.callback(invoke_without_command=True)
def replicas(context: typer.Context, data: Data = DEFAULT_DATA, as_json: Json = False) -> None:
    """Show who the replicas of each chain are, who is connected and signs, who was convicted, what is pending."""
    if context.invoked_subcommand is not None:
        return
    with client_of(data, "platform") as client:
        found = views(client, chains_of(data, None))
    if as_json:
        out.print_json(json.dumps({"url": gateway_url(load_network(data)), "chains": found}))
    else:
        show_replicas(found)


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
    chains = chains_of(data, chain)
    edit = joined(nodes.make_newcomer(data, name, address_of(address)))
    if propose_to is not None:
        propose(data, chains, edit, propose_to, ahead)
        return
    if name not in processes.alive(data):
        processes.start(data, name)
    carry_out(data, chains, edit, f"Letting {name} join 正在加入")
    wait_until_it_takes_part(data, chains, name)
    out.print(f"{name} is a replica now 已成为副本.")


@app.command("remove")
def remove(
    name: Name,
    data: Data = DEFAULT_DATA,
    chain: Chain = None,
    keep: Keep = False,
    propose_to: Propose = None,
    ahead: Ahead = 20,
) -> None:
    """Take a replica out: it votes no more once that is in force, and ends. Its folder stays."""
    nodes.home_of(data, name)
    chains = chains_of(data, chain)
    if propose_to is not None:
        propose(data, chains, left(name), propose_to, ahead)
        return
    carry_out(data, chains, left(name), f"Taking {name} out 正在移除")
    if chain is None and not keep:
        processes.forget(data, name)
    out.print(f"{name} is no replica any more 不再是副本.")


@app.command("rekey")
def rekey(name: Name, data: Data = DEFAULT_DATA, propose_to: Propose = None, ahead: Ahead = 20) -> None:
    """Give a replica a new consensus key, on all chains, for a node has one; its TLS key stays."""
    chains = chains_of(data, None)
    edit = rekeyed(nodes.make_next_key(data, name))
    if propose_to is not None:
        propose(data, chains, edit, propose_to, ahead)
        out.print(f"When that is in force, rename {nodes.NEXT_KEY} of {name} to {nodes.KEY} and start it again.")
        return
    carry_out(data, chains, edit, f"Giving {name} a new key 正在更换密钥")
    with working(f"Restarting {name} 正在重启"):
        processes.stop(data, name)
        nodes.take_next_key(data, name)
        processes.start(data, name)
    wait_until_it_takes_part(data, chains, name)
    out.print(f"{name} has a new key 已更换密钥. The old one counts no more.")
