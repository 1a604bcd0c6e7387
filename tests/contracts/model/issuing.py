"""How certificates come to be, in every form of minting, and one in place of another (contract `ddc721`)."""

from collections.abc import Sequence
from typing import Any

from tests.contracts.model.classes import class_of, require_grant
from tests.contracts.model.facts import Statement
from tests.contracts.model.gates import active, may_issue_to, opened, pay, permitted
from tests.contracts.model.life import found, require_free, require_revoker
from tests.contracts.model.signing import require_signed_call
from tests.contracts.model.state import DAY_MS, NO_DID, Account, Call, Certificate, ClassOf, World, demand


def items_of(arguments: Any) -> Sequence[Any]:
    """What is to be issued, one or many."""
    single = getattr(arguments, "item", None)
    return arguments.items if single is None else (single,)


def _unsigned(world: World, call: Call, count: int) -> ClassOf:
    """A class of certificates that asks for no signatories, and whose issuer calls."""
    found_class = class_of(world, call.arguments.class_id, 721)
    demand(not found_class.threshold, "signatures-required")
    require_grant(world, call.arguments.class_id, call.sender, count)
    return found_class


def _require_issuable(world: World, call: Call, sender: Account) -> None:
    class_id, items = call.arguments.class_id, items_of(call.arguments)
    demand(len({item.token for item in items}) == len(items), "token-repeats")
    for item in items:
        holder = active(world, item.holder, "holder-unknown", "holder-frozen")
        demand(may_issue_to(world, sender, holder), "holder-of-other-platform")
    demand(all((class_id, item.token) not in world.certificates for item in items), "token-exists")
    for item in items:
        require_validity(world, class_id, item)


def require_validity(world: World, class_id: str, asked: Any) -> None:
    """An end lies after the beginning; a class may ask for one, and that it be near."""
    most = world.classes[class_id].asked.rules.validity_ms_max
    starts = world.now if asked.valid_from is None else asked.valid_from
    if asked.valid_until is None:
        demand(most is None, "validity-required")
        return
    demand(asked.valid_until > starts, "validity-inverted")
    demand(most is None or asked.valid_until - starts <= most, "validity-too-long")


def count_issued(world: World, class_id: str, tokens: Sequence[bytes], issuer: bytes) -> None:
    """They are issued, and come off the issuer's quota."""
    world.issued.setdefault(class_id, []).extend(tokens)
    grant = world.grants.get((class_id, issuer))
    if grant is not None:
        grant.issued += len(tokens)


def _issue(world: World, call: Call, *, offered: bool | None) -> None:
    """`offered`: whether the holders are to accept; None: if the class says so."""
    class_id, items = call.arguments.class_id, items_of(call.arguments)
    pay(world, call, len(items))
    acceptance = world.classes[class_id].asked.rules.acceptance
    for item in items:
        _record(world, call, item, "offered" if (acceptance if offered is None else offered) else "active")
    count_issued(world, class_id, [item.token for item in items], call.sender)


def _record(world: World, call: Call, item: Any, state: str) -> Certificate:
    asked = world.classes[call.arguments.class_id].asked
    certificate = Certificate(
        class_id=asked.class_id,
        token=item.token,
        holder=item.holder,
        holder_did=world.accounts[item.holder].did,
        issuer=call.sender,
        issuer_did=world.accounts[call.sender].did,
        issued_at=world.now,
        valid_from=world.now if item.valid_from is None else item.valid_from,
        valid_until=item.valid_until,
        state=state,
        burners=("issuer", "holder", "both", "neither")[asked.rules.burn_authorisation],
        schema=asked.schema,
        content_root=item.content_root,
        uri=item.uri,
    )
    world.certificates[asked.class_id, item.token] = certificate
    world.once_held.add((asked.class_id, item.holder))
    return certificate


def _mint(world: World, call: Call) -> None:
    sender = opened(world, call)
    _unsigned(world, call, len(items_of(call.arguments)))
    _require_issuable(world, call, sender)
    _issue(world, call, offered=True if "safe" in call.method else None)


def _cross_safe_mint(world: World, call: Call) -> None:
    sender = permitted(world, call)
    _unsigned(world, call, 1)
    _require_issuable(world, call, sender)
    _issue(world, call, offered=True)


def _meta_mint(world: World, call: Call) -> None:
    asked, items = call.arguments, items_of(call.arguments)
    demand(len({item.holder for item in items}) == 1, "holders-differ")
    holder = items[0].holder
    require_signed_call(world, call, holder, (asked.class_id, asked.data, tuple(items)))
    sender = opened(world, call)
    _unsigned(world, call, len(items))
    _require_issuable(world, call, sender)
    _issue(world, call, offered=False)
    world.meta_calls[call.contract, holder] += 1


def _mint_signed(world: World, call: Call) -> None:
    sender = opened(world, call)
    _signed(world, call)
    _require_issuable(world, call, sender)
    _issue(world, call, offered=None)


def _signed(world: World, call: Call, *more: Any) -> ClassOf:
    """A class of certificates that asks for signatories, who signed this and `more`, and whose issuer calls."""
    asked = call.arguments
    found_class = class_of(world, asked.class_id, 721)
    demand(found_class.threshold, "signatures-not-asked")
    demand(world.now <= asked.deadline, "deadline-passed")
    demand(asked.deadline <= world.now + DAY_MS, "deadline-too-far")
    statement = ("issue", world.chain, call.contract, asked.class_id, tuple(items_of(asked)), asked.deadline, *more)
    _require_signatories(world, call, found_class, statement)
    require_grant(world, asked.class_id, call.sender, len(items_of(asked)))
    return found_class


def _require_signatories(world: World, call: Call, issued_class: ClassOf, statement: Statement) -> None:
    asked, named = call.arguments, issued_class.signatories
    demand(list(asked.signers) == sorted(set(asked.signers)), "signers-malformed")
    demand(len(asked.signers) == len(asked.signatures), "signers-malformed")
    demand(all(place < len(named) for place in asked.signers), "signers-malformed")
    demand(len(asked.signers) >= issued_class.threshold, "signatures-short")
    for place, signature in zip(asked.signers, asked.signatures, strict=True):
        account = world.accounts[named[place]]
        demand(account.active, "account-frozen")
        demand(world.facts.signed(account.key, signature, statement), "signature-not-valid")


def _reissue(world: World, call: Call) -> None:
    sender = opened(world, call)
    _put_in_place(world, call, sender, _unsigned(world, call, 1))


def _reissue_signed(world: World, call: Call) -> None:
    sender = opened(world, call)
    _put_in_place(world, call, sender, _signed(world, call, call.arguments.token, call.arguments.reason))


def _put_in_place(world: World, call: Call, sender: Account, issued_class: ClassOf) -> None:
    asked = call.arguments
    old = found(world, call)
    assert isinstance(old, Certificate)
    require_revoker(world, call, old)
    require_free(old)
    _require_issuable(world, call, sender)
    did = world.accounts[asked.item.holder].did
    same = asked.item.holder == old.holder or (did == old.holder_did != NO_DID)
    demand(same, "holder-of-other-did")
    pay(world, call)
    new = _record(world, call, asked.item, "offered" if issued_class.asked.rules.acceptance else "active")
    new.supersedes, old.superseded_by = old.token, new.token
    old.state = "revoked"
    count_issued(world, old.class_id, [new.token], call.sender)


METHODS = {
    **dict.fromkeys(("mint", "mintBatch", "safeMint", "safeMintBatch"), _mint),
    "crossSafeMint": _cross_safe_mint,
    "mintSigned": _mint_signed,
    **dict.fromkeys(("metaMint", "metaSafeMint", "metaMintBatch", "metaSafeMintBatch"), _meta_mint),
    "reissue": _reissue,
    "reissueSigned": _reissue_signed,
}
