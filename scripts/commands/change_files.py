"""`replicas ... --propose`, `replicas sign`, `replicas submit`: a change whose signers sit on hosts apart."""

from pathlib import Path
from typing import Annotated

import typer

from chain.genesis import fingerprint
from scripts import nodes
from scripts.changes import merge, read_changes, sign_all, write_changes
from scripts.client import client_of, load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.membership import show_changes
from scripts.replicas import Edit, Operator, on_all
from scripts.screen import err, out, working

File = Annotated[Path, typer.Argument(metavar="FILE", help="As --propose wrote it.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Signed copies of one proposal.")]
Node = Annotated[Path, typer.Option("--node", metavar="FOLDER", help="The node's folder, with its consensus.key.")]


def propose(data: Path, chains: list[str], edit: Edit, file: Path, ahead: int) -> None:
    """Write the change of each chain, unsigned."""
    if file.exists():
        raise CommandFailed(f"{file} exists already; choose another name")
    with client_of(data, "operator") as client:
        operator = Operator.of(data, client, load_network(data)["network_id"])
        proposed = [change for change in on_all(chains, lambda one: operator.propose(one, edit, ahead)) if change]
    if not proposed:
        raise CommandFailed("there is nothing to change; see `replicas`")
    write_changes(file, proposed)
    show_changes(proposed)
    out.print(f"Written to {file}. A quorum signs it, each with `replicas sign {file} --node FOLDER`; then submit it.")


def sign(file: File, node: Node, yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False) -> None:
    """Sign a proposed change with one node's consensus key, after showing what its bytes say."""
    changes = read_changes(file)
    network_id = nodes.network_id_of(node)
    if {change.network_id for change in changes} != {network_id.hex()}:
        raise CommandFailed(f"{file} is for another network than the node's, {fingerprint(network_id)}")
    err.print(f"This is what the bytes say 将要签名的内容 (network 网络 {fingerprint(network_id)}):")
    show_changes(changes)
    if not yes and not typer.confirm("Sign this?", err=True):
        raise CommandFailed("nothing was signed")
    signed = sign_all(changes, nodes.keys_of(node))
    write_changes(file, signed)
    lacking = "\n".join(why for change in signed if (why := change.lacks()))
    out.print(f"Signed in {file} 已签名. {lacking or 'It can be submitted 可以提交.'}")


def submit(files: Files, data: Data = DEFAULT_DATA) -> None:
    """Collect the signatures of all files, send each chain its change, and wait until it is in force."""
    by_chain = {change.chain: change for change in merge(files)}
    missing = [why for change in by_chain.values() if (why := change.lacks())]
    if missing:
        raise CommandFailed("\n".join(missing))
    with client_of(data, "operator") as client, working("Submitting 正在提交") as told:
        operator = Operator.of(data, client, load_network(data)["network_id"])
        told("in a block of each chain")
        on_all(by_chain, lambda chain: operator.submit(by_chain[chain]))
        told("waiting until it is in force")
        on_all(by_chain, lambda chain: operator.wait_in_force(chain, by_chain[chain].effective_height))
    out.print("In force on 已生效: " + ", ".join(by_chain))
