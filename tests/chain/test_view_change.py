"""What a replica signs to ask for another view, and when a prepared certificate shows what it claims (protocol 21.2)."""

import dataclasses

import pytest
from msgspec.structs import replace

from chain.codec import decode, encode
from chain.digests import sha256
from chain.domains import Domain, prefix
from chain.view_change import PreparedCertificate, ViewChange, is_prepared, view_change_bytes
from tests.chain.small_network import FIRST, SECOND, Signers, header_of, rules_of

RULES = rules_of("wuhan")
BLOCK = sha256(b"block")


def certificate(
    group: Signers = FIRST, *, view: int = 2, height: int = 7, primary: int = 2, signers: tuple[int, ...] | None = None
) -> PreparedCertificate:
    others = [place for place in range(group.membership.size) if place != primary]
    backups = tuple(others[: group.membership.quorum - 1]) if signers is None else signers
    proposal = RULES.vote_bytes(Domain.PRE_PREPARE, view=view, height=height, block=BLOCK)
    vote = RULES.vote_bytes(Domain.PREPARE, view=view, height=height, block=BLOCK)
    return PreparedCertificate(
        view=view,
        height=height,
        block=BLOCK,
        pre_prepare=group.sign(primary, proposal),
        signers=backups,
        prepares=tuple(group.sign(place, vote) for place in backups),
    )


@pytest.mark.parametrize("group", [FIRST, SECOND], ids=["four", "five"])
def test_a_pre_prepare_and_a_quorum_less_one_of_prepares_show_that_a_block_is_prepared(group: Signers) -> None:
    made = certificate(group)
    assert is_prepared(RULES, made, group.membership, primary=2)
    assert decode(encode(made), PreparedCertificate) == made


def test_too_few_too_many_twice_or_the_primary_s_own_prepare_show_nothing() -> None:
    for signers in ((0,), (0, 1, 3), (1, 1), (1, 0), (0, 2), ()):
        assert not is_prepared(RULES, certificate(signers=signers), FIRST.membership, primary=2)
    stranger = replace(certificate(), signers=(0, 9))
    assert not is_prepared(RULES, stranger, FIRST.membership, primary=2)
    made = certificate()
    assert not is_prepared(RULES, replace(made, prepares=made.prepares[:1]), FIRST.membership, primary=2)


def test_a_certificate_of_another_place_block_or_primary_shows_nothing() -> None:
    made = certificate()
    for changed in ({"view": 3}, {"height": 8}, {"block": bytes(32)}, {"pre_prepare": made.prepares[0]}):
        assert not is_prepared(RULES, replace(made, **changed), FIRST.membership, primary=2)
    assert not is_prepared(RULES, made, FIRST.membership, primary=3)
    assert not is_prepared(RULES, made, SECOND.membership, primary=2)
    assert not is_prepared(rules_of("taian"), made, FIRST.membership, primary=2)


def test_every_signature_is_checked_by_the_rules_own_verifier() -> None:
    asked: list[bytes] = []

    def verify(key: bytes, _message: bytes, _signature: bytes) -> bool:
        asked.append(key)
        return True

    rules = dataclasses.replace(RULES, consensus_verify=verify)
    assert is_prepared(rules, certificate(), FIRST.membership, primary=2)
    assert asked == [FIRST.membership.key(place) for place in (2, 0, 1)]


def test_a_view_change_speaks_of_the_height_after_its_head() -> None:
    assert ViewChange(view=1, committed=None, prepared=None).height == 1
    head = FIRST.certify(RULES, header_of(RULES, 6, FIRST.membership))
    assert ViewChange(view=1, committed=head, prepared=None).height == 7


def test_the_statement_of_a_view_change_covers_the_whole_message() -> None:
    wanted = ViewChange(view=4, committed=None, prepared=certificate(height=1))
    statement, digest = view_change_bytes(RULES, wanted)
    start = prefix(Domain.VIEW_CHANGE, RULES.network_id, "wuhan")
    assert digest == RULES.digest(start + encode(wanted))
    assert statement == RULES.vote_bytes(Domain.VIEW_CHANGE, view=4, height=1, block=digest)
    for other in (replace(wanted, view=5), replace(wanted, prepared=None)):
        assert view_change_bytes(RULES, other)[0] != statement


def test_of_several_backups_two_out_of_order_are_enough_to_show_nothing() -> None:
    """With more than two of them, others may stand in order."""
    seven = Signers(tuple(f"replica {place}" for place in range(7)))
    assert is_prepared(RULES, certificate(seven, signers=(0, 1, 3, 4)), seven.membership, primary=2)
    assert not is_prepared(RULES, certificate(seven, signers=(0, 3, 1, 4)), seven.membership, primary=2)
    assert not is_prepared(RULES, certificate(seven, signers=(0, 1, 1, 4)), seven.membership, primary=2)
