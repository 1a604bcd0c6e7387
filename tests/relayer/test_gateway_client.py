"""The relayer's requests, and what it makes of answers good and bad."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from chain.codec import decode, encode
from chain.transaction import SignedTransaction, Transaction
from contracts.keys import certificate_key
from contracts.system import Touch
from relayer.gateway_client import NO_HANDOVERS, GatewayChains, GatewayLost
from relayer.settings import Account
from tests.chain.small_genesis import account_key_pair
from tests.contracts.small_chain import token
from tests.interop.world import DIPLOMA, address_in, world_to_move

WORLD = world_to_move()
RULES = WORLD["wenchang"].rules
KEY = certificate_key(DIPLOMA, token(1))
ACCOUNT = Account(
    rules=RULES, address=address_in(RULES, "relayer"), key=account_key_pair("wenchang", "relayer")
)  # fmt: skip
Respond = Callable[[httpx.Request], httpx.Response]


def asked(respond: Respond, what: Callable[[GatewayChains], Any]) -> Any:
    """What the client makes of an answer."""

    async def ask() -> Any:
        transport = httpx.MockTransport(respond)
        async with httpx.AsyncClient(base_url="http://gateway", transport=transport) as http:
            return await what(GatewayChains(http, {"wenchang": ACCOUNT}))

    return asyncio.run(ask())


def standing(request: httpx.Request) -> httpx.Response:
    """The gateway's answer about the diploma."""
    shown = WORLD.chains["wenchang"].shown(KEY)
    value = WORLD["wenchang"].state.get(KEY)
    assert value is not None
    return httpx.Response(
        200, json={"values": [{"key": KEY.hex(), "value": value.hex(), "shown": encode(shown).hex()}]}
    )


def problem(status: int, code: str) -> Respond:
    return lambda _request: httpx.Response(status, json={"code": code, "title": "no"})


def test_what_stands_comes_with_the_way_to_show_it() -> None:
    seen: list[httpx.URL] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(request.url)
        return standing(request)

    stood = asked(respond, lambda chains: chains.stood("wenchang", KEY, 7))
    assert stood.value == WORLD["wenchang"].state.get(KEY)
    assert stood.shown == WORLD.chains["wenchang"].shown(KEY)
    assert stood.time == WORLD.chains["wenchang"].header().time
    assert seen[0].path == "/v1/chains/wenchang/state"
    assert dict(seen[0].params) == {"key": KEY.hex(), "since": "7"}


def test_a_mere_value_is_asked_for_without_hand_overs() -> None:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.params["since"] == str(NO_HANDOVERS)
        return standing(request)

    assert asked(respond, lambda chains: chains.value("wenchang", KEY)) == WORLD["wenchang"].state.get(KEY)


def test_a_chain_without_blocks_shows_nothing() -> None:
    respond = problem(409, "nothing-to-show")
    assert asked(respond, lambda chains: chains.stood("wenchang", KEY, 0)) is None
    assert asked(respond, lambda chains: chains.value("wenchang", KEY)) is None


def test_a_call_is_signed_by_the_relayers_account_and_no_two_are_alike() -> None:
    sent: list[Transaction] = []

    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/chains/wenchang/transactions"
        given = {name: bytes.fromhex(value) for name, value in json.loads(request.content).items()}
        signed = SignedTransaction(**given)
        transaction = decode(signed.body, Transaction)
        assert RULES.scheme.verify(ACCOUNT.key.public_key, RULES.transaction_id(signed.body), signed.signature)
        sent.append(transaction)
        return httpx.Response(200, json={"transaction": "00"})

    for _ in range(2):
        assert asked(respond, lambda chains: chains.send("wenchang", "system", "touch", Touch())) == ""
    assert [(one.sender, one.contract, one.method, one.arguments) for one in sent] == [
        (ACCOUNT.address, "system", "touch", encode(Touch()))
    ] * 2
    assert sent[0].nonce != sent[1].nonce


def test_a_refusal_is_its_code() -> None:
    send = lambda chains: chains.send("wenchang", "system", "touch", Touch())  # noqa: E731
    assert asked(problem(409, "packet-received"), send) == "packet-received"
    assert asked(problem(503, "no-quorum"), send) == "no-quorum"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, json={"values": []}),
        httpx.Response(200, json={"values": [{"value": "zz", "shown": ""}]}),
        httpx.Response(200, json={"values": [{"value": None, "shown": "c0"}]}),
        httpx.Response(200, text="hello"),
        httpx.Response(500, json={"detail": "?"}),
        httpx.Response(404, json={"code": "chain-unknown"}),
    ],
)
def test_an_answer_that_is_not_understood_is_no_answer(answer: httpx.Response) -> None:
    with pytest.raises(GatewayLost):
        asked(lambda _request: answer, lambda chains: chains.stood("wenchang", KEY, 0))


def test_a_gateway_that_is_not_there_is_lost() -> None:
    def respond(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    with pytest.raises(GatewayLost, match="no gateway answers at http://gateway"):
        asked(respond, lambda chains: chains.value("wenchang", KEY))
