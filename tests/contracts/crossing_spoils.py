"""What can be wrong with calls that show something of another chain, for the proofs of the order of their checks."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from chain.light_client import CertifiedHeader, Sighting
from contracts.clients import ChainClient, find_client
from contracts.keys import client_key, relays_key
from contracts.relaying import RELAYS_MAX, Relays, Shown
from tests.contracts.certificate_spoils import Spoils, functions
from tests.contracts.check_order import Play, Spoil, by, paused, sender_frozen

SOURCE: Final = "wenchang"
TARGET: Final = "zunyi"
STRANGER: Final = "carol"
GATES: Final[Spoils] = (
    ("contract-paused", paused),
    ("account-unknown", by(STRANGER)),
    ("account-frozen", sender_frozen),
    ("contract-not-listed", functions(None)),
    ("method-not-permitted", functions(())),
)


def full_limit(play: Play) -> None:
    """The sender has made all its free calls in this block."""
    play.chain.write(relays_key(play.address), Relays(height=play.chain.height + 1, count=RELAYS_MAX))


LIMIT: Final[Spoils] = (("relays-too-many", full_limit),)
ABSENT: Final = frozenset({"header-height-not-increasing", "header-time-not-increasing"})
"""Only hand-overs can meet these: what is not later than the client is told by other codes."""


def client_is(chain_id: str, **changed: Any) -> Spoil:
    """What is believed of the chain is something else."""

    def spoil(play: Play) -> None:
        client = find_client(play.chain.records, chain_id)
        assert client is not None
        play.chain.write(client_key(chain_id), replace(client, **changed))

    return spoil


def no_client(chain_id: str) -> Spoil:
    """The chain is none that is known."""
    return lambda play: play.chain.write(client_key(chain_id), None)


def trusted(chain_id: str) -> Spoils:
    """The chain's client is gone, or frozen."""
    return ("chain-unknown", no_client(chain_id)), ("client-frozen", client_is(chain_id, frozen=True))


Get = Callable[[Any], Shown]
Put = Callable[[Any, Shown], Any]


def header_spoils(chain_id: str, get: Get, put: Put) -> Spoils:
    """Everything that can be wrong with the header that is shown, in order; and then the proof."""

    def certified(change: Callable[[CertifiedHeader], CertifiedHeader]) -> Spoil:
        def spoil(play: Play) -> None:
            shown = get(play.arguments)
            sighting: Sighting = replace(shown.sighting, certified=change(shown.sighting.certified))
            play.arguments = put(play.arguments, replace(shown, sighting=sighting))

        return spoil

    def header(**changed: Any) -> Spoil:
        return certified(lambda one: replace(one, header=replace(one.header, **changed)))

    def certificate(change: Callable[[Any], dict[str, Any]]) -> Spoil:
        return certified(lambda one: replace(one, certificate=replace(one.certificate, **change(one.certificate))))

    def other_block(play: Play) -> None:
        height = get(play.arguments).sighting.header.height
        client_is(chain_id, height=height, block=bytes(31) + b"\1")(play)

    def other_proof(play: Play) -> None:
        shown = get(play.arguments)
        play.arguments = put(play.arguments, replace(shown, proof=replace(shown.proof, bucket=b"")))

    return (
        ("header-older", client_is(chain_id, height=10**9)),
        ("header-conflicts", other_block),
        ("header-network-differs", header(network_id=bytes(32))),
        ("header-chain-differs", header(chain_id="atlantis")),
        ("header-membership-differs", header(membership=bytes(32))),
        ("header-view-before-proposal", header(view=9)),
        ("header-not-a-quorum", certificate(lambda one: {"signers": one.signers[:-1]})),
        ("header-signature-count", certificate(lambda one: {"signatures": one.signatures[:-1]})),
        ("header-signers-not-ascending", certificate(lambda one: {"signers": tuple(reversed(one.signers))})),
        ("header-signer-unknown", certificate(lambda one: {"signers": (*one.signers[:-1], 60)})),
        ("header-signature-invalid", certificate(lambda one: {"signatures": (bytes(64), *one.signatures[1:])})),
        ("proof-invalid", other_proof),
    )


def shown_of(arguments: Any) -> Shown:
    """What most of them show."""
    shown: Shown = arguments.shown
    return shown


def with_shown(arguments: Any, shown: Shown) -> Any:
    """The same, showing something else."""
    return replace(arguments, shown=shown)


def known_client(play: Play, chain_id: str) -> ChainClient:
    """What is believed of a chain."""
    client = find_client(play.chain.records, chain_id)
    assert client is not None
    return client
