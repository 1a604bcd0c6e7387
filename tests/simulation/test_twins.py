"""Two machines with one key: agreement holds, and their two stories convict the key."""

from simulation.run import Run
from simulation.swarm import Settings


def run_with_twins(seed: int, *places: int, replicas: int = 4) -> Run:
    settings = Settings(
        seed=seed, replicas=replicas, faults=("isolate",), byzantine=tuple((place, "twin") for place in places)
    )
    return Run(settings)


def test_twins_share_a_place_and_a_key_and_no_disk() -> None:
    machines = run_with_twins(1, 2).cluster.machines
    first, second = machines[2], machines[4]
    assert (first.place, second.place) == (2, 2)
    assert (first.name, second.name) == ("guangzhou", "guangzhou'")
    assert first.sign(b"statement") == second.sign(b"statement")
    assert first.disk is not second.disk
    assert not first.honest
    assert not second.honest


def test_twins_are_heard_now_one_now_the_other_and_agreement_holds() -> None:
    runs = [run_with_twins(seed, seed % 4) for seed in range(8)]
    outcomes = [run.whole() for run in runs]
    assert all(run.twins.shuffles >= 2 for run in runs)
    assert sum(outcome.evidence for outcome in outcomes) >= 1


def test_two_pairs_of_twins_among_seven() -> None:
    assert run_with_twins(1, 0, 3, replicas=7).whole().blocks >= 20
