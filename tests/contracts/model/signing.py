"""Calls that somebody else relays: the holder's signature over the whole call, its counter and deadline."""

from typing import Any

from tests.contracts.model.gates import active
from tests.contracts.model.state import DAY_MS, Call, World, demand


def require_signed_call(world: World, call: Call, signer: bytes, said: tuple[Any, ...]) -> None:
    """The signer is active and said exactly this, for now and for the first time."""
    asked = call.arguments.signed
    account = active(world, signer, "holder-unknown", "holder-frozen")
    demand(world.now <= asked.deadline, "deadline-passed")
    demand(asked.deadline <= world.now + DAY_MS, "deadline-too-far")
    demand(asked.counter == world.meta_calls[call.contract, signer] + 1, "counter-wrong")
    statement = ("meta", world.chain, call.contract, call.method, signer, said, asked.counter, asked.deadline)
    demand(world.facts.signed(account.key, asked.signature, statement), "meta-not-signed")
