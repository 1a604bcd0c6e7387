"""`down`: end a network's processes."""

from scripts import processes
from scripts.client import load_network
from scripts.commands.options import DEFAULT_DATA, Data
from scripts.screen import out


def down(data: Data = DEFAULT_DATA) -> None:
    """End the network's processes; its data stays."""
    load_network(data)
    count = processes.stop_all(data)
    out.print(f"Ended {count} processes; the data stays in {data}." if count else f"Nothing runs in {data}.")
