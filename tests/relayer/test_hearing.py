"""What a relayer makes of the gateway's events."""

from typing import Any

import pytest

from chain.profiles import load_profiles
from chain.universal_id import format_token
from relayer.duties import Changed, Heard, Mirrored, Moving, PacketClosed, PacketReceived, PacketSent, Relied
from relayer.hearing import CHANGES, Hearing

HEARING = Hearing(load_profiles())
TOKEN = (77).to_bytes(16, "big")
ZUNYI = format_token("uuid", TOKEN)
CROSS = b"\7" * 32


CASES: list[tuple[str, dict[str, Any], Heard | None]] = [
    ("packet-sent", {"chain": "taian", "other_chain": "zunyi", "sequence": 3}, PacketSent("taian", "zunyi", 3)),
    ("packet-received", {"chain": "zunyi", "other_chain": "taian", "sequence": 3}, PacketReceived("zunyi", "taian", 3)),
    ("packet-closed", {"chain": "taian", "other_chain": "zunyi", "sequence": 3}, PacketClosed("taian", "zunyi", 3)),
    (
        "mirrored",
        {"chain": "yanan", "source_chain": "zunyi", "class": "diploma", "source_token": TOKEN.hex()},
        Mirrored("yanan", ("zunyi", "diploma", TOKEN)),
    ),
    (
        "relied",
        {
            "chain": "zunyi", "id": f"zunyi.ddc721.licence.{ZUNYI}", "source_chain": "taian", "source_class": "diploma",
            "source_token": TOKEN.hex(),
        },
        Relied("zunyi", "licence", TOKEN, ("taian", "diploma", TOKEN)),
    ),
    (
        "move-opened",
        {"chain": "zunyi", "class": "diploma", "token": ZUNYI, "cross_id": CROSS.hex()},
        Moving(("zunyi", "diploma", TOKEN), CROSS),
    ),
    ("move-arrived", {"chain": "zunyi", "class": "diploma", "token": ZUNYI}, Changed(("zunyi", "diploma", TOKEN))),
    ("block", {"chain": "taian", "transactions": 1}, None),
    ("minted", {"chain": "taian", "id": "taian.ddc721.diploma.77"}, None),
    ("paid", {"chain": "taian"}, None),
    ("revoked", {"chain": "atlantis", "id": "atlantis.ddc721.diploma.77"}, None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "data", "heard"), CASES, ids=[case[0] for case in CASES])
def test_an_event_is_heard_for_what_it_is(kind: str, data: dict[str, Any], heard: Heard | None) -> None:
    assert HEARING.heard(kind, data) == heard


@pytest.mark.parametrize("kind", sorted(CHANGES))
def test_whatever_changes_a_certificate_is_minded(kind: str) -> None:
    data = {"chain": "taian", "id": "taian.ddc721.diploma.77"}
    assert HEARING.heard(kind, data) == Changed(("taian", "diploma", TOKEN))
