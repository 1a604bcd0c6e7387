"""What becomes of a certificate: one call of ddc721 about it, signed with a key that is kept here (protocol 17)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import astuple, dataclass, replace
from typing import Any

from chain.codec import Record
from chain.universal_id import CertificateName
from contracts.access import NO_DID
from contracts.ddc721 import CONTRACT, Reissue, SetUri
from contracts.issuing import Mint
from contracts.life import ChangeStatus, OfHeld, SetAttribute, SetUser
from contracts.rebinding import ObjectRebind, OfRebind, RequestRebind
from gateway.arguments import format_did
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import Call, earlier, named_sender, parse_address, request_digest, write
from gateway.services.certificates import Changed, MintOrder, Proven, changed_by, locate, mint_call, read
from gateway.services.classes import schema_of
from gateway.services.did_statements import DidStatementOrder, state_did
from gateway.services.gateway import Gateway
from gateway.shown import address_text
from gateway.vault import Document, Tenant


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """The certificate that a call is about, and who makes the call."""

    gateway: Gateway
    tenant: Tenant
    chain: Chain
    name: CertificateName
    token: bytes
    sender: str
    method: str

    def call(self, record: type[Record], **members: Any) -> Call:
        """A call whose arguments name the certificate, and what `members` say besides."""
        return Call(
            chain=self.chain,
            sender=self.sender,
            contract=CONTRACT,
            method=self.method,
            arguments=record(class_id=self.name.class_id, token=self.token, holder=None, **members),
            reference={"class": self.name.class_id, "token": self.name.token},
        )

    async def read(self) -> Proven:
        """The certificate as it is now; a problem if there is none."""
        return await read(self.gateway, self.name.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldOrder:
    """Nothing is said besides which certificate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusOrder:
    """Why: a code."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UriOrder:
    """Where more is to be found."""

    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserOrder:
    """Who may use it, until when (ms); None: nobody."""

    user: str | None
    until: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeOrder:
    """A value under a name; an empty one removes it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RebindOrder:
    """To which account; without `signature` the gateway signs, if the tenant has the DID.

    Without `did_sequence` it is the one that the chain has.
    """

    to: str
    did_sequence: int | None
    signature: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectionOrder:
    """Signed by the recovery key, or to be signed with the one that is kept (`as_did`), or sent by the old account."""

    signature: bytes | None
    as_did: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ReissueOrder:
    """The certificate that takes the old one's place, and why; `holder` None: who holds the old one."""

    content: Mapping[str, Any]
    holder: str | None
    valid_from: int | None
    valid_until: int | None
    uri: str
    token: str | None
    reason: str


Build = Callable[[Subject, Any], Awaitable[Call]]
"""Makes the call that an order asks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOrder:
    """A method of ddc721, what `build` needs to call it, and which of the tenant's accounts signs (None: the first)."""

    method: str
    build: Build
    asked: Any
    account: str | None


async def change(
    gateway: Gateway, tenant: Tenant, certificate_id: str, order: ChangeOrder, idempotency: str | None
) -> Changed:
    """Let it become of the certificate; final when this returns. After a reissue the answer is the new certificate."""
    chain, name, token = locate(gateway, certificate_id)
    sender = named_sender(tenant, chain, f"{CONTRACT}.{order.method}", order.account)
    signing = () if order.account is None else (order.account,)
    request = request_digest(order.method, name, *astuple(order.asked), *signing)
    written, documents = await earlier(gateway, tenant, idempotency, request), tuple[Document, ...]()
    if written is None:
        subject = Subject(
            gateway=gateway, tenant=tenant, chain=chain, name=name, token=token, sender=sender, method=order.method
        )
        call = await order.build(subject, order.asked)
        written, documents = await write(gateway, tenant, call, idempotency, request), call.documents
    return await changed_by(gateway, written, *documents)


async def of_held(subject: Subject, _order: HeldOrder) -> Call:
    """`accept`, `decline`, `lock`, `unlock`."""
    return subject.call(OfHeld)


async def change_status(subject: Subject, order: StatusOrder) -> Call:
    """`revoke`, `freeze`, `unfreeze`, `burn`."""
    return subject.call(ChangeStatus, reason=order.reason)


async def set_uri(subject: Subject, order: UriOrder) -> Call:
    """`setURI`."""
    return subject.call(SetUri, uri=order.uri)


async def set_user(subject: Subject, order: UserOrder) -> Call:
    """`setUser`."""
    user = None if order.user is None else parse_address(subject.chain, order.user)
    return subject.call(SetUser, user=user, until=order.until)


async def set_attribute(subject: Subject, order: AttributeOrder) -> Call:
    """`setAttribute`."""
    return subject.call(SetAttribute, name=order.name, value=order.value)


async def of_rebind(subject: Subject, _order: HeldOrder) -> Call:
    """`approveRebind`, `completeRebind`."""
    return subject.call(OfRebind)


async def request_rebind(subject: Subject, order: RebindOrder) -> Call:
    """`requestRebind`: signed by the DID's authentication key, with which the gateway signs if it keeps it."""
    to, sequence, signature = parse_address(subject.chain, order.to), order.did_sequence or 0, order.signature
    if signature is None:
        given = {} if order.did_sequence is None else {"sequence": order.did_sequence}
        stated, signature = await _signed_by_did(subject, "rebinding", to=order.to, **given)
        sequence = stated["sequence"]
    return subject.call(RequestRebind, to=to, did_sequence=sequence, signature=signature)


async def object_rebind(subject: Subject, order: ObjectionOrder) -> Call:
    """`objectRebind`: sent by the old account, or signed by the DID's recovery key, which may be kept here."""
    signature = order.signature or b""
    if order.as_did:
        _, signature = await _signed_by_did(subject, "objection")
    return subject.call(ObjectRebind, signature=signature)


async def reissue(subject: Subject, order: ReissueOrder) -> Call:
    """`reissue`: the new certificate as a mint would make it; its document is kept."""
    chain, name, old = subject.chain, subject.name, (await subject.read()).certificate
    present = address_text(chain.rules.addresses, old.holder)
    minting = MintOrder(
        chain_id=name.chain_id,
        class_id=name.class_id,
        holder=present if order.holder is None else order.holder,
        content=order.content,
        valid_from=order.valid_from,
        valid_until=order.valid_until,
        uri=order.uri,
        token=order.token,
    )
    mint = mint_call(chain, subject.sender, await schema_of(subject.gateway, chain, name.class_id), minting)
    assert isinstance(mint.arguments, Mint)
    reissuing = subject.call(Reissue, item=mint.arguments.item, reason=order.reason)
    return replace(reissuing, reference=mint.reference, documents=mint.documents)


async def _signed_by_did(subject: Subject, kind: str, **members: Any) -> tuple[dict[str, Any], bytes]:
    """What the DID of the certificate's holder states about it, and the signature of its kept key."""
    held, name = (await subject.read()).certificate, subject.name
    holder = address_text(subject.chain.rules.addresses, held.holder)
    if held.holder_did == NO_DID:
        raise Problem("did-missing", holder)
    members |= {"did": format_did(held.holder_did), "contract": CONTRACT, "class_id": name.class_id}
    members |= {"token": name.token, "holder": holder}
    order = DidStatementOrder(
        chain_id=name.chain_id, kind=kind, did=held.holder_did, members=members, base=None, sign=True
    )
    stated = await state_did(subject.gateway, subject.tenant, order)
    assert stated.signatures is not None
    return stated.statement, stated.signatures["signature"]
