"""`rebuild-index`: throw the gateway's index away and fill it from the ledger."""

from scripts import processes
from scripts.client import load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.errors import CommandFailed
from scripts.screen import out


def rebuild_index(data: Data = DEFAULT_DATA) -> None:
    """Empty the index; the gateway fills it from the ledger's blocks. A running gateway is started again."""
    network = load_network(data)
    if not (data / "gateway" / "gateway.json").exists():
        raise CommandFailed(f"the gateway's folder is not in {data}; run this where it is")
    was_running = processes.GATEWAY in processes.alive(data)
    processes.stop(data, processes.GATEWAY)
    for path in (data / "gateway").glob("index.db*"):
        path.unlink()
    if was_running:
        processes.start(data, processes.GATEWAY)
        processes.wait_ready(data, network["url"])
    out.print("The index is empty and fills from the ledger" + (" now." if was_running else " at the next start."))
