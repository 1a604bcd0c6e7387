"""The chains over a gateway's REST API. Nothing that it says has to be believed: the chains check what they are shown."""

import secrets
import time
from collections.abc import Mapping
from typing import Any, Final

import httpx

from chain.codec import CodecMalformed, Record, decode, encode
from chain.transaction import TRANSACTION_WINDOW_MS, Transaction
from contracts.relaying import Shown
from relayer.calls import Stood
from relayer.settings import Account

VALIDITY_MS: Final = TRANSACTION_WINDOW_MS - 30_000
"""Thirty seconds short of the window, for clocks that differ."""
NOTHING: Final = "nothing-to-show"
NO_HANDOVERS: Final = 2**53 - 1


class GatewayLost(Exception):
    """The gateway does not answer, or not in its own words."""


class GatewayChains:
    """The chains as a relayer sees them (`relayer.calls.Chains`)."""

    def __init__(self, http: httpx.AsyncClient, accounts: Mapping[str, Account]) -> None:
        self._http = http
        self._accounts = accounts

    async def stood(self, chain: str, key: bytes, since: int) -> Stood | None:
        """What stands under a key, and how to show it; None before the chain's first block."""
        parameters: dict[str, str | int] = {"key": key.hex(), "since": since}
        answer = await self._json("GET", f"/v1/chains/{chain}/state", params=parameters)
        if answer.get("code") == NOTHING:
            return None
        try:
            (one,) = answer["values"]
            value = None if one["value"] is None else bytes.fromhex(one["value"])
            return Stood(value=value, shown=decode(bytes.fromhex(one["shown"]), Shown))
        except (KeyError, ValueError, CodecMalformed) as problem:
            raise GatewayLost(f"the gateway's answer about {chain} is not understood: {problem}") from None

    async def value(self, chain: str, key: bytes) -> bytes | None:
        """What stands under a key; of a chain without blocks nothing that matters here."""
        stood = await self.stood(chain, key, NO_HANDOVERS)
        return None if stood is None else stood.value

    async def send(self, chain: str, contract: str, method: str, arguments: Record) -> str:
        """Sign and send a call; empty once it has taken effect, else the code of its refusal."""
        account = self._accounts[chain]
        body = encode(
            Transaction(
                chain_id=chain,
                sender=account.address,
                nonce=secrets.token_bytes(16),
                valid_until=self.now() + VALIDITY_MS,
                contract=contract,
                method=method,
                arguments=encode(arguments),
            )
        )
        signature = account.key.sign(account.rules.transaction_id(body))
        signed = {"body": body.hex(), "signature": signature.hex()}
        answer = await self._json("POST", f"/v1/chains/{chain}/transactions", json=signed)
        return str(answer.get("code", ""))

    def now(self) -> int:
        """Milliseconds since 1970."""
        return time.time_ns() // 1_000_000

    async def _json(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        try:
            answer = await self._http.request(method, path, **arguments)
            found: dict[str, Any] = answer.json()
        except (httpx.HTTPError, ValueError) as problem:
            raise GatewayLost(f"no gateway answers at {self._http.base_url} ({problem})") from None
        if not answer.is_success and "code" not in found:
            raise GatewayLost(f"the gateway answers {answer.status_code} at {path}")
        return found
