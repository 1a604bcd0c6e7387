"""The checks of evidence's methods, in their order (protocol 31)."""

from typing import Any

from msgspec.structs import replace

from contracts.auditing import Auditing, Auditor
from contracts.deposit import EMPTY_DIGEST, FAILED, PASSED, OfRequest, SetStatus, VoteSaveRequest
from contracts.keys import auditing_key, auditor_key, save_request_key, vote_key
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_spoils import OPEN, PAID, account, address
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by, sender_frozen
from tests.contracts.small_chain import SmallChain
from tests.contracts.small_votes import EVIDENCE, PAPER, ask, founded, request_in, request_of, vote

Spoils = tuple[tuple[str, Spoil], ...]
UNKNOWN: Spoils = (("evidence-request-unknown", arguments(digest=bytes(32))),)


def marked(**changed: Any) -> Spoil:
    """The request is in another state."""
    return lambda play: play.chain.write(save_request_key(PAPER), replace(request_in(play.chain), **changed))


def with_request(chain: SmallChain, *votes: str) -> SmallChain:
    """The chain with a request on which these have voted."""
    ask(chain)
    for person in votes:
        vote(chain, person)
    return chain


def test_the_checks_of_create_save_request_stand_in_order() -> None:
    def play() -> Play:
        chain = with_request(founded(), "rival")
        chain.write(save_request_key(PAPER), replace(request_in(chain), status=FAILED))
        return Play(chain, "platform", EVIDENCE, "createSaveRequest", request_of(chain))

    assert_order(
        play,
        *OPEN,
        ("digest-empty", arguments(digest=EMPTY_DIGEST)),
        ("account-unknown", arguments(owner=address("bob"))),
        ("account-frozen", account("alice", operator_active=False)),
        ("evidence-request-exists", marked(status=PASSED)),
        (
            "too-few-auditors",
            lambda play: play.chain.write(auditing_key(), Auditing(threshold=2, auditors=1, requests=1)),
        ),
        *PAID,
    )


def test_the_checks_of_delete_save_request_stand_in_order() -> None:
    def play() -> Play:
        return Play(with_request(founded()), "platform", EVIDENCE, "deleteSaveRequest", OfRequest(digest=PAPER))

    spoils: Spoils = (("not-requester", by("alice")), ("evidence-passed", marked(status=PASSED)))
    assert_order(play, *OPEN, *UNKNOWN, *spoils)


def test_the_checks_of_vote_save_request_stand_in_order() -> None:
    def play() -> Play:
        given = VoteSaveRequest(digest=PAPER, approve=True)
        return Play(with_request(founded()), "rival", EVIDENCE, "voteSaveRequest", given)

    def audits(*, approved: bool, since: int) -> Spoil:
        auditor = Auditor(approved=approved, did=did_of("rival"), since=since)
        return lambda play: play.chain.write(auditor_key(play.address), auditor)

    assert_order(
        play,
        *OPEN,
        ("not-auditor", audits(approved=False, since=0)),
        *UNKNOWN,
        ("auditor-too-new", audits(approved=True, since=1)),
        ("evidence-decided", marked(status=FAILED)),
        ("voted-already", lambda play: play.chain.write(vote_key(PAPER, play.address), (1).to_bytes(8, "big"))),
    )


def test_the_checks_of_set_status_stand_in_order() -> None:
    def play() -> Play:
        chain = with_request(founded(), "rival", "operator")
        return Play(chain, "owner", EVIDENCE, "setStatus", SetStatus(digest=PAPER, enabled=False))

    assert_order(
        play,
        ("account-unknown", by("bob")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("operator")),
        *UNKNOWN,
        ("evidence-not-passed", marked(status=FAILED)),
        ("no-change", marked(enabled=False)),
    )
