"""`python -m tests.contracts.model --seeds N --calls M`: many runs on all cores, then what they have shown."""

import argparse
import sys
import time

from tests.contracts.model.play import Tally
from tests.contracts.model.report import faults, table
from tests.contracts.model.runs import all_played


def main(arguments: list[str]) -> int:
    """The exit status: 0 if the chain is what the model says and everything was seen."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.model", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many runs")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    parser.add_argument("--calls", type=int, default=10_000, help="calls of each run")
    given = parser.parse_args(arguments)
    begun, tally, wrong = time.monotonic(), Tally(), []
    seeds = range(given.first, given.first + given.seeds)
    for seed, done, differs in all_played(seeds, given.calls):
        tally.update(done)
        wrong += [differs] if differs else []
        print(f"seed {seed}: {done.total():,} calls; {differs or 'no difference'}", file=sys.stderr, flush=True)
    print(f"seeds {seeds.start} to {seeds.stop - 1}, {given.calls:,} calls each, {time.monotonic() - begun:.0f} s")
    wrong += faults(tally)
    print(*table(tally), "", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
