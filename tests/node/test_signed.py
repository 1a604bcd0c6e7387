"""What a log must not lose: which of a replica's records bind, and which a peer could still make use of."""

from chain.codec import decode, encode
from node.consensus.messages import (
    Commit,
    Envelope,
    Message,
    NewView,
    Prepare,
    PreparedCertificate,
    PrePrepare,
    ViewChange,
)
from node.consensus.standing import BLOCKS_MAX
from node.ledger import Ledger
from node.signed import Signed
from node.storage.interface import LoggedMessage, LogRecord
from tests.node.consensus.stage import Stage
from tests.node.small_chain import CHAIN, RULES, grow, new_ledger

STAGE = Stage(replica_id=2)
A, B = STAGE.block("A"), STAGE.block("B")


def record(message: Message, *, signer: int = 2, prepared: PreparedCertificate | None = None) -> LoggedMessage:
    """A record of the log."""
    return LoggedMessage(chain_id=CHAIN, envelope=STAGE.signed(signer, message).envelope, prepared=prepared)


def vote(kind: type, letter: str, view: int = 0) -> LoggedMessage:
    """An own vote; a commit with its proof."""
    message = kind(view=view, height=1, block=STAGE.digest(letter))
    return record(message, prepared=None if kind is Prepare else STAGE.prepared(letter, view=view))


def proposal(letter: str, view: int = 0) -> LoggedMessage:
    """A proposal that was accepted."""
    message = PrePrepare(view=view, block=STAGE.block(letter), parent_certificate=None)
    return record(message, signer=view % 4)


def change(view: int, shows: PreparedCertificate | None = None) -> LoggedMessage:
    """An own view change."""
    return record(ViewChange(view=view, committed=None, prepared=shows))


def signed(*records: LoggedMessage, durable: bool = True) -> Signed:
    """These went to the log in this order."""
    made = Signed(RULES, (), 2)
    for one in records:
        made.add(one)
        if durable and one.envelope.signer == 2:
            made.durable(one)
    return made


def kinds(envelopes: list[Envelope]) -> list[type]:
    """The kinds of the messages."""
    return [type(envelope.message) for envelope in envelopes]


def test_an_own_message_may_be_sent_once_it_is_durable() -> None:
    waiting = signed(proposal("A"), vote(Prepare, "A"), durable=False)
    assert waiting.current(0) == []
    assert waiting.holds(vote(Prepare, "A").envelope)
    waiting.durable(vote(Prepare, "A"))
    assert kinds(waiting.current(0)) == [Prepare]
    assert not waiting.holds(vote(Commit, "A").envelope)


def test_what_others_signed_is_kept_and_never_sent_as_own() -> None:
    made = signed(proposal("A"))
    made.durable(proposal("B"))
    assert made.current(0) == []
    assert len(made.records) == 1


def test_with_a_view_change_only_the_proof_and_its_block_bind_any_more() -> None:
    shows = STAGE.prepared("A")
    records = (proposal("A"), vote(Prepare, "A"), vote(Commit, "A"))
    made = signed(*records, change(1, shows))
    assert made.records == [records[0], records[2], change(1, shows)]
    assert kinds(made.current(0)) == [ViewChange]


def test_a_view_change_that_shows_nothing_leaves_no_vote_of_before_but_the_block_that_others_may_lack() -> None:
    made = signed(proposal("A"), vote(Prepare, "A"), change(1))
    assert made.records == [proposal("A"), change(1)]


def test_only_the_latest_few_blocks_stay_one_proposal_each_and_the_prepared_one_always() -> None:
    letters = [f"block {number}" for number in range(BLOCKS_MAX + 2)]
    made = signed(*(proposal(letter) for letter in letters), change(1))
    assert made.records == [*(proposal(letter) for letter in letters[3:]), change(1)]
    shows = STAGE.prepared(letters[0])
    made = signed(*(proposal(letter) for letter in letters), change(1, shows))
    assert made.records == [proposal(letters[0]), *(proposal(letter) for letter in letters[3:]), change(1, shows)]
    made = signed(proposal("A"), change(1), proposal("A", 1), change(2))
    assert made.records == [proposal("A", 1), change(2)]


def test_what_is_prepared_in_a_later_view_takes_the_place_of_what_was_before() -> None:
    first, second = STAGE.prepared("A"), STAGE.prepared("B", view=1)
    made = signed(proposal("A"), vote(Commit, "A"), change(1, first), proposal("B", 1), vote(Commit, "B", 1))
    messages, proof = made.taken_back()
    assert proof == second
    assert len(messages) == 5
    made.add(change(2, second))
    assert made.records == [proposal("A"), proposal("B", 1), vote(Commit, "B", 1), change(2, second)]


def test_a_message_that_a_view_change_overtook_on_its_way_to_the_disk_is_not_sent_again() -> None:
    made = signed(vote(Prepare, "A"), durable=False)
    made.add(change(1))
    made.durable(vote(Prepare, "A"))
    assert made.current(0) == []


def test_only_messages_of_the_present_view_and_later_ones_are_of_use() -> None:
    made = signed(vote(Prepare, "A"), change(3))
    assert kinds(made.current(3)) == [ViewChange]
    assert made.current(4) == []


def test_a_committed_height_takes_its_messages_with_it_and_leaves_the_promise_of_a_view() -> None:
    ledger: Ledger = new_ledger()
    made = signed(proposal("A"), vote(Prepare, "A"), change(1), vote(Prepare, "B", 1))
    grow(ledger, 1)
    made.committed(ledger)
    assert made.records == [change(1)]
    assert kinds(made.current(0)) == [ViewChange]


def test_what_is_taken_back_is_sendable_if_it_is_own() -> None:
    taken = (proposal("A"), vote(Prepare, "A"), record(STAGE.new_view(1, 0, 1, 2), signer=1))
    made = Signed(RULES, taken, 2)
    assert kinds(made.current(0)) == [Prepare]
    messages, proof = made.taken_back()
    assert proof is None
    assert [type(message.message) for message in messages] == [PrePrepare, Prepare, NewView]
    assert messages[0].digest == STAGE.digest("A")


def test_records_come_back_from_their_bytes() -> None:
    for one in (proposal("A"), change(1, STAGE.prepared("A")), record(STAGE.new_view(1, 0, 1, 2), signer=1)):
        assert decode(encode(one), LogRecord) == one
