"""What the keys of a DID sign to change it: rotations and services, as tests make them."""

from functools import cache
from typing import Any

from chain.did import Rotation, ServiceChange, statement_digest
from chain.digests import sha256
from chain.signatures import KeyPair, SchemeName, scheme
from chain.transaction import Event
from contracts.did import Rotate, SetService
from tests.chain.small_genesis import HOME, did_key_pair, did_of
from tests.contracts.small_chain import SmallChain


@cache
def rotated_pair(person: str, sequence: int) -> KeyPair:
    """The authentication key that a person's DID has from a rotation with this sequence on."""
    return scheme(SchemeName.SECP256K1).key_pair(sha256(f"{person} rotated {sequence}".encode()))


def rotation_of(chain: SmallChain, person: str, sequence: int, **changed: Any) -> Rotate:
    """A rotation, signed by the recovery key and by the new one."""
    new = rotated_pair(person, sequence)
    rotation = Rotation(did=did_of(person), sequence=sequence, authentication=new.public_key)
    digest = statement_digest(chain.rules.network_id, HOME, rotation)
    signature, possession = did_key_pair(person, "recovery").sign(digest), new.sign(digest)
    fields: dict[str, Any] = {"rotation": rotation, "signature": signature, "possession": possession}
    return Rotate(**fields | changed)


def rotate(chain: SmallChain, person: str, sequence: int = 1, sender: str = "platform") -> tuple[Event, ...]:
    """Rotate a person's DID; anybody may send it."""
    return chain.call(sender, "did", "rotate", rotation_of(chain, person, sequence))


def service_of(
    chain: SmallChain, person: str, sequence: int, service: str, endpoint: str, pair: KeyPair | None = None
) -> SetService:
    """A service's endpoint, signed by the authentication key: the first one, unless another is given."""
    change = ServiceChange(did=did_of(person), sequence=sequence, service=service, endpoint=endpoint)
    digest = statement_digest(chain.rules.network_id, HOME, change)
    return SetService(change=change, signature=(pair or did_key_pair(person)).sign(digest))


def set_service(
    chain: SmallChain, person: str, sequence: int, service: str = "verify", endpoint: str = "https://example.org"
) -> tuple[Event, ...]:
    """Set a service of a person's DID; anybody may send it."""
    return chain.call("platform", "did", "setService", service_of(chain, person, sequence, service, endpoint))
