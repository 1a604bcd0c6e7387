"""What calls and their events mean to the index: which certificates are new, and what became of those that there are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from msgspec import Raw

from chain.rules import ChainRules
from chain.universal_id import CertificateName, format_token
from contracts.access import NO_DID
from contracts.certificate import Recorded
from contracts.ddc721 import MetaMint, MetaMintBatch, Reissue
from contracts.interface import Role
from contracts.issuing import Mint, MintBatch, Minting, MintItem, SafeMint, SafeMintBatch
from contracts.packets import ReceivePacket
from contracts.requiring import MintRequired
from contracts.signatories import MintSigned, ReissueSigned
from gateway.arguments import format_did
from gateway.shown import address_text


class HeardEvent(msgspec.Struct, array_like=True):
    """A `chain.transaction.Event`, its values left as they came: a batch's are hundreds, and few are looked at."""

    contract: str
    name: str
    values: Raw


class _HeardReceipt(msgspec.Struct, array_like=True):
    """A `chain.transaction.Receipt` under a certified root, so none of its bounds is checked again."""

    transaction_id: bytes
    code: str
    values: Raw
    events: list[HeardEvent]


@dataclass(frozen=True, slots=True)
class Minted:
    """Certificates that one call has issued; `recorded` is None where their class says whether they are offered."""

    class_id: str
    items: tuple[MintItem, ...]
    recorded: Recorded | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An event as it is kept: its kind, what its values mean, and of which certificate it tells, if of one."""

    kind: str
    data: dict[str, Any]
    class_id: str | None = None
    token: bytes | None = None


def events_of(receipt: Raw) -> list[HeardEvent]:
    """The events of a receipt, without those that tell what the rows of new or burnt certificates tell."""
    return [event for event in _receipt(receipt).events if not _is_said_by_rows(event)]


def arrived_by(contract: str, method: str, arguments: bytes, receipt: Raw) -> tuple[bytes, Minted] | None:
    """A certificate that a call has let in from another chain, and by whom it counts as issued here; None if none."""
    if (contract, method) != ("crosschain", "receive"):
        return None
    issued = next((values_of(event) for event in _receipt(receipt).events if event.name == "Issued"), None)
    if issued is None:
        return None
    class_id, issuer, holder, token, _ = issued
    held = _arrived(arguments).packet.body.certificate
    item = MintItem(
        token=token,
        holder=holder,
        content_root=held.content_root,
        uri=held.uri,
        valid_from=held.valid_from,
        valid_until=held.valid_until,
    )
    return issuer, Minted(class_id, (item,), Recorded.ACTIVE)


def minted_by(contract: str, method: str, arguments: bytes) -> Minted | None:
    """What a call that took effect has issued; None if it is none that issues certificates."""
    known = _MINTING.get(method) if contract == "ddc721" else None
    if known is None:
        return None
    read, recorded = known
    minting: Minting = read(arguments)
    return Minted(minting.class_id, minting.items, recorded)


def told(rules: ChainRules, event: HeardEvent) -> Told:
    """What an event tells; one that nothing is known of is kept under its name."""
    if event.contract in _OF_721 and event.name in _OF_CERTIFICATE:
        kind, members = _OF_CERTIFICATE[event.name]
        class_id, token, *values = values_of(event)
        if event.name == "Transfer":  # to another chain: from whom comes before the token
            values, token = [token], values[1]
        text = format_token(rules.profile.token_id_style, token)
        data = {"id": CertificateName(rules.chain_id, class_id, text).path} | _written(rules, members, values)
        return Told(kind=kind, data=data, class_id=class_id, token=token)
    named = {"event": event.name, "contract": event.contract}
    if event.name in _OTHERS:
        kind, members = _OTHERS[event.name]
        return Told(kind=kind, data=named | _written(rules, members, values_of(event)))
    return Told(kind="account" if event.contract == "authority" else "event", data=named)


def _is_said_by_rows(event: HeardEvent) -> bool:
    """Of a new certificate or a burnt one; a transfer to another chain is neither."""
    if event.contract not in _OF_721 or event.name not in _SAID_BY_ROWS:
        return False
    return event.contract == "ddc721" or event.name != "Transfer" or values_of(event)[1] == b""


def values_of(event: HeardEvent) -> list[Any]:
    """An event's values."""
    return _values(event.values)


def role_word(role: int) -> str:
    """A role in a word."""
    return Role(role).name.lower().replace("_", "-")


def did_text(did: bytes) -> str | None:
    """A DID as text; None for that of an account which has joined none."""
    return None if did == NO_DID else format_did(did)


def _written(rules: ChainRules, members: tuple[str, ...], values: list[Any]) -> dict[str, Any]:
    return {
        member: _HOW[member](rules, value) if member in _HOW else value
        for member, value in zip(members, values, strict=True)
    }


def _address(rules: ChainRules, value: bytes) -> str | None:
    return address_text(rules.addresses, value) if value else None


def _did(_rules: ChainRules, value: bytes) -> str | None:
    return did_text(value)


def _hex(_rules: ChainRules, value: bytes) -> str:
    return value.hex()


_HOW: Final[dict[str, Callable[[ChainRules, Any], Any]]] = {
    **dict.fromkeys(("address", "approved_by", "creator", "holder", "payer", "to", "user"), _address),
    **dict.fromkeys(
        (
            "consensus_key",
            "membership",
            "next_membership",
            "cross_id",
            "source_token",
            "to_address",
            "first",
            "second",
            "block",
        ),
        _hex,
    ),
    "token": lambda rules, value: format_token(rules.profile.token_id_style, value),
    "addresses": lambda rules, values: [_address(rules, value) for value in values],
    "did": _did,
    "dids": lambda rules, values: [_did(rules, value) for value in values],
    "role": lambda _rules, value: role_word(value),
    "superseded_by": lambda rules, value: format_token(rules.profile.token_id_style, value),
}
"""How a value is written, by what it is; numbers and texts stay as they are."""
_OF_721: Final = frozenset({"ddc721", "crosschain"})
"""The contracts that tell of certificates of ddc721."""
_OF_CERTIFICATE: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "Accepted": ("accepted", ("holder",)),
    "Burnt": ("burnt", ("holder", "reason")),
    "Declined": ("declined", ("holder", "reason")),
    "EnterBlacklist": ("frozen", ("holder", "reason")),
    "ExitBlacklist": ("unfrozen", ("holder", "reason")),
    "Locklist": ("locked", ("holder",)),
    "Rebound": ("rebound", ("holder", "to")),
    "RebindApproved": ("rebind-approved", ("holder", "to", "approved_by")),
    "RebindRefused": ("rebind-refused", ("holder", "to")),
    "RebindRequested": ("rebind-requested", ("holder", "to", "due_at")),
    "Reissued": ("reissued", ("superseded_by",)),
    "Relied": ("relied", ("source_chain", "source_class", "source_token", "source_height")),
    "Revoked": ("revoked", ("holder", "reason")),
    "SetAttribute": ("attribute-set", ("holder", "name", "value")),
    "SetURI": ("uri-set", ("uri",)),
    "Suspended": ("suspended", ("holder", "place", "source_height")),
    "Transfer": ("moved", ("holder",)),
    "UnLocklist": ("unlocked", ("holder",)),
    "Unsuspended": ("unsuspended", ("holder", "place", "source_height")),
    "UpdateUser": ("user-set", ("holder", "user", "until")),
}
"""The events that tell of one certificate: their kind, and what their values after class and token are."""
_OTHERS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "AddAccount": ("account", ("creator", "address", "role", "did")),
    "AddBatchAccount": ("account", ("creator", "addresses", "dids")),
    "Attested": ("mirrored", ("source_chain", "class", "source_token", "source_height", "status")),
    "ClientFrozen": ("client-frozen", ("other_chain", "at_height", "first", "second")),
    "ClientRestarted": ("client-restarted", ("other_chain", "number", "at_height", "block", "reason")),
    "CrossChainArrived": ("move-arrived", ("cross_id", "source_chain", "class", "token", "holder")),
    "CrossChainConfirmed": ("move-confirmed", ("cross_id", "to_chain", "sequence")),
    "CrossChainSettled": ("move-settled", ("cross_id", "state", "code")),
    "CrossChainTransfer": ("move-opened", ("cross_id", "class", "token", "holder", "to_chain", "to_address", "fee")),
    "PacketClosed": ("packet-closed", ("other_chain", "sequence", "cross_id")),
    "PacketReceived": ("packet-received", ("other_chain", "sequence", "cross_id", "code")),
    "PacketSent": ("packet-sent", ("other_chain", "sequence", "cross_id")),
    "Refreshed": ("mirror-refreshed", ("source_chain", "class", "source_token", "source_height", "status")),
    "Convicted": ("conviction", ("consensus_key", "replica", "evidence_kind", "evidence_height", "evidence_view")),
    "JoinDid": ("account", ("address", "did")),
    "MembershipChanged": ("membership", ("membership", "next_membership", "effective_height")),
    "Pay": ("paid", ("payer", "method", "fen", "gas", "units")),
    "UpdateAccountState": ("account", ("address", "platform_active", "operator_active")),
}
_SAID_BY_ROWS: Final = frozenset({"Transfer", "TransferBatch", "Locked", "LockedBatch", "Issued", "IssuedBatch"})
_MINTING: Final[dict[str, tuple[Callable[[bytes], Any], Recorded | None]]] = {
    method: (msgspec.msgpack.Decoder(record).decode, recorded)
    for record, recorded, methods in (
        (Mint, None, ("mint",)),
        (MintBatch, None, ("mintBatch",)),
        (MintSigned, None, ("mintSigned",)),
        (MintRequired, None, ("mintRequired",)),
        (Reissue, None, ("reissue",)),
        (ReissueSigned, None, ("reissueSigned",)),
        (SafeMint, Recorded.OFFERED, ("safeMint", "crossSafeMint")),
        (SafeMintBatch, Recorded.OFFERED, ("safeMintBatch",)),
        (MetaMint, Recorded.ACTIVE, ("metaMint", "metaSafeMint")),
        (MetaMintBatch, Recorded.ACTIVE, ("metaMintBatch", "metaSafeMintBatch")),
    )
    for method in methods
}
"""The methods that issue certificates: how to read their arguments, and as what they record them."""
_arrived = msgspec.msgpack.Decoder(ReceivePacket).decode
_receipt = msgspec.msgpack.Decoder(_HeardReceipt).decode
_values = msgspec.msgpack.Decoder(list).decode
