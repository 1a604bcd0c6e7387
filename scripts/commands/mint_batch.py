"""`mint-batch`: the rows of a file."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from scripts.client import client_of, load_network
from scripts.commands.options import DEFAULT_DATA, Data, Json, Tenant
from scripts.screen import counting, err, out, table
from scripts.typed_calls import address_of, chain_entry

ROWS_SHOWN = 20


def mint_batch(
    file: Annotated[Path, typer.Argument(metavar="FILE.csv", exists=True, dir_okay=False, help="CSV or JSON lines.")],
    chain: Annotated[str, typer.Option(help="Where to mint.")],
    class_: Annotated[str | None, typer.Option("--class", help="Default: the chain's demo class.")] = None,
    holder: Annotated[str, typer.Option(help="For rows without @holder: an address, or alice or bob.")] = "alice",
    skip_bad: Annotated[bool, typer.Option("--skip-bad", help="Leave out rows that do not fit their class.")] = False,
    data: Data = DEFAULT_DATA,
    tenant: Tenant = "platform",
    as_json: Json = False,
) -> None:
    """Mint every row of a file; nothing is minted if a row is wrong, unless --skip-bad."""
    entry = chain_entry(load_network(data), chain)
    with client_of(data, tenant) as client, counting(f"Minting on {chain}", 1) as done:
        job = client.mint_batch(
            file,
            told=lambda job: done(job["minted"] / max(1, job["total"])),
            chain=chain,
            class_=class_ or entry["class"],
            holder=address_of(entry, holder),
            skip_bad="true" if skip_bad else "false",
        )
        rows = client.job_rows(job["id"])
    if as_json:
        out.print_json(json.dumps(job | {"rows": rows}))
    else:
        _show(job, rows)
    if job["refused"]:
        raise typer.Exit(1)


def _show(job: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    out.print(
        f"{job['minted']} minted, {job['refused']} refused, {job['skipped']} left out of {job['total']} rows "
        f"({job['encoding']}); job {job['id']}"
    )
    shown = [row for row in rows if row["outcome"] == "minted"][:ROWS_SHOWN]
    table("First certificates 前几张证书", "line", "id", rows=[(row["line"], row["id"]) for row in shown])
    for row in [row for row in rows if row["outcome"] != "minted"][:ROWS_SHOWN]:
        problem = row["problem"] or {}
        faults = "; ".join(f"{fault['field']} {fault['problem']}" for fault in problem.get("fields", []))
        err.print(f"line {row['line']} {row['outcome']}: {faults or problem.get('detail', '')}")
