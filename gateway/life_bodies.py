"""What is said of a certificate that something is to become of: the bodies, and their conversion to orders."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from gateway.errors import Problem
from gateway.schemas import DIPLOMA, HOLDER, AddressText, Body, Reason, SignatureHex, Time
from gateway.services import life
from gateway.times import parse_time

Account = Annotated[
    AddressText | None, Field(description="which of the key's accounts signs; None: the first that it has on the chain")
]
UriText = Annotated[
    str,
    Field(max_length=256, pattern=r"^[^\x00-\x20\x7f-\x9f]*$", description="without spaces and control characters"),
]
AttributeName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
AttributeValue = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9._:/+-]{0,64}$", description="empty: the attribute is removed")
]


def _shown(**example: Any) -> ConfigDict:
    """What /docs fills a form with."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class ChangeBody(Body):
    """What every body has, beside `to_order`, which says what is asked for."""

    account: Account = None


class HeldBody(ChangeBody):
    """Nothing needs to be said."""

    model_config = _shown()

    def to_order(self) -> life.HeldOrder:
        """The record."""
        return life.HeldOrder()


class StatusBody(ChangeBody):
    """Why: a code of a-z and hyphens, never prose."""

    model_config = _shown(reason="issued-in-error")

    reason: Reason = "unspecified"

    def to_order(self) -> life.StatusOrder:
        """The record."""
        return life.StatusOrder(reason=self.reason)


class UriBody(ChangeBody):
    """Where more about the certificate is to be found; it can be set once."""

    model_config = _shown(uri="https://example.org/diploma/12345")

    uri: UriText

    def to_order(self) -> life.UriOrder:
        """The record."""
        return life.UriOrder(uri=self.uri)


class UserBody(ChangeBody):
    """Who may use the certificate, and until when; `user` null: nobody any more (ERC-4907)."""

    model_config = _shown(user=HOLDER, until="2030-12-31T08:00:00+08:00")

    user: AddressText | None
    until: Annotated[Time | None, Field(description="ms since 1970 or RFC 3339; goes with a user")] = None

    def to_order(self) -> life.UserOrder:
        """The record."""
        if (self.user is None) != (self.until is None):
            raise Problem("body-malformed", "'user' and 'until' go together")
        return life.UserOrder(user=self.user, until=0 if self.until is None else parse_time(self.until))


class AttributeBody(ChangeBody):
    """An attribute: a code or a number under a name."""

    model_config = _shown(name="grade", value="A")

    name: AttributeName
    value: AttributeValue

    def to_order(self) -> life.AttributeOrder:
        """The record."""
        return life.AttributeOrder(name=self.name, value=self.value)


class RequestRebindBody(ChangeBody):
    """To which account of the holder's DID; without `signature` the gateway signs, if it keeps the DID's key."""

    model_config = _shown(to=HOLDER)

    to: AddressText
    did_sequence: Annotated[
        int | None,
        Field(ge=0, le=2**53 - 1, description="how often the DID has changed; None: 0, or with a kept key what it is"),
    ] = None
    signature: Annotated[
        SignatureHex | None, Field(description="of the DID's authentication key over the Rebinding (protocol 28)")
    ] = None

    def to_order(self) -> life.RebindOrder:
        """The record."""
        return life.RebindOrder(to=self.to, did_sequence=self.did_sequence, signature=_bytes(self.signature))


class ObjectRebindBody(ChangeBody):
    """Nothing if the old account sends it; else the signature of the DID's recovery key, or `as_did` if it is kept here."""

    model_config = _shown(as_did=True)

    signature: Annotated[
        SignatureHex | None, Field(description="of the DID's recovery key over the Objection (protocol 28)")
    ] = None
    as_did: Annotated[bool, Field(description="the gateway signs with the recovery key, if it keeps it")] = False

    def to_order(self) -> life.ObjectionOrder:
        """The record."""
        if self.as_did and self.signature is not None:
            raise Problem("body-malformed", "give either 'signature' or 'as_did'")
        return life.ObjectionOrder(signature=_bytes(self.signature), as_did=self.as_did)


class ReissueBody(ChangeBody):
    """The certificate that takes the old one's place, as in minting, and why; `holder` null: who holds the old one."""

    model_config = _shown(content=DIPLOMA, valid_until="2099-12-31", reason="misspelt")

    content: dict[str, Any]
    holder: AddressText | None = None
    valid_from: Time | None = None
    valid_until: Time | None = None
    uri: UriText = ""
    token: Annotated[str, Field(max_length=40)] | None = None
    reason: Reason

    def to_order(self) -> life.ReissueOrder:
        """The record; equal bodies give equal records whatever the order of their members."""
        return life.ReissueOrder(
            content=dict(sorted(self.content.items())),
            holder=self.holder,
            valid_from=None if self.valid_from is None else parse_time(self.valid_from),
            valid_until=None if self.valid_until is None else parse_time(self.valid_until),
            uri=self.uri,
            token=self.token,
            reason=self.reason,
        )


def _bytes(signature: str | None) -> bytes | None:
    return None if signature is None else bytes.fromhex(signature)
