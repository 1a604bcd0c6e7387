"""`simulate`: the deterministic simulator."""

from pathlib import Path
from typing import Annotated

import typer

from scripts.errors import CommandFailed
from scripts.simulations_shown import show_defects, show_many, show_one, show_twins
from simulation.twin_scenarios import VIEWS

USAGE = 2


def simulate(
    seed: Annotated[int | None, typer.Option("--seed", min=0, help="Run this one and show what happens.")] = None,
    seeds: Annotated[int | None, typer.Option("--seeds", min=1, help="Run so many, on all cores.")] = None,
    first: Annotated[int, typer.Option("--first", min=0, help="The first of them.")] = 0,
    replicas: Annotated[
        int | None, typer.Option("--replicas", min=4, max=13, help="So many, whatever the seed says.")
    ] = None,
    twins: Annotated[
        bool,
        typer.Option("--twins", help="With seeds: who lies is a twin. Alone: four replicas and a twin, every way."),
    ] = False,
    defects: Annotated[
        bool, typer.Option("--defects", help="Break one rule after the other: the first of --seeds to notice each.")
    ] = False,
    views: Annotated[int, typer.Option("--views", min=1, max=4, help="Of twins, through so many views.")] = VIEWS,
    markdown: Annotated[
        Path | None, typer.Option("--markdown", help="Write what many seeds have shown into this file.")
    ] = None,
) -> None:
    """Break a network in a simulated world: every accident is drawn from the seed, and the seed repeats it exactly."""
    if (seed is not None) + (seeds is not None) + (twins and seed is None and seeds is None) != 1:
        raise CommandFailed("say --seed N for one run with its transcript, --seeds N for many, or --twins", USAGE)
    if defects and seeds is not None:
        show_defects(seeds)
    elif seed is not None:
        show_one(seed, replicas, twins)
    elif seeds is not None:
        show_many(first, seeds, replicas, twins, markdown)
    else:
        show_twins(views)
