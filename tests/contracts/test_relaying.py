"""Relayed calls are free and limited, for each account and block (protocol 33.3)."""

import pytest

from contracts.interface import ContractReverted
from contracts.keys import relays_key
from contracts.relaying import RELAYS_MAX, Relays, relays_of
from tests.contracts.crossing_spoils import SOURCE, TARGET
from tests.interop.world import World, world_to_move


def world() -> World:
    on = world_to_move(SOURCE, TARGET)
    on.attest(SOURCE, TARGET)
    on.touch(SOURCE)
    return on


def test_every_relayed_call_counts_in_its_block() -> None:
    on = world()
    on.refresh(SOURCE, TARGET)
    counted = relays_of(on[TARGET].records, on[TARGET].address("relayer"))
    assert counted == Relays(height=on[TARGET].height - 1, count=1)


def test_one_more_than_the_limit_is_refused_to_that_account_and_in_that_block_alone() -> None:
    on = world()
    chain = on[TARGET]
    full = Relays(height=chain.height + 1, count=RELAYS_MAX)
    chain.write(relays_key(chain.address("relayer")), full)
    with pytest.raises(ContractReverted, match="relays-too-many"):
        on.refresh(SOURCE, TARGET)
    on.refresh(SOURCE, TARGET, sender="second")
    on.touch(SOURCE)
    on.refresh(SOURCE, TARGET)  # in a later block


def test_the_last_one_within_the_limit_is_taken() -> None:
    on = world()
    chain = on[TARGET]
    chain.write(relays_key(chain.address("relayer")), Relays(height=chain.height + 1, count=RELAYS_MAX - 1))
    on.refresh(SOURCE, TARGET)
    counted = relays_of(chain.records, chain.address("relayer"))
    assert counted == Relays(height=chain.height - 1, count=RELAYS_MAX)
