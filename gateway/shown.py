"""What contracts tell, as people of a chain read it: addresses and token ids in the chain's own form, DIDs as DIDs."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, Final

from chain.addresses import AddressCodec
from chain.codec import Record
from chain.errors import AddressMalformed
from chain.rules import ChainRules
from chain.transaction import Event
from chain.universal_id import format_token
from contracts.interface import Answer
from gateway.arguments import format_did, show_record

OF_DID: Final = frozenset(
    {
        "did-differs", "did-exists", "did-joined", "did-not-signed", "did-unknown", "leader-differs", "leader-unknown",
        "same-platform",
    }
)  # fmt: skip
"""Refusals whose first value is a DID; on most chains its 20 bytes could be an address as well."""
DIDS_OF_EVENT: Final[dict[str, Collection[int]]] = {
    "AddAccount": (3,),
    "AddBatchAccount": (2,),
    "ConfigureAuditor": (2,),
    "CreateDid": (0,),
    "CrossPlatformApproval": (0, 1),
    "DefineClass": (2,),
    "JoinDid": (1,),
    "RotateDid": (0,),
    "SetService": (0,),
    "SyncPlatformDID": (1,),
}
"""The places of DIDs, or of a list of them, among an event's values."""

READS_OF_ADDRESS: Final = frozenset({"getApproved", "ownerOf", "userOf"})
READS_OF_TOKEN: Final = frozenset({"getLatestDDCId"})


def show_answer(rules: ChainRules, read: str, value: Answer) -> Any:
    """What a read answers; None for nobody or none, other bytes in hex."""
    if isinstance(value, Record):
        return show_record(rules, value)
    if not isinstance(value, bytes):
        return value
    if read in READS_OF_ADDRESS:
        return address_text(rules.addresses, value) if value else None
    if read in READS_OF_TOKEN:
        return format_token(rules.profile.token_id_style, value) if value else None
    return value.hex()


def show_refusal(rules: ChainRules, code: str, values: Sequence[Any]) -> list[Any]:
    """The values of a refusal."""
    return _show(rules, values, (0,) if code in OF_DID else ())


def show_event(rules: ChainRules, event: Event) -> list[Any]:
    """The values of an event."""
    return _show(rules, event.values, DIDS_OF_EVENT.get(event.name, ()))


@lru_cache(maxsize=8192)
def address_text(codec: AddressCodec, value: bytes) -> str:
    """An address, or hex if the chain has none like it. Remembered: up to 20 us, and the same are shown again and again."""
    try:
        return codec.format(value)
    except AddressMalformed:
        return value.hex()


def _show(rules: ChainRules, values: Sequence[Any], dids: Collection[int]) -> list[Any]:
    return [_show_value(rules, value, is_did=place in dids) for place, value in enumerate(values)]


def _show_value(rules: ChainRules, value: Any, *, is_did: bool) -> Any:
    if isinstance(value, (tuple, list)):
        return [_show_value(rules, part, is_did=is_did) for part in value]
    if not isinstance(value, bytes):
        return value
    if is_did:
        return format_did(value)
    return (
        format_token(rules.profile.token_id_style, value) if len(value) == 16 else address_text(rules.addresses, value)
    )
