"""Scenarios of pauses, disks, networks, restarts, other settings and whole worlds, by their numbers (docs/scenarios.md)."""

import subprocess
import sys
from collections.abc import Sequence
from os import environ
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from chain.genesis import GenesisMalformed, parse_genesis
from chain.profiles import load_profiles
from node.consensus.messages import Commit
from node.execution import BlockFault
from node.ledger import Ledger, LedgerMismatch
from node.storage.memory import MemoryStore
from simulation.disk import Group
from simulation.faults import NIGHT_MS
from simulation.foundation import found
from simulation.machine import CALLS, Doom
from simulation.run import Run
from simulation.swarm import CHAINS, FAULTS, Settings
from tests.chain.small_genesis import document_of
from tests.simulation.script import Script, says

ROOT = Path(__file__).resolve().parents[2]


class Fate:
    """A disk whose unsynced records have one fate."""

    def __init__(self, fate: str) -> None:
        self.fate = fate

    def choice(self, _fates: Sequence[Any]) -> str:
        return self.fate


@pytest.mark.parametrize("replicas", [4, 6])
def test_s17_f_and_one_that_stand_still_beyond_the_window_go_on(replicas: int) -> None:
    """A block is proposed when f + 1 stop; they go on a minute later, far beyond what clocks may differ."""
    script = Script(replicas)
    script.commit()
    stopped = range(script.cluster.foundation.membership.quorum - 1, replicas)
    for number in stopped:
        script.cluster.pause(script.machines[number])
    script.ask(at=0)
    script.go(60_000)
    assert script.height(0) == 1
    assert all(script.machines[number].backlog for number in stopped)
    for number in stopped:
        script.cluster.resume(script.machines[number])
    script.until(lambda: all(script.height(number) >= 2 for number in range(replicas)))
    assert script.finish().checks["block time"] >= 2


@pytest.mark.parametrize("power", [True, False])
def test_s17_a_block_that_was_pending_over_a_night_is_committed_in_the_morning(power: bool) -> None:
    """Everybody sleeps with a proposal on its way, with or without power."""
    script = Script()
    script.commit()
    lost = script.withhold(says(Commit))
    script.ask()
    script.until(lambda: all(script.host(number).replica.prepared is not None for number in range(4)))
    script.cluster.sleep(NIGHT_MS)
    script.let_through(lost)
    if not power:
        script.crash(*range(4))
        script.start(*range(4))
    script.until(lambda: all(script.height(number) == 2 for number in range(4)))
    first, second = (script.host(0).ledger.block(height).committed.header.time for height in (1, 2))
    assert first < second < first + NIGHT_MS
    script.commit()
    assert script.host(0).ledger.head.header.time >= first + NIGHT_MS
    script.finish()


@pytest.mark.parametrize("replicas", [4, 7])
def test_s22_one_whose_execution_gives_something_else_refuses_and_the_others_go_on(replicas: int) -> None:
    """Its machine computes wrongly; repaired and started again it has what the others have."""
    script = Script(replicas)
    script.commit()
    odd = replicas - 1
    script.host(odd).ledger.execute = lambda block, known: BlockFault("state_root differs")  # type: ignore[method-assign]
    rest = range(odd)
    script.commit(3, at=rest)
    assert script.height(odd) == 1
    assert script.noted("state_root differs") > 0
    script.crash(odd)
    script.start(odd)
    script.until(lambda: script.height(odd) == 4)
    script.finish()
    assert script.host(odd).ledger.state.root == script.host(0).ledger.state.root


def test_s22_a_second_process_with_other_hashes_has_the_same_roots() -> None:
    """The last digest of a run that is executed under another order of hashes."""
    program = (
        "from tests.simulation.script import Script; script = Script(); script.commit(5);"
        "print(script.host(0).ledger.head.digest.hex(), script.host(0).ledger.state.root.hex())"
    )
    assert len({printed(program, hashes) for hashes in ("1", "2")}) == 1


def printed(program: str, hash_seed: str) -> str:
    """What a Python program prints in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.mark.parametrize("fate", ["lost", "torn", "whole"])
@pytest.mark.parametrize("victim", [0, 2])
@pytest.mark.parametrize("call", CALLS)
def test_s24_a_crash_at_every_kind_of_write_loses_nothing(call: str, victim: int, fate: str) -> None:
    """The primary or a backup dies at its n-th append, sync, send, flush and so on, for every n that comes up."""
    died = 0
    for calls in range(4):
        script = Script(flush_us=300_000)
        machine = script.machines[victim]
        machine.random = Fate(fate)  # type: ignore[assignment]
        script.commit()
        machine.doom = Doom(calls, call)
        script.ask(3, at=1)
        script.go(3_000)
        died += call in machine.died_at
        machine.random = script.cluster._random
        script.finish()
    assert died > 0


@pytest.mark.parametrize("fate", ["lost", "torn", "whole"])
@pytest.mark.parametrize("moment", range(8))
def test_s24_power_fails_everywhere_at_once(fate: str, moment: int) -> None:
    """At any moment of a height; what was acknowledged is there afterwards."""
    script = Script(sync_us=5_000)
    script.commit()
    script.ask(2)
    script.go(3 * moment)
    for machine in script.machines:
        usual, machine.random = machine.random, Fate(fate)  # type: ignore[assignment]
        script.crash(machine.number)
        machine.random = usual
    assert script.record.crashes == 4
    script.start(*range(4))
    assert script.finish().checks["kept"] > 0


@pytest.mark.parametrize("damage", ["torn end", "middle", "zeros", "truncated", "misdirected"])
def test_s24_a_damaged_log_is_cut_or_refused_and_the_replica_comes_back(damage: str) -> None:
    """A torn end is cut off; damage before it stops the node, which starts anew and abstains until it may sign."""
    script = Script()
    script.commit(4)
    script.crash(2)
    machine = script.machines[2]
    script.cluster.forgetful.add(2)
    log = machine.disk.segments[-1]
    match damage:
        case "torn end":
            log[-1].whole = False
        case "middle":
            log[len(log) // 2].whole = False
        case "zeros":
            log[1:] = [Group((b"",), whole=False) for _ in log[1:]]
        case "truncated":
            del log[2:]
        case _:
            log[0], log[-1] = Group(log[0].records, whole=False), log[0]
    script.start(2)
    assert machine.process is not None
    script.commit(3, at=[0, 1, 3])
    script.until(lambda: script.height(2) == 7)
    script.until(lambda: not script.host(2).replica.abstains)
    script.finish()


BROKEN_NETWORKS = {
    "loss": {"loss": 0.3},
    "duplication": {"duplication": 0.5},
    "reordering": {"reordering": True, "delay_us": 30_000},
    "all of it": {"loss": 0.2, "duplication": 0.3, "reordering": True, "delay_us": 20_000},
}


@pytest.mark.parametrize("replicas", [4, 5, 10])
@pytest.mark.parametrize("what", BROKEN_NETWORKS)
def test_s29_a_network_that_loses_doubles_and_reorders_brings_everything(what: str, replicas: int) -> None:
    """Thirty in a hundred lost, half doubled, frames that overtake each other."""
    script = Script(replicas, requests=15, **BROKEN_NETWORKS[what])  # type: ignore[arg-type]
    script.run.clients.begin()
    script.go(8_000)
    outcome = script.finish()
    assert what not in ("loss", "all of it") or outcome.lost > 50
    assert what not in ("duplication", "all of it") or outcome.doubled > 50


@pytest.mark.parametrize(
    "kind", [kind for kind in FAULTS if kind in ("one-way", "minority", "bridge", "isolate", "flapping", "clog")]
)
def test_s29_links_that_are_cut_and_clogged_in_every_way_heal(kind: str) -> None:
    """Symmetric, one-way, with a bridge, flapping: again and again, and everything is committed afterwards."""
    injected = 0
    for seed in range(3):
        settings = Settings(seed=seed, faults=(kind,), between_faults_us=300_000, safety_us=5_000_000)
        injected += Run(settings).whole().faults[kind]
    assert injected >= 12


@pytest.mark.parametrize("noticed", [True, False])
def test_s29_a_minority_answers_no_write(noticed: bool) -> None:
    """Two of seven, the primary among them, are apart from the others: they tell of nothing."""
    script = Script(7)
    script.commit()
    script.go(1_000)
    apart = script.apart([0, 1], noticed=noticed)
    script.ask(3, at=0)
    script.ask(2, at=4)
    script.until(lambda: script.height(4) >= 2)
    script.go(5_000)
    assert [script.height(number) for number in (0, 1)] == [1, 1]
    assert script.cluster.network.lost > 0 or noticed
    script.mend(apart)
    script.finish()


def test_s31_a_network_that_cannot_work_is_not_begun() -> None:
    """Three replicas, a doubled name or key, another network's data, timers in the wrong relation: each by its reason."""
    document = document_of(("nanjing",))
    three = replace(document, replicas=document.replicas[:3])
    with pytest.raises(GenesisMalformed):
        parse_genesis(three.canonical())
    first, second, *rest = document.replicas
    for field in ("name", "consensus_key", "tls_key_digest"):
        doubled = replace(document, replicas=(first, replace(second, **{field: getattr(first, field)}), *rest))
        with pytest.raises(GenesisMalformed, match="once"):
            parse_genesis(doubled.canonical())
    here, there = found(4, "nanjing"), found(5, "nanjing")
    store = MemoryStore()
    Ledger(here.rules, here.genesis, store)
    with pytest.raises(LedgerMismatch, match="another network"):
        Ledger(there.rules, there.genesis, store)
    assert all(profile.progress_ticks >= 10 for profile in load_profiles().values())


@pytest.mark.parametrize("replicas", [4, 13])
@pytest.mark.parametrize("how", ["at once", "one after the other", "without the last commits"])
def test_s32_the_whole_network_is_restarted(how: str, replicas: int) -> None:
    """All processes die in the middle of a height, and come back together, one by one, or without the last votes."""
    script = Script(replicas)
    script.commit(2)
    if how == "without the last commits":
        script.withhold(lost := says(Commit))
        script.ask()
        script.until(lambda: all(script.host(number).replica.prepared is not None for number in range(replicas)))
        script.let_through(lost)
    else:
        script.ask()
        script.go(4)
    script.crash(*range(replicas))
    assert script.record.crashes == replicas
    for number in range(replicas):
        script.start(number)
        if how == "one after the other":
            script.go(700)
    script.until(lambda: all(script.height(number) == 3 for number in range(replicas)) or script.height(0) == 2)
    script.commit()
    script.finish()


def ten_worlds(broken: str) -> dict[str, str]:
    """Ten chains at once, in turns of a tenth of a second; the fifth may be broken. Trace by chain."""
    runs = []
    for number, chain_id in enumerate(CHAINS):
        hurt = number == 4 and broken != "nothing"
        liars = ((3, "future-view-spam"),) if hurt and broken == "flooded" else ()
        faults = ("crash-all", "flip") if hurt and broken in ("killed", "corrupted") else ()
        runs.append(
            Run(
                Settings(
                    seed=number,
                    chain_id=chain_id,
                    requests=6,
                    blocks_min=1,
                    byzantine=liars,
                    faults=faults,
                    between_faults_us=200_000,
                )
            )
        )
    for run in runs:
        run._begin()
    for turn in range(1, 61):
        for run in runs:
            run.cluster.clock.run(turn * 100_000)
    traces = {run.settings.chain_id: run.cluster.transcript.trace_hash for run in runs}
    assert all(run.agreement.blocks for run in runs if run.settings.chain_id != CHAINS[4])
    assert broken == "nothing" or sum((runs[4].faults.injected + runs[4].lies).values()) > 0
    return traces


def test_s35_what_befalls_one_of_ten_chains_changes_no_other() -> None:
    """One is killed and corrupted, or flooded: the traces of the nine others are the same to the last frame."""
    quiet = ten_worlds("nothing")
    for broken in ("killed", "flooded"):
        traces = ten_worlds(broken)
        changed = {chain_id for chain_id in CHAINS if traces[chain_id] != quiet[chain_id]}
        assert changed == {CHAINS[4]}
