"""Signatories of a class, and what they sign; made here from its parts, not by the contract's own function."""

from typing import Any, TypeVar

from msgspec.structs import replace

from chain.codec import encode
from chain.domains import Domain, prefix
from chain.merkle import leaf_hash, root
from contracts.classes import SetSignatories
from contracts.signatories import MintSigned, ReissueSigned
from tests.chain.small_genesis import account_key_pair
from tests.contracts.certificate_spoils import Spoils
from tests.contracts.check_order import Play, Spoil
from tests.contracts.small_chain import CLASS, SmallChain

Order = TypeVar("Order", MintSigned, ReissueSigned)
PEOPLE = ("owner", "rival", "operator")
"""The signatories, by place."""
WORDS = ("contract", "class_id", "items", "deadline", "token", "reason")


def name_signatories(chain: SmallChain, threshold: int = 2, people: tuple[str, ...] = PEOPLE) -> None:
    """So many of these people sign for the class."""
    named = tuple(chain.address(person) for person in people)
    given = SetSignatories(class_id=CLASS, threshold=threshold, signatories=named)
    chain.call("platform", "classes", "setSignatories", given)


def statement(chain: SmallChain, order: MintSigned | ReissueSigned, /, **stated: Any) -> bytes:
    """What a signatory signs, or something else where `stated` says so; None there leaves a part out."""
    digest = chain.rules.digest
    said: dict[str, Any] = {
        "domain": Domain.ISSUE,
        "network": chain.rules.network_id,
        "chain": chain.rules.chain_id,
        "contract": "ddc721",
        "class_id": order.class_id,
        "items": root(digest, [leaf_hash(digest, encode(part)) for part in order.items]),
        "deadline": order.deadline,
    }
    if isinstance(order, ReissueSigned):
        said |= {"token": order.token, "reason": order.reason}
    said |= stated
    where = prefix(said["domain"], said["network"], said["chain"])
    return digest(where + encode(tuple(said[word] for word in WORDS if said.get(word) is not None)))


def sign(chain: SmallChain, order: Order, people: tuple[str, ...] = PEOPLE, /, **stated: Any) -> Order:
    """The order with the signatures of its signers, each at its place among these people."""
    message = statement(chain, order, **stated)
    pairs = [account_key_pair(chain.rules.chain_id, people[place]) for place in order.signers]
    return replace(order, signatures=tuple(pair.sign(message) for pair in pairs))


def signed_anew(*spoils: tuple[str, Spoil]) -> Spoils:
    """The spoils, after each of which everybody signs what there is then."""

    def both(spoil: Spoil) -> Spoil:
        def spoilt(play: Play) -> None:
            spoil(play)
            play.arguments = sign(play.chain, play.arguments)

        return spoilt

    return tuple((code, both(spoil)) for code, spoil in spoils)
