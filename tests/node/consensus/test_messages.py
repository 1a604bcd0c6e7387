"""The five kinds of message: what is signed, who counts as its signer, and what a prepared certificate proves."""

import pytest
from msgspec.structs import replace

from chain.block import Block
from chain.codec import CodecMalformed, decode, encode
from chain.domains import Domain, prefix
from chain.quorum import consensus_verify
from chain.rules import ChainRules
from node.consensus.messages import (
    Commit,
    Envelope,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    SignedViewChange,
    ViewChange,
    authenticate,
    is_prepared,
    place,
    signed_bytes,
)
from tests.chain.small_network import FIRST, THIRD, header_of
from tests.node.small_chain import MEMBERSHIP, OTHER_CHAIN, RULES, rules_of, vote_signature

BODY = (b"one", b"two")
HEADER = replace(header_of(RULES, 7, MEMBERSHIP), transaction_root=RULES.transaction_root(BODY))
BLOCK = Block(header=HEADER, transactions=BODY)
DIGEST = RULES.block_digest(HEADER)
PRE_PREPARE = PrePrepare(view=0, block=BLOCK, parent_certificate=None)


def prepared_certificate(view: int = 0, signers: tuple[int, ...] = (1, 2)) -> PreparedCertificate:
    """That BLOCK is prepared, by the primary 0 and these backups."""
    where = {"view": view, "height": 7, "block": DIGEST}
    return PreparedCertificate(
        view=view,
        height=7,
        block=DIGEST,
        pre_prepare=vote_signature(RULES, Domain.PRE_PREPARE, 0, **where),
        signers=signers,
        prepares=tuple(vote_signature(RULES, Domain.PREPARE, signer, **where) for signer in signers),
    )


VIEW_CHANGE = ViewChange(
    view=3, committed=FIRST.certify(RULES, header_of(RULES, 6, MEMBERSHIP)), prepared=prepared_certificate()
)


def signed_change(signer: int, change: ViewChange) -> SignedViewChange:
    """A view change as a new view shows it."""
    statement, _ = signed_bytes(RULES, change)
    return SignedViewChange(signer=signer, signature=FIRST.sign(signer, statement), message=change)


def new_view(*changes: ViewChange) -> NewView:
    """The new view 3 for these view changes."""
    return NewView(
        view=3,
        view_changes=tuple(signed_change(signer, change) for signer, change in enumerate(changes)),
    )


MESSAGES: list[Message] = [
    PRE_PREPARE,
    Prepare(view=2, height=7, block=DIGEST),
    Commit(view=2, height=7, block=DIGEST),
    VIEW_CHANGE,
    new_view(VIEW_CHANGE, VIEW_CHANGE, ViewChange(view=3, committed=None, prepared=None)),
]
KINDS = [type(message).__name__ for message in MESSAGES]
DOMAINS = [Domain.PRE_PREPARE, Domain.PREPARE, Domain.COMMIT, Domain.VIEW_CHANGE, Domain.NEW_VIEW]


def enveloped(message: Message, signer: int = 1, rules: ChainRules = RULES) -> Envelope:
    """The message, signed on the chain of `rules`."""
    statement, _ = signed_bytes(rules, message)
    return Envelope(signer=signer, signature=FIRST.sign(signer, statement), message=message)


@pytest.mark.parametrize("message", MESSAGES, ids=KINDS)
def test_a_member_s_message_is_authentic_and_comes_back_from_its_bytes(message: Message) -> None:
    envelope = decode(encode(enveloped(message)), Envelope)
    received = authenticate(RULES, MEMBERSHIP, envelope, consensus_verify)
    assert received is not None
    assert (received.signer, received.message, received.signature) == (1, message, envelope.signature)


@pytest.mark.parametrize("message", MESSAGES, ids=KINDS)
def test_a_message_of_another_signer_chain_network_or_set_is_not_authentic(message: Message) -> None:
    envelope = enveloped(message)
    assert authenticate(RULES, THIRD.membership, envelope, consensus_verify) is None
    assert authenticate(RULES, MEMBERSHIP, replace(envelope, signer=2), consensus_verify) is None
    assert authenticate(RULES, MEMBERSHIP, replace(envelope, signer=9), consensus_verify) is None
    other_network = ChainRules.of(bytes(32), RULES.profile)
    for elsewhere in (rules_of(chain_id=OTHER_CHAIN), other_network):
        assert authenticate(elsewhere, MEMBERSHIP, envelope, consensus_verify) is None


@pytest.mark.parametrize(("message", "domain"), list(zip(MESSAGES, DOMAINS, strict=True)), ids=KINDS)
def test_every_kind_is_signed_under_a_domain_of_its_own(message: Message, domain: Domain) -> None:
    statement, digest = signed_bytes(RULES, message)
    height, view = place(message)
    assert statement == RULES.vote_bytes(domain, view=view, height=height, block=digest)
    assert statement.startswith(prefix(domain, RULES.network_id, RULES.chain_id))


def test_one_kind_s_signature_does_not_serve_another_kind() -> None:
    prepare = enveloped(Prepare(view=2, height=7, block=DIGEST))
    as_commit = replace(prepare, message=Commit(view=2, height=7, block=DIGEST))
    assert authenticate(RULES, MEMBERSHIP, as_commit, consensus_verify) is None


@pytest.mark.parametrize("field", ["view", "height", "block"])
@pytest.mark.parametrize("kind", [Prepare, Commit])
def test_every_field_of_a_vote_is_signed(kind: type[Prepare | Commit], field: str) -> None:
    envelope = enveloped(kind(view=2, height=7, block=DIGEST))
    other = {"view": 3, "height": 8, "block": bytes(32)}[field]
    changed = replace(envelope, message=replace(envelope.message, **{field: other}))
    assert authenticate(RULES, MEMBERSHIP, changed, consensus_verify) is None


def test_the_whole_content_of_a_change_of_view_is_signed() -> None:
    wanted = enveloped(VIEW_CHANGE)
    assert VIEW_CHANGE.committed is not None
    for change in (
        replace(VIEW_CHANGE, view=4),
        replace(VIEW_CHANGE, prepared=None),
        replace(VIEW_CHANGE, committed=None),
        replace(VIEW_CHANGE, prepared=prepared_certificate(signers=(1, 3))),
    ):
        assert authenticate(RULES, MEMBERSHIP, replace(wanted, message=change), consensus_verify) is None
    opened = enveloped(MESSAGES[4], signer=3)
    view = MESSAGES[4]
    assert isinstance(view, NewView)
    for other in (
        replace(view, view=7),
        replace(view, view_changes=view.view_changes[:2]),
        replace(view, view_changes=view.view_changes[::-1]),
    ):
        assert authenticate(RULES, MEMBERSHIP, replace(opened, message=other), consensus_verify) is None


def test_a_change_of_view_speaks_of_the_height_that_it_goes_on_with() -> None:
    assert place(VIEW_CHANGE) == (7, 3)
    assert place(ViewChange(view=1, committed=None, prepared=None)) == (1, 1)
    fresh = ViewChange(view=3, committed=None, prepared=None)
    assert place(new_view(fresh, VIEW_CHANGE, fresh)) == (7, 3)


def test_a_new_view_of_nobody_cannot_be_read() -> None:
    empty = encode(enveloped(VIEW_CHANGE)).replace(encode(VIEW_CHANGE), encode(NewView(view=3, view_changes=())))
    with pytest.raises(CodecMalformed):
        decode(empty, Envelope)


def block_of(transactions: tuple[bytes, ...]) -> Block:
    """A block whose header names these transactions."""
    return Block(
        header=replace(HEADER, transaction_root=RULES.transaction_root(transactions)), transactions=transactions
    )


def test_a_proposal_with_other_transactions_than_its_header_names_is_nobody_s() -> None:
    for body in ((), (b"one",), (b"two", b"one"), (b"one", b"two", b"three")):
        message = PrePrepare(view=0, block=Block(header=HEADER, transactions=body), parent_certificate=None)
        assert authenticate(RULES, MEMBERSHIP, enveloped(message), consensus_verify) is None


def too_large() -> list[Block]:
    """Blocks over one limit of the chain each."""
    profile = RULES.profile
    half = bytes(profile.block_bytes_max // 2)
    return [block_of((b"",) * (profile.block_transactions_max + 1)), block_of((half, half, b"\0"))]


@pytest.mark.parametrize("block", too_large(), ids=["too many transactions", "too many bytes"])
def test_a_block_over_the_chain_s_limits_is_not_even_kept(block: Block) -> None:
    proposal = PrePrepare(view=0, block=block, parent_certificate=None)
    assert authenticate(RULES, MEMBERSHIP, enveloped(proposal), consensus_verify) is None


def test_a_block_at_the_chain_s_limits_is_kept() -> None:
    half = bytes(RULES.profile.block_bytes_max // 2)
    message = PrePrepare(view=0, block=block_of((half, half)), parent_certificate=None)
    assert authenticate(RULES, MEMBERSHIP, enveloped(message), consensus_verify) is not None


def prepared(certificate: PreparedCertificate, *, primary: int = 0) -> bool:
    return is_prepared(RULES, certificate, MEMBERSHIP, primary=primary)


def test_a_prepared_certificate_shows_the_pre_prepare_and_a_quorum_less_one_of_prepares() -> None:
    certificate = prepared_certificate()
    assert prepared(certificate)
    assert decode(encode(certificate), PreparedCertificate) == certificate
    assert prepared(prepared_certificate(signers=(2, 3)))


WRONG = {
    "another view": {"view": 1},
    "another height": {"height": 8},
    "another block": {"block": bytes(32)},
    "one prepare too few": {"signers": (1,), "prepares": prepared_certificate().prepares[:1]},
    "one prepare too many": {
        "signers": (1, 2, 3),
        "prepares": prepared_certificate(signers=(1, 2, 3)).prepares,
    },
    "a backup twice": {"signers": (1, 1), "prepares": prepared_certificate().prepares[:1] * 2},
    "backups out of order": {"signers": (2, 1), "prepares": prepared_certificate().prepares[::-1]},
    "the primary among the backups": {"signers": (0, 1), "prepares": prepared_certificate(signers=(0, 1)).prepares},
    "a stranger among the backups": {"signers": (1, 63)},
    "a signature missing": {"prepares": prepared_certificate().prepares[:1]},
    "signatures exchanged": {"prepares": prepared_certificate().prepares[::-1]},
    "a pre-prepare of nobody": {"pre_prepare": bytes(64)},
}


@pytest.mark.parametrize("change", list(WRONG.values()), ids=list(WRONG))
def test_a_prepared_certificate_that_is_wrong_anywhere_shows_nothing(change: dict[str, object]) -> None:
    assert not prepared(replace(prepared_certificate(), **change))


def test_a_prepared_certificate_counts_only_with_its_own_primary() -> None:
    assert not prepared(prepared_certificate(), primary=3)


def test_a_block_of_as_many_transactions_as_the_chain_allows_is_kept() -> None:
    message = PrePrepare(view=0, block=block_of((b"",) * RULES.profile.block_transactions_max), parent_certificate=None)
    assert authenticate(RULES, MEMBERSHIP, enveloped(message), consensus_verify) is not None


def test_messages_are_told_apart_by_the_number_that_the_protocol_gives_them() -> None:
    vote = {"view": 0, "height": 1, "block": bytes(32)}
    messages = [PRE_PREPARE, Prepare(**vote), Commit(**vote), VIEW_CHANGE, new_view(VIEW_CHANGE)]
    assert [encode(message)[1] for message in messages] == [1, 2, 3, 4, 5]


def test_a_new_view_of_one_view_change_is_a_message_and_of_none_is_not() -> None:
    one = new_view(VIEW_CHANGE)
    assert decode(encode(one), NewView) == one
    with pytest.raises(CodecMalformed):
        decode(encode(NewView(view=3, view_changes=())), NewView)
