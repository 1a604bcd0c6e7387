"""How calls of `ddc1155` are drawn that no other contract has."""

from collections.abc import Callable
from typing import Any

from contracts.burning import BurnBatch, MetaBurn1155, MetaBurnBatch1155
from contracts.ddc1155 import MetaMint1155, MetaMintBatch1155, SafeMint1155, SafeMintBatch1155
from contracts.editions import CreateEdition, OfEdition, SetEditionUri
from tests.contracts.model.calls_issuing import (
    Right,
    can_pay,
    crossing,
    data,
    named_class,
    payer,
    reachable,
    right,
    signed,
    validity,
)
from tests.contracts.model.calls_life import REASONS, awake, free, operator, unfree
from tests.contracts.model.dice import Dice, NothingThere
from tests.contracts.model.gates import EVERYDAY, may_issue_to
from tests.contracts.model.life import is_frozen, may_burn
from tests.contracts.model.state import Call, Edition, Held

CONTRACT = "ddc1155"
EDITIONS_ENOUGH = 40
Good = Callable[[Edition], bool]


def create_edition(dice: Dice, contract: str, method: str) -> Call:
    if len(dice.world.editions) > EDITIONS_ENOUGH and dice.mistake is None and dice.often(0.8):
        raise NothingThere
    given = right(dice, 1155, method, 0)
    token = dice.draw_bytes(16)
    if dice.slips():
        token = _edition(dice, lambda one: one.class_id == given.class_id).token
    begins, ends = validity(dice, given.class_id)
    arguments = CreateEdition(
        class_id=given.named,
        token=token,
        content_root=dice.draw_bytes(32),
        uri="" if dice.often(0.5) else "ipfs://content",
        valid_from=begins,
        valid_until=ends,
        supersedes=_superseded(dice, given),
    )
    return Call(contract, method, dice.caller(given.issuer, *EVERYDAY), arguments)


def _superseded(dice: Dice, given: Right) -> bytes | None:
    """Mostly none; else an older one of the issuer's without a successor."""

    def own(edition: Edition) -> bool:
        definer = dice.world.classes[edition.class_id].definer
        return edition.class_id == given.class_id and given.issuer in (edition.issuer, definer)

    if dice.slips():
        return dice.draw_bytes(16)
    if dice.slips():
        return _edition(dice, lambda one: one.class_id == given.class_id and not own(one)).token
    if dice.slips():
        return _edition(dice, lambda one: own(one) and one.superseded_by is not None).token
    if dice.often(0.3):
        found = dice.sample(dice.index.editions, lambda one: own(one) and one.superseded_by is None)
        return None if found is None else found.token
    return None


def _edition(dice: Dice, good: Good, *bad: Good) -> Edition:
    return dice.take(dice.index.editions, dice.way(good, *bad))


def _open(edition: Edition) -> bool:
    return not edition.withdrawn and not edition.frozen


def _withdrawn(edition: Edition) -> bool:
    return edition.withdrawn


def _frozen(edition: Edition) -> bool:
    return edition.frozen and not edition.withdrawn


def _named(dice: Dice, edition: Edition) -> dict[str, Any]:
    """Which edition; or none, or one of no class, or of a class of certificates."""
    class_id = named_class(dice, edition.class_id)
    return {"class_id": class_id, "token": dice.draw_bytes(16) if dice.slips() else edition.token}


def _own_caller(dice: Dice, edition: Edition) -> bytes:
    """Its issuer or the class's definer; or somebody else."""
    own = [edition.issuer, dice.world.classes[edition.class_id].definer]
    if dice.slips():
        return dice.account(*EVERYDAY, good=lambda one: one.address not in own).address
    awake = [one for one in own if dice.world.accounts[one].active and dice.world.accounts[one].role in EVERYDAY]
    return dice.caller(dice.pick(awake), *EVERYDAY)


def set_uri(dice: Dice, contract: str, method: str) -> Call:
    edition = _edition(
        dice, lambda one: _open(one) and not one.uri, lambda one: _open(one) and one.uri != "", _withdrawn, _frozen
    )
    uri = "" if dice.slips() else "https://example.org/edition"
    return Call(contract, method, _own_caller(dice, edition), SetEditionUri(**_named(dice, edition), uri=uri))


def _of_edition(dice: Dice, edition: Edition) -> OfEdition:
    return OfEdition(**_named(dice, edition), reason=dice.pick(REASONS))


def freeze_edition(dice: Dice, contract: str, method: str) -> Call:
    edition = _edition(dice, _open, _withdrawn, _frozen)
    return Call(contract, method, operator(dice, contract, method), _of_edition(dice, edition))


def unfreeze_edition(dice: Dice, contract: str, method: str) -> Call:
    edition = _edition(dice, _frozen, _withdrawn, _open)
    return Call(contract, method, operator(dice, contract, method), _of_edition(dice, edition))


def withdraw_edition(dice: Dice, contract: str, method: str) -> Call:
    edition = _edition(dice, lambda one: not one.withdrawn and one.holdings > 3, _withdrawn)
    return Call(contract, method, _own_caller(dice, edition), _of_edition(dice, edition))


def _edition_of(dice: Dice, given: Right) -> bytes:
    """An edition of the class that can be issued; or one that cannot, or none."""

    def of_class(good: Good) -> Good:
        return lambda one: one.class_id == given.class_id and good(one)

    if dice.slips():
        return dice.draw_bytes(16)
    return _edition(dice, of_class(_open), of_class(_withdrawn), of_class(_frozen)).token


def _awaited(dice: Dice, given: Right) -> tuple[bytes, bytes] | None:
    """An edition and an account to which a holding of it is to be rebound: it may have one of its own before."""
    world = dice.world
    rebinds = [(token, one.to) for (class_id, token, _), one in world.rebinds.items() if class_id == given.class_id]
    return dice.sample(
        rebinds,
        lambda place: (
            (given.class_id, place[0]) in world.editions
            and _open(world.editions[given.class_id, place[0]])
            and world.accounts[place[1]].active
            and may_issue_to(world, world.accounts[given.issuer], world.accounts[place[1]])
            and (given.class_id, *place) not in world.holdings
        ),
    )


def _new_holder(dice: Dice, given: Right, token: bytes) -> bytes:
    """A holder in reach who has none of the edition yet; or has."""
    holdings = dice.world.holdings
    if dice.slips():
        return dice.take(dice.index.holdings, lambda key: key[:2] == (given.class_id, token))[2]
    for _ in range(6):
        holder = reachable(dice, given.issuer)
        if (given.class_id, token, holder) not in holdings:
            break
    return holder


def _amounts(dice: Dice, count: int) -> tuple[int, ...]:
    amounts = [1] * count
    if dice.slips():
        amounts[-1] = dice.pick([0, 2])
    return tuple(amounts)


def safe_mint(dice: Dice, contract: str, method: str) -> Call:
    roles = crossing(dice, contract, method)
    given = right(dice, 1155, method, dice.number(1, 3) if method == "safeMintBatch" else 1, roles=roles)
    token, holder = _edition_of(dice, given), None
    if dice.often(0.3):
        token, holder = _awaited(dice, given) or (token, None)
    sender = dice.caller(given.issuer, *roles)
    if method != "safeMintBatch":
        (amount,), holder = _amounts(dice, 1), holder or _new_holder(dice, given, token)
        single = SafeMint1155(class_id=given.named, token=token, holder=holder, amount=amount, data=data(dice))
        return Call(contract, method, sender, single)
    holders = [_new_holder(dice, given, token) for _ in range(dice.number(1, 3))]
    holders = list(dict.fromkeys(holders))
    if dice.slips():
        holders.append(holders[0])
    amounts = _amounts(dice, len(holders))
    if dice.slips():
        amounts = amounts[1:]
    arguments = SafeMintBatch1155(
        class_id=given.named, token=token, holders=tuple(holders), amounts=amounts, data=data(dice)
    )
    return Call(contract, method, sender, arguments)


def meta_safe_mint(dice: Dice, contract: str, method: str) -> Call:
    count = dice.number(1, 3) if "Batch" in method else 1
    given = right(dice, 1155, method, count)
    sender = dice.caller(given.issuer, *EVERYDAY)
    tokens = list(dict.fromkeys(_edition_of(dice, given) for _ in range(count)))
    holder, more = _new_holder(dice, given, tokens[0]), data(dice)
    if "Batch" in method and dice.slips():
        tokens.append(tokens[0])
    amounts = _amounts(dice, len(tokens))
    if "Batch" in method and dice.slips():
        amounts = (*amounts, 1)
    said = tuple(part for token in tokens for part in ((token, holder), 1))
    proof = signed(dice, contract, method, holder, (given.named, more, said))
    same: dict[str, Any] = {"class_id": given.named, "holder": holder, "data": more, "signed": proof}
    if "Batch" in method:
        return Call(contract, method, sender, MetaMintBatch1155(tokens=tuple(tokens), amounts=amounts, **same))
    return Call(contract, method, sender, MetaMint1155(token=tokens[0], amount=amounts[0], **same))


def _burnt(dice: Dice, method: str, good: Callable[[Held], bool], *bad: Callable[[Held], bool]) -> list[Held]:
    """Holdings of one holder in one class, the last of which may be bad."""
    held = dice.held(CONTRACT, good, *bad)
    if "Batch" not in method:
        return [held]
    holdings = dice.world.holdings
    more = [holdings[key] for key in dice.index.holdings[-600:] if (key[0], key[2]) == (held.class_id, held.holder)]
    more = [one for one in more if one is not held and good(one)]
    return [*more[: dice.number(0, 2)], held]


def burn_batch(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def fits(held: Held) -> bool:
        return free(world, held) and awake(world, held) and may_burn(world, held.holder, held)

    holdings = _burnt(
        dice,
        method,
        lambda one: fits(one) and can_pay(world, one.holder, contract, method, 3),
        lambda one: fits(one) and not can_pay(world, one.holder, contract, method, 1),
        lambda one: free(world, one) and awake(world, one) and not may_burn(world, one.holder, one),
        lambda one: one.live and is_frozen(world, one) and awake(world, one),
        *unfree(world),
    )
    sender = holdings[-1].holder
    if is_frozen(world, holdings[-1]) and dice.often(0.5):
        sender = dice.account("operator").address
    tokens, holder = _tokens(dice, holdings), dice.stranger() if dice.slips() else holdings[-1].holder
    arguments = BurnBatch(class_id=holdings[-1].class_id, holder=holder, tokens=tokens, reason=dice.pick(REASONS))
    return Call(contract, method, dice.caller(sender, *EVERYDAY), arguments)


def _tokens(dice: Dice, holdings: list[Held]) -> tuple[bytes, ...]:
    tokens = [held.token for held in holdings]
    if dice.slips():
        tokens.append(tokens[0])
    if dice.slips():
        tokens[-1] = dice.draw_bytes(16)
    return tuple(tokens)


def meta_burn(dice: Dice, contract: str, method: str) -> Call:
    world = dice.world

    def own(held: Held) -> bool:
        return free(world, held) and awake(world, held)

    holdings = _burnt(
        dice,
        method,
        lambda one: own(one) and may_burn(world, one.holder, one),
        lambda one: own(one) and not may_burn(world, one.holder, one),
        lambda one: free(world, one) and not world.accounts[one.holder].active,
        *unfree(world),
    )
    class_id, holder, reason = holdings[-1].class_id, holdings[-1].holder, dice.pick(REASONS)
    tokens = _tokens(dice, holdings)
    if "Batch" not in method:
        tokens = tokens[-1:]
    proof = signed(dice, contract, method, holder, (class_id, holder, reason, tokens))
    sender = dice.caller(payer(dice, contract, method, 3, *EVERYDAY).address, *EVERYDAY)
    same: dict[str, Any] = {"class_id": class_id, "holder": holder, "reason": reason, "signed": proof}
    if "Batch" in method:
        return Call(contract, method, sender, MetaBurnBatch1155(tokens=tokens, **same))
    return Call(contract, method, sender, MetaBurn1155(token=tokens[0], **same))


CALLS = {
    "createEdition": create_edition,
    "setURI": set_uri,
    "freezeEdition": freeze_edition,
    "unfreezeEdition": unfreeze_edition,
    "withdrawEdition": withdraw_edition,
    **dict.fromkeys(("safeMint", "safeMintBatch", "crossSafeMint"), safe_mint),
    **dict.fromkeys(("metaSafeMint", "metaSafeMintBatch"), meta_safe_mint),
    "burnBatch": burn_batch,
    **dict.fromkeys(("metaBurn", "metaBurnBatch"), meta_burn),
}
