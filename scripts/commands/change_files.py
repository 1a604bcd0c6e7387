"""`replicas --propose`, `replicas sign`, `replicas submit`: a change whose signers sit on hosts apart."""

import json
from pathlib import Path
from typing import Annotated

import typer

from chain.genesis import fingerprint
from scripts import nodes
from scripts.changes import Change, describe, merge, read_changes, write_changes
from scripts.client import client_of, load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.replicas import Edit, Operator, on_all
from scripts.screen import err, out, table, working

File = Annotated[Path, typer.Argument(metavar="FILE", help="As --propose wrote it.")]
Files = Annotated[list[Path], typer.Argument(metavar="FILE...", help="Signed copies of one proposal.")]
Node = Annotated[Path, typer.Option("--node", metavar="FOLDER", help="The node's folder, with its consensus.key.")]


def propose(data: Path, chains: list[str], edit: Edit, file: Path, ahead: int) -> None:
    """Write the change of each chain, unsigned."""
    if file.exists():
        raise CommandFailed(f"{file} exists already; choose another name")
    network = load_network(data)
    with client_of(data, "operator") as client:
        operator = Operator.of(data, client, network["network_id"])
        proposed = [change for change in on_all(chains, lambda one: operator.propose(one, edit, ahead)) if change]
    if not proposed:
        raise CommandFailed("there is nothing to change; see `replicas`")
    write_changes(file, proposed)
    _show(proposed)
    out.print(
        f"Written to {file}. Let a quorum sign it, each with `replicas sign {file} --node FOLDER`; then submit it."
    )


def sign(
    file: File,
    node: Node,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Sign a proposed change with one node's consensus key, after showing what its bytes say."""
    changes = read_changes(file)
    waiting = [node / name for name in (nodes.KEY, nodes.NEXT_KEY) if (node / name).exists()]
    signing = [nodes.key_in(path) for path in waiting]
    network_id = nodes.network_id_of(node)
    foreign = {change.network_id for change in changes} - {network_id.hex()}
    if foreign:
        raise CommandFailed(f"{file} is for another network than the node's, {fingerprint(network_id)}")
    err.print(f"This is what the bytes say 将要签名的内容 (network 网络 {fingerprint(network_id)}):")
    _show(changes)
    if not yes and not typer.confirm("Sign this?", err=True):
        raise CommandFailed("nothing was signed")
    signed = []
    for change in changes:
        found = change
        for key in signing:
            found = found.signed(key) or found
        if found == change:
            raise CommandFailed(
                f"the key in {node} is none of those that sign for {change.chain}, or has signed already"
            )
        signed.append(found)
    write_changes(file, signed)
    out.print(f"Signed in {file} 已签名. {_missing(signed)}")


def submit(files: Files, data: Data = DEFAULT_DATA) -> None:
    """Collect the signatures of all files, send each chain its change, and wait until it is in force."""
    changes = merge(files)
    missing = [why for change in changes if (why := change.lacks())]
    if missing:
        raise CommandFailed("\n".join(missing))
    network = load_network(data)
    by_chain = {change.chain: change for change in changes}
    with client_of(data, "operator") as client, working("Submitting 正在提交") as told:
        operator = Operator.of(data, client, network["network_id"])
        told("in a block of each chain")
        on_all(by_chain, lambda chain: operator.submit(by_chain[chain]))
        told("waiting until it is in force")
        on_all(by_chain, lambda chain: operator.wait_in_force(chain, by_chain[chain].effective_height))
    out.print("In force on 已生效: " + ", ".join(by_chain))


def _missing(changes: list[Change]) -> str:
    lacking = [why for change in changes if (why := change.lacks())]
    return "\n".join(lacking) or "It can be submitted 可以提交."


def _show(changes: list[Change] | tuple[Change, ...]) -> None:
    table(
        "Change of membership 成员变更",
        "chain",
        "in force at",
        "from",
        "to",
        "change",
        "bytes to sign",
        rows=[
            (
                change.chain,
                change.effective_height,
                len(change.old),
                len(change.new),
                describe(change.old, change.new),
                change.message().hex(),
            )
            for change in changes
        ],
    )
    newcomers = {change.newcomer for change in changes if change.newcomer is not None}
    for newcomer in newcomers:
        out.print(
            json.dumps(
                {
                    "name": newcomer.name,
                    "consensus_key": newcomer.consensus_key,
                    "tls_key_digest": newcomer.tls_key_digest,
                }
            )
        )
