"""Classes of certificates: their rules, and who may issue them (protocol 16)."""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, Any, Final

from msgspec import Meta
from msgspec.structs import replace

from chain.codec import Record, decoder, encode
from chain.did import HomeChain
from chain.ids import Address, ClassId, Did, Digest, Natural
from contracts.access import require_active, sender_account
from contracts.gates import sender_is
from contracts.interface import Check, ContractContext, ContractReverted, Method, Readable, Role, refuses
from contracts.keys import class_key, grant_key

CONTRACT: Final = "classes"
FIELDS_MAX: Final = 64
SIGNATORIES_MAX: Final = 16
REQUIREMENTS_MAX: Final = 8
REQUIRED_AGE_MS: Final = 60_000
"""What a requirement says of the age where its maker says nothing."""
REBIND_WAIT_MS: Final = 86_400_000
WAIT_MS_MAX: Final = 366 * 86_400_000

Label = Annotated[str, Meta(min_length=1, max_length=80)]
FieldName = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_]{0,39}\Z")]
Standard = Annotated[int, Meta(ge=721, le=1155)]
Signatories = Annotated[tuple[Address, ...], Meta(max_length=SIGNATORIES_MAX)]


class ClassRules(Record, frozen=True):
    """What holds for every certificate of a class, for good."""

    burn_authorisation: Annotated[int, Meta(ge=0, le=3)]
    """0 issuer, 1 holder, 2 both, 3 neither (ERC-5484)."""
    issuer_revokes: bool
    """Only the account that issued a certificate, or the class's definer, may revoke it; else any issuer of the class."""
    acceptance: bool
    """Whether a certificate is offered until its holder accepts it."""
    attributes: Annotated[int, Meta(ge=0, le=3)]
    """Who sets attributes: 0 nobody, 1 issuers of the class, 2 the holder, 3 both."""
    validity_ms_max: Annotated[int, Meta(ge=1, le=2**53 - 1)] | None
    """If given, every certificate has an end, at most so long after its beginning."""
    rebind_wait_ms: Annotated[int, Meta(ge=0, le=WAIT_MS_MAX)]
    """How long, in block time, a rebind can be objected to."""


DEFAULT_RULES: Final = ClassRules(
    burn_authorisation=2,
    issuer_revokes=False,
    acceptance=False,
    attributes=1,
    validity_ms_max=None,
    rebind_wait_ms=REBIND_WAIT_MS,
)


class Requirement(Record, frozen=True):
    """A class, of this chain or another, of which the holder must have an active certificate."""

    chain_id: HomeChain
    class_id: ClassId
    max_age_ms: Annotated[int, Meta(ge=1, le=WAIT_MS_MAX)]
    """How old the header may be, at the issue, under which it is shown."""
    follow: bool
    """Whether what becomes of it later suspends what was issued on it; else it counts as of the issue."""


Requirements = Annotated[tuple[Requirement, ...], Meta(max_length=REQUIREMENTS_MAX)]


class CertificateClass(Record, frozen=True):
    """A class: its names, who defined it, its schema's digest and fields, its rules, its signatories, what it asks for."""

    class_id: ClassId
    standard: Standard
    """721 or 1155."""
    name_en: Label
    name_zh: Label
    issuer_did: Did
    issuer: Address
    schema: Digest
    """SHA-256 of the schema's canonical JSON."""
    fields: tuple[FieldName, ...]
    rules: ClassRules
    threshold: Annotated[int, Meta(ge=0, le=SIGNATORIES_MAX)]
    """How many signatories must sign an issue; 0: none."""
    signatories: Signatories
    requires: Requirements
    defined_at: Natural


class Grant(Record, frozen=True):
    """An account's right to issue: how many more, and until when (ms); nil: without limit."""

    quota: Natural | None
    until: Natural | None


class DefineClass(Record, frozen=True):
    """`defineClass`: what the class is; its definer becomes its first issuer."""

    class_id: ClassId
    standard: Standard
    name_en: Label
    name_zh: Label
    schema: Digest
    fields: Annotated[tuple[FieldName, ...], Meta(min_length=1, max_length=FIELDS_MAX)]
    rules: ClassRules


class SetIssuer(Record, frozen=True):
    """`setIssuer`: let an account issue certificates of the class, or no longer."""

    class_id: ClassId
    address: Address
    granted: bool


class DelegateIssuing(Record, frozen=True):
    """`delegateIssuing`: let an account issue so many certificates of the class, until then (ms)."""

    class_id: ClassId
    address: Address
    quota: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    until: Natural


class SetSignatories(Record, frozen=True):
    """`setSignatories`: how many of whom must sign an issue; 0 of nobody: none."""

    class_id: ClassId
    threshold: Annotated[int, Meta(ge=0, le=SIGNATORIES_MAX)]
    signatories: Signatories


class SetRequirements(Record, frozen=True):
    """`setRequirements`: which certificates the holder must have for one of the class; none: no others."""

    class_id: ClassId
    requires: Requirements


def find_class(records: Readable, class_id: str) -> CertificateClass | None:
    """The class, or None."""
    data = records.get(class_key(class_id))
    return None if data is None else _class(data)


def require_class(records: Readable, class_id: str) -> CertificateClass:
    """The class, or the refusal `class-unknown`."""
    found = find_class(records, class_id)
    if found is None:
        raise ContractReverted("class-unknown", class_id)
    return found


def grant_of(records: Readable, class_id: str, address: bytes) -> Grant | None:
    """The account's right to issue certificates of the class, or None."""
    data = records.get(grant_key(class_id, address))
    return None if data is None else _grant(data)


def is_issuer(records: Readable, class_id: str, address: bytes, now: int) -> bool:
    """Whether the account has the right at `now` (ms), be its quota used up or not."""
    grant = grant_of(records, class_id, address)
    return grant is not None and (grant.until is None or now < grant.until)


def use_grant(context: ContractContext, class_id: str, count: int) -> None:
    """Take `count` certificates from the sender's quota, if it has one; a check has found it to suffice."""
    grant = grant_of(context.records, class_id, context.sender)
    if grant is not None and grant.quota is not None:
        left = replace(grant, quota=grant.quota - count)
        context.records.put(grant_key(class_id, context.sender), encode(left))


def class_known(standard: int | None = None) -> Check:
    """The class is defined, and of one standard if one is asked for."""

    def test(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a class
        found = require_class(context.records, arguments.class_id)
        if standard is not None and found.standard != standard:
            raise ContractReverted("class-of-other-standard", arguments.class_id, found.standard)

    if standard is None:
        return Check(says="The class is defined", codes=("class-unknown",), test=test)
    codes = ("class-unknown", "class-of-other-standard")
    return Check(says=f"The class is defined, and of standard {standard}", codes=codes, test=test)


def granted(units: Callable[[Any], int]) -> Check:
    """The sender may issue so many certificates of the class now."""

    def test(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a class
        grant = grant_of(context.records, arguments.class_id, context.sender)
        if grant is None:
            raise ContractReverted("not-granted", arguments.class_id)
        if grant.until is not None and context.time >= grant.until:
            raise ContractReverted("grant-expired", arguments.class_id, grant.until)
        if grant.quota is not None and grant.quota < units(arguments):
            raise ContractReverted("quota-exceeded", arguments.class_id, grant.quota)

    codes = ("not-granted", "grant-expired", "quota-exceeded")
    return Check(says="The sender is granted to issue so many certificates of the class now", codes=codes, test=test)


@refuses("class-exists")
def class_new(context: ContractContext, arguments: DefineClass) -> None:
    """There is no class of this id."""
    if find_class(context.records, arguments.class_id) is not None:
        raise ContractReverted("class-exists", arguments.class_id)


@refuses("standard-unknown")
def standard_known(_context: ContractContext, arguments: DefineClass) -> None:
    """The standard is 721 or 1155."""
    if arguments.standard not in (721, 1155):
        raise ContractReverted("standard-unknown", arguments.standard)


@refuses("fields-repeat")
def fields_distinct(_context: ContractContext, arguments: DefineClass) -> None:
    """No two fields have one name."""
    if len(set(arguments.fields)) != len(arguments.fields):
        raise ContractReverted("fields-repeat", arguments.class_id)


def define_class(context: ContractContext, arguments: DefineClass) -> None:
    """Define a class; its definer is its first granted issuer."""
    sender = sender_account(context)
    defined = CertificateClass(
        class_id=arguments.class_id,
        standard=arguments.standard,
        name_en=arguments.name_en,
        name_zh=arguments.name_zh,
        issuer_did=sender.did,
        issuer=context.sender,
        schema=arguments.schema,
        fields=arguments.fields,
        rules=arguments.rules,
        threshold=0,
        signatories=(),
        requires=(),
        defined_at=context.time,
    )
    context.records.put(class_key(arguments.class_id), encode(defined))
    context.records.put(grant_key(arguments.class_id, context.sender), encode(UNLIMITED))
    context.emit("DefineClass", arguments.class_id, context.sender, sender.did, arguments.schema)


@refuses("not-class-issuer")
def sender_defined_class(context: ContractContext, arguments: Any) -> None:  # noqa: ANN401 - any record with a class
    """The sender defined the class."""
    if require_class(context.records, arguments.class_id).issuer != context.sender:
        raise ContractReverted("not-class-issuer", arguments.class_id)


@refuses("account-unknown", "account-frozen")
def new_issuer_active(context: ContractContext, arguments: SetIssuer | DelegateIssuing) -> None:
    """Who is given the right is active; it can be taken from a frozen account."""
    if not isinstance(arguments, SetIssuer) or arguments.granted:
        require_active(context.records, arguments.address, unknown="account-unknown", frozen="account-frozen")


@refuses("no-change")
def grant_differs(context: ContractContext, arguments: SetIssuer) -> None:
    """The right is not what it is to be."""
    grant = grant_of(context.records, arguments.class_id, arguments.address)
    if grant == (UNLIMITED if arguments.granted else None):
        raise ContractReverted("no-change", arguments.address)


def set_issuer(context: ContractContext, arguments: SetIssuer) -> None:
    """Grant the right to issue without limit, or withdraw it."""
    right = encode(UNLIMITED) if arguments.granted else None
    context.records.put(grant_key(arguments.class_id, arguments.address), right)
    context.emit("SetIssuer", arguments.class_id, arguments.address, arguments.granted)


@refuses("until-passed")
def until_ahead(context: ContractContext, arguments: DelegateIssuing) -> None:
    """The end is after the block's time."""
    if arguments.until <= context.time:
        raise ContractReverted("until-passed", arguments.until, context.time)


@refuses("own-account")
def to_another(context: ContractContext, arguments: DelegateIssuing) -> None:
    """The definer does not limit itself."""
    if arguments.address == context.sender:
        raise ContractReverted("own-account", context.sender)


def delegate_issuing(context: ContractContext, arguments: DelegateIssuing) -> None:
    """Grant the right to issue with a quota and an end, in place of what was granted before."""
    grant = Grant(quota=arguments.quota, until=arguments.until)
    context.records.put(grant_key(arguments.class_id, arguments.address), encode(grant))
    context.emit("DelegateIssuing", arguments.class_id, arguments.address, arguments.quota, arguments.until)


@refuses("signatories-malformed")
def signatories_fit(_context: ContractContext, arguments: SetSignatories) -> None:
    """No two signatories are one account, and at least the threshold's number are named; none with threshold 0."""
    named, threshold = arguments.signatories, arguments.threshold
    if len({*named}) != len(named) or threshold > len(named) or (threshold == 0) != (not named):
        raise ContractReverted("signatories-malformed", threshold, len(named))


@refuses("account-unknown", "account-frozen")
def signatories_active(context: ContractContext, arguments: SetSignatories) -> None:
    """Every signatory has an active account."""
    for address in arguments.signatories:
        require_active(context.records, address, unknown="account-unknown", frozen="account-frozen")


def set_signatories(context: ContractContext, arguments: SetSignatories) -> None:
    """Set how many of whom must sign an issue."""
    defined = require_class(context.records, arguments.class_id)
    changed = replace(defined, threshold=arguments.threshold, signatories=arguments.signatories)
    context.records.put(class_key(arguments.class_id), encode(changed))
    context.emit("SetSignatories", arguments.class_id, arguments.threshold, arguments.signatories)


@refuses("chain-unknown", "class-unknown")
def required_known(context: ContractContext, arguments: SetRequirements) -> None:
    """Every chain that is named is one of the network, and a class of this chain is another that is defined."""
    for required in arguments.requires:
        if required.chain_id != context.rules.chain_id:
            if required.chain_id not in context.rules.others:
                raise ContractReverted("chain-unknown", required.chain_id)
        elif required.class_id == arguments.class_id or find_class(context.records, required.class_id) is None:
            raise ContractReverted("class-unknown", required.class_id)


@refuses("requirements-repeat")
def required_distinct(_context: ContractContext, arguments: SetRequirements) -> None:
    """No class is named twice."""
    if len({(one.chain_id, one.class_id) for one in arguments.requires}) != len(arguments.requires):
        raise ContractReverted("requirements-repeat", arguments.class_id)


def set_requirements(context: ContractContext, arguments: SetRequirements) -> None:
    """Set what the class asks for; what was issued before stays as it is."""
    defined = require_class(context.records, arguments.class_id)
    context.records.put(class_key(arguments.class_id), encode(replace(defined, requires=arguments.requires)))
    context.emit("SetRequirements", arguments.class_id, len(arguments.requires))


UNLIMITED: Final = Grant(quota=None, until=None)
_class = lru_cache(maxsize=1024)(decoder(CertificateClass))
"""Remembered by its bytes: every certificate is one of a class, 3 us to decode."""
_grant = lru_cache(maxsize=1024)(decoder(Grant))
_CALLER: Final = sender_is(Role.OPERATOR, Role.PLATFORM)
_DEFINER: Final = (_CALLER, class_known(), sender_defined_class)
METHODS: Final = {
    "defineClass": Method(
        arguments=DefineClass,
        checks=(_CALLER, class_new, standard_known, fields_distinct),
        effect=define_class,
        events=("DefineClass",),
    ),
    "setIssuer": Method(
        arguments=SetIssuer,
        checks=(*_DEFINER, new_issuer_active, grant_differs),
        effect=set_issuer,
        events=("SetIssuer",),
    ),
    "delegateIssuing": Method(
        arguments=DelegateIssuing,
        checks=(*_DEFINER, to_another, new_issuer_active, until_ahead),
        effect=delegate_issuing,
        events=("DelegateIssuing",),
    ),
    "setSignatories": Method(
        arguments=SetSignatories,
        checks=(_CALLER, class_known(721), sender_defined_class, signatories_fit, signatories_active),
        effect=set_signatories,
        events=("SetSignatories",),
    ),
    "setRequirements": Method(
        arguments=SetRequirements,
        checks=(_CALLER, class_known(721), sender_defined_class, required_distinct, required_known),
        effect=set_requirements,
        events=("SetRequirements",),
    ),
}
