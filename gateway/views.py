"""Records as the JSON that the API answers with. Times in ms, bytes in hex or as the chain writes them."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from chain.block import BlockHeader
from chain.codec import CodecMalformed, decode, encode
from chain.light_client import CertifiedHeader
from chain.membership import Membership, Replica
from chain.merkle import InclusionProof
from chain.profile import ChainProfile
from chain.profiles import load_profiles
from chain.rpc import ChainStatus, MemberStatus, ProvenValue, StatusAnswer
from chain.transaction import Event, Receipt, SignedTransaction, Transaction
from chain.universal_id import CertificateName, format_token
from contracts.access import Account
from contracts.certificate import Origin, status_at
from credentials.bundle import Bundle
from credentials.schema import ClassSchema
from gateway.arguments import show_record, show_transaction
from gateway.chains import Chain
from gateway.clients.answers import HeardBlock
from gateway.errors import Problem
from gateway.events import did_text, role_word
from gateway.job_store import MINTED, Job
from gateway.outcomes import Finalised
from gateway.services.accounts import ProvenAccount
from gateway.services.calls import Written
from gateway.services.certificates import Changed, Proven
from gateway.services.contracts import ProvenRead
from gateway.services.drafts import Draft
from gateway.services.gateway import problem_of
from gateway.services.ledger import BlockEvents
from gateway.services.showing import Standing
from gateway.services.signing import Stated
from gateway.services.transactions import Encoded, Placed
from gateway.services.verify import Verified
from gateway.shown import address_text, show_answer, show_event, show_refusal
from gateway.vault import Document

Json = dict[str, Any]
rendered: Callable[[Json], bytes] = msgspec.json.Encoder().encode
"""A view as UTF-8 JSON without spaces, in a tenth of the time of FastAPI's own way."""


def header_view(header: BlockHeader) -> Json:
    """A header."""
    return {
        name: value.hex() if isinstance(value := getattr(header, name), bytes) else value
        for name in header.__struct_fields__
    }


def certified_view(certified: CertifiedHeader) -> Json:
    """A header with its quorum certificate."""
    certificate = certified.certificate
    return {
        "header": header_view(certified.header),
        "certificate": {
            "view": certificate.view,
            "signers": list(certificate.signers),
            "signatures": [signature.hex() for signature in certificate.signatures],
        },
    }


def receipt_view(chain: Chain, receipt: Receipt) -> Json:
    """A receipt, values as the chain writes them; of a call that failed also why, in two languages."""
    values = show_refusal(chain.rules, receipt.code, receipt.values)
    view = {
        "transaction": receipt.transaction_id.hex(),
        "succeeded": receipt.succeeded,
        "code": receipt.code,
        "values": values,
        "events": [_event_view(chain, event) for event in receipt.events],
    }
    if receipt.succeeded:
        return view
    why = problem_of(receipt.code, tuple(values))
    return view | {"detail": why.sentence, "detail_zh": why.sentence_zh}


def receipt_proof_view(final: Finalised, proof: InclusionProof) -> Json:
    """That a receipt stands under a certified header's receipt root."""
    return {**certified_view(final.certified), "receipt": _path_view(proof)}


def placed_view(placed: Placed) -> Json:
    """A transaction in its block, with receipt and proof."""
    header = placed.final.certified.header
    return {
        "transaction": placed.final.receipt.transaction_id.hex(),
        "chain": header.chain_id,
        "height": header.height,
        "time": header.time,
        "place": placed.final.place,
        "receipt": receipt_view(placed.chain, placed.final.receipt),
        "proof": receipt_proof_view(placed.final, placed.proof),
    }


def written_view(written: Written) -> Json:
    """What every write answers with: transaction, height, receipt."""
    return {
        "transaction": written.transaction_id.hex(),
        "height": written.height,
        "time": written.final.certified.header.time,
        "receipt": receipt_view(written.chain, written.final.receipt),
    }


def certificate_view(proven: Proven, now: int) -> Json:
    """A certificate as recorded at a height, and as judged at `now`."""
    certificate, rules = proven.certificate, proven.chain.rules
    return {
        "id": proven.name.path,
        "uid": proven.name.universal,
        "chain": proven.name.chain_id,
        "class": certificate.class_id,
        "token": proven.name.token,
        "schema": certificate.schema.hex(),
        "issuer": address_text(rules.addresses, certificate.issuer),
        "issuer_did": did_text(certificate.issuer_did),
        "holder": address_text(rules.addresses, certificate.holder),
        "holder_did": did_text(certificate.holder_did),
        "content_root": certificate.content_root.hex(),
        "uri": certificate.uri,
        "issued_at": certificate.issued_at,
        "valid_from": certificate.valid_from,
        "valid_until": certificate.valid_until,
        "recorded_status": str(status_at(certificate, certificate.valid_from)),  # what no time has made of it
        "status": str(status_at(certificate, now)),
        "judged_at": now,
        "frozen": certificate.frozen,
        "locked": certificate.locked,
        "burn_authorisation": certificate.burn_authorisation,
        "attributes": dict(certificate.attributes),
        "user": None if certificate.user is None else address_text(rules.addresses, certificate.user),
        "user_until": certificate.user_until,
        "height": proven.state.header.height,
        "time": proven.state.header.time,
        "supersedes": _token(proven, certificate.supersedes),
        "superseded_by": _token(proven, certificate.superseded_by),
        "suspended": certificate.suspended,
        "origin": _origin(certificate.origin),
    }


def document_view(document: Document, schema: ClassSchema) -> Json:
    """A content with its salts, which its holder needs to reveal fields."""
    names = [field.name for field in schema.fields]
    salts = dict(zip(names, (salt.hex() for salt in document.salts), strict=True))
    return {"content": document.content, "salts": salts}


def changed_view(changed: Changed, document: Json | None, bundle: Bundle, now: int) -> Json:
    """The answer to a write on one certificate."""
    view = certificate_view(changed.proven, now)
    return view | {
        "transaction": changed.written.transaction_id.hex(),
        "height": changed.written.height,
        "document": document,
        "proof": bundle_view(bundle),
    }


def bundle_view(bundle: Bundle) -> Json:
    """A bundle as JSON; its canonical form (RFC 8785) is what is kept and checked offline."""
    return bundle.members()


def account_view(proven: ProvenAccount) -> Json:
    """An account as recorded at a height."""
    account: Account = proven.account
    header = proven.state.header
    return {
        "chain": header.chain_id,
        "address": proven.chain.rules.addresses.format(account.address),
        "public_key": account.public_key.hex(),
        "role": role_word(account.role),
        "did": did_text(account.did),
        "leader": did_text(account.leader),
        "platform_active": account.platform_active,
        "operator_active": account.operator_active,
        "active": account.active,
        "height": header.height,
        "time": header.time,
    }


def chain_view(profile: ChainProfile, status: ChainStatus | None) -> Json:
    """A chain: what it is, and how it stands if a node says so."""
    view: Json = {
        "id": profile.chain_id,
        "name": profile.name_en,
        "native_name": profile.name_zh,
        "framework": profile.framework,
        "origin": profile.origin,
        "note": {"en": profile.note_en, "zh": profile.note_zh},
        "native_chain_id": profile.native_chain_id,
        "signature_scheme": str(profile.signature_scheme),
        "digest": str(profile.digest_name),
        "address_codec": str(profile.address_codec),
        "addresses": "registered" if profile.registered else "derived",
        "token_id_style": profile.token_id_style,
        "gas_unit": profile.gas_unit,
        "gas_per_fen": profile.gas_per_fen,
        "fees_fen": profile.fees,
    }
    if status is not None:
        view |= {"height": status.height, "time": status.time, "head": status.head.hex()}
    return view


def consensus_view(status: ChainStatus, node: StatusAnswer) -> Json:
    """Consensus as one node sees it; proven by nothing."""
    membership = Membership(replicas=tuple(member.replica for member in status.members))
    reason = Problem(status.waits_for, status.chain_id) if status.waits_for else None
    return {
        "chain": status.chain_id,
        "seen_by": node.node,
        "height": status.height,
        "view": status.view,
        "primary": membership.replicas[status.primary].name,
        "phase": status.phase,
        "pending": status.pool,
        "waits_for": status.waits_for or None,
        "why": reason and reason.sentence,
        "why_zh": reason and reason.sentence_zh,
        "behind": list(status.behind),
        "quorum": membership.quorum,
        "replicas": [_member_view(place, member) for place, member in enumerate(status.members)],
        "change": status.pending
        and {
            "effective_height": status.pending.effective_height,
            "replicas": [_replica_view(replica) for replica in status.pending.membership.replicas],
        },
    }


def _member_view(place: int, member: MemberStatus) -> Json:
    seen = {"connected": member.connected, "signs": member.signs, "convictions": member.convictions}
    return {**_replica_view(member.replica), "place": place, **seen}


def _replica_view(replica: Replica) -> Json:
    return {
        "name": replica.name,
        "consensus_key": replica.consensus_key.hex(),
        "tls_key_digest": replica.tls_key_digest.hex(),
    }


def block_view(chain: Chain, answer: HeardBlock) -> Json:
    """A block with its transactions and receipts; the genesis block has neither."""
    if answer.certified is None:
        assert answer.genesis is not None
        return {
            "header": header_view(answer.genesis),
            "digest": chain.rules.block_digest(answer.genesis).hex(),
            "certificate": None,
            "transactions": [],
        }
    pairs = zip(answer.transactions, answer.receipts, strict=True)
    return {
        **certified_view(answer.certified),
        "digest": chain.rules.block_digest(answer.certified.header).hex(),
        "transactions": [
            {"call": transaction_view(chain, raw), "receipt": receipt_view(chain, receipt)} for raw, receipt in pairs
        ],
    }


def head_view(answer: HeardBlock) -> Json:
    """A block's header with its quorum certificate; nobody has certified the genesis block."""
    if answer.certified is not None:
        return certified_view(answer.certified)
    assert answer.genesis is not None
    return {"header": header_view(answer.genesis), "certificate": None}


def block_events_view(told: BlockEvents) -> Json:
    """Events in their order, and what proves them: their receipts' exact bytes, each under the header's receipt root."""
    events, receipts = list[Json](), list[Json]()
    for one in told.receipts:
        final = one.placed.final
        where = {"transaction": final.receipt.transaction_id.hex(), "place": final.place}
        events += [{**where, "number": number, **_event_view(told.chain, event)} for number, event in one.events]
        receipts.append({**where, "bytes": final.receipt_bytes.hex(), "proof": _path_view(one.placed.proof)})
    return {**head_view(told.block), "events": events, "receipts": receipts}


def transaction_view(chain: Chain, raw: bytes) -> Json:
    """A signed transaction, decoded."""
    try:
        signed = decode(raw, SignedTransaction)
        shown = show_transaction(chain.rules, decode(signed.body, Transaction))
    except CodecMalformed:
        return {"raw": raw.hex()}
    return shown | {"signature": signed.signature.hex()}


def encoded_view(encoded: Encoded) -> Json:
    """The bytes to sign: the scheme signs `digest`, which is the transaction's id."""
    rules = encoded.chain.rules
    return {
        "chain": rules.chain_id,
        "signature_scheme": str(rules.scheme.name),
        "body": encoded.body.hex(),
        "digest": encoded.transaction_id.hex(),
        "decoded": show_transaction(rules, encoded.transaction),
    }


def standings_view(standings: Sequence[Standing]) -> Json:
    """Values and the bytes that show them to another chain; the height and time are those of the head."""
    header = standings[0].shown.sighting.header
    return {
        "chain": header.chain_id,
        "height": header.height,
        "time": header.time,
        "values": [
            {
                "key": one.key.hex(),
                "value": None if one.value is None else one.value.hex(),
                "shown": encode(one.shown).hex(),
            }
            for one in standings
        ],
    }


def _origin(origin: Origin | None) -> str | None:
    """The id of a certificate where it was issued, if that was on another chain."""
    if origin is None:
        return None
    token = format_token(load_profiles()[origin.chain_id].token_id_style, origin.token)
    return CertificateName(origin.chain_id, origin.class_id, token).path


def verified_view(verified: Verified) -> Json:
    """A verdict, and when it was reached."""
    return verified.verdict.members() | {"judged_at": verified.judged_at}


def read_view(read: ProvenRead) -> Json:
    """What a read answers, and what proves it: a header, and every record under its state root that was looked at."""
    rules = read.chain.rules
    proof = {"header": header_view(read.header), "certificate": None}
    return {
        "chain": rules.chain_id,
        "contract": read.contract,
        "read": read.name,
        "arguments": show_record(rules, read.arguments),
        "value": show_answer(rules, read.name, read.value),
        "height": read.header.height,
        "time": read.header.time,
        "proof": (proof if read.certified is None else certified_view(read.certified))
        | {"records": [_record_view(key, proven) for key, proven in read.records.items()]},
    }


def _record_view(key: bytes, proven: ProvenValue) -> Json:
    branches = [{"places": one.places, "hashes": one.hashes.hex()} for one in proven.proof.branches]
    return {
        "key": key.hex(),
        "value": None if proven.value is None else proven.value.hex(),
        "branches": branches,
        "bucket": proven.proof.bucket.hex(),
    }


def job_view(job: Job, counts: dict[str, int]) -> Json:
    """A job and how many of its rows have which outcome."""
    return {
        "id": job.id,
        "state": job.state,
        "chain": job.chain,
        "class": job.class_id,
        "encoding": job.encoding,
        "total": job.total,
        **counts,
    }


def _path_view(proof: InclusionProof) -> Json:
    return {"sides": proof.sides, "path": [node.hex() for node in proof.path]}


def _event_view(chain: Chain, event: Event) -> Json:
    return {"contract": event.contract, "name": event.name, "values": show_event(chain.rules, event)}


def _token(proven: Proven, token: bytes | None) -> str | None:
    return None if token is None else format_token(proven.chain.profile.token_id_style, token)


def job_row_view(job: Job, row: Json) -> Json:
    """One row of a job: line, outcome, the certificate's id or the problem."""
    token = row["token"]
    name = None if token is None else CertificateName(job.chain, job.class_id, token)
    return {
        "line": row["line"],
        "outcome": row["outcome"],
        "id": None if name is None or row["outcome"] != MINTED else name.path,
        "problem": row["problem"],
    }


def stated_view(stated: Stated) -> Json:
    """A statement: the scheme signs `digest`. `signatures` are those of the keys that are kept here, if they were asked for."""
    view: Json = {
        "chain": stated.chain_id,
        "kind": stated.kind,
        "signed_by": stated.signed_by,
        "key": stated.key,
        "signature_scheme": str(stated.scheme),
        "good_on": stated.good_on,
        "digest": stated.digest.hex(),
        "body": stated.body.hex(),
        "statement": stated.statement,
        **stated.more,
    }
    if stated.signatures is not None:
        view["signatures"] = {name: signature.hex() for name, signature in stated.signatures.items()}
    return view


def draft_view(draft: Draft) -> Json:
    """A draft: `item` is what is issued, `document` what is kept for it."""
    document = draft.document
    return {
        "chain": document.chain,
        "class": document.class_id,
        "token": document.token,
        "content_root": document.content_root.hex(),
        "item": show_record(draft.chain.rules, draft.item),
        "document": document_view(document, draft.schema),
    }
