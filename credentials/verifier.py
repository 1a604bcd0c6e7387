"""Checking a bundle with nothing but the genesis document (protocol 25.3).

The verdict lists its predicates in order. `now` (ms) is handed in: what is proven is the record at a height and
time; whether it has expired since is judged by the reader's clock.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

from chain.codec import CodecMalformed
from chain.genesis import Genesis
from chain.light_client import Trusted, follow, header_fault
from chain.profile import ChainProfile
from chain.rules import ChainRules
from chain.state import check
from chain.universal_id import CertificateName, format_token
from contracts.certificate import Certificate, Status, certificate_of, status_at
from contracts.keys import certificate_key
from credentials.bundle import (
    Bundle,
    BundleMalformed,
    certified_header,
    content_entries,
    handovers,
    parse_bundle,
    state_proof,
)
from credentials.content import Entry, Revealed, root_from_entries


class Reason(StrEnum):
    """Why a bundle proves nothing, or what it proves is not a certificate in force."""

    BUNDLE_MALFORMED = "bundle-malformed"
    NETWORK_DIFFERS = "network-differs"
    CHAIN_UNKNOWN = "chain-unknown"
    PROFILE_DIFFERS = "profile-differs"
    HANDOVER_INVALID = "handover-invalid"
    HEADER_INVALID = "header-invalid"
    RECORD_MALFORMED = "record-malformed"
    RECORD_NOT_PROVEN = "record-not-proven"
    ID_DIFFERS = "id-differs"
    CONTENT_DIFFERS = "content-differs"
    NOT_ACTIVE = "not-active"
    TOO_OLD = "too-old"


CANNOT_TELL: Final = frozenset({Reason.PROFILE_DIFFERS, Reason.TOO_OLD})
"""Reasons that speak of the reader or of freshness: neither for the certificate nor against it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the check found. `proven` without `valid`: genuine, but not in force now or not fresh enough."""

    proven: bool
    valid: bool
    reasons: tuple[str, ...]
    status: Status | None = None
    height: int | None = None
    time: int | None = None
    """Of the header that the bundle speaks for, ms."""
    certificate: Certificate | None = None
    revealed: Mapping[str, str | int | bool | None] = field(default_factory=dict)

    def members(self) -> dict[str, Any]:
        """The verdict as plain JSON values, without the record."""
        return {
            "valid": self.valid,
            "proven": self.proven,
            "status": None if self.status is None else str(self.status),
            "reasons": list(self.reasons),
            "height": self.height,
            "time": self.time,
            "revealed": dict(self.revealed),
        }


def verify_bundle(
    data: bytes, genesis: Genesis, profiles: Mapping[str, ChainProfile], *, now: int, age_ms_max: int | None = None
) -> Verdict:
    """Whether `data` proves a certificate of this network that is in force at `now`."""
    try:
        bundle = parse_bundle(data)
        entries = content_entries(bundle)
    except BundleMalformed as problem:
        return _not_proven(Reason.BUNDLE_MALFORMED, str(problem))
    rules = _rules(bundle, genesis, profiles)
    if isinstance(rules, Verdict):
        return rules
    fault = _header_fault(bundle, genesis, rules)
    if fault is not None:
        return fault
    try:
        certificate = certificate_of(bytes.fromhex(bundle.state.record))
    except CodecMalformed as problem:
        return _not_proven(Reason.RECORD_MALFORMED, str(problem))
    fault = _record_fault(bundle, rules, certificate) or _content_fault(rules, certificate, entries)
    if fault is not None:
        return fault
    return _judged(bundle, certificate, entries, now, age_ms_max)


def _rules(bundle: Bundle, genesis: Genesis, profiles: Mapping[str, ChainProfile]) -> ChainRules | Verdict:
    """The network is the genesis document's, and the chain's profile is the one that it names."""
    if bundle.network_id != genesis.network_id.hex():
        return _not_proven(Reason.NETWORK_DIFFERS, bundle.network_id)
    section = genesis.section(bundle.chain_id)
    profile = profiles.get(bundle.chain_id)
    if section is None or profile is None:
        return _not_proven(Reason.CHAIN_UNKNOWN, bundle.chain_id)
    if profile.digest().hex() != section.profile:
        return _not_proven(Reason.PROFILE_DIFFERS, bundle.chain_id)
    return ChainRules.of(genesis.network_id, profile)


def _header_fault(bundle: Bundle, genesis: Genesis, rules: ChainRules) -> Verdict | None:
    """A quorum of the replicas, followed from genesis, certified the header."""
    first = genesis.membership_of(rules.chain_id)
    start = Trusted(height=0, time=genesis.document.created_at, membership=first)
    trusted = follow(rules, start, handovers(bundle))
    if not isinstance(trusted, Trusted):
        return _not_proven(Reason.HANDOVER_INVALID, str(trusted))
    certified = certified_header(bundle, bundle.header, bundle.certificate)
    fault = header_fault(rules, trusted, certified)
    return None if fault is None else _not_proven(Reason.HEADER_INVALID, str(fault))


def _record_fault(bundle: Bundle, rules: ChainRules, certificate: Certificate) -> Verdict | None:
    """The record stands under its own key in the state that the header commits to, and the id is its name."""
    token = format_token(rules.profile.token_id_style, certificate.token)
    if CertificateName(bundle.chain_id, certificate.class_id, token).universal != bundle.id:
        return _not_proven(Reason.ID_DIFFERS, bundle.id)
    key = certificate_key(certificate.class_id, certificate.token)
    root, record = bytes.fromhex(bundle.header.state_root), bytes.fromhex(bundle.state.record)
    if not check(rules.digest, state_proof(bundle), root, key=key, value=record):
        return _not_proven(Reason.RECORD_NOT_PROVEN, bundle.id)
    return None


def _content_fault(rules: ChainRules, certificate: Certificate, entries: tuple[Entry, ...]) -> Verdict | None:
    """The entries, revealed or hidden, have the content root of the record."""
    if root_from_entries(rules.digest, entries) != certificate.content_root:
        return _not_proven(Reason.CONTENT_DIFFERS, "")
    return None


def _judged(
    bundle: Bundle, certificate: Certificate, entries: tuple[Entry, ...], now: int, age_ms_max: int | None
) -> Verdict:
    status = status_at(certificate, now)
    reasons = [] if status == Status.ACTIVE else [f"{Reason.NOT_ACTIVE}: {status}"]
    if age_ms_max is not None and now - bundle.header.time > age_ms_max:
        reasons.append(Reason.TOO_OLD)
    return Verdict(
        proven=True,
        valid=not reasons,
        reasons=tuple(reasons),
        status=status,
        height=bundle.header.height,
        time=bundle.header.time,
        certificate=certificate,
        revealed={entry.name: entry.value for entry in entries if isinstance(entry, Revealed)},
    )


def _not_proven(reason: Reason, detail: str) -> Verdict:
    return Verdict(proven=False, valid=False, reasons=(f"{reason}: {detail}" if detail else str(reason),))
