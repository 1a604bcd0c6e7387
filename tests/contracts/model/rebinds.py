"""What an account holds goes to another account of the same DID, and whoever lost nothing can object in time."""

from dataclasses import replace

from tests.contracts.model.gates import active, opened, sender_of
from tests.contracts.model.life import found, require_free
from tests.contracts.model.state import NO_DID, Call, Held, HeldKey, Rebind, World, demand, refuse


def _key(held: Held) -> HeldKey:
    return held.class_id, held.token, held.holder


def _request(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    held = found(world, call)
    require_free(held)
    demand(held.holder_did != NO_DID, "did-missing")
    demand(asked.to != held.holder, "own-account")
    demand(active(world, asked.to).did == held.holder_did, "rebind-other-did")
    demand(_key(held) not in world.rebinds, "rebind-open")
    document = world.documents[held.holder_did]
    demand(asked.did_sequence == document.sequence, "did-sequence-wrong")
    about = (call.contract, *_key(held), asked.to)
    statement = ("rebind", world.chain, held.holder_did, asked.did_sequence, about)
    demand(world.facts.signed(document.authentication, asked.signature, statement), "did-not-signed")
    if call.contract == "ddc1155":
        demand((held.class_id, held.token, asked.to) not in world.holdings, "holding-exists")
    due_at = world.now + world.classes[held.class_id].asked.rules.rebind_wait_ms
    world.rebinds[_key(held)] = Rebind(asked.to, world.now, due_at)


def _open(world: World, held: Held) -> Rebind:
    rebind = world.rebinds.get(_key(held))
    if rebind is None:
        refuse("rebind-unknown")
    return rebind


def _approve(world: World, call: Call) -> None:
    opened(world, call)
    sender_of(world, call, "operator")
    rebind = _open(world, found(world, call))
    demand(not rebind.approved, "rebind-approved")
    rebind.approved = True


def _object(world: World, call: Call) -> None:
    opened(world, call)
    held = found(world, call)
    rebind = _open(world, held)
    if call.sender != held.holder:
        demand(call.arguments.signature, "not-holder")
        about = (call.contract, *_key(held), rebind.to)
        statement = ("object", world.chain, held.holder_did, about, rebind.requested_at)
        recovery = world.documents[held.holder_did].recovery
        demand(world.facts.signed(recovery, call.arguments.signature, statement), "did-not-signed")
    del world.rebinds[_key(held)]


def _complete(world: World, call: Call) -> None:
    opened(world, call)
    held = found(world, call)
    rebind = _open(world, held)
    require_free(held)
    demand(rebind.approved, "rebind-not-approved")
    demand(world.now >= rebind.due_at, "rebind-too-early")
    active(world, rebind.to)
    if call.contract == "ddc1155":
        demand((held.class_id, held.token, rebind.to) not in world.holdings, "holding-exists")
    del world.rebinds[_key(held)]
    if call.contract == "ddc1155":
        world.holdings[held.class_id, held.token, rebind.to] = replace(
            held, holder=rebind.to, user=None, user_until=None, attributes=dict(held.attributes)
        )
        held.state = "moved"
    else:
        held.holder, held.user, held.user_until = rebind.to, None, None
        world.once_held.add((held.class_id, rebind.to))


METHODS = {"requestRebind": _request, "approveRebind": _approve, "objectRebind": _object, "completeRebind": _complete}
"""Of both contracts."""
