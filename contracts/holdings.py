"""Holdings of ddc1155: one holder's of an edition, with a life of its own under the edition's (protocol 30.2).

What is said of an edition is said of its holdings: those of a withdrawn one are as revoked, those of a frozen one as
frozen, whatever their own records say. No balance under `B` counts holdings, since an edition is withdrawn in one step,
however many hold it.
"""

from dataclasses import replace as changed
from typing import Any, Final

from msgspec.structs import replace

from chain.codec import encode
from contracts.certificate import Held, Holding, Recorded, find_holding
from contracts.editions import edition_not_frozen, not_withdrawn, require_edition
from contracts.interface import Check, ContractContext, ContractReverted, Method, Readable, Records, refuses
from contracts.keys import holding_key
from contracts.life import Shelf, life_methods, may_burn_as
from contracts.rebinding import RequestRebind, find_rebind, rebind_methods


def _find(records: Readable, arguments: Any) -> Holding:  # noqa: ANN401 - any record that names one
    if arguments.holder is None:
        raise ContractReverted("holder-missing")
    holding = find_holding(records, arguments.class_id, arguments.token, arguments.holder)
    if holding is None:
        raise ContractReverted("holding-unknown", arguments.class_id, arguments.token, arguments.holder)
    return holding


@refuses("holder-missing", "holding-unknown")
def known(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record that names one
    """The call names a holder, who has a holding of the edition."""
    _find(context.records, arguments)


def put_holding(records: Records, held: Held) -> None:
    """Record the holding."""
    assert isinstance(held, Holding)
    records.put(holding_key(held.class_id, held.token, held.holder), encode(held))


def _tell_gone(context: ContractContext, held: Held) -> None:
    context.emit("TransferSingle", context.sender, held.holder, b"", held.class_id, held.token, 1)


SHELF: Final = Shelf(find=_find, known=known, put=put_holding, tell_gone=_tell_gone, counted=False)


def may_burn_holding(context: ContractContext, who: bytes, held: Held) -> bool:
    """Whether `who` may burn it; a frozen edition freezes it."""
    edition = require_edition(context, held.class_id, held.token)
    return may_burn_as(context, who, replace(held, frozen=held.frozen or edition.frozen))


def _move(context: ContractContext, held: Held, to: bytes) -> None:
    """The old record stays, as moved; the new one goes on with the same life."""
    assert isinstance(held, Holding)
    put_holding(context.records, replace(held, recorded=int(Recorded.MOVED)))
    put_holding(context.records, replace(held, holder=to, user=None, user_until=None))


def _require_free(context: ContractContext, held: Held, to: bytes) -> None:
    if find_holding(context.records, held.class_id, held.token, to) is not None:
        raise ContractReverted("holding-exists", held.token, to)


@refuses("holding-exists")
def goes_to_free_place(context: ContractContext, arguments: RequestRebind) -> None:
    """The account that it is to go to has never had a holding of the edition."""
    _require_free(context, _find(context.records, arguments), arguments.to)


@refuses("holding-exists")
def new_place_free(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - an OfRebind
    """The account that it goes to has never had a holding of the edition."""
    held = _find(context.records, arguments)
    rebind = find_rebind(context.records, held)
    assert rebind is not None
    _require_free(context, held, rebind.to)


_IN_FORCE: Final = (not_withdrawn,)
_UNTOUCHED: Final = (not_withdrawn, edition_not_frozen)
_OF_THE_EDITION: Final = {
    "accept": _UNTOUCHED,
    "decline": _UNTOUCHED,
    "revoke": _IN_FORCE,
    "freeze": _IN_FORCE,
    "unfreeze": _IN_FORCE,
    "lock": _UNTOUCHED,
    "unlock": (),
    "setUser": _UNTOUCHED,
    "setAttribute": _UNTOUCHED,
    "requestRebind": _UNTOUCHED,
    "approveRebind": (),
    "objectRebind": (),
    "completeRebind": _UNTOUCHED,
}
"""What is asked of the edition, beside what is asked of a certificate too. Unlocking and rebinds that end are never kept up."""


def _after_known(method: Method, more: tuple[Check, ...]) -> Method:
    place = method.checks.index(known) + 1
    return changed(method, checks=(*method.checks[:place], *more, *method.checks[place:]))


def _rebinding() -> dict[str, Method]:
    methods = rebind_methods(SHELF, new_place_free, _move)
    request = methods["requestRebind"]
    return methods | {"requestRebind": changed(request, checks=(*request.checks, goes_to_free_place))}


def holding_methods() -> dict[str, Method]:
    """Life and rebinds of holdings, all but `burn`; what must be so of the edition stands behind the check that finds one."""
    methods = life_methods(SHELF, "TransferSingle") | _rebinding()
    return {name: _after_known(methods[name], more) for name, more in _OF_THE_EDITION.items()}
