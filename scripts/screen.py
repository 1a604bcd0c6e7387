"""What commands show: tables, progress, one line of error. Output that is piped stays plain."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

PIPED_COLUMNS = 160
out = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else PIPED_COLUMNS)
err = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def working(title: str) -> Iterator[Callable[[str], None]]:
    """A spinner with what is being done."""
    with err.status(title) as status:
        yield lambda text: status.update(f"{title}: {text}")


@contextmanager
def counting(title: str, total: int) -> Iterator[Callable[[float], None]]:
    """A progress bar of `total` steps; call with how many are done."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task(title, total=total)
        yield lambda done: progress.update(task, completed=done)


def table(title: str, *columns: str, rows: list[tuple[Any, ...]]) -> None:
    """A small table; a cell shows its text as it is, whatever brackets it has."""
    shown = Table(title=title, title_justify="left", box=None, pad_edge=False, header_style="bold")
    for column in columns:
        shown.add_column(column, overflow="fold")
    for row in rows:
        shown.add_row(*(cell if isinstance(cell, Text) else Text(str(cell)) for cell in row))
    out.print(shown)


def show_network(network: dict[str, Any], chains: list[dict[str, Any]], keys: dict[str, Any] | None) -> None:
    """What a developer wants to see first; without `keys`, because a log keeps what it is told, no private ones."""
    url = network["url"]
    out.print(f"\n[bold]certnet is up[/bold]  {url}   docs {url}/docs")
    out.print(f"network fingerprint 网络指纹  {network['fingerprint']}\n")
    table(
        "Ten chains 十条链",
        "id",
        "name",
        "名称",
        "modelled on",
        "source",
        "height",
        "class",
        rows=[
            (c["id"], c["name"], c["native_name"], c["framework"], c["origin"], c.get("height", "?"), entry["class"])
            for c, entry in zip(chains, network["chains"], strict=True)
        ],
    )
    out.print()
    table(
        "Demo accounts 演示账户",
        "chain",
        "account",
        "address",
        *(["private key (seed)"] if keys else []),
        rows=[
            (
                entry["id"],
                person,
                entry["accounts"][person]["address"],
                *([keys[entry["id"]][person]["seed"]] if keys else []),
            )
            for entry in network["chains"]
            for person in ("platform", "alice")
        ],
    )
    out.print(f"\nAPI key of the platform 平台密钥  [bold]{network['api_keys']['platform']}[/bold]")
    out.print(
        "[yellow]These are demo keys, drawn for this network and kept in plain files: never use them for anything else.\n"
        "这些是演示密钥，明文保存在本地文件中，切勿另作他用。[/yellow]\n"
        "In key-trust mode the gateway can act as its customers: a proof shows that it did, not that they wanted it.\n"
    )
