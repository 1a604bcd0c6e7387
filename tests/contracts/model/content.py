"""The model's state as the records of the chain's first and only form: what must be stored, byte for byte."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from chain.codec import encode
from contracts import keys
from contracts.access import Account, ContractStanding, Functions, Switches
from contracts.auditing import Auditing, Auditor
from contracts.certificate import Certificate, Edition, Holding, Issued
from contracts.classes import CertificateClass, Grant
from contracts.deposit import SaveRequest
from contracts.did import DidDocument
from contracts.purses import Purse, Tariff
from contracts.rebinding import OpenRebind
from contracts.storage import StoredFile
from tests.contracts.model import state
from tests.contracts.model.gates import ROLES
from tests.contracts.model.state import World

YES = b"\x01"
STATES = ("active", "offered", "revoked", "burnt", "moved")
BURNERS = ("issuer", "holder", "both", "neither")
Stored = Iterator[tuple[bytes, Any]]
"""Keys, and records or bytes."""


def content(world: World) -> dict[bytes, bytes]:
    """Every record that there must be, by key."""
    parts = (_people, _platforms, _money, _classes, _certificates, _editions, _evidence, _files)
    return {key: value if isinstance(value, bytes) else encode(value) for part in parts for key, value in part(world)}


def _number(value: int) -> bytes:
    return value.to_bytes(8, "big")


def _people(world: World) -> Stored:
    for account in world.accounts.values():
        yield (
            keys.account_key(account.address),
            Account(
                address=account.address,
                public_key=account.key,
                role=ROLES.index(account.role),
                did=account.did,
                leader=account.leader,
                platform_active=account.platform_active,
                operator_active=account.operator_active,
            ),
        )
    for did, document in world.documents.items():
        yield (
            keys.did_key(did),
            DidDocument(
                did=did,
                home=document.home,
                authentication=document.authentication,
                recovery=document.recovery,
                sequence=document.sequence,
                services=tuple(sorted(document.services.items())),
                updated_at=document.updated_at,
            ),
        )


def _platforms(world: World) -> Stored:
    for did in world.platforms:
        yield keys.platform_key(did), YES
    for issuer, to in world.approvals:
        yield keys.approval_key(issuer, to), YES
    if world.switches:
        switches = {
            name.replace("-", "_"): world.on(name) for name in ("platforms-add", "batch-accounts", "batch-recharges")
        }
        yield keys.switches_key(), Switches(**switches)
    for (role, contract), methods in world.functions.items():
        yield keys.functions_key(ROLES.index(role), contract), Functions(methods=tuple(sorted(methods)))
    for contract, standing in world.standings.items():
        stored = ContractStanding(paused=standing.paused, name=standing.name, symbol=standing.symbol)
        yield keys.standing_key(contract), stored


def _money(world: World) -> Stored:
    yield keys.fen_supply_key(), _number(sum(purse.fen for purse in world.purses.values()))
    for owner, purse in world.purses.items():
        of = keys.contract_purse(owner) if isinstance(owner, str) else owner
        yield keys.purse_key(of), Purse(fen=purse.fen, gas=purse.gas)
    for contract, tariff in world.tariffs.items():
        yield keys.tariff_key(contract), Tariff(registered=tariff.registered, fees=tuple(sorted(tariff.fees.items())))


def _classes(world: World) -> Stored:
    for class_id, found in world.classes.items():
        asked = found.asked
        defined = CertificateClass(
            class_id=class_id,
            standard=asked.standard,
            name_en=asked.name_en,
            name_zh=asked.name_zh,
            issuer_did=found.definer_did,
            issuer=found.definer,
            schema=asked.schema,
            fields=asked.fields,
            rules=asked.rules,
            threshold=found.threshold,
            signatories=found.signatories,
            requires=(),
            defined_at=found.defined_at,
        )
        yield keys.class_key(class_id), defined
    for (class_id, address), grant in world.grants.items():
        yield keys.grant_key(class_id, address), Grant(quota=grant.left, until=grant.until)
    for class_id, tokens in world.issued.items():
        yield keys.supply_key(class_id), Issued(count=len(tokens), latest=tokens[-1])


def _certificates(world: World) -> Stored:
    live = Counter((held.class_id, held.holder) for held in world.certificates.values() if held.live)
    for class_id, holder in world.once_held:
        yield keys.balance_key(class_id, holder), _number(live[class_id, holder])
    for (class_id, token), held in world.certificates.items():
        certificate = Certificate(
            **_held(held),
            schema=held.schema,
            content_root=held.content_root,
            uri=held.uri,
            supersedes=held.supersedes,
            superseded_by=held.superseded_by,
            suspended=False,
            origin=None,
        )
        yield keys.certificate_key(class_id, token), certificate
    for (class_id, token, holder), rebind in world.rebinds.items():
        stored = OpenRebind(
            to=rebind.to, requested_at=rebind.requested_at, due_at=rebind.due_at, approved=rebind.approved
        )
        yield keys.rebind_key(class_id, token, holder), stored
    for (contract, address), count in world.meta_calls.items():
        yield keys.meta_key(contract, address), _number(count)


def _held(held: state.Held) -> dict[str, Any]:
    """The fields that certificates and holdings share."""
    same = (
        "class_id", "token", "holder", "holder_did", "issuer", "issuer_did", "issued_at", "valid_from", "valid_until",
        "frozen", "locked", "user", "user_until",
    )  # fmt: skip
    return {name: getattr(held, name) for name in same} | {
        "recorded": STATES.index(held.state),
        "burn_authorisation": BURNERS.index(held.burners),
        "attributes": tuple(sorted(held.attributes.items())),
    }


def _editions(world: World) -> Stored:
    for (class_id, token), edition in world.editions.items():
        of_class = world.classes[class_id].asked
        stored = Edition(
            token=token,
            class_id=class_id,
            schema=of_class.schema,
            issuer=edition.issuer,
            issuer_did=edition.issuer_did,
            content_root=edition.asked.content_root,
            uri=edition.uri,
            issued_at=edition.issued_at,
            valid_from=edition.valid_from,
            valid_until=edition.asked.valid_until,
            frozen=edition.frozen,
            withdrawn=edition.withdrawn,
            burn_authorisation=of_class.rules.burn_authorisation,
            supersedes=edition.asked.supersedes,
            superseded_by=edition.superseded_by,
            holdings=edition.holdings,
        )
        yield keys.edition_key(class_id, token), stored
    for key, held in world.holdings.items():
        yield keys.holding_key(*key), Holding(**_held(held))


def _evidence(world: World) -> Stored:
    if world.threshold or world.auditors or world.requests_made:
        threshold = world.threshold or 1
        auditing = Auditing(threshold=threshold, auditors=world.auditing, requests=world.requests_made)
        yield keys.auditing_key(), auditing
    for address, auditor in world.auditors.items():
        yield keys.auditor_key(address), Auditor(approved=auditor.approved, did=auditor.did, since=auditor.since)
    for digest, request in world.requests.items():
        stored = SaveRequest(
            digest=digest,
            number=request.number,
            owner=request.owner,
            requester=request.requester,
            remarks=request.remarks,
            created_at=request.created_at,
            yes=request.count(approve=True),
            no=request.count(approve=False),
            threshold=request.threshold,
            auditors=request.auditors,
            status=("voting", "passed", "failed").index(request.state),
            enabled=request.enabled,
        )
        yield keys.save_request_key(digest), stored
    for (digest, address), number in world.ballots.items():
        yield keys.vote_key(digest, address), _number(number)


def _files(world: World) -> Stored:
    for digest, stored in world.files.items():
        record = StoredFile(
            digest=digest,
            owner=stored.owner,
            slices=stored.announced,
            present=len(stored.slices),
            created_at=stored.created_at,
        )
        yield keys.file_key(digest), record
        for number, data in stored.slices.items():
            yield keys.slice_key(digest, number), data
