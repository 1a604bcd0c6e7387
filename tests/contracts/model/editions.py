"""The contract `ddc1155`: editions, and how holders come to hold of them and burn it."""

from collections.abc import Iterable, Sequence
from typing import Any

from tests.contracts.model.classes import class_of, require_grant
from tests.contracts.model.gates import active, may_issue_to, opened, pay, sender_of
from tests.contracts.model.issuing import count_issued, require_validity
from tests.contracts.model.life import holding_of, is_frozen, may_burn
from tests.contracts.model.signing import require_signed_call
from tests.contracts.model.state import Account, Call, ClassOf, Edition, Held, World, demand, refuse


def _edition(world: World, class_id: str, token: bytes) -> Edition:
    edition = world.editions.get((class_id, token))
    if edition is None:
        refuse("edition-unknown")
    return edition


def _require_own(world: World, call: Call, edition: Edition) -> None:
    """The sender issued the edition, or defined its class."""
    demand(call.sender in (edition.issuer, world.classes[edition.class_id].definer), "not-granted")


def _granted(world: World, call: Call, count: int) -> ClassOf:
    """A class of editions, whose issuer calls."""
    found = class_of(world, call.arguments.class_id, 1155)
    require_grant(world, call.arguments.class_id, call.sender, count)
    return found


def _create_edition(world: World, call: Call) -> None:
    asked = call.arguments
    sender = opened(world, call)
    _granted(world, call, 0)
    demand((asked.class_id, asked.token) not in world.editions, "edition-exists")
    old = None if asked.supersedes is None else _edition(world, asked.class_id, asked.supersedes)
    if old is not None:
        _require_own(world, call, old)
        demand(old.superseded_by is None, "edition-superseded")
    require_validity(world, asked.class_id, asked)
    starts = world.now if asked.valid_from is None else asked.valid_from
    world.editions[asked.class_id, asked.token] = Edition(
        class_id=asked.class_id,
        token=asked.token,
        issuer=call.sender,
        issuer_did=sender.did,
        issued_at=world.now,
        asked=asked,
        valid_from=starts,
        uri=asked.uri,
    )
    if old is not None:
        old.superseded_by = asked.token


def _set_uri(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    class_of(world, asked.class_id, 1155)
    edition = _edition(world, asked.class_id, asked.token)
    demand(not edition.withdrawn, "edition-withdrawn")
    demand(not edition.frozen, "edition-frozen")
    _require_own(world, call, edition)
    demand(asked.uri, "uri-empty")
    demand(not edition.uri, "uri-set")
    edition.uri = asked.uri


def _set_frozen(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    sender_of(world, call, "operator")
    edition = _edition(world, asked.class_id, asked.token)
    demand(not edition.withdrawn, "edition-withdrawn")
    if call.method == "freezeEdition":
        demand(not edition.frozen, "edition-frozen")
    else:
        demand(edition.frozen, "edition-not-frozen")
    edition.frozen = not edition.frozen


def _withdraw(world: World, call: Call) -> None:
    asked = call.arguments
    opened(world, call)
    class_of(world, asked.class_id, 1155)
    edition = _edition(world, asked.class_id, asked.token)
    _require_own(world, call, edition)
    demand(not edition.withdrawn, "edition-withdrawn")
    edition.withdrawn = True


def _pairs(call: Call) -> list[tuple[bytes, bytes]]:
    """Which editions for which holders."""
    asked = call.arguments
    if call.method == "safeMintBatch":
        return [(asked.token, holder) for holder in asked.holders]
    if call.method == "metaSafeMintBatch":
        return [(token, asked.holder) for token in asked.tokens]
    return [(asked.token, asked.holder)]


def _require_editions(world: World, class_id: str, tokens: Iterable[bytes]) -> None:
    editions = [_edition(world, class_id, token) for token in tokens]
    demand(not any(edition.withdrawn for edition in editions), "edition-withdrawn")
    demand(not any(edition.frozen for edition in editions), "edition-frozen")


def _require_amounts(call: Call) -> None:
    """Of every holding exactly one."""
    asked = call.arguments
    amounts = asked.amounts if call.method.endswith("Batch") else (asked.amount,)
    demand(len(amounts) == len(_pairs(call)), "lengths-differ")
    demand(all(amount == 1 for amount in amounts), "amount-not-one")


def _require_places(world: World, call: Call, sender: Account) -> None:
    """Active holders in reach, who never had a holding of the edition."""
    pairs = _pairs(call)
    holders = [active(world, holder, "holder-unknown", "holder-frozen") for _, holder in pairs]
    demand(all(may_issue_to(world, sender, holder) for holder in holders), "holder-of-other-platform")
    taken = any((call.arguments.class_id, *pair) in world.holdings for pair in pairs)
    demand(not taken, "holding-exists")


def _safe_mint(world: World, call: Call) -> None:
    pairs = _pairs(call)
    sender = opened(world, call)
    _granted(world, call, len(pairs))
    _require_editions(world, call.arguments.class_id, [token for token, _ in pairs])
    demand(len(set(pairs)) == len(pairs), "holding-repeats")
    _require_amounts(call)
    _require_places(world, call, sender)
    acceptance = world.classes[call.arguments.class_id].asked.rules.acceptance
    _issue(world, call, "offered" if acceptance else "active")


def _meta_safe_mint(world: World, call: Call) -> None:
    asked, pairs = call.arguments, _pairs(call)
    _require_amounts(call)
    said = tuple(part for pair in pairs for part in (pair, 1))
    require_signed_call(world, call, asked.holder, (asked.class_id, asked.data, said))
    sender = opened(world, call)
    _granted(world, call, len(pairs))
    _require_editions(world, asked.class_id, [token for token, _ in pairs])
    demand(len(set(pairs)) == len(pairs), "holding-repeats")
    _require_places(world, call, sender)
    _issue(world, call, "active")
    world.meta_calls[call.contract, asked.holder] += 1


def _issue(world: World, call: Call, state: str) -> None:
    class_id, pairs = call.arguments.class_id, _pairs(call)
    pay(world, call, len(pairs))
    for token, holder in pairs:
        edition = world.editions[class_id, token]
        edition.holdings += 1
        world.holdings[class_id, token, holder] = Held(
            class_id=class_id,
            token=token,
            holder=holder,
            holder_did=world.accounts[holder].did,
            issuer=call.sender,
            issuer_did=world.accounts[call.sender].did,
            issued_at=world.now,
            valid_from=edition.valid_from,
            valid_until=edition.asked.valid_until,
            state=state,
            burners=("issuer", "holder", "both", "neither")[world.classes[class_id].asked.rules.burn_authorisation],
        )
    count_issued(world, class_id, [token for token, _ in pairs], call.sender)


def _tokens(call: Call) -> Sequence[bytes]:
    tokens: Any = call.arguments.tokens
    return tuple(tokens)


def _own_holdings(world: World, call: Call) -> list[Held]:
    """The holdings that are to be burnt, of editions that are in force."""
    asked = call.arguments
    demand(len(set(_tokens(call))) == len(_tokens(call)), "token-repeats")
    held = [holding_of(world, asked.class_id, token, asked.holder) for token in _tokens(call)]
    withdrawn = any(world.editions[asked.class_id, token].withdrawn for token in _tokens(call))
    demand(not withdrawn, "edition-withdrawn")
    return held


def _burn_batch(world: World, call: Call) -> None:
    sender = opened(world, call)
    holdings = _own_holdings(world, call)
    demand(all(held.live for held in holdings), "certificate-final")
    demand(not any(held.locked for held in holdings), "certificate-locked")
    for held in holdings:
        allowed = sender.role == "operator" if is_frozen(world, held) else may_burn(world, call.sender, held)
        demand(allowed, "burn-not-authorised")
    _burn(world, call, holdings)


def _meta_burn(world: World, call: Call) -> None:
    asked = call.arguments
    holdings = _own_holdings(world, call)
    demand(not any(world.editions[held.class_id, held.token].frozen for held in holdings), "edition-frozen")
    demand(all(held.live for held in holdings), "certificate-final")
    demand(not any(held.locked for held in holdings), "certificate-locked")
    demand(not any(held.frozen for held in holdings), "certificate-frozen")
    require_signed_call(world, call, asked.holder, (asked.class_id, asked.holder, asked.reason, _tokens(call)))
    opened(world, call)
    demand(all(may_burn(world, held.holder, held) for held in holdings), "burn-not-authorised")
    _burn(world, call, holdings)
    world.meta_calls[call.contract, asked.holder] += 1


def _burn(world: World, call: Call, holdings: list[Held]) -> None:
    pay(world, call, len(holdings))
    for held in holdings:
        held.state = "burnt"


METHODS = {
    "createEdition": _create_edition,
    "setURI": _set_uri,
    "freezeEdition": _set_frozen,
    "unfreezeEdition": _set_frozen,
    "withdrawEdition": _withdraw,
    **dict.fromkeys(("safeMint", "safeMintBatch", "crossSafeMint"), _safe_mint),
    **dict.fromkeys(("metaSafeMint", "metaSafeMintBatch"), _meta_safe_mint),
    "burnBatch": _burn_batch,
    "metaBurn": _meta_burn,
    "metaBurnBatch": _meta_burn,
}
