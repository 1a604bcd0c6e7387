"""What becomes of what somebody holds: the life that certificates and holdings of editions share."""

from tests.contracts.model.classes import is_issuer
from tests.contracts.model.gates import active, opened, pay, sender_of
from tests.contracts.model.signing import require_signed_call
from tests.contracts.model.state import Call, Certificate, Held, World, demand, refuse

ATTRIBUTES_MAX = 16


def found(world: World, call: Call) -> Held:
    """The certificate or holding that the call names."""
    asked = call.arguments
    if call.contract == "ddc1155":
        demand(asked.holder is not None, "holder-missing")
        holding = holding_of(world, asked.class_id, asked.token, asked.holder)
        _heed_edition(world, call.method, holding)
        return holding
    certificate = world.certificates.get((asked.class_id, asked.token))
    if certificate is None:
        refuse("certificate-unknown")
    demand(asked.holder in (None, certificate.holder), "holder-differs")
    return certificate


def holding_of(world: World, class_id: str, token: bytes, holder: bytes) -> Held:
    """What this one holds of the edition."""
    holding = world.holdings.get((class_id, token, holder))
    if holding is None:
        refuse("holding-unknown")
    return holding


def _heed_edition(world: World, method: str, held: Held) -> None:
    """A holding of a withdrawn edition is as revoked, one of a frozen edition as frozen; what only ends something minds neither."""
    if method in ("unlock", "approveRebind", "objectRebind"):
        return
    edition = world.editions[held.class_id, held.token]
    demand(not edition.withdrawn, "edition-withdrawn")
    if method not in ("revoke", "burn", "freeze", "unfreeze"):
        demand(not edition.frozen, "edition-frozen")


def is_frozen(world: World, held: Held) -> bool:
    """By itself, or as its edition is."""
    edition = world.editions.get((held.class_id, held.token))
    return held.frozen or (edition is not None and edition.frozen)


def require_free(held: Held) -> None:
    """It is live, and neither frozen nor locked."""
    demand(held.live, "certificate-final")
    demand(not held.frozen, "certificate-frozen")
    demand(not held.locked, "certificate-locked")


def require_revoker(world: World, call: Call, held: Held) -> None:
    """Any issuer of the class; or, if the class says so, its own issuer or the class's definer."""
    issued_class = world.classes[held.class_id]
    if issued_class.asked.rules.issuer_revokes:
        demand(call.sender in (held.issuer, issued_class.definer), "not-granted")
    else:
        demand(is_issuer(world, held.class_id, call.sender), "not-granted")


def may_burn(world: World, who: bytes, held: Held) -> bool:
    """Whether it is one of those whom the burn authorisation names."""
    if held.burners in ("holder", "both") and who == held.holder:
        return True
    return held.burners in ("issuer", "both") and is_issuer(world, held.class_id, who)


def _answered(world: World, call: Call) -> Held:
    """An offer that its holder answers."""
    opened(world, call)
    held = found(world, call)
    demand(held.holder == call.sender, "not-holder")
    demand(held.state == "offered", "certificate-not-offered")
    demand(not held.frozen, "certificate-frozen")
    return held


def _accept(world: World, call: Call) -> None:
    _answered(world, call).state = "active"


def _decline(world: World, call: Call) -> None:
    _answered(world, call).state = "burnt"


def _revoke(world: World, call: Call) -> None:
    opened(world, call)
    held = found(world, call)
    require_revoker(world, call, held)
    demand(held.live, "certificate-final")
    held.state = "revoked"


def _burn(world: World, call: Call) -> None:
    sender = opened(world, call)
    held = found(world, call)
    demand(held.live, "certificate-final")
    demand(not held.locked, "certificate-locked")
    allowed = sender.role == "operator" if is_frozen(world, held) else may_burn(world, call.sender, held)
    demand(allowed, "burn-not-authorised")
    pay(world, call)
    held.state = "burnt"


def _meta_burn(world: World, call: Call) -> None:
    asked = call.arguments
    held = found(world, call)
    demand(held.live, "certificate-final")
    demand(not held.locked, "certificate-locked")
    demand(not held.frozen, "certificate-frozen")
    require_signed_call(world, call, held.holder, (asked.class_id, asked.token, asked.holder, asked.reason))
    opened(world, call)
    demand(may_burn(world, held.holder, held), "burn-not-authorised")
    pay(world, call)
    held.state = "burnt"
    world.meta_calls[call.contract, held.holder] += 1


def _by_operator(world: World, call: Call) -> Held:
    opened(world, call)
    sender_of(world, call, "operator")
    held = found(world, call)
    demand(held.live, "certificate-final")
    return held


def _freeze(world: World, call: Call) -> None:
    held = _by_operator(world, call)
    demand(not held.frozen, "certificate-frozen")
    held.frozen = True


def _unfreeze(world: World, call: Call) -> None:
    held = _by_operator(world, call)
    demand(held.frozen, "certificate-not-frozen")
    held.frozen = False


def _lock(world: World, call: Call) -> None:
    opened(world, call)
    held = found(world, call)
    demand(held.live, "certificate-final")
    demand(held.state != "offered", "certificate-offered")
    require_free(held)
    held.locked = True


def _unlock(world: World, call: Call) -> None:
    opened(world, call)
    held = found(world, call)
    demand(held.locked, "certificate-not-locked")
    held.locked = False


def _set_user(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    held = found(world, call)
    demand(held.holder == call.sender, "not-holder")
    demand(held.live, "certificate-final")
    demand(held.state != "offered", "certificate-offered")
    require_free(held)
    if asked.user is not None:
        active(world, asked.user)
        latest = asked.until if held.valid_until is None else held.valid_until
        demand(world.now < asked.until <= latest, "until-passed")
    held.user = asked.user
    held.user_until = None if asked.user is None else asked.until


def _set_attribute(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    held = found(world, call)
    require_free(held)
    rule = ("nobody", "issuer", "holder", "both")[world.classes[held.class_id].asked.rules.attributes]
    as_issuer = rule in ("issuer", "both") and is_issuer(world, held.class_id, call.sender)
    as_holder = rule in ("holder", "both") and held.holder == call.sender
    demand(as_issuer or as_holder, "attribute-not-allowed")
    demand(held.attributes.get(asked.name, "") != asked.value, "no-change")
    demand(asked.name in held.attributes or len(held.attributes) < ATTRIBUTES_MAX, "attributes-full")
    if asked.value:
        held.attributes[asked.name] = asked.value
    else:
        del held.attributes[asked.name]


def _set_uri(world: World, call: Call) -> None:
    opened(world, call)
    held = found(world, call)
    assert isinstance(held, Certificate)
    require_free(held)
    demand(call.sender in (held.holder, held.issuer), "not-holder")
    demand(call.arguments.uri, "uri-empty")
    demand(not held.uri, "uri-set")
    held.uri = call.arguments.uri


METHODS = {
    "accept": _accept,
    "decline": _decline,
    "revoke": _revoke,
    "burn": _burn,
    "freeze": _freeze,
    "unfreeze": _unfreeze,
    "lock": _lock,
    "unlock": _unlock,
    "setUser": _set_user,
    "setAttribute": _set_attribute,
}
"""Of both contracts."""
METHODS_721 = {"metaBurn": _meta_burn, "setURI": _set_uri}
