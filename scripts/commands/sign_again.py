"""`sign-again`: an operator answers for a replica that does not know what it has signed (protocol 24.2)."""

from typing import Annotated

import typer

from scripts import nodes, processes
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.screen import err, out, working

RISK = """\
{name} does not know what it has signed {where}.
If it has voted for a block that this network has forgotten with it, signing again may certify a second block of the
same height: a fork, and evidence against {name}. Left alone it signs again by itself, once its chains are two blocks
further. Let it sign now only if too few others sign for that to happen (`replicas` shows who does).
该节点不知道自己签过什么。现在就让它重新签名可能造成分叉；只有在其余签名者不足法定人数时才应这样做。"""


def sign_again(
    name: Annotated[str, typer.Argument(metavar="NODE", help="The node's name.")],
    data: Data = DEFAULT_DATA,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Let a replica that has forgotten its votes sign again at once; the node logs that somebody answered for it."""
    home = nodes.home_of(data, name)
    chains = nodes.forgotten(home)
    if not chains:
        raise CommandFailed(f"{name} knows what it has signed; there is nothing to decide")
    err.print(RISK.format(name=name, where=f"on {', '.join(chains)}"), markup=False)
    if not yes and not typer.confirm("Let it sign again?", err=True):
        raise CommandFailed(f"{name} stays as it is")
    running = name in processes.alive(data)
    with working(f"Restarting {name} 正在重启"):
        processes.stop(data, name)
        nodes.may_sign(home, "An operator lets the replicas sign whatever they signed before.")
        if running:
            processes.start(data, name)
    if running:
        out.print(f"{name} signs again 已恢复签名; its log says who let it.")
    else:
        out.print(f"{name} will sign when it is started the next time 下次启动后恢复签名.")
