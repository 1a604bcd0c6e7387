"""How calls are drawn that are about what somebody holds, in `ddc721` and `ddc1155` alike."""

from collections.abc import Callable
from typing import Any

from contracts.ddc721 import MetaBurn, SetUri
from contracts.life import ChangeStatus, OfHeld, SetAttribute, SetUser
from tests.contracts.model.calls_issuing import HOUR_MS, can_pay, may_revoke, payer, signed
from tests.contracts.model.classes import is_issuer
from tests.contracts.model.dice import Dice
from tests.contracts.model.gates import EVERYDAY
from tests.contracts.model.life import is_frozen, may_burn
from tests.contracts.model.state import Call, Certificate, Held, World

REASONS = ("by-request", "error", "court-order")
Good = Callable[[Held], bool]


def in_force(world: World, held: Held) -> bool:
    """Its edition is not withdrawn, if it is of one."""
    edition = world.editions.get((held.class_id, held.token))
    return edition is None or not edition.withdrawn


def free(world: World, held: Held) -> bool:
    """Live, and neither frozen nor locked nor of an edition that is."""
    return held.live and not held.locked and not is_frozen(world, held) and in_force(world, held)


def awake(world: World, held: Held) -> bool:
    """Its holder is active and may call."""
    holder = world.accounts[held.holder]
    return holder.active and holder.role in EVERYDAY


def unfree(world: World) -> tuple[Good, ...]:
    """The ways not to be free, one by one."""
    return (
        lambda held: not held.live,
        lambda held: held.live and held.frozen and not held.locked and in_force(world, held),
        lambda held: held.live and held.locked and not is_frozen(world, held) and in_force(world, held),
        lambda held: not in_force(world, held),
        lambda held: held.live and not held.frozen and is_frozen(world, held) and in_force(world, held),
    )


def named(dice: Dice, contract: str, held: Held) -> dict[str, Any]:
    """How a call names it; or names something else."""
    holder: bytes | None = held.holder
    if contract == "ddc721" and dice.often(0.7):
        holder = None
    if contract == "ddc1155" and dice.slips():
        holder = None
    if dice.slips():
        holder = dice.stranger()
    return {
        "class_id": held.class_id,
        "token": dice.draw_bytes(16) if dice.slips() else held.token,
        "holder": holder,
    }


def _by_holder(dice: Dice, contract: str, good: Good, *bad: Good) -> tuple[Held, bytes]:
    """Something whose holder calls; or somebody else does."""
    world = dice.world
    held = dice.held(
        contract,
        lambda one: good(one) and awake(world, one),
        *(lambda one, way=way: way(one) and awake(world, one) for way in bad),
    )
    holder = held.holder
    if dice.slips():
        return held, dice.account(*EVERYDAY, good=lambda one: one.address != holder).address
    return held, dice.caller(holder, *EVERYDAY)


def answer(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def offered(held: Held) -> bool:
        return held.state == "offered" and in_force(world, held)

    held, sender = _by_holder(
        dice,
        contract,
        lambda one: offered(one) and not is_frozen(world, one),
        lambda one: one.state != "offered",
        lambda one: offered(one) and one.frozen,
        lambda one: one.state == "offered" and not in_force(world, one),
        lambda one: offered(one) and not one.frozen and is_frozen(world, one),
    )
    return Call(contract, method, sender, OfHeld(**named(dice, contract, held)))


def change_of(dice: Dice, contract: str, held: Held) -> ChangeStatus:
    return ChangeStatus(**named(dice, contract, held), reason=dice.pick(REASONS))


def _class_issuer(dice: Dice, class_id: str, good: Callable[[bytes], bool]) -> bytes:
    """Somebody with a right in the class."""
    world = dice.world
    issuers = [address for of, address in world.grants if of == class_id]
    active = [one for one in issuers if world.accounts[one].active and world.accounts[one].role in EVERYDAY]
    fit = [one for one in {*active, world.classes[class_id].definer} if good(one)]
    return dice.pick(sorted(fit))


def revoke(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world
    held = dice.held(
        contract,
        lambda one: one.live and in_force(world, one),
        lambda one: not one.live and in_force(world, one),
        lambda one: not in_force(world, one),
    )
    if dice.slips():
        sender = dice.account(*EVERYDAY, good=lambda one: not may_revoke(world, one.address, held)).address
    else:
        sender = dice.caller(_class_issuer(dice, held.class_id, lambda one: may_revoke(world, one, held)), *EVERYDAY)
    return Call(contract, method, sender, change_of(dice, contract, held))


def burn(dice: Dice, contract: str, method: str) -> Call:
    way = dice.pick((_by_its_holder, _by_its_holder, _by_an_issuer, _by_an_operator))
    held, sender = way(dice, contract, method)
    return Call(contract, method, dice.caller(sender, *EVERYDAY), change_of(dice, contract, held))


def _burnable(world: World, held: Held) -> bool:
    return held.live and not held.locked and in_force(world, held)


def _by_its_holder(dice: Dice, contract: str, method: str) -> tuple[Held, bytes]:
    world = dice.world

    def fits(held: Held) -> bool:
        own = awake(world, held) and not is_frozen(world, held) and may_burn(world, held.holder, held)
        return own and _burnable(world, held)

    held = dice.held(
        contract,
        lambda one: fits(one) and can_pay(world, one.holder, contract, method, 1),
        lambda one: not one.live and in_force(world, one),
        lambda one: one.live and one.locked and in_force(world, one),
        lambda one: not in_force(world, one),
        lambda one: _burnable(world, one) and awake(world, one) and is_frozen(world, one),
        lambda one: _burnable(world, one) and awake(world, one) and one.burners in ("issuer", "neither"),
        lambda one: fits(one) and not can_pay(world, one.holder, contract, method, 1),
    )
    return held, held.holder


def _by_an_issuer(dice: Dice, contract: str, method: str) -> tuple[Held, bytes]:
    world = dice.world
    held = dice.held(
        contract,
        lambda one: _burnable(world, one) and not is_frozen(world, one) and one.burners in ("issuer", "both"),
        lambda one: _burnable(world, one) and not is_frozen(world, one) and one.burners in ("holder", "neither"),
    )
    return held, _class_issuer(dice, held.class_id, lambda one: is_issuer(world, held.class_id, one))


def _by_an_operator(dice: Dice, contract: str, method: str) -> tuple[Held, bytes]:
    """What is frozen."""
    world = dice.world
    held = dice.held(contract, lambda one: _burnable(world, one) and is_frozen(world, one))
    return held, payer(dice, contract, method, 1, "operator").address


def meta_burn(dice: Dice, contract: str, method: str) -> Call:
    """Of `ddc721`."""
    world = dice.world

    def fits(held: Held) -> bool:
        return free(world, held) and awake(world, held) and may_burn(world, held.holder, held)

    held = dice.held(
        contract,
        fits,
        *unfree(world)[:3],
        lambda one: free(world, one) and awake(world, one) and not may_burn(world, one.holder, one),
        lambda one: free(world, one) and not world.accounts[one.holder].active,
    )
    call = change_of(dice, contract, held)
    said = (call.class_id, call.token, call.holder, call.reason)
    proof = signed(dice, contract, method, held.holder, said)
    sender = dice.caller(payer(dice, contract, method, 1, *EVERYDAY).address, *EVERYDAY)
    arguments = MetaBurn(class_id=call.class_id, token=call.token, holder=call.holder, reason=call.reason, signed=proof)
    return Call(contract, method, sender, arguments)


def operator(dice: Dice, contract: str, method: str) -> bytes:
    """An operator, or another role that the list lets call too."""
    if dice.slips():
        listed = [role for role in dice.index.roles if method in dice.world.functions.get((role, contract), ())]
        return dice.account(dice.pick([role for role in listed if role != "operator"])).address
    return dice.sender("operator")


def freeze(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world
    states = ("offered",) if dice.often(0.3) else ("active", "offered")
    held = dice.held(
        contract,
        lambda one: one.state in states and not one.frozen and in_force(world, one),
        lambda one: not one.live,
        lambda one: one.live and one.frozen,
        lambda one: not in_force(world, one),
    )
    return Call(contract, method, operator(dice, contract, method), change_of(dice, contract, held))


def unfreeze(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world
    held = dice.held(
        contract,
        lambda one: one.live and one.frozen and in_force(world, one),
        lambda one: not one.live,
        lambda one: one.live and not one.frozen,
        lambda one: not in_force(world, one),
    )
    return Call(contract, method, operator(dice, contract, method), change_of(dice, contract, held))


def lock(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world
    held = dice.held(
        contract,
        lambda one: free(world, one) and one.state == "active",
        lambda one: free(world, one) and one.state == "offered",
        *unfree(world),
    )
    return Call(contract, method, dice.sender("cross-chain"), OfHeld(**named(dice, contract, held)))


def unlock(dice: Dice, contract: str, method: str) -> Call:
    held = dice.held(contract, lambda one: one.locked, lambda one: not one.locked)
    role = dice.pick(["cross-chain", "operator"])
    sender = dice.caller(dice.account(role).address, "cross-chain", "operator")
    return Call(contract, method, sender, OfHeld(**named(dice, contract, held)))


def set_user(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def usable(held: Held) -> bool:
        return free(world, held) and held.state == "active"

    held, sender = _by_holder(
        dice,
        contract,
        lambda one: usable(one) and (one.valid_until is None or one.valid_until > world.now),
        lambda one: free(world, one) and one.state == "offered",
        lambda one: usable(one) and one.valid_until is not None and one.valid_until <= world.now,
        *unfree(world),
    )
    latest = held.valid_until if held.valid_until is not None else dice.now + 1_000 * HOUR_MS
    until = dice.number(min(dice.now + 1, latest), latest)
    if dice.slips():
        until = dice.now
    if held.valid_until is not None and dice.slips():
        until = held.valid_until + 1
    user = None if dice.often(0.2) else dice.somebody()
    arguments = SetUser(**named(dice, contract, held), user=user, until=until)
    return Call(contract, method, sender, arguments)


def set_attribute(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def settable(held: Held) -> bool:
        return free(world, held) and _setters(world, held) != []

    held = _most_marked(dice, contract, settable) or dice.held(
        contract,
        settable,
        lambda one: free(world, one) and _setters(world, one) == [] and awake(world, one),
        *unfree(world),
    )
    name, value = f"mark_{dice.number(1, 24)}", dice.pick(["A", "B-2", "2026"])
    if held.attributes and dice.often(0.15):
        name, value = dice.pick(sorted(held.attributes)), ""
    if dice.slips():
        value = held.attributes.get(name, "")
    setters = _setters(world, held) or [held.holder]
    sender = dice.caller(dice.pick(setters), *EVERYDAY)
    if dice.slips():
        sender = dice.account(*EVERYDAY, good=lambda one: one.address not in setters).address
    return Call(contract, method, sender, SetAttribute(**named(dice, contract, held), name=name, value=value))


def _most_marked(dice: Dice, contract: str, good: Good) -> Held | None:
    """Now and then one of those with the most attributes, so that some are full in the end."""
    if dice.often(0.6):
        return None
    kept = dice.index.certificates if contract == "ddc721" else dice.world.holdings.values()
    marked = sorted((one for one in kept if one.live and one.attributes), key=lambda one: len(one.attributes))
    return next((one for one in reversed(marked[-12:]) if good(one)), None)


def _setters(world: World, held: Held) -> list[bytes]:
    """Who may set attributes of it."""
    rule = world.classes[held.class_id].asked.rules.attributes
    setters = []
    if rule & 2 and awake(world, held):
        setters.append(held.holder)
    if rule & 1:
        setters += [
            address
            for (of, address), grant in world.grants.items()
            if of == held.class_id and grant.good(world.now) and world.accounts[address].active
        ]
    return [address for address in setters if world.accounts[address].role in EVERYDAY]


def set_uri(dice: Dice, contract: str, method: str) -> Call:
    """Of `ddc721`."""
    world = dice.world

    def blank(held: Held) -> bool:
        assert isinstance(held, Certificate)
        return not held.uri

    held, sender = _by_holder(
        dice,
        contract,
        lambda one: free(world, one) and blank(one),
        lambda one: free(world, one) and not blank(one),
        *unfree(world)[:3],
    )
    uri = "" if dice.slips() else "https://example.org/certificate"
    return Call(contract, method, sender, SetUri(**named(dice, contract, held), uri=uri))


CALLS = {
    "accept": answer,
    "decline": answer,
    "revoke": revoke,
    "burn": burn,
    "freeze": freeze,
    "unfreeze": unfreeze,
    "lock": lock,
    "unlock": unlock,
    "setUser": set_user,
    "setAttribute": set_attribute,
}
"""Of both contracts."""
CALLS_721 = {"metaBurn": meta_burn, "setURI": set_uri}
