"""Reads: values with proofs of presence and absence, blocks whole, and reasons with their values."""

from chain.light_client import Trusted, follow
from chain.rpc import BlockAnswer, HandoversAnswer, ReadBlock, ReadHandovers, ReadState, Refused, StateAnswer
from chain.state import check
from contracts.keys import class_key
from contracts.system import change_transaction
from tests.chain.small_network import START_MS
from tests.contracts.membership_changes import FOUR, agreed, certified_by, first
from tests.node.small_chain import CHAIN, RULES, define, new_ledger, next_block
from tests.node.test_rpc_server import with_blocks


def test_a_state_is_read_with_proofs_of_what_is_there_and_what_is_not() -> None:
    service, caller = with_blocks(2)
    keys = (class_key("class-0"), class_key("class-1"), class_key("class-9"))
    for height, there in ((None, [True, True, False]), (1, [True, False, False]), (0, [False, False, False])):
        service.ask(caller, ReadState(request=5, chain_id=CHAIN, keys=keys, height=height))
        answer = caller.answers[-1]
        assert isinstance(answer, StateAnswer)
        header = answer.genesis if height == 0 else answer.certified.header
        assert (answer.certified is None) == (height == 0)
        assert [proven.value is not None for proven in answer.values] == there
        for key, proven in zip(keys, answer.values, strict=True):
            assert check(RULES.digest, proven.proof, header.state_root, key=key, value=proven.value)


def test_a_block_is_read_whole_and_height_0_is_the_genesis_header() -> None:
    service, caller = with_blocks(1)
    for height in (0, 1):
        service.ask(caller, ReadBlock(request=height, chain_id=CHAIN, height=height))
    first, second = caller.answers
    assert isinstance(first, BlockAnswer)
    assert isinstance(second, BlockAnswer)
    assert (first.genesis, first.certified, first.transactions) == (new_ledger().genesis, None, ())
    assert (second.genesis, second.transactions) == (None, (define(0),))
    assert second.certified.header.height == 1
    assert second.receipts[0].succeeded


def test_what_is_not_there_is_refused_with_its_values() -> None:
    service, caller = with_blocks(1)
    for request in (
        ReadState(request=1, chain_id="nowhere", keys=(), height=None),
        ReadState(request=2, chain_id=CHAIN, keys=(), height=9),
        ReadBlock(request=3, chain_id="nowhere", height=1),
        ReadBlock(request=4, chain_id=CHAIN, height=9),
        ReadHandovers(request=5, chain_id="nowhere", after=0),
    ):
        service.ask(caller, request)
    assert caller.answers == [
        Refused(request=1, code="chain-unknown", values=("nowhere",)),
        Refused(request=2, code="height-out-of-reach", values=(9, 1)),
        Refused(request=3, code="chain-unknown", values=("nowhere",)),
        Refused(request=4, code="block-unknown", values=(9, 1)),
        Refused(request=5, code="chain-unknown", values=("nowhere",)),
    ]


def test_hand_overs_are_read_from_a_height_on_and_none_twice() -> None:
    service, caller = with_blocks(0)
    ledger = service.host.ledger
    steps = [(FOUR, first(5), 2), None, (first(5), FOUR, 4), None, None]
    for number, step in enumerate(steps):
        raw = define(number)
        if step is not None:
            old, new, height = step
            change = agreed(RULES, old, new, height + 1)
            raw = change_transaction(RULES, change, now=START_MS, nonce=bytes(15) + bytes([number]))
        executed = next_block(ledger, raw)
        ledger.append(executed, certified_by(RULES, ledger.head.membership, executed.block.header).certificate)
    for after in (0, 1, 2, 3, 4, 9):
        service.ask(caller, ReadHandovers(request=after, chain_id=CHAIN, after=after))
    heights = {}
    for answer in caller.answers:
        assert isinstance(answer, HandoversAnswer)
        heights[answer.request] = [handover.certified.header.height for handover in answer.handovers]
    assert heights == {0: [2, 4], 1: [2, 4], 2: [4], 3: [4], 4: [], 9: []}
    start = Trusted(height=0, time=START_MS, membership=FOUR)
    assert isinstance(follow(RULES, start, caller.answers[0].handovers), Trusted)
