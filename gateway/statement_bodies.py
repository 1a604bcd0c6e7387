"""The bodies of `POST .../statements`, one for each kind of statement that a key signs beside transactions."""

from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field

from chain.did import BaseDocument
from contracts.issuing import BATCH_CERTIFICATES_MAX
from gateway.arguments import format_did, parse_did
from gateway.errors import Problem
from gateway.schemas import HOLDER, AddressText, Body, ClassName, DidKeyHex, DidText, Reason, Time
from gateway.services.did_statements import DidStatementOrder
from gateway.services.statements import IssueOrder, MetaOrder
from gateway.times import parse_time

Count = Annotated[int, Field(ge=0, le=2**53 - 1)]
TokenText = Annotated[str, Field(max_length=40, examples=["12345"])]
Contract = Annotated[str, Field(max_length=40, examples=["ddc721"])]
OfCertificates = Literal["ddc721", "ddc1155"]
KeyHex = Annotated[str, Field(pattern=r"^([0-9a-f]{2}){32,33}$", description="an account's public key")]

DID: Final = "did:bsn:9d4f1c1a0e6d2b1f7c5e3a8b6d0c4f2e1a7b9c3d"
CERTIFICATE: Final = {"contract": "ddc721", "class_id": "diploma", "token": "12345", "holder": HOLDER}
ITEM: Final = {
    "token": "12345", "holder": HOLDER, "content_root": "0a" * 32, "uri": "", "valid_from": None, "valid_until": None,
}  # fmt: skip
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "creation": {"kind": "creation", "did": DID},
    "rotation": {"kind": "rotation", "did": DID},
    "service-change": {
        "kind": "service-change", "did": DID, "service": "verify", "endpoint": "https://certificates.example/verify",
    },
    "joining": {"kind": "joining", "did": DID, "address": HOLDER},
    "rebinding": {"kind": "rebinding", "did": DID, **CERTIFICATE, "to": HOLDER},
    "objection": {"kind": "objection", "did": DID, **CERTIFICATE},
    "meta": {
        "kind": "meta", "contract": "ddc721", "method": "metaMint", "signer": HOLDER,
        "arguments": {"class_id": "diploma", "item": ITEM, "data": ""},
    },
    "issue": {"kind": "issue", "class_id": "diploma", "items": [ITEM], "deadline": "2030-12-31", "signer": HOLDER},
}  # fmt: skip
"""What /docs fills a form with."""


def _shown(kind: str) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [EXAMPLES[kind]]})


class StatementBody(Body):
    """A statement; with `sign` the gateway signs it too, else it only says what is to be signed."""

    sign: Annotated[bool, Field(description="sign it with the key that the gateway keeps for this API key")] = True


class DidStatementBody(StatementBody):
    """A statement of a DID; members that are left out are as the chain has them."""

    kind: str
    did: DidText

    def to_order(self, chain: str) -> DidStatementOrder:
        """The record."""
        members = self.model_dump(exclude={"kind", "sign", "base"}, exclude_none=True)
        return DidStatementOrder(
            chain_id=chain, kind=self.kind, did=parse_did(self.did), members=members, base=None, sign=self.sign
        )


class BaseBody(Body):
    """The document of which a DID is the digest."""

    home: Annotated[str, Field(pattern=r"^[a-z]{2,32}$", examples=["wenchang"])]
    authentication: DidKeyHex
    recovery: DidKeyHex

    def to_record(self) -> BaseDocument:
        """The record."""
        authentication, recovery = bytes.fromhex(self.authentication), bytes.fromhex(self.recovery)
        return BaseDocument(home=self.home, authentication=authentication, recovery=recovery)


class CreationBody(StatementBody):
    """This DID is to be known (`did.create`): one whose keys are kept here, or that of `base`."""

    model_config = _shown("creation")

    kind: Literal["creation"]
    did: DidText | None = None
    base: BaseBody | None = None

    def to_order(self, chain: str) -> DidStatementOrder:
        """The record."""
        base = None if self.base is None else self.base.to_record()
        if (base is None) == (self.did is None):
            raise Problem("body-malformed", "give either 'did' or 'base'")
        did = parse_did(self.did or "") if base is None else base.did
        members = {"did": format_did(did)}
        return DidStatementOrder(chain_id=chain, kind=self.kind, did=did, members=members, base=base, sign=self.sign)


class RotationBody(DidStatementBody):
    """The DID has another authentication key (`did.rotate`); without one the gateway draws it and keeps it."""

    model_config = _shown("rotation")

    kind: Literal["rotation"]
    sequence: Count | None = None
    authentication: DidKeyHex | None = None


class ServiceChangeBody(DidStatementBody):
    """A service of the DID has this endpoint (`did.setService`), or with an empty one it is no more."""

    model_config = _shown("service-change")

    kind: Literal["service-change"]
    sequence: Count | None = None
    service: Annotated[str, Field(max_length=32)]
    endpoint: Annotated[str, Field(max_length=200)]


class JoiningBody(DidStatementBody):
    """The account joins the DID (`authority.joinDid`, or when it is created); its key must be said if it is not there yet."""

    model_config = _shown("joining")

    kind: Literal["joining"]
    sequence: Count | None = None
    address: AddressText
    public_key: KeyHex | None = None


class RebindingBody(DidStatementBody):
    """What one account of the DID holds is to go to another (`requestRebind`)."""

    model_config = _shown("rebinding")

    kind: Literal["rebinding"]
    sequence: Count | None = None
    contract: OfCertificates
    class_id: ClassName
    token: TokenText
    holder: AddressText
    to: AddressText


class ObjectionBody(DidStatementBody):
    """The rebind that is open is not to be (`objectRebind`)."""

    model_config = _shown("objection")

    kind: Literal["objection"]
    contract: OfCertificates
    class_id: ClassName
    token: TokenText
    holder: AddressText
    to: AddressText | None = None
    requested_at: Count | None = None


class MetaBody(StatementBody):
    """The holder signs a call that somebody else sends and pays: its arguments without `signed`."""

    model_config = _shown("meta")

    kind: Literal["meta"]
    contract: Contract
    method: Annotated[str, Field(max_length=40, examples=["metaMint"])]
    arguments: dict[str, Any]
    signer: AddressText
    counter: Annotated[Count | None, Field(description="None: the holder's next in this contract")] = None
    deadline: Annotated[Time | None, Field(description="None: in an hour; at most 24 hours ahead")] = None

    def to_order(self, chain: str) -> MetaOrder:
        """The record."""
        return MetaOrder(
            chain_id=chain,
            contract=self.contract,
            method=self.method,
            arguments=self.arguments,
            signer=self.signer,
            counter=self.counter,
            deadline=None if self.deadline is None else parse_time(self.deadline),
            sign=self.sign,
        )


class IssueBody(StatementBody):
    """A signatory signs the issue of certificates of a class (`ddc721.mintSigned`); all sign the same deadline.

    With `supersedes` and `reason` it is a reissue (`ddc721.reissueSigned`) of one certificate.
    """

    model_config = _shown("issue")

    kind: Literal["issue"]
    contract: Literal["ddc721"] = "ddc721"
    class_id: ClassName
    items: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=BATCH_CERTIFICATES_MAX)]
    deadline: Annotated[Time, Field(description="at most 24 hours ahead")]
    signer: AddressText
    supersedes: Annotated[TokenText | None, Field(description="the token whose place the item takes")] = None
    reason: Reason | None = None

    def to_order(self, chain: str) -> IssueOrder:
        """The record."""
        return IssueOrder(
            chain_id=chain,
            class_id=self.class_id,
            items=self.items,
            deadline=parse_time(self.deadline),
            supersedes=self._superseded(),
            signer=self.signer,
            sign=self.sign,
        )

    def _superseded(self) -> tuple[str, str] | None:
        if self.supersedes is None and self.reason is None:
            return None
        if self.supersedes is None or self.reason is None:
            raise Problem("body-malformed", "give both 'supersedes' and 'reason', or neither")
        if len(self.items) != 1:
            raise Problem("body-malformed", "a reissue is of one item")
        return self.supersedes, self.reason


AnyStatementBody = (
    CreationBody | RotationBody | ServiceChangeBody | JoiningBody | RebindingBody | ObjectionBody | MetaBody | IssueBody
)
