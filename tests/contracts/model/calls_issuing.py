"""How calls that issue certificates of `ddc721` are drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from contracts.ddc721 import MetaMint, MetaMintBatch, Reissue
from contracts.issuing import Mint, MintBatch, MintItem, SafeMint, SafeMintBatch
from contracts.meta import Signed
from contracts.signatories import MintSigned, ReissueSigned
from tests.contracts.model.classes import is_issuer
from tests.contracts.model.dice import Dice
from tests.contracts.model.facts import Statement
from tests.contracts.model.gates import EVERYDAY, PRICES, gas_of, may_issue_to
from tests.contracts.model.life import is_frozen, require_revoker
from tests.contracts.model.state import DAY_MS, NO_DID, Account, Call, Certificate, Grant, Held, Refused, World

HOUR_MS = 3_600_000


Granted = tuple[tuple[str, bytes], Grant]
"""Class and issuer, and what the issuer may."""


@dataclass(slots=True)
class Right:
    """Who may issue what; the call names the class, or another one."""

    class_id: str
    issuer: bytes
    named: str


def right(
    dice: Dice, standard: int, method: str, count: int, *, signed: bool = False, roles: tuple[str, ...] = EVERYDAY
) -> Right:
    """A right to issue so many of a class now, of somebody who can pay; or one that does not suffice."""
    world = dice.world
    contract = f"ddc{standard}"

    def fits(one: Granted, *, asks: bool = signed, good: bool = True) -> bool:
        (class_id, address), grant = one
        found, account = world.classes[class_id], world.accounts[address]
        of_class = found.asked.standard == standard and bool(found.threshold) == asks
        return of_class and account.active and account.role in roles and grant.good(world.now) == good

    def enough(one: Granted) -> bool:
        return fits(one) and (one[1].left is None or one[1].left >= count)

    def pays(one: Granted) -> bool:
        return enough(one) and can_pay(world, one[0][1], contract, method, count)

    limited = dice.often(0.25)
    other_way: list[Callable[[Granted], bool]] = [lambda one: fits(one, asks=not signed)]
    good = dice.way(
        lambda one: pays(one) and (one[1].quota is not None or not limited),
        *(other_way if standard == 721 else ()),
        lambda one: fits(one) and not enough(one),
        lambda one: fits(one, good=False),
        lambda one: enough(one) and not pays(one),
    )
    class_id, issuer = dice.take(list(world.grants.items()), good)[0]
    if dice.slips():
        issuer = dice.account(*roles, good=lambda one: (class_id, one.address) not in world.grants).address
    return Right(class_id, issuer, named_class(dice, class_id))


def named_class(dice: Dice, class_id: str) -> str:
    """The class; or none, or one of the other standard."""
    classes = dice.world.classes
    if dice.slips():
        return "no-such-class"
    if dice.slips():
        standard = classes[class_id].asked.standard
        return dice.take(list(classes), lambda one: classes[one].asked.standard != standard)
    return class_id


def crossing(dice: Dice, contract: str, method: str) -> tuple[str, ...]:
    """Roles that may call it: the cross-chain role for what only it may at first, or others that were listed since."""
    if method != "crossSafeMint":
        return EVERYDAY
    listed = [role for role in EVERYDAY if method in dice.world.functions.get((role, contract), ())]
    return (dice.pick(listed),) if listed and dice.often(0.5) else ("cross-chain",)


def can_pay(world: World, address: bytes, contract: str, method: str, count: int) -> bool:
    """Whether the account has what so many cost."""
    if method not in PRICES[contract]:
        return True
    purse, tariff = world.purse(address), world.tariffs[contract]
    return purse.fen >= tariff.fees.get(method, 0) * count and purse.gas >= gas_of(world, contract, method, count)


def payer(dice: Dice, contract: str, method: str, count: int, *roles: str) -> Account:
    """An active account of one of the roles that can pay; or one that cannot, which is poor in fen or in gas."""
    world = dice.world
    if dice.slips():
        return dice.account(*roles, good=lambda one: not can_pay(world, one.address, contract, method, count))
    return dice.account(*roles, good=lambda one: can_pay(world, one.address, contract, method, count))


def reachable(dice: Dice, issuer: bytes) -> bytes:
    """A holder to whom the issuer may issue; or nobody, a frozen one, or one of another platform."""
    world = dice.world
    sender = world.accounts[issuer]
    if dice.slips():
        return dice.stranger()
    if dice.slips():
        return dice.frozen()
    if dice.slips():
        return dice.account(
            "platform", "consumer", "relayer", good=lambda one: not may_issue_to(world, sender, one)
        ).address
    own = dice.index.members.get(sender.platform or b"", [])
    if own and dice.often(0.8):
        return dice.take(own, lambda address: world.accounts[address].active)
    return dice.account("platform", "consumer", good=lambda one: may_issue_to(world, sender, one)).address


def validity(dice: Dice, class_id: str) -> tuple[int | None, int | None]:
    """Beginning and end, as the class asks for them; or not so."""
    found = dice.world.classes[class_id]
    most = found.asked.rules.validity_ms_max
    begins = None if dice.often(0.6) else max(0, dice.now + dice.number(-5, 5) * HOUR_MS)
    starts = dice.now if begins is None else begins
    ends = starts + dice.number(1, most or 40 * DAY_MS) if most is not None or dice.often(0.4) else None
    if most is not None and dice.slips():
        ends = None
    if dice.slips():
        ends = starts - dice.number(0, 1)
    if most is not None and dice.slips():
        ends = starts + most + 1
    return begins, ends


def item(dice: Dice, class_id: str, holder: bytes) -> MintItem:
    """One certificate, with a token of its own; or one that there is already."""
    token = dice.draw_bytes(16)
    if dice.slips():
        token = dice.take(dice.index.certificates, lambda one: one.class_id == class_id).token
    begins, ends = validity(dice, class_id)
    return MintItem(
        token=token,
        holder=holder,
        content_root=dice.draw_bytes(32),
        uri="" if dice.often(0.5) else "ipfs://content",
        valid_from=begins,
        valid_until=ends,
    )


def items(dice: Dice, given: Right, count: int, *, one_holder: bool = False) -> tuple[MintItem, ...]:
    """Several, the last of which may be wrong like all others."""
    holder = reachable(dice, given.issuer)
    made = [
        item(dice, given.class_id, holder if one_holder or not number else reachable(dice, given.issuer))
        for number in range(count)
    ]
    if dice.slips():
        made.append(replace(made[0], content_root=dice.draw_bytes(32)))
    return tuple(made)


def _count(dice: Dice, method: str) -> int:
    return dice.number(1, 4) if "Batch" in method or method == "mintSigned" else 1


def data(dice: Dice) -> bytes:
    """Bytes for whoever follows the events."""
    return b"" if dice.often(0.5) else dice.draw_bytes(8)


def mint(dice: Dice, contract: str, method: str) -> Call:
    count = _count(dice, method)
    roles = crossing(dice, contract, method)
    given = right(dice, 721, method, count, roles=roles)
    class_id, sender = given.named, dice.caller(given.issuer, *roles)
    made = items(dice, given, count) if count > 1 else (item(dice, given.class_id, reachable(dice, given.issuer)),)
    arguments: Any
    match method:
        case "mint":
            arguments = Mint(class_id=class_id, item=made[0])
        case "mintBatch":
            arguments = MintBatch(class_id=class_id, items=made)
        case "safeMintBatch":
            arguments = SafeMintBatch(class_id=class_id, items=made, data=data(dice))
        case _:
            arguments = SafeMint(class_id=class_id, item=made[0], data=data(dice))
    return Call(contract, method, sender, arguments)


def deadline(dice: Dice) -> int:
    """A last time that is near; or past, or too far."""
    if dice.slips():
        return dice.now - 1
    if dice.slips():
        return dice.now + DAY_MS + 1
    return dice.now + dice.pick([0, 1_000, HOUR_MS, DAY_MS])


def signed(dice: Dice, contract: str, method: str, signer: bytes, said: tuple[Any, ...]) -> Signed:
    """The signer's signature over a call, with its next counter; or not so."""
    world = dice.world
    counter = world.meta_calls[contract, signer] + 1
    if dice.slips():
        counter += dice.pick([-1, 1])
    ends = deadline(dice)
    statement = ("meta", world.chain, contract, method, signer, said, counter, ends)
    account = world.accounts.get(signer)
    if account is None:
        return Signed(counter=counter, deadline=ends, signature=bytes(64))
    return Signed(counter=counter, deadline=ends, signature=dice.signature(account.key, statement))


def meta_mint(dice: Dice, contract: str, method: str) -> Call:
    count = _count(dice, method)
    given = right(dice, 721, method, count)
    sender = dice.caller(given.issuer, *EVERYDAY)
    made = (
        items(dice, given, count, one_holder=True)
        if count > 1
        else (item(dice, given.class_id, reachable(dice, given.issuer)),)
    )
    if "Batch" in method and dice.slips():
        made = (*made, item(dice, given.class_id, dice.account(*EVERYDAY).address))
    class_id, holder, more = given.named, made[0].holder, data(dice)
    proof = signed(dice, contract, method, holder, (class_id, more, made))
    if "Batch" in method:
        return Call(contract, method, sender, MetaMintBatch(class_id=class_id, items=made, data=more, signed=proof))
    return Call(contract, method, sender, MetaMint(class_id=class_id, item=made[0], data=more, signed=proof))


def mint_signed(dice: Dice, contract: str, method: str) -> Call:
    count = _count(dice, method)
    given = right(dice, 721, method, count, signed=True)
    made = items(dice, given, count)
    arguments = MintSigned(class_id=given.named, items=made, **_by_signatories(dice, contract, given.class_id, made))
    return Call(contract, method, dice.caller(given.issuer, *EVERYDAY), arguments)


def _by_signatories(
    dice: Dice, contract: str, class_id: str, made: tuple[MintItem, ...], *supersedes: Any
) -> dict[str, Any]:
    """Deadline, signers and signatures of an issue, or of a reissue in place of a token for a reason; or not so."""
    ends = deadline(dice)
    statement = ("issue", dice.world.chain, contract, class_id, made, ends, *supersedes)
    if supersedes and dice.slips():
        statement = statement[:-2]
    signers, signatures = _signatories(dice, class_id, statement)
    if dice.slips():
        signatures = signatures[:-1]
    if dice.slips():
        signers, signatures = (*signers, *signers), (*signatures, *signatures)
    return {"deadline": ends, "signers": signers, "signatures": signatures}


def _signatories(dice: Dice, class_id: str, statement: Statement) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
    world = dice.world
    found = world.classes[class_id]
    if not found.threshold:
        return (), ()
    places = list(range(len(found.signatories)))
    awake = [place for place in places if world.accounts[found.signatories[place]].active]
    chosen = sorted(dice.chance.sample(awake, found.threshold)) if len(awake) >= found.threshold else places
    if len(places) > len(awake) and dice.slips():
        chosen = places
    if dice.slips():
        chosen = chosen[:-1]
    signatures = [dice.signature(world.accounts[found.signatories[place]].key, statement) for place in chosen]
    if dice.slips():
        chosen, signatures = [*chosen, len(places)], [*signatures, bytes(64)]
    return tuple(chosen), tuple(signatures)


def may_revoke(world: World, who: bytes, held: Held) -> bool:
    """Whether it may, by the class's rule."""
    try:
        require_revoker(world, Call("", "", who, None), held)
    except Refused:
        return False
    return True


def reissue(dice: Dice, contract: str, method: str) -> Call:
    several = method == "reissueSigned"
    given = right(dice, 721, method, 1, signed=several)
    old = _to_replace(dice, contract, given)
    new, holder = item(dice, given.class_id, _same_person(dice, old)), old.holder if dice.often(0.2) else None
    members: dict[str, Any] = {
        "class_id": given.named,
        "token": dice.draw_bytes(16) if dice.slips() else old.token,
        "holder": dice.stranger() if dice.slips() else holder,
        "item": new,
        "reason": "corrected",
    }
    arguments: Any
    if several:
        supersedes = members["token"], members["reason"]
        signed_so = _by_signatories(dice, contract, given.class_id, (new,), *supersedes)
        arguments = ReissueSigned(**members, **signed_so)
    else:
        arguments = Reissue(**members)
    return Call(contract, method, dice.caller(given.issuer, *EVERYDAY), arguments)


def _to_replace(dice: Dice, contract: str, given: Right) -> Certificate:
    """One that the issuer may reissue now; or that is final, frozen, locked, or not the issuer's to revoke."""
    world = dice.world
    sender, entitled = world.accounts[given.issuer], is_issuer(world, given.class_id, given.issuer)

    def own(held: Held) -> bool:
        account = world.accounts[held.holder]
        near = account.active and may_issue_to(world, sender, account)
        may = may_revoke(world, given.issuer, held) or not entitled
        return held.class_id == given.class_id and near and may

    def free(held: Held) -> bool:
        return held.live and not is_frozen(world, held) and not held.locked

    old = dice.held(
        contract,
        lambda held: own(held) and free(held),
        lambda held: own(held) and not held.live,
        lambda held: own(held) and held.live and held.frozen,
        lambda held: own(held) and held.live and not held.frozen and held.locked,
        lambda held: held.class_id == given.class_id and free(held) and not may_revoke(world, given.issuer, held),
    )
    assert isinstance(old, Certificate)
    return old


def _same_person(dice: Dice, old: Certificate) -> bytes:
    """The holder, or another account of its DID; or nobody, a frozen one, one of another DID or platform."""
    world = dice.world
    if dice.slips():
        return dice.stranger()
    if dice.slips():
        return dice.frozen()
    if dice.slips():
        return dice.account("consumer", "platform").address
    if dice.slips():
        near = dice.index.members.get(world.accounts[old.holder].platform or b"", [])
        return dice.take(near, lambda address: world.accounts[address].did != old.holder_did)
    others = [] if old.holder_did == NO_DID else dice.index.dids.get(old.holder_did, [])
    others = [address for address in others if world.accounts[address].active]
    return dice.pick(others) if others and dice.often(0.5) else old.holder


CALLS = {
    **dict.fromkeys(("mint", "mintBatch", "safeMint", "safeMintBatch", "crossSafeMint"), mint),
    **dict.fromkeys(("metaMint", "metaSafeMint", "metaMintBatch", "metaSafeMintBatch"), meta_mint),
    "mintSigned": mint_signed,
    **dict.fromkeys(("reissue", "reissueSigned"), reissue),
}
