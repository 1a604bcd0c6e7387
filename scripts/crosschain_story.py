"""Between chains, as the demo tells it: a diploma on Wenchang, a licence on Zunyi that asks for it, mirrors on Yan'an."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Final

from scripts.client import Client, Refused
from scripts.screen import out, table
from scripts.sectors import load_sectors

DIPLOMA_CHAIN: Final = "wenchang"
LICENCE_CHAIN: Final = "zunyi"
MIRROR_CHAIN: Final = "yanan"
LICENCE: Final = "practice-licence"
MAX_AGE_MS: Final = 60_000
PATIENCE_S: Final = 30
POLL_S: Final = 0.02


def tell_crosschain(network: dict[str, Any]) -> bool:
    """Issue, mirror, revoke, and watch what stands on it follow; whether everything held."""
    with ExitStack() as stack:
        client = stack.enter_context(Client(network["url"], network["api_keys"]["platform"]))
        chains = {entry["id"]: entry for entry in network["chains"]}
        diploma = _mint(client, chains, DIPLOMA_CHAIN, chains[DIPLOMA_CHAIN]["class"])
        licence = _license(client, chains, diploma)
        rows = [("issued 签发", *_standing(client, diploma, licence))]
        for certificate in (diploma, licence):
            client.post("/v1/crosschain/attestations", {"id": certificate, "chain": MIRROR_CHAIN})
        rows.append(("mirrored 镜像", *_standing(client, diploma, licence)))
        client.post(f"/v1/certificates/{diploma}:revoke", {"reason": "issued-in-error"})
        started = time.monotonic()
        expected = ("revoked", "suspended", "revoked", "suspended")
        followed = _until(lambda: _standing(client, diploma, licence) == expected)
        rows.append(
            (
                f"diploma revoked 吊销, {1_000 * (time.monotonic() - started):.0f} ms later",
                *_standing(client, diploma, licence),
            )
        )
        return _show(rows, diploma, licence) and followed


def _mint(client: Client, chains: dict[str, Any], chain: str, class_id: str, **more: Any) -> str:
    body = {
        "chain": chain,
        "class": class_id,
        "holder": chains[chain]["accounts"]["alice"]["address"],
        "content": load_sectors()[DIPLOMA_CHAIN].sample(),
    }
    return str(client.post("/v1/certificates", body | more)["id"])


def _license(client: Client, chains: dict[str, Any], diploma: str) -> str:
    """A class on the other chain that asks for the diploma and follows it, and a licence of it."""
    names = {"name_en": "Licence to practise", "name_zh": "执业许可"}
    schema = load_sectors()[DIPLOMA_CHAIN].document
    client.post("/v1/classes", {"chain": LICENCE_CHAIN, "class": LICENCE, **names, "schema": schema})
    required = {
        "chain_id": DIPLOMA_CHAIN,
        "class_id": chains[DIPLOMA_CHAIN]["class"],
        "max_age_ms": MAX_AGE_MS,
        "follow": True,
    }
    arguments = {"class_id": LICENCE, "requires": [required]}
    client.post(f"/v1/chains/{LICENCE_CHAIN}/contracts/classes/setRequirements", {"arguments": arguments})
    return _mint(client, chains, LICENCE_CHAIN, LICENCE, requires=[diploma])


def _standing(client: Client, diploma: str, licence: str) -> tuple[str, str, str, str]:
    """The status of both on their chains, and as the third chain knows them."""
    own = tuple(str(client.get(f"/v1/certificates/{one}")["status"]) for one in (diploma, licence))
    return own[0], own[1], _mirrored(client, diploma), _mirrored(client, licence)


def _mirrored(client: Client, certificate: str) -> str:
    try:
        return str(client.get("/v1/crosschain/attestations", id=certificate, chain=MIRROR_CHAIN)["status"])
    except Refused as refused:
        if refused.problem != "mirror-unknown":
            raise
        return "-"


def _until(holds: Callable[[], bool]) -> bool:
    patience = time.monotonic() + PATIENCE_S
    while not holds():
        if time.monotonic() > patience:
            return False
        time.sleep(POLL_S)
    return True


def _show(rows: list[tuple[str, str, str, str, str]], diploma: str, licence: str) -> bool:
    out.print()
    table(
        f"Between chains 跨链: {diploma}, and on it {licence}",
        "",
        f"diploma on {DIPLOMA_CHAIN}",
        f"licence on {LICENCE_CHAIN}",
        f"diploma's mirror on {MIRROR_CHAIN}",
        f"licence's mirror on {MIRROR_CHAIN}",
        rows=rows,
    )
    out.print()
    return [row[1:] for row in rows] == [
        ("active", "active", "-", "-"),
        ("active", "active", "active", "active"),
        ("revoked", "suspended", "revoked", "suspended"),
    ]
