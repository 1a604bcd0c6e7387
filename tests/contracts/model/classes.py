"""The contract `classes`: what kinds of certificates there are, and who may issue them."""

from tests.contracts.model.gates import active, sender_of
from tests.contracts.model.state import Call, ClassOf, Grant, Rule, World, demand, refuse


def _define_class(world: World, call: Call) -> None:
    asked = call.arguments
    sender = sender_of(world, call, "operator", "platform")
    demand(asked.class_id not in world.classes, "class-exists")
    demand(asked.standard in (721, 1155), "standard-unknown")
    demand(len(set(asked.fields)) == len(asked.fields), "fields-repeat")
    world.classes[asked.class_id] = ClassOf(asked, call.sender, sender.did, world.now)
    world.grants[asked.class_id, call.sender] = Grant()


def class_of(world: World, class_id: str, standard: int | None = None) -> ClassOf:
    """The class, which there is, of the standard that is asked for."""
    found = world.classes.get(class_id)
    if found is None:
        refuse("class-unknown")
    demand(standard in (None, found.asked.standard), "class-of-other-standard")
    return found


def is_issuer(world: World, class_id: str, address: bytes) -> bool:
    """Whether it has the right to issue now, be its quota used up or not."""
    grant = world.grants.get((class_id, address))
    return grant is not None and grant.good(world.now)


def require_grant(world: World, class_id: str, address: bytes, count: int) -> None:
    """It may issue so many now."""
    grant = world.grants.get((class_id, address))
    if grant is None:
        refuse("not-granted")
    demand(grant.good(world.now), "grant-expired")
    demand(grant.left is None or grant.left >= count, "quota-exceeded")


def _own_class(world: World, call: Call, standard: int | None = None) -> ClassOf:
    sender_of(world, call, "operator", "platform")
    found = class_of(world, call.arguments.class_id, standard)
    demand(found.definer == call.sender, "not-class-issuer")
    return found


def _set_issuer(world: World, call: Call) -> None:
    asked = call.arguments
    _own_class(world, call)
    if asked.granted:
        active(world, asked.address)
    grant = world.grants.get((asked.class_id, asked.address))
    is_so = grant is not None and grant.quota is None and grant.until is None if asked.granted else grant is None
    demand(not is_so, "no-change")
    if asked.granted:
        world.grants[asked.class_id, asked.address] = Grant()
    else:
        del world.grants[asked.class_id, asked.address]


def _delegate_issuing(world: World, call: Call) -> None:
    asked = call.arguments
    _own_class(world, call)
    demand(asked.address != call.sender, "own-account")
    active(world, asked.address)
    demand(asked.until > world.now, "until-passed")
    world.grants[asked.class_id, asked.address] = Grant(asked.quota, asked.until)


def _set_signatories(world: World, call: Call) -> None:
    asked = call.arguments
    found = _own_class(world, call, 721)
    named = asked.signatories
    demand(len(set(named)) == len(named) and asked.threshold <= len(named), "signatories-malformed")
    demand((asked.threshold == 0) == (not named), "signatories-malformed")
    for address in named:
        active(world, address)
    found.threshold, found.signatories = asked.threshold, tuple(named)


METHODS: dict[str, Rule] = {
    "defineClass": _define_class,
    "setIssuer": _set_issuer,
    "delegateIssuing": _delegate_issuing,
    "setSignatories": _set_signatories,
}
