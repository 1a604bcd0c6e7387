"""The REST face's request bodies, and their conversion to records. Times in ms or RFC 3339, bytes in hex."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from chain.did import BaseDocument
from contracts.classes import DEFAULT_RULES, WAIT_MS_MAX, ClassRules
from contracts.did import NewDid
from gateway.arguments import parse_did
from gateway.errors import Problem
from gateway.services.accounts import AccountOrder
from gateway.services.certificates import MintOrder
from gateway.services.classes import ClassOrder
from gateway.services.crossing import AttestOrder
from gateway.services.dids import DidOrder
from gateway.services.moving import MoveOrder
from gateway.services.transactions import CallOrder
from gateway.times import parse_time

Hex = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2})*$", max_length=1_000_000)]
Chain = Annotated[str, Field(max_length=40, examples=["wenchang"])]
Reason = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z-]{0,39}$", description="a code, never prose: prose could name a person"),
]
ClassName = Annotated[str, Field(max_length=40, examples=["diploma"])]
AddressText = Annotated[str, Field(max_length=128)]
DidText = Annotated[
    str, Field(pattern=r"^(did:bsn:)?[0-9a-f]{40}$", examples=["did:bsn:9d4f1c1a0e6d2b1f7c5e3a8b6d0c4f2e1a7b9c3d"])
]
DidKeyHex = Annotated[
    str,
    Field(pattern=r"^0[23][0-9a-f]{64}$", description="a compressed secp256k1 key", examples=[f"02{'79be667e' * 8}"]),
]
SignatureHex = Annotated[str, Field(pattern=r"^[0-9a-fA-F]{128}$", examples=["5e1f" * 32])]
Time = int | Annotated[str, Field(max_length=40)]


DIPLOMA = {
    "certificate_no": "19002202450000015",
    "graduate_ref": "WC24G0000145",
    "institution": "北澜理工大学",
    "institution_code": "12120100YY0001020Q",
    "degree": "bachelor",
    "discipline_code": "080901",
    "programme_zh": "计算机科学与技术",
    "programme_en": "Computer Science and Technology",
    "study_mode": "full-time",
    "credits": 160,
    "gpa": "3.62",
    "with_honours": True,
    "taught_in": "zh",
    "entered_on": "2020-09-01",
    "conferred_on": "2024-06-25",
}
HOLDER = "iaa1qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqxpqw9v"
MINT = {"chain": "wenchang", "class": "diploma", "holder": HOLDER, "content": DIPLOMA, "valid_until": "2099-12-31"}
SCHEMA = {
    "title": "Note",
    "x-title-zh": "便条",
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string", "maxLength": 200, "title": "Text", "x-title-zh": "文字"}},
}
CLASS = {"chain": "wenchang", "class": "note", "name_en": "Note", "name_zh": "便条", "schema": SCHEMA}
REVOCATION = {"class_id": "diploma", "token": "12345", "holder": None, "reason": "issued-in-error"}
CALL = {"sender": HOLDER, "contract": "ddc721", "method": "revoke", "arguments": REVOCATION}


def _shown(example: dict[str, Any]) -> ConfigDict:
    """What /docs fills a form with."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Body(BaseModel):
    """A JSON object without unknown members."""

    model_config = ConfigDict(extra="forbid", strict=True)


class DraftBody(Body):
    """One certificate, or one edition of a class of standard 1155, which has no `holder`, to be issued by other means."""

    model_config = _shown(MINT)

    chain: Chain
    class_: Annotated[ClassName, Field(alias="class")]
    holder: AddressText | None = None
    content: dict[str, Any]
    valid_from: Time | None = None
    valid_until: Time | None = None
    uri: Annotated[str, Field(max_length=256)] = ""
    token: Annotated[str, Field(max_length=40)] | None = None

    def to_order(self) -> MintOrder:
        """The record; equal bodies give equal records whatever the order of their members."""
        return MintOrder(
            chain_id=self.chain,
            class_id=self.class_,
            holder=self.holder,
            content=dict(sorted(self.content.items())),
            valid_from=None if self.valid_from is None else parse_time(self.valid_from),
            valid_until=None if self.valid_until is None else parse_time(self.valid_until),
            uri=self.uri,
            token=self.token,
        )


class MintBody(DraftBody):
    """One certificate to be issued with a key that the gateway keeps."""

    holder: AddressText

    requires: Annotated[
        list[Annotated[str, Field(max_length=200)]],
        Field(max_length=8, description="ids of the holder's certificates, one for each that the class asks for"),
    ] = []


class AttestBody(Body):
    """A certificate to be mirrored on another chain."""

    model_config = _shown({"id": "wenchang.ddc721.diploma.12345", "chain": "yanan"})

    id: Annotated[str, Field(max_length=200)]
    chain: Chain
    bound_s: Annotated[
        int, Field(ge=1, le=366 * 86_400, description="how long what is shown now counts; then the mirror is stale")
    ] = 3_600

    def to_order(self) -> AttestOrder:
        """The record."""
        return AttestOrder(certificate_id=self.id, chain_id=self.chain, bound_ms=1_000 * self.bound_s)


class MoveBody(Body):
    """A certificate that is to move to another chain, to an account of its holder's DID there."""

    model_config = _shown({"id": "wenchang.ddc721.diploma.12345", "chain": "zunyi", "to": "O=Alice, L=Zunyi, C=CN"})

    id: Annotated[str, Field(max_length=200)]
    chain: Chain
    to: AddressText
    deadline_s: Annotated[int, Field(ge=1, le=7 * 86_400, description="how long it may take")] = 3_600

    def to_order(self) -> MoveOrder:
        """The record."""
        return MoveOrder(certificate_id=self.id, to_chain=self.chain, to=self.to, deadline_ms=1_000 * self.deadline_s)


class ConfirmBody(Body):
    """The signature over the move's statement; without it the gateway signs, if it keeps the DID's key."""

    signature: SignatureHex | None = None


class RulesBody(Body):
    """What holds for every certificate of a class, for good."""

    burn_authorisation: Annotated[
        int, Field(ge=0, le=3, description="who may burn: 0 issuer, 1 holder, 2 both, 3 neither (ERC-5484)")
    ] = DEFAULT_RULES.burn_authorisation
    issuer_revokes: Annotated[
        bool, Field(description="only who issued a certificate or defined the class revokes it; else any issuer of it")
    ] = DEFAULT_RULES.issuer_revokes
    acceptance: Annotated[bool, Field(description="a certificate is offered until its holder accepts it")] = (
        DEFAULT_RULES.acceptance
    )
    attributes: Annotated[
        int, Field(ge=0, le=3, description="who sets attributes: 0 nobody, 1 issuers, 2 the holder, 3 both")
    ] = DEFAULT_RULES.attributes
    validity_ms_max: Annotated[
        int | None, Field(ge=1, le=2**53 - 1, description="every certificate ends, at most so long after its beginning")
    ] = DEFAULT_RULES.validity_ms_max
    rebind_wait_ms: Annotated[int, Field(ge=0, le=WAIT_MS_MAX, description="how long a rebind can be objected to")] = (
        DEFAULT_RULES.rebind_wait_ms
    )

    def to_record(self) -> ClassRules:
        """The record."""
        return ClassRules(**self.model_dump())


class ClassBody(Body):
    """A class to be defined."""

    model_config = _shown(CLASS)

    chain: Chain
    class_: Annotated[str, Field(alias="class", pattern=r"^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$")]
    name_en: Annotated[str, Field(min_length=1, max_length=80)]
    name_zh: Annotated[str, Field(min_length=1, max_length=80)]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]
    standard: Annotated[
        Literal[721, 1155], Field(description="721: one certificate each; 1155: editions, issued to many")
    ] = 721
    rules: RulesBody = RulesBody()

    def to_order(self) -> ClassOrder:
        """The record."""
        return ClassOrder(
            chain_id=self.chain,
            class_id=self.class_,
            name_en=self.name_en,
            name_zh=self.name_zh,
            schema=self.schema_,
            standard=self.standard,
            rules=self.rules.to_record(),
        )


class DidDocumentBody(Body):
    """The base document of a DID, and its authentication key's signature over the DID (protocol 28)."""

    home: Annotated[str, Field(pattern=r"^[a-z]{2,32}$", examples=["wenchang"])]
    authentication: DidKeyHex
    recovery: DidKeyHex
    signature: SignatureHex

    def to_record(self) -> NewDid:
        """The record."""
        authentication, recovery = bytes.fromhex(self.authentication), bytes.fromhex(self.recovery)
        base = BaseDocument(home=self.home, authentication=authentication, recovery=recovery)
        return NewDid(base=base, signature=bytes.fromhex(self.signature))


class AccountBody(Body):
    """An account to be created. Without `public_key` the gateway draws a key and keeps it, and without `did` a DID.

    The sender's role decides how: a platform adds consumers; an operator platforms, and consumers of the platform whose
    DID is `leader`; the contract owner operators, cross-chain accounts and relayers.
    """

    model_config = _shown({"chain": "wenchang"})

    chain: Chain
    role: Literal["operator", "platform", "consumer", "cross-chain", "relayer"] = "consumer"
    address: Annotated[AddressText | None, Field(description="the chosen name, where the chain registers names")] = None
    public_key: Annotated[Hex | None, Field(description="of a key that the client keeps")] = None
    possession: Annotated[Hex, Field(description="that key's signature over the chosen name")] = ""
    leader: Annotated[
        DidText | None, Field(description="the registered platform that leads a consumer; an operator must name it")
    ] = None
    did: Annotated[DidText | None, Field(description="a DID to join; None: a new one, whose keys are kept here")] = None
    did_sequence: Annotated[
        int, Field(ge=0, le=2**53 - 1, description="how often the DID has changed", examples=[0])
    ] = 0
    did_signature: Annotated[
        SignatureHex | None,
        Field(description="of its authentication key over (DID, sequence, address, key); None: of a DID kept here"),
    ] = None
    did_document: Annotated[DidDocumentBody | None, Field(description="if the chain does not know the DID yet")] = None

    def to_order(self) -> AccountOrder:
        """The record."""
        return AccountOrder(
            chain_id=self.chain,
            role=self.role,
            address=self.address,
            public_key=None if self.public_key is None else bytes.fromhex(self.public_key),
            did=self._did_order(),
            leader=None if self.leader is None else parse_did(self.leader),
            possession=bytes.fromhex(self.possession),
        )

    def _did_order(self) -> DidOrder | None:
        signature, document = self.did_signature, self.did_document
        if self.did is None:
            if signature is not None or document is not None:
                raise Problem("body-malformed", "did_signature and did_document go with 'did'")
            return None
        return DidOrder(
            did=parse_did(self.did),
            sequence=self.did_sequence,
            signature=None if signature is None else bytes.fromhex(signature),
            document=None if document is None else document.to_record(),
        )


class MethodBody(Body):
    """A method's arguments, as `GET /v1/contracts` shows them; `account` is the one of the key's accounts that signs."""

    account: AddressText | None = None
    arguments: dict[str, Any] = {}


class EncodeBody(Body):
    """A call whose exact bytes are wanted."""

    model_config = _shown(CALL)

    sender: AddressText
    contract: Annotated[str, Field(max_length=40, examples=["ddc721"])]
    method: Annotated[str, Field(max_length=40, examples=["mint"])]
    arguments: dict[str, Any] = {}
    nonce: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    valid_until: Time | None = None

    def to_order(self, chain: str) -> CallOrder:
        """The record."""
        return CallOrder(
            chain_id=chain,
            sender=self.sender,
            contract=self.contract,
            method=self.method,
            arguments=self.arguments,
            nonce=None if self.nonce is None else bytes.fromhex(self.nonce),
            valid_until=None if self.valid_until is None else parse_time(self.valid_until),
        )


class SubmitBody(Body):
    """A transaction signed by the client: the body as it was encoded, and 64 bytes of signature."""

    body: Hex
    signature: SignatureHex


class VerifyBody(Body):
    """What is to be verified: a certificate's id or a bundle. `max_age` in seconds."""

    model_config = _shown({"id": "wenchang.ddc721.diploma.12345", "max_age": 60})

    id: Annotated[str, Field(max_length=200)] | None = None
    bundle: dict[str, Any] | None = None
    max_age: Annotated[int, Field(ge=0, le=10**9)] | None = None

    @property
    def age_ms_max(self) -> int | None:
        """`max_age` in ms."""
        return None if self.max_age is None else self.max_age * 1_000

    def check(self) -> None:
        """Exactly one of the two."""
        if (self.id is None) == (self.bundle is None):
            raise Problem("body-malformed", "give either 'id' or 'bundle'")
