"""The same history gives the same bytes: under any hash seed, any order of mappings and every version of Python.

What the file holds was written by one Python and is played by all that ever run these tests.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

import msgspec
import pytest
import rfc8785

from chain.codec import encode
from chain.digests import sha256
from chain.genesis import GenesisMalformed
from chain.state import Layer
from contracts import genesis, registry
from contracts.interface import ContractContext
from contracts.keys import tariff_key
from contracts.purses import Tariff
from tests.contracts import determinism
from tests.contracts.determinism import FILE, Chain, History, Order, blocks, lines, ordered, recorded, written
from tests.contracts.other_pythons import NoPackages, environment, others

ROOT = FILE.parents[2]
HASH_SEEDS = ("0", "4242")
DEFINE = ("classes", "defineClass")
SET_IN_BYTES = """
from unittest import mock
from contracts import registry
from tests.contracts import determinism
import dataclasses, sys
place = ("classes", "defineClass")
method = registry.METHODS[place]
def effect(context, arguments):
    method.effect(context, arguments)
    context.emit("Methods", ",".join({name for _, name in context.catalogue}))
with mock.patch.dict(registry.METHODS, {place: dataclasses.replace(method, effect=effect)}):
    sys.exit(determinism.main([]))
"""
"""A contract that tells a set as it is iterated."""


def played(*arguments: str, python: Path | str = sys.executable, hash_seed: str = "0", code: str = "") -> list[str]:
    """The lines of another process."""
    program = ["-c", code] if code else ["-m", "tests.contracts.determinism", *arguments]
    surroundings = {"PATH": os.environ["PATH"], "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([python, *program], cwd=ROOT, env=surroundings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("order", [(), ("--shuffled", "1"), ("--shuffled", "2")])
@pytest.mark.parametrize("hash_seed", HASH_SEEDS)
def test_neither_hash_seed_nor_order_shows(hash_seed: str, order: tuple[str, ...]) -> None:
    assert played(*order, hash_seed=hash_seed) == written()


def test_every_other_python_on_this_machine_gives_the_same_lines() -> None:
    if not others():
        pytest.skip(f"this machine has no working CPython 3.11 to 3.13 but {sys.version.split()[0]}")
    for minor, path in others().items():
        try:
            python = environment(path, minor)
        except NoPackages as why:
            pytest.skip(f"no packages for Python 3.{minor}: {why}")
        for number, hash_seed in enumerate(HASH_SEEDS):
            assert played("--shuffled", str(number), python=python, hash_seed=hash_seed) == written(), path


def test_what_the_model_draws_is_the_same_under_any_hash_seed() -> None:
    one, other = (played("--seed", "7", "--calls", "1000", hash_seed=hash_seed) for hash_seed in HASH_SEEDS)
    assert one == other
    assert len(one) > 5
    assert one != played("--seed", "11", "--calls", "1000")


def test_a_set_in_what_a_contract_tells_is_noticed() -> None:
    one, other, again = (played(code=SET_IN_BYTES, hash_seed=hash_seed) for hash_seed in (*HASH_SEEDS, "0"))
    assert one == again
    assert one != other
    assert [line.split()[:2] for line in one] == [line.split()[:2] for line in other]


@cache
def history() -> History:
    return recorded()["wuhan"][:600]


def shuffled_lines(seed: int) -> list[str]:
    """Of one of many orders, without the views: few of them are about so short a history."""
    with mock.patch.object(determinism, "answers", return_value=b""):
        return lines("wuhan", history(), Order(Random(seed)))


@contextmanager
def first_method_told() -> Iterator[None]:
    """A contract that tells which method comes first."""
    method = registry.METHODS[DEFINE]

    def effect(context: ContractContext, arguments: Any) -> None:
        method.effect(context, arguments)
        context.emit("First", *next(iter(context.catalogue)))

    with mock.patch.dict(registry.METHODS, {DEFINE: replace(method, effect=effect)}):
        yield


@contextmanager
def fees_as_they_come() -> Iterator[None]:
    """A first state whose fees stand as the profile has them."""

    def tariffs(rules: Any) -> dict[bytes, bytes]:
        return {
            tariff_key(contract): encode(Tariff(registered=True, fees=tuple(own.items())))
            for contract, own in rules.profile.fees.items()
        }

    with mock.patch.object(genesis, "_tariffs", tariffs):
        yield


@contextmanager
def access_list_as_it_comes() -> Iterator[None]:
    """A first state whose lists of methods stand as the catalogue has them."""
    with mock.patch.object(genesis, "sorted", list, create=True):
        yield


@contextmanager
def writes_as_they_come() -> Iterator[None]:
    """A state whose root depends on which key was written first."""
    real = determinism.layer

    def layer(view: Any, values: Any) -> Layer:
        sealed = real(view, values)
        return replace(sealed, root=sha256(sealed.root + b"".join(values)))

    with mock.patch.object(determinism, "layer", layer):
        yield


FAULTS = (first_method_told, fees_as_they_come, access_list_as_it_comes, writes_as_they_come)


def test_no_order_of_many_shows() -> None:
    assert len({tuple(shuffled_lines(seed)) for seed in range(8)}) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_whatever_depends_on_an_order_is_noticed(fault: Any) -> None:
    with fault():
        assert len({tuple(shuffled_lines(seed)) for seed in range(8)}) > 1


def test_json_that_is_as_it_comes_is_noticed() -> None:
    with mock.patch.object(rfc8785, "dumps", msgspec.json.encode), pytest.raises(GenesisMalformed, match="canonical"):
        shuffled_lines(1)


def test_the_history_speaks_of_all_contracts() -> None:
    applied, codes = set(), set()
    real = determinism.Receipt

    def receipt(**fields: Any) -> Any:
        codes.add(fields["code"])
        return real(**fields)

    with ordered(Order()), mock.patch.object(determinism, "Receipt", receipt):
        for chain_id, calls in recorded().items():
            chain = Chain(chain_id, Order())
            for block in blocks(calls):
                chain.block(block[0].time, block)
            applied |= chain.applied
    assert {contract for contract, _ in applied} == {contract for contract, _ in registry.METHODS}
    assert applied >= {("system", name) for name in ("touch", "reportEvidence", "changeMembership")}
    assert len(applied) >= 100
    assert len(codes) >= 100
