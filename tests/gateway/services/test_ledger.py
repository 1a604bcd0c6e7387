"""What a block tells: every event in its place, proven to whoever has nothing but the answer and the replicas' keys."""

from typing import Any

import pytest

from chain.codec import decode, encode
from chain.light_client import Trusted, header_fault
from chain.merkle import InclusionProof, check, leaf_hash, root
from chain.transaction import Receipt
from chain.universal_id import format_token
from contracts.issuing import Mint
from contracts.life import ChangeStatus
from gateway.errors import PROBLEMS
from gateway.shown import show_event
from tests.contracts.small_chain import CLASS, class_of, item, token
from tests.gateway.index_play import Play
from tests.gateway.memory_chain import CHAIN_IDS
from tests.gateway.memory_network import MemoryNetwork
from tests.gateway.rest_play import Rest, tell
from tests.gateway.routes.test_ledger import certified_of

MINTED = 9
"""How many certificates one block issues; then one of them again, which fails, and one is revoked."""


def crowd(rest: Rest) -> int:
    """A block with many transactions, one of which fails in it; its height."""
    play = Play(chain=rest.memory.chains[rest.chain])
    assert play.act("platform", "classes", "defineClass", class_of())
    assert play.mint(100)
    again = [*range(MINTED), 0]
    raws = [
        play.signed("platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(play.address("alice"), number)))
        for number in again
    ]
    revoking = ChangeStatus(class_id=CLASS, token=token(100), holder=None, reason="by-request")
    raws.append(play.signed("platform", "ddc721", "revoke", revoking))
    refused, placed = play.chain.take(tuple(raws))
    assert refused == {}
    assert {height for height, _ in placed.values()} == {play.chain.head.height}
    return play.chain.head.height


async def told(rest: Rest, height: int, **filters: str) -> dict[str, Any]:
    return await rest.get(f"/v1/chains/{rest.chain}/blocks/{height}/events", **filters)


def believed(rest: Rest, view: dict[str, Any]) -> dict[int, Receipt]:
    """The receipts of an answer by place, as a stranger believes them: certified header, path, leaf."""
    chain = rest.gateway.chain(rest.chain)
    trusted = Trusted(height=0, time=chain.genesis.time, membership=chain.membership)
    certified = certified_of(view)
    assert header_fault(chain.rules, trusted, certified) is None
    receipts = {}
    for shown in view["receipts"]:
        data, path = bytes.fromhex(shown["bytes"]), shown["proof"]["path"]
        proof = InclusionProof(sides=shown["proof"]["sides"], path=tuple(bytes.fromhex(node) for node in path))
        leaf = leaf_hash(chain.rules.digest, data)
        assert check(chain.rules.digest, proof, leaf, certified.header.receipt_root)
        assert not check(
            chain.rules.digest, proof, leaf_hash(chain.rules.digest, data + b"\0"), certified.header.receipt_root
        )
        receipts[shown["place"]] = decode(data, Receipt)
        assert receipts[shown["place"]].transaction_id.hex() == shown["transaction"]
    return receipts


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_every_event_of_a_block_is_told_in_order_and_proven(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        height = crowd(rest)
        view, rules = await told(rest, height), memory.chains[chain].rules
        block = memory.chains[chain].blocks[height - 1]
        assert set(view) == {"header", "certificate", "events", "receipts"}
        assert view["header"]["height"] == height
        expected = [
            (receipt.transaction_id.hex(), place, number, event.contract, event.name, show_event(rules, event))
            for place, receipt in enumerate(block.receipts)
            for number, event in enumerate(receipt.events)
        ]
        assert len(expected) > 3 * MINTED
        members = ("transaction", "place", "number", "contract", "name", "values")
        assert [tuple(event[name] for name in members) for event in view["events"]] == expected
        receipts = believed(rest, view)
        assert receipts == {place: receipt for place, receipt in enumerate(block.receipts) if receipt.events}
        assert sorted(receipts) == [place for place in range(MINTED + 2) if place != MINTED], (
            "what failed tells nothing"
        )

    tell(memory, monkeypatch, story, chain)


def test_the_root_of_a_block_whose_every_receipt_tells_something_follows_from_the_answer(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        play = Play(chain=memory.chains[rest.chain])
        assert play.act("platform", "classes", "defineClass", class_of())
        raws = tuple(
            play.signed("platform", "ddc721", "mint", Mint(class_id=CLASS, item=item(play.address("alice"), number)))
            for number in range(5)
        )
        assert play.chain.take(raws)[0] == {}
        view, digest = await told(rest, play.chain.head.height), play.chain.rules.digest
        leaves = [leaf_hash(digest, bytes.fromhex(receipt["bytes"])) for receipt in view["receipts"]]
        assert root(digest, leaves).hex() == view["header"]["receipt_root"]
        assert [receipt["place"] for receipt in view["receipts"]] == [0, 1, 2, 3, 4]

    tell(memory, monkeypatch, story)


def test_events_are_told_of_one_contract_or_one_name_or_both(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(rest: Rest) -> None:
        height = crowd(rest)
        every = (await told(rest, height))["events"]
        for filters in ({"contract": "ddc721"}, {"name": "Issued"}, {"name": "Revoked"}, {"contract": "charge"},
                        {"contract": "ddc721", "name": "Transfer"}, {"contract": "charge", "name": "Transfer"},
                        {"contract": "nothing"}, {"name": "issued"}):  # fmt: skip
            view = await told(rest, height, **filters)
            fitting = [event for event in every if filters.items() <= event.items()]
            assert view["events"] == fitting, filters
            believed(rest, view)
            assert [receipt["place"] for receipt in view["receipts"]] == sorted({event["place"] for event in fitting})
        assert len((await told(rest, height, name="Issued"))["events"]) == MINTED
        (revoked,) = (await told(rest, height, name="Revoked"))["events"]
        assert (revoked["place"], revoked["number"]) == (MINTED + 1, 0)
        assert revoked["values"] == [CLASS, "100", rest.name("alice"), "by-request"]

    tell(memory, monkeypatch, story)


def test_the_genesis_block_tells_nothing(memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(rest: Rest) -> None:
        view = await told(rest, 0)
        assert (view["header"]["height"], view["certificate"]) == (0, None)
        assert (view["events"], view["receipts"]) == ([], [])

    tell(memory, monkeypatch, story)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("wuhan/blocks/1000000/events", "block-unknown"),
        ("wuhan/blocks/-1/events", "parameter-malformed"),
        (f"wuhan/blocks/{2**53}/events", "parameter-malformed"),
        ("wuhan/blocks/x/events", "parameter-malformed"),
        ("wuhan/blocks/%00/events", "parameter-malformed"),
        ("atlantis/blocks/0/events", "chain-unknown"),
        (f"{'x' * 41}/blocks/0/events", "parameter-malformed"),
        (f"wuhan/blocks/0/events?contract={'x' * 41}", "parameter-malformed"),
        (f"wuhan/blocks/0/events?name={'x' * 41}", "parameter-malformed"),
        ("wuhan/blocks/0/events/1", "not-found"),
    ],
)
def test_a_block_that_cannot_be_told_of_is_a_problem(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, path: str, code: str
) -> None:
    async def story(rest: Rest) -> None:
        answer = await rest.ask("GET", f"/v1/chains/{path}", tenant="nobody")
        assert (answer.status_code, answer.json()["code"]) == (PROBLEMS[code].status, code)

    tell(memory, monkeypatch, story)


@pytest.mark.parametrize("chain", CHAIN_IDS)
def test_a_failed_receipt_says_why_in_two_languages_wherever_it_is_shown(
    memory: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, chain: str
) -> None:
    async def story(rest: Rest) -> None:
        height = crowd(rest)
        await rest.index()
        failed = memory.chains[chain].blocks[height - 1].receipts[MINTED]
        assert failed.code == "token-exists"
        found = await rest.get(f"/v1/chains/{chain}/transactions/{failed.transaction_id.hex()}")
        shown, kind = found["receipt"], PROBLEMS["token-exists"]
        assert (shown["succeeded"], shown["code"], shown["events"]) == (False, "token-exists", [])
        assert shown["values"] == [CLASS, format_token(memory.chains[chain].rules.profile.token_id_style, token(0))]
        assert shown["detail"] == f"{kind.cause.format(*shown['values'])} {kind.next_step}"
        assert shown["detail_zh"] == f"{kind.cause_zh.format(*shown['values'])}{kind.next_step_zh}"
        block = await rest.get(f"/v1/chains/{chain}/blocks/{height}")
        assert block["transactions"][MINTED]["receipt"] == shown
        assert all("detail" not in entry["receipt"] for entry in block["transactions"] if entry["receipt"]["succeeded"])
        leaf = leaf_hash(memory.chains[chain].rules.digest, encode(failed))
        path = tuple(bytes.fromhex(node) for node in found["proof"]["receipt"]["path"])
        proof = InclusionProof(sides=found["proof"]["receipt"]["sides"], path=path)
        receipt_root = bytes.fromhex(found["proof"]["header"]["receipt_root"])
        assert check(memory.chains[chain].rules.digest, proof, leaf, receipt_root)

    tell(memory, monkeypatch, story, chain)
