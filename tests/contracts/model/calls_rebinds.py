"""How calls are drawn by which something goes to another account of the same DID."""

from collections.abc import Callable

from contracts.rebinding import ObjectRebind, OfRebind, RequestRebind
from tests.contracts.model.calls_life import awake, free, named, operator, unfree
from tests.contracts.model.dice import Dice
from tests.contracts.model.gates import EVERYDAY
from tests.contracts.model.state import NO_DID, Call, Held, HeldKey, Rebind, World


def _others(dice: Dice, held: Held) -> list[bytes]:
    """Other active accounts of its holder's DID."""
    if held.holder_did == NO_DID:
        return []
    accounts = dice.index.dids.get(held.holder_did, [])
    return [address for address in accounts if address != held.holder and dice.world.accounts[address].active]


def _key(held: Held) -> HeldKey:
    return held.class_id, held.token, held.holder


def request_rebind(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def movable(held: Held) -> bool:
        return free(world, held) and _key(held) not in world.rebinds and bool(_others(dice, held))

    held = dice.held(
        contract,
        movable,
        lambda one: free(world, one) and one.holder_did == NO_DID,
        lambda one: free(world, one) and _key(one) in world.rebinds,
        *unfree(world),
    )
    to = _new_place(dice, held)
    document = world.documents.get(held.holder_did)
    sequence = 0 if document is None else document.sequence
    if dice.slips():
        sequence += 1
    about = (contract, *_key(held), to)
    statement = ("rebind", world.chain, held.holder_did, sequence, about)
    signature = bytes(64) if document is None else dice.signature(document.authentication, statement)
    arguments = RequestRebind(**named(dice, contract, held), to=to, did_sequence=sequence, signature=signature)
    return Call(contract, method, dice.everyday(), arguments)


def _new_place(dice: Dice, held: Held) -> bytes:
    others = _others(dice, held)
    if dice.slips():
        return held.holder
    if dice.slips():
        return dice.stranger()
    if dice.slips():
        return dice.frozen()
    if dice.slips():
        return dice.account("consumer", "platform", good=lambda one: one.did != held.holder_did).address
    taken = [one for one in others if (held.class_id, held.token, one) in dice.world.holdings]
    if taken and dice.slips():
        return dice.pick(taken)
    return dice.pick(others) if others else dice.account(*EVERYDAY).address


def _rebind(dice: Dice, contract: str, *good: Callable[[Held, Rebind], bool]) -> Held:
    """What has an open rebind of the first kind; a slip for every other kind, and for none that is open."""
    world = dice.world
    if dice.slips():
        return dice.held(contract, lambda held: _key(held) not in world.rebinds)
    way = good[0]
    for other in good[1:]:
        if dice.slips():
            way = other
    opened = [(_found(world, contract, key), rebind) for key, rebind in world.rebinds.items()]
    fit = [held for held, rebind in opened if held is not None and way(held, rebind)]
    return dice.pick(fit)


def _found(world: World, contract: str, key: HeldKey) -> Held | None:
    if contract == "ddc1155":
        return world.holdings.get(key)
    return world.certificates.get(key[:2])


def approve_rebind(dice: Dice, contract: str, method: str) -> Call:
    held = _rebind(dice, contract, lambda _, rebind: not rebind.approved, lambda _, rebind: rebind.approved)
    return Call(contract, method, operator(dice, contract, method), OfRebind(**named(dice, contract, held)))


def complete_rebind(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def ready(held: Held, rebind: Rebind) -> bool:
        return free(world, held) and rebind.approved and rebind.due_at <= world.now and world.accounts[rebind.to].active

    ways = unfree(world)
    held = _rebind(
        dice,
        contract,
        lambda held, rebind: ready(held, rebind) and (*_key(held)[:2], rebind.to) not in world.holdings,
        lambda held, rebind: ready(held, rebind) and (*_key(held)[:2], rebind.to) in world.holdings,
        lambda held, rebind: free(world, held) and not rebind.approved,
        lambda held, rebind: free(world, held) and rebind.approved and rebind.due_at > world.now,
        lambda held, rebind: (
            free(world, held)
            and rebind.approved
            and rebind.due_at <= world.now
            and not world.accounts[rebind.to].active
        ),
        *(lambda held, _, way=way: way(held) for way in ways),
    )
    return Call(contract, method, dice.everyday(), OfRebind(**named(dice, contract, held)))


def object_rebind(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world
    held = _rebind(dice, contract, lambda held, _: awake(world, held))
    rebind = world.rebinds.get(_key(held))
    signature = b""
    if dice.often(0.5):
        sender = dice.caller(held.holder, *EVERYDAY)
    else:
        sender = dice.caller(dice.account(*EVERYDAY, good=lambda one: one.address != held.holder).address, *EVERYDAY)
        if rebind is not None and not dice.slips():
            about = (contract, *_key(held), rebind.to)
            statement = ("object", world.chain, held.holder_did, about, rebind.requested_at)
            signature = dice.signature(world.documents[held.holder_did].recovery, statement)
    return Call(contract, method, sender, ObjectRebind(**named(dice, contract, held), signature=signature))


CALLS = {
    "requestRebind": request_rebind,
    "approveRebind": approve_rebind,
    "objectRebind": object_rebind,
    "completeRebind": complete_rebind,
}
"""Of both contracts."""
