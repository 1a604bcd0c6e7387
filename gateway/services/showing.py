"""What stands on one chain, as another chain is to be shown it: the head, and the way from it to each record."""

from collections.abc import Sequence
from dataclasses import dataclass

from contracts.relaying import Shown
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import read_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A key, what stands under it (None: nothing), and how to show that."""

    key: bytes
    value: bytes | None
    shown: Shown


async def show(chain: Chain, keys: Sequence[bytes], since: int) -> list[Standing]:
    """What stands under `keys` at the head, with every change of membership above height `since`.

    `nothing-to-show` if the chain has no block yet: nobody certified its first state.
    """
    state = await read_state(chain, list(keys))
    if state.certified is None:
        raise Problem("nothing-to-show", chain.rules.chain_id)
    sighting = chain.trust.sighting(state.certified, since)
    if sighting is None:
        await chain.catch_up()
        sighting = chain.trust.sighting(state.certified, since)
    if sighting is None:
        raise Problem("no-node", chain.rules.chain_id)
    return [
        Standing(key=key, value=proven.value, shown=Shown(sighting=sighting, proof=proven.proof))
        for key, proven in zip(keys, state.values, strict=True)
    ]
