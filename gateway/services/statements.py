"""What a holder and a signatory sign beside transactions: meta calls and issues (protocol 17.7, 17.8)."""

from dataclasses import dataclass
from typing import Any, Final

from chain.codec import decode, encode
from chain.rules import ChainRules
from chain.universal_id import format_token
from contracts.access import Account
from contracts.classes import CertificateClass
from contracts.ddc721 import CONTRACT
from contracts.keys import account_key, class_key, meta_key
from contracts.meta import DEADLINE_MS_MAX, MetaCall, arguments_root, meta_bytes
from contracts.registry import METHODS
from contracts.signatories import MintSigned, ReissueSigned, SignedIssue, issue_bytes, items_root
from gateway.arguments import ArgumentsMalformed, read_arguments, read_record, show_record
from gateway.chains import Chain
from gateway.errors import Problem
from gateway.services.calls import parse_address, read_state
from gateway.services.gateway import Gateway, now_ms
from gateway.services.signing import Stated, account_pair, check_may_sign
from gateway.vault import Tenant

DEADLINE_MS: Final = 3_600_000
"""How long a meta call is good if nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MetaOrder:
    """A call that its holder is to sign: its arguments as JSON without `signed`; without `counter` it is the next one."""

    chain_id: str
    contract: str
    method: str
    arguments: dict[str, Any]
    signer: str
    counter: int | None
    deadline: int | None
    sign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueOrder:
    """Certificates whose issue a signatory of the class is to sign: items as JSON; of a reissue, the old token and why."""

    chain_id: str
    class_id: str
    items: list[dict[str, Any]]
    deadline: int
    supersedes: tuple[str, str] | None
    signer: str
    sign: bool


async def state_meta(gateway: Gateway, tenant: Tenant, order: MetaOrder) -> Stated:
    """The meta call as its holder signs it, and the arguments with which whoever relays it calls the method."""
    chain = gateway.chain(order.chain_id)
    deadline = now_ms() + DEADLINE_MS if order.deadline is None else _in_time(order.deadline)
    signer, place = parse_address(chain, order.signer), f"{order.contract}.{order.method}"
    _check_signable(order)
    if order.sign:
        check_may_sign(gateway, tenant, chain, place)
    account_record, count = await _read(chain, account_key(signer), meta_key(order.contract, signer))
    account = _account(account_record, order.signer)
    counter = int.from_bytes(count or b"", "big") + 1 if order.counter is None else order.counter
    signed = {"counter": counter, "deadline": deadline, "signature": ""}
    arguments = order.arguments | {"signed": signed}
    call = MetaCall(
        contract=order.contract,
        method=order.method,
        signer=signer,
        arguments=_root(chain.rules, order, arguments),
        counter=counter,
        deadline=deadline,
    )
    digest = meta_bytes(chain.rules, call)
    signatures = await _sign(gateway, tenant, chain, account, digest) if order.sign else None
    if signatures is not None:
        signed["signature"] = signatures["signature"].hex()
    shown = show_record(chain.rules, call)
    return _stated(chain, "meta", account, encode(call), digest, shown, {"arguments": arguments}, signatures)


async def state_issue(gateway: Gateway, tenant: Tenant, order: IssueOrder) -> Stated:
    """The issue as a signatory signs it, and at which place it stands among the signatories of the class."""
    chain = gateway.chain(order.chain_id)
    issue = _read_issue(chain.rules, order)
    supersedes = (issue.token, issue.reason) if isinstance(issue, ReissueSigned) else None
    signer = parse_address(chain, order.signer)
    if order.sign:
        check_may_sign(gateway, tenant, chain, f"{CONTRACT}.{'mintSigned' if supersedes is None else 'reissueSigned'}")
    class_record, account_record = await _read(chain, class_key(issue.class_id), account_key(signer))
    account = _account(account_record, order.signer)
    place = _place(class_record, issue.class_id, signer, order.signer)
    digest = issue_bytes(chain.rules, CONTRACT, issue.class_id, issue.items, issue.deadline, supersedes)
    root = items_root(chain.rules, issue.items)
    body = encode((CONTRACT, issue.class_id, root, issue.deadline, *(supersedes or ())))
    shown = {"contract": CONTRACT, "class_id": issue.class_id, "items": root.hex(), "deadline": issue.deadline}
    if supersedes is not None:
        token, reason = supersedes
        shown |= {"supersedes": format_token(chain.rules.profile.token_id_style, token), "reason": reason}
    more = {"items": [show_record(chain.rules, item) for item in issue.items], "place": place}
    signatures = await _sign(gateway, tenant, chain, account, digest) if order.sign else None
    return _stated(chain, "issue", account, body, digest, shown, more, signatures)


def _read_issue(rules: ChainRules, order: IssueOrder) -> SignedIssue:
    """What is to be issued, as the call will have it, not signed yet."""
    members = {"class_id": order.class_id, "deadline": _in_time(order.deadline), "signers": [], "signatures": []}
    try:
        if order.supersedes is None:
            return read_record(rules, MintSigned, members | {"items": order.items}, "an issue")
        (item,), (token, reason) = order.items, order.supersedes
        members |= {"token": token, "holder": None, "item": item, "reason": reason}
        return read_record(rules, ReissueSigned, members, "a reissue")
    except ArgumentsMalformed as malformed:
        raise Problem("parameter-malformed", str(malformed)) from None


def _in_time(deadline: int) -> int:
    """The deadline, if a chain may take it now."""
    now = now_ms()
    if now > deadline:
        raise Problem("deadline-passed", deadline, now)
    if deadline > now + DEADLINE_MS_MAX:
        raise Problem("deadline-too-far", deadline, DEADLINE_MS_MAX)
    return deadline


def _check_signable(order: MetaOrder) -> None:
    method = METHODS.get((order.contract, order.method))
    if method is None:
        raise Problem("method-unknown", order.contract, order.method)
    if method.signed_parts is None:
        raise Problem("parameter-malformed", f"{order.contract}.{order.method} carries no signature of a holder")
    if "signed" in order.arguments:
        raise Problem("parameter-malformed", "leave 'signed' out of the arguments: it is what is made here")


def _root(rules: ChainRules, order: MetaOrder, arguments: dict[str, Any]) -> bytes:
    """The root over what the holder signs of the arguments."""
    parts = METHODS[order.contract, order.method].signed_parts
    assert parts is not None
    try:
        record = read_arguments(rules, order.contract, order.method, arguments)
        return arguments_root(rules, parts(record))
    except ArgumentsMalformed as malformed:
        raise Problem("parameter-malformed", str(malformed)) from None
    except ValueError:  # two lists of one call go together, which no type says
        raise Problem("parameter-malformed", f"{order.contract}.{order.method} has lists of one length") from None


async def _read(chain: Chain, *keys: bytes) -> list[bytes | None]:
    return [proven.value for proven in (await read_state(chain, list(keys))).values]


def _account(record: bytes | None, address: str) -> Account:
    if record is None:
        raise Problem("account-not-found", address)
    return decode(record, Account)


def _place(record: bytes | None, class_id: str, signer: bytes, address: str) -> int:
    if record is None:
        raise Problem("class-unknown", class_id)
    found = decode(record, CertificateClass)
    if not found.threshold:
        raise Problem("signatures-not-asked", class_id)
    if signer not in found.signatories:
        raise Problem("not-signatory", address, class_id)
    return found.signatories.index(signer)


async def _sign(gateway: Gateway, tenant: Tenant, chain: Chain, account: Account, digest: bytes) -> dict[str, bytes]:
    pair = await account_pair(gateway, tenant, chain, account)
    return {"signature": pair.sign(digest)}


def _stated(
    chain: Chain,
    kind: str,
    account: Account,
    body: bytes,
    digest: bytes,
    statement: dict[str, Any],
    more: dict[str, Any],
    signatures: dict[str, bytes] | None,
) -> Stated:
    return Stated(
        chain_id=chain.rules.chain_id,
        kind=kind,
        signed_by=chain.rules.addresses.format(account.address),
        key="account",
        scheme=chain.rules.scheme.name,
        good_on=chain.rules.chain_id,
        body=body,
        digest=digest,
        statement=statement,
        more=more,
        signatures=signatures,
    )
