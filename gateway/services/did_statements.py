"""What the keys of a DID sign (protocol 28): made of what was asked and what the chain has, signed with a kept key.

What makes, rotates or serves a DID is good on every chain, and bound to its home chain. What it says about accounts and
certificates is good on the one chain where they are.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from chain.codec import Record, decode, encode
from chain.did import (
    BaseDocument,
    Creation,
    Joining,
    Objection,
    Rebinding,
    Rotation,
    ServiceChange,
    Statement,
    statement_digest,
)
from chain.signatures import KeyPair
from contracts.did import DidDocument
from contracts.keys import rebind_key
from contracts.rebinding import OfRebind, OpenRebind
from gateway.arguments import ArgumentsMalformed, format_did, read_record, show_record
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.accounts import read_account
from gateway.services.calls import read_state
from gateway.services.dids import base_of, find_document
from gateway.services.gateway import Gateway
from gateway.services.signing import DID_SCHEME, DidPairs, Stated, check_may_sign, did_pairs, find_pair, require_pair
from gateway.vault import Tenant, keep_authentication_key

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True, kw_only=True)
class DidStatementOrder:
    """A statement to be made: the members of its record as JSON, without those that the chain is to tell.

    `base` is the document of a DID that is to be created and whose keys are not kept here.
    """

    chain_id: str
    kind: str
    did: bytes
    members: dict[str, Any]
    base: BaseDocument | None
    sign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A statement, the chain that it is bound to, and the key that must sign it as far as it is known."""

    record: Statement
    good_on: str
    public_key: bytes | None
    possession: KeyPair | None = None
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """An order with what the chain knows of the DID, and the keys that are kept of it for the tenant."""

    gateway: Gateway
    chain: Chain
    order: DidStatementOrder
    document: DidDocument | None
    pairs: DidPairs

    @property
    def known(self) -> DidDocument:
        """The DID as the chain knows it; a problem if it does not."""
        if self.document is None:
            raise Problem("did-unknown", format_did(self.order.did))
        return self.document

    @property
    def base(self) -> BaseDocument | None:
        """The document that the DID begins with, as it was given or as its kept keys make it."""
        if self.order.base is not None:
            return self.order.base
        recovery = list(self.pairs.recovery)
        found = (base_of(self.gateway, self.order.did, pair, recovery) for pair in self.pairs.authentication)
        return next((base for base in found if base is not None), None)

    async def known_at_home(self) -> DidDocument:
        """The DID as its home chain knows it, which decides the order of changes."""
        known = self.known
        if known.home == self.chain.rules.chain_id:
            return known
        return await find_document(self.gateway.chain(known.home), known.did) or known

    def read(self, record: type[R], **found: Any) -> R:
        """A record of what was asked, and of what was found out where nothing was said."""
        names = record.__struct_fields__
        members = {name: value for name, value in (found | self.order.members).items() if name in names}
        try:
            return read_record(self.chain.rules, record, members, f"'{self.order.kind}'")
        except ArgumentsMalformed as malformed:
            raise Problem("parameter-malformed", str(malformed)) from None


async def state_did(gateway: Gateway, tenant: Tenant, order: DidStatementOrder) -> Stated:
    """The statement as the DID's key signs it."""
    chain, kind = gateway.chain(order.chain_id), _KINDS[order.kind]
    if order.sign:
        check_may_sign(gateway, tenant, chain, kind.method.format(**order.members))
    document, pairs = await find_document(chain, order.did), await did_pairs(gateway, tenant, order.did)
    case = _Case(gateway=gateway, chain=chain, order=order, document=document, pairs=pairs)
    made = await kind.make(case)
    digest = statement_digest(chain.rules.network_id, made.good_on, made.record)
    shown = show_record(chain.rules, made.record)
    del shown["kind"]  # a number, which the answer has as a word
    return Stated(
        chain_id=order.chain_id,
        kind=order.kind,
        signed_by=format_did(order.did),
        key=kind.key,
        scheme=DID_SCHEME.name,
        good_on=made.good_on,
        body=encode(made.record),
        digest=digest,
        statement=shown,
        more=made.more,
        signatures=_signatures(case, kind, made, digest) if order.sign else None,
    )


def _signatures(case: _Case, kind: "_Kind", made: _Made, digest: bytes) -> dict[str, bytes]:
    kept = case.pairs.recovery if kind.key == _RECOVERY else case.pairs.authentication
    pair = require_pair(kept, made.public_key, format_did(case.order.did))
    possession = {} if made.possession is None else {"possession": made.possession.sign(digest)}
    return {"signature": pair.sign(digest)} | possession


async def _creation(case: _Case) -> _Made:
    base, did = case.base, format_did(case.order.did)
    if base is None:
        raise Problem("parameter-malformed", f"give 'base': no key of {did} is kept for this API key")
    more = {"base": show_record(case.chain.rules, base)}
    return _Made(record=case.read(Creation), good_on=base.home, public_key=base.authentication, more=more)


async def _rotation(case: _Case) -> _Made:
    known, at_home = case.known, await case.known_at_home()
    given = case.order.members.get("authentication")
    possession = (
        await _draw(case, known) if given is None else find_pair(case.pairs.authentication, bytes.fromhex(given))
    )
    new_key = given if possession is None else possession.public_key.hex()
    record = case.read(Rotation, sequence=at_home.sequence + 1, authentication=new_key)
    return _Made(record=record, good_on=known.home, public_key=known.recovery, possession=possession)


async def _draw(case: _Case, known: DidDocument) -> KeyPair:
    """A new authentication key, kept before anybody hears of it: a DID that is rotated to a lost key would be lost."""
    seal = case.gateway.seal
    if seal is None or not case.order.sign:
        raise Problem("parameter-malformed", "give 'authentication': a new key is drawn only to be signed for here")
    require_pair(case.pairs.recovery, known.recovery, format_did(known.did))
    seed = secrets.token_bytes(32)
    await case.gateway.in_vault(lambda connection: keep_authentication_key(connection, seal, known.did, seed))
    return DID_SCHEME.key_pair(seed)


async def _service_change(case: _Case) -> _Made:
    known = case.known
    if known.home != case.chain.rules.chain_id:
        raise Problem("not-home-chain", known.home)
    record = case.read(ServiceChange, sequence=known.sequence + 1)
    return _Made(record=record, good_on=known.home, public_key=known.authentication)


async def _joining(case: _Case) -> _Made:
    """A DID that the chain does not know joins with its document, at sequence 0 and with its first key."""
    address = case.order.members["address"]
    found: dict[str, Any] = {"sequence": 0 if case.document is None else case.document.sequence}
    if "public_key" not in case.order.members:
        account = (await read_account(case.gateway, case.order.chain_id, address)).account
        found["public_key"] = account.public_key.hex()
    first = case.base if case.document is None else case.document
    key = None if first is None else first.authentication
    return _Made(record=case.read(Joining, **found), good_on=case.order.chain_id, public_key=key)


async def _rebinding(case: _Case) -> _Made:
    known = case.known
    record = case.read(Rebinding, sequence=known.sequence)
    return _Made(record=record, good_on=case.order.chain_id, public_key=known.authentication)


async def _objection(case: _Case) -> _Made:
    known, found = case.known, dict[str, Any]()
    if not {"to", "requested_at"} <= set(case.order.members):
        rebind = await _open_rebind(case)
        found = {"to": case.chain.rules.addresses.format(rebind.to), "requested_at": rebind.requested_at}
    return _Made(record=case.read(Objection, **found), good_on=case.order.chain_id, public_key=known.recovery)


async def _open_rebind(case: _Case) -> OpenRebind:
    of = case.read(OfRebind)
    assert of.holder is not None
    record = (await read_state(case.chain, [rebind_key(of.class_id, of.token, of.holder)])).values[0].value
    if record is None:
        raise Problem("rebind-unknown", case.order.members["token"])
    return decode(record, OpenRebind)


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of statement: which key signs it, the method it is for (an API key must be allowed that), what makes it."""

    key: str
    method: str
    make: Callable[[_Case], Awaitable[_Made]]


_AUTHENTICATION, _RECOVERY = "authentication", "recovery"
_KINDS: Final = {
    "creation": _Kind(_AUTHENTICATION, "did.create", _creation),
    "rotation": _Kind(_RECOVERY, "did.rotate", _rotation),
    "service-change": _Kind(_AUTHENTICATION, "did.setService", _service_change),
    "joining": _Kind(_AUTHENTICATION, "authority.joinDid", _joining),
    "rebinding": _Kind(_AUTHENTICATION, "{contract}.requestRebind", _rebinding),
    "objection": _Kind(_RECOVERY, "{contract}.objectRebind", _objection),
}
