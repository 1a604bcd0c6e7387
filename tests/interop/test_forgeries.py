"""What is forged is refused, each with the reason that it has, and nothing changes (protocol 33.2, 33.3)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from msgspec.structs import replace

from chain.digests import sha256
from chain.domains import Domain
from chain.light_client import CertifiedHeader, Handover, Sighting
from chain.quorum import QuorumCertificate
from chain.state import Siblings, prove
from contracts.clients import find_client
from contracts.interface import ContractReverted
from contracts.keys import certificate_key, client_key
from contracts.mirrors import Attest
from contracts.relaying import Shown
from tests.chain.small_network import Signers
from tests.contracts.small_chain import token
from tests.interop.world import DIPLOMA, World, WorldChain, set_of

SOURCE, TARGET, THIRD = "wenchang", "yanan", "chengdu"
KEY = certificate_key(DIPLOMA, token(1))


@dataclass(slots=True)
class Forger:
    """A world in which a true proof lies ready, and what is made of it."""

    on: World
    true: Attest

    @property
    def source(self) -> WorldChain:
        return self.on.chains[SOURCE]

    @property
    def signers(self) -> Signers:
        return self.source.signers

    def shown(self, **changed: Any) -> Attest:
        return replace(self.true, shown=replace(self.true.shown, **changed))

    def seen(self, certified: CertifiedHeader, **more: Any) -> Attest:
        sighting = Sighting(**{"handovers": (), "certified": certified, "next_membership": None} | more)
        return self.shown(sighting=sighting)

    def header(self, **changed: Any) -> Attest:
        """A header that was altered after it was certified."""
        certified = self.true.shown.sighting.certified
        return self.seen(replace(certified, header=replace(certified.header, **changed)))

    def signed(self, signers: Signers | None = None, **changed: Any) -> Attest:
        """A header that somebody did certify."""
        return self.seen(self.source.certify(self.source.header(**changed), signers))

    def certificate(self, **changed: Any) -> Attest:
        certified = self.true.shown.sighting.certified
        return self.seen(replace(certified, certificate=replace(certified.certificate, **changed)))

    def votes(self, domain: Domain = Domain.COMMIT, **statement: Any) -> Attest:
        """True signatures of all its replicas over another statement."""
        certified = self.true.shown.sighting.certified
        rules, header = self.source.rules, certified.header
        named: dict[str, Any] = {"view": 0, "height": header.height, "block": rules.block_digest(header)}
        rules = statement.pop("rules", rules)
        message = rules.vote_bytes(domain, **named | statement)
        signers = certified.certificate.signers
        signatures = tuple(self.signers.sign(place, message) for place in signers)
        return self.seen(
            replace(certified, certificate=QuorumCertificate(view=0, signers=signers, signatures=signatures))
        )

    def proof(self, change: Callable[[Any], Any]) -> Attest:
        return self.shown(proof=change(self.true.shown.proof))

    def value(self, **changed: Any) -> Attest:
        return replace(self.true, certificate=replace(self.true.certificate, **changed))


def forger() -> Forger:
    on = World.founded(SOURCE, TARGET, THIRD)
    for chain_id in (SOURCE, THIRD):
        on.define(chain_id)
        for number in range(1, 40):
            on.mint(chain_id, number)
    return Forger(on, on.attest_arguments(SOURCE, TARGET))


def other_network(forge: Forger) -> Attest:
    return forge.signed(network_id=sha256(b"another network"))


def with_handover(forge: Forger, change: Callable[[Handover], Handover | None]) -> Attest:
    """After a change of replicas: its hand-over, spoilt or left out."""
    forge.on.change_replicas(SOURCE, 1)
    forge.on.touch(SOURCE)
    fresh = forge.on.attest_arguments(SOURCE, TARGET)
    (handover,) = fresh.shown.sighting.handovers
    spoilt = change(handover)
    handovers = () if spoilt is None else (spoilt,)
    return replace(fresh, shown=replace(fresh.shown, sighting=replace(fresh.shown.sighting, handovers=handovers)))


def two_handovers(forge: Forger, order: Callable[[tuple[Handover, ...]], tuple[Handover, ...]]) -> Attest:
    for change in (1, 2):
        forge.on.change_replicas(SOURCE, change)
    forge.on.touch(SOURCE)
    fresh = forge.on.attest_arguments(SOURCE, TARGET)
    sighting = fresh.shown.sighting
    return replace(fresh, shown=replace(fresh.shown, sighting=replace(sighting, handovers=order(sighting.handovers))))


def older(forge: Forger) -> Attest:
    forge.on.touch(SOURCE)
    forge.on.attest(SOURCE, TARGET, 2)
    return forge.true


def other_of_known_height(forge: Forger) -> Attest:
    forge.on.attest(SOURCE, TARGET, 2)
    return forge.signed(state_root=sha256(b"other"))


def frozen(forge: Forger) -> Attest:
    client = find_client(forge.on[TARGET].records, SOURCE)
    assert client is not None
    forge.on[TARGET].write(client_key(SOURCE), replace(client, frozen=True))
    return forge.true


def retired(forge: Forger) -> Attest:
    """The set before the change goes on by itself."""
    old = forge.signers
    forge.on.change_replicas(SOURCE, 1)
    forge.on.touch(SOURCE)
    forge.on.attest(SOURCE, TARGET, 2)
    forge.on.touch(SOURCE)
    named = forge.source.rules.membership_digest(old.membership)
    fresh = forge.on.attest_arguments(SOURCE, TARGET)
    forged = forge.source.certify(forge.source.header(membership=named, next_membership=named), old)
    sighting = Sighting(handovers=(), certified=forged, next_membership=None)
    return replace(fresh, shown=replace(fresh.shown, sighting=sighting))


def of_third(forge: Forger) -> Shown:
    return forge.on.shown(THIRD, KEY, TARGET)


def swapped_signatures(forge: Forger) -> Attest:
    signatures = forge.true.shown.sighting.certified.certificate.signatures
    return forge.certificate(signatures=(signatures[1], signatures[0], *signatures[2:]))


def first_branch(change: Callable[[Siblings], Siblings]) -> Callable[[Any], Any]:
    return lambda proof: replace(proof, branches=(change(proof.branches[0]), *proof.branches[1:]))


def _named(on: Forger, signers: Signers) -> bytes:
    return on.source.rules.membership_digest(signers.membership)


def own_set_named(forge: Forger, signers: Signers) -> Attest:
    named = _named(forge, signers)
    return forge.signed(signers, membership=named, next_membership=named)


FORGERIES: dict[str, tuple[str, Callable[[Forger], Attest]]] = {
    "another network": ("header-network-differs", other_network),
    "another chain": ("header-chain-differs", lambda f: f.signed(chain_id=THIRD)),
    "a header of another chain, whole": ("header-chain-differs", lambda f: f.shown(sighting=of_third(f).sighting)),
    "a header of another chain said to be that one": ("header-chain-differs", lambda f: replace(f.true, shown=of_third(f))),
    "the target's own replicas, named": ("header-membership-differs", lambda f: own_set_named(f, f.on.chains[TARGET].signers)),
    "the target's own replicas, unnamed": ("header-not-a-quorum", lambda f: f.signed(f.on.chains[TARGET].signers)),
    "strangers, named": ("header-membership-differs", lambda f: own_set_named(f, set_of("nowhere", 4))),
    "strangers, unnamed": ("header-signature-invalid", lambda f: f.signed(set_of("nowhere", 4))),
    "a set to come": ("header-membership-differs", lambda f: own_set_named(f, set_of(SOURCE, 4, 1))),
    "a retired set": ("header-membership-differs", retired),
    "a next set that nobody shows": ("header-membership-differs", lambda f: f.signed(next_membership=bytes(32))),
    "a next set where none is named": ("header-membership-differs", lambda f: f.seen(f.true.shown.sighting.certified, next_membership=f.signers.membership)),
    "a next set that is not the one": ("header-membership-differs", lambda f: f.seen(
        f.source.certify(f.source.header(next_membership=_named(f, set_of(SOURCE, 4, 1)))), next_membership=set_of(SOURCE, 4, 2).membership)),
    "no hand-over": ("header-membership-differs", lambda f: with_handover(f, lambda _: None)),
    "a hand-over to another set": ("header-membership-differs", lambda f: with_handover(f, lambda h: replace(h, next_membership=set_of(SOURCE, 4, 2).membership))),
    "a hand-over that nobody signed": ("header-signature-invalid", lambda f: with_handover(f, lambda h: replace(h, certified=replace(h.certified, certificate=replace(h.certified.certificate, signatures=(bytes(64),) * 3))))),
    "a hand-over to the same set": ("header-membership-differs", lambda f: with_handover(f, lambda h: replace(h, certified=f.true.shown.sighting.certified))),
    "hand-overs in another order": ("header-membership-differs", lambda f: two_handovers(f, lambda h: h[::-1])),
    "the first hand-over left out": ("header-membership-differs", lambda f: two_handovers(f, lambda h: h[1:])),
    "the last hand-over left out": ("header-membership-differs", lambda f: two_handovers(f, lambda h: h[:1])),
    "a hand-over twice": ("header-height-not-increasing", lambda f: two_handovers(f, lambda h: (h[0], *h))),
    "a header before what was handed over": ("header-height-not-increasing", lambda f: with_handover(f, lambda h: Handover(
        certified=f.source.certify(replace(h.certified.header, height=10**6), set_of(SOURCE, 4)), next_membership=h.next_membership))),
    "time that does not go on": ("header-time-not-increasing", lambda f: f.signed(time=1)),
    "height zero": ("header-older", lambda f: _known(f) or f.signed(height=0)),
    "an older header": ("header-older", older),
    "another block of a known height": ("header-conflicts", other_of_known_height),
    "a frozen client": ("client-frozen", frozen),
    "no chain": ("chain-unknown", lambda f: replace(f.true, chain_id="atlantis")),
    "the target itself": ("chain-unknown", lambda f: replace(f.true, chain_id=TARGET)),
    "a signer too few": ("header-not-a-quorum", lambda f: f.certificate(signers=(0, 1), signatures=_signatures(f)[:2])),
    "a signer too many": ("header-not-a-quorum", lambda f: f.certificate(signers=(0, 1, 2, 3), signatures=(*_signatures(f), bytes(64)))),
    "a signature too few": ("header-signature-count", lambda f: f.certificate(signatures=_signatures(f)[:2])),
    "a signature too many": ("header-signature-count", lambda f: f.certificate(signatures=(*_signatures(f), bytes(64)))),
    "a signer twice": ("header-signers-not-ascending", lambda f: f.certificate(signers=(0, 1, 1))),
    "signers in another order": ("header-signers-not-ascending", lambda f: f.certificate(signers=(0, 2, 1))),
    "a signer that is none": ("header-signer-unknown", lambda f: f.certificate(signers=(0, 1, 4))),
    "another signer": ("header-signature-invalid", lambda f: f.certificate(signers=(0, 1, 3))),
    "signatures swapped": ("header-signature-invalid", swapped_signatures),
    "no signature": ("header-signature-invalid", lambda f: f.certificate(signatures=(bytes(64),) * 3)),
    "a later view": ("header-signature-invalid", lambda f: f.certificate(view=1)),
    "a view before the proposal": ("header-view-before-proposal", lambda f: f.signed(view=3) and f.header(view=3)),
    "prepares for commits": ("header-signature-invalid", lambda f: f.votes(Domain.PREPARE)),
    "commits of another height": ("header-signature-invalid", lambda f: f.votes(height=1)),
    "commits of another block": ("header-signature-invalid", lambda f: f.votes(block=bytes(32))),
    "commits of another view": ("header-signature-invalid", lambda f: f.votes(view=1)),
    "commits on another chain": ("header-signature-invalid", lambda f: f.votes(rules=f.on[THIRD].rules)),
    "another state root": ("header-signature-invalid", lambda f: f.header(state_root=sha256(b"mine"))),
    "another time": ("header-signature-invalid", lambda f: f.header(time=f.on.time + 1)),
    "another height": ("header-signature-invalid", lambda f: f.header(height=10**6)),
    "another parent": ("header-signature-invalid", lambda f: f.header(parent=bytes(32)[:31] + b"\1")),
    "another proposer": ("header-signature-invalid", lambda f: f.header(proposer=1)),
    "another transaction root": ("header-signature-invalid", lambda f: f.header(transaction_root=sha256(b""))),
    "another receipt root": ("header-signature-invalid", lambda f: f.header(receipt_root=sha256(b""))),
    "another holder": ("proof-invalid", lambda f: f.value(holder=b"somebody")),
    "not revoked": ("proof-invalid", lambda f: f.value(recorded=1)),
    "another content": ("proof-invalid", lambda f: f.value(content_root=sha256(b"mine"))),
    "another token": ("proof-invalid", lambda f: f.value(token=token(2))),
    "another class": ("proof-invalid", lambda f: f.value(class_id="other")),
    "a proof of another record": ("proof-invalid", lambda f: f.shown(proof=prove(f.source.chain.state, certificate_key(DIPLOMA, token(9))))),
    "a proof of an absent record": ("proof-invalid", lambda f: f.shown(proof=prove(f.source.chain.state, certificate_key(DIPLOMA, token(99))))),
    "a proof of another chain": ("proof-invalid", lambda f: f.shown(proof=of_third(f).proof)),
    "a proof without its first branch": ("proof-invalid", lambda f: f.proof(lambda p: replace(p, branches=p.branches[1:]))),
    "a proof with a branch more": ("proof-invalid", lambda f: f.proof(lambda p: replace(p, branches=(*p.branches, p.branches[0])))),
    "a proof without its bucket": ("proof-invalid", lambda f: f.proof(lambda p: replace(p, bucket=b""))),
    "a bucket cut short": ("proof-invalid", lambda f: f.proof(lambda p: replace(p, bucket=p.bucket[:-64]))),
    "a bucket with a bit changed": ("proof-invalid", lambda f: f.proof(lambda p: replace(p, bucket=bytes([p.bucket[0] ^ 1]) + p.bucket[1:]))),
    "half an entry": ("proof-invalid", lambda f: f.proof(lambda p: replace(p, bucket=p.bucket[:-1]))),
    "siblings in other places": ("proof-invalid", lambda f: f.proof(first_branch(lambda s: replace(s, places=s.places ^ 0b11)))),
    "siblings cut short": ("proof-invalid", lambda f: f.proof(first_branch(lambda s: replace(s, hashes=s.hashes[:-32])))),
    "siblings swapped": ("proof-invalid", lambda f: f.proof(first_branch(lambda s: replace(s, hashes=s.hashes[32:] + s.hashes[:32])))),
}  # fmt: skip


def _known(forge: Forger) -> None:
    forge.on.attest(SOURCE, TARGET, 2)


def _signatures(forge: Forger) -> tuple[bytes, ...]:
    return forge.true.shown.sighting.certified.certificate.signatures


def test_the_true_proof_is_taken() -> None:
    forge = forger()
    forge.on.call(TARGET, "platform", "mirrors", "attest", forge.true)


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forgery_is_refused_with_its_own_reason_and_changes_nothing(name: str) -> None:
    code, forged = FORGERIES[name]
    forge = forger()
    given = forged(forge)
    chain = forge.on[TARGET]
    chain.time = forge.on.time + 1_000
    before = chain.content()
    with pytest.raises(ContractReverted) as refusal:
        chain.call("platform", "mirrors", "attest", given)
    assert refusal.value.code == code
    assert chain.content() == before


def test_there_are_enough_of_them() -> None:
    assert len(FORGERIES) >= 43
    assert len({code for code, _ in FORGERIES.values()}) >= 15
