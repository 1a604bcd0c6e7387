"""From the gateway's stream of events to what a relayer minds (`GET /v1/events`)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chain.profile import ChainProfile
from chain.universal_id import parse_name, parse_token
from relayer.duties import Changed, Heard, Mirrored, Moving, Name, PacketClosed, PacketReceived, PacketSent, Relied

CHANGES: Final = frozenset(
    {
        "accepted", "attribute-set", "burnt", "declined", "frozen", "locked", "moved", "reissued", "rebound", "revoked", "suspended",
        "unfrozen", "unlocked", "unsuspended", "uri-set", "user-set",
    }
)  # fmt: skip
"""Kinds of events after which a certificate's record is another."""
Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hearing:
    """Reads events; a chain's profile says how it writes token ids."""

    profiles: Mapping[str, ChainProfile]

    def heard(self, kind: str, data: Data) -> Heard | None:
        """What there is to mind in an event; None for most, and for those of chains that are not served."""
        if data.get("chain") not in self.profiles:
            return None
        read = _READERS.get(kind)
        return None if read is None else read(self, data)

    def token(self, chain: str, text: str) -> bytes:
        """A token id as its chain writes it."""
        return parse_token(self.profiles[chain].token_id_style, text)

    def name(self, certificate_id: str) -> Name:
        """The certificate of this id."""
        name = parse_name(certificate_id)
        return name.chain_id, name.class_id, self.token(name.chain_id, name.token)


def _changed(hearing: Hearing, data: Data) -> Heard:
    return Changed(hearing.name(data["id"]))


def _arrived(hearing: Hearing, data: Data) -> Heard:
    return Changed((data["chain"], data["class"], hearing.token(data["chain"], data["token"])))


def _moving(hearing: Hearing, data: Data) -> Heard:
    name = data["chain"], data["class"], hearing.token(data["chain"], data["token"])
    return Moving(name, bytes.fromhex(data["cross_id"]))


def _mirrored(_hearing: Hearing, data: Data) -> Heard:
    return Mirrored(data["chain"], (data["source_chain"], data["class"], bytes.fromhex(data["source_token"])))


def _relied(hearing: Hearing, data: Data) -> Heard:
    chain, class_id, token = hearing.name(data["id"])
    return Relied(
        chain, class_id, token, (data["source_chain"], data["source_class"], bytes.fromhex(data["source_token"]))
    )


def _packet(make: Callable[[str, str, int], Heard]) -> Callable[[Hearing, Data], Heard]:
    return lambda _hearing, data: make(data["chain"], data["other_chain"], data["sequence"])


_READERS: Final[dict[str, Callable[[Hearing, Data], Heard]]] = {
    **dict.fromkeys(CHANGES, _changed),
    "mirrored": _mirrored,
    "move-arrived": _arrived,
    "move-opened": _moving,
    "packet-closed": _packet(PacketClosed),
    "packet-received": _packet(PacketReceived),
    "packet-sent": _packet(PacketSent),
    "relied": _relied,
}
KINDS: Final = tuple(sorted(_READERS))
"""The kinds of events that there is anything to mind in."""
