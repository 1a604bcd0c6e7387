"""The REST face's request bodies, and their conversion to records. Times in ms or RFC 3339, bytes in hex."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from gateway.errors import Problem
from gateway.services.accounts import AccountOrder
from gateway.services.certificates import MintOrder
from gateway.services.classes import ClassOrder
from gateway.services.transactions import CallOrder
from gateway.times import parse_time

Hex = Annotated[str, Field(pattern=r"^([0-9a-fA-F]{2})*$", max_length=1_000_000)]
Chain = Annotated[str, Field(max_length=40, examples=["wenchang"])]
ClassName = Annotated[str, Field(max_length=40, examples=["diploma"])]
AddressText = Annotated[str, Field(max_length=128)]
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
REVOCATION = {"class_id": "diploma", "token": "12345", "reason": "issued-in-error"}
CALL = {"sender": HOLDER, "contract": "ddc721", "method": "revoke", "arguments": REVOCATION}


def _shown(example: dict[str, Any]) -> ConfigDict:
    """What /docs fills a form with."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Body(BaseModel):
    """A JSON object without unknown members."""

    model_config = ConfigDict(extra="forbid", strict=True)


class MintBody(Body):
    """One certificate to be issued with a key that the gateway keeps."""

    model_config = _shown(MINT)

    chain: Chain
    class_: Annotated[ClassName, Field(alias="class")]
    holder: AddressText
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


class StatusBody(Body):
    """Why a certificate is revoked, frozen or freed: a code of a-z and hyphens, never prose."""

    reason: Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,39}$", examples=["issued-in-error"])] = "unspecified"


class ClassBody(Body):
    """A class to be defined."""

    model_config = _shown(CLASS)

    chain: Chain
    class_: Annotated[str, Field(alias="class", pattern=r"^[a-z0-9][a-z0-9-]{1,30}[a-z0-9]$")]
    name_en: Annotated[str, Field(min_length=1, max_length=80)]
    name_zh: Annotated[str, Field(min_length=1, max_length=80)]
    schema_: Annotated[dict[str, Any], Field(alias="schema")]

    def to_order(self) -> ClassOrder:
        """The record."""
        return ClassOrder(
            chain_id=self.chain,
            class_id=self.class_,
            name_en=self.name_en,
            name_zh=self.name_zh,
            schema=self.schema_,
        )


class AccountBody(Body):
    """An account to be created. Without `public_key` the gateway draws a key and keeps it."""

    model_config = _shown({"chain": "wenchang"})

    chain: Chain
    role: Literal["platform", "consumer", "relayer"] = "consumer"
    address: AddressText | None = None
    public_key: Hex | None = None
    did: Annotated[str, Field(pattern=r"^(did:bsn:)?[0-9a-f]{40}$")] | None = None
    leader: Annotated[str, Field(pattern=r"^(did:bsn:)?[0-9a-f]{40}$")] | None = None
    possession: Hex = ""

    def to_order(self) -> AccountOrder:
        """The record."""
        return AccountOrder(
            chain_id=self.chain,
            role=self.role,
            address=self.address,
            public_key=None if self.public_key is None else bytes.fromhex(self.public_key),
            did=_did(self.did),
            leader=_did(self.leader),
            possession=bytes.fromhex(self.possession),
        )


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
    signature: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{128}$")]


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


def _did(text: str | None) -> bytes | None:
    return None if text is None else bytes.fromhex(text.removeprefix("did:bsn:"))
