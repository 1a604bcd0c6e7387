"""A call for every method of a holding's life, each of which succeeds on alice's of edition 1 in the state that it names."""

from dataclasses import dataclass
from typing import Any, Final

from chain.codec import Record
from contracts.interface import Role
from contracts.life import SetAttribute, SetUser
from tests.contracts.certificate_calls import change_account, fund
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import ended, founded, held, mark_holding, told

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class LifeCall:
    """Who sends it, what the holding must be for it, what it leaves, and the events after the payment."""

    sender: str
    state: dict[str, Any]
    leaves: dict[str, Any]
    tells: tuple[tuple[Any, ...], ...]
    """Names, each with what comes after class, token and holder; a burn's transfer apart."""


CALLS: Final = {
    "accept": LifeCall("alice", {"recorded": 1}, {"recorded": 0}, (("Accepted",),)),
    "decline": LifeCall("alice", {"recorded": 1}, {"recorded": 3}, (("TransferSingle",), ("Declined", "declined"))),
    "revoke": LifeCall("platform", {}, {"recorded": 2}, (("Revoked", "by-request"),)),
    "burn": LifeCall("platform", {}, {"recorded": 3}, (("TransferSingle",), ("Burnt", "by-request"))),
    "freeze": LifeCall("operator", {}, {"frozen": True}, (("EnterBlacklist", "by-request"),)),
    "unfreeze": LifeCall("operator", {"frozen": True}, {"frozen": False}, (("ExitBlacklist", "by-request"),)),
    "lock": LifeCall("rival", {}, {"locked": True}, (("Locklist",),)),
    "unlock": LifeCall("rival", {"locked": True}, {"locked": False}, (("UnLocklist",),)),
    "setUser": LifeCall("alice", {}, {}, (("UpdateUser",),)),
    "setAttribute": LifeCall("platform", {}, {"attributes": (("grade", "A"),)}, (("SetAttribute", "grade", "A"),)),
}
"""rival is the cross-chain account here."""


def with_life(chain_id: str = "wuhan") -> SmallChain:
    """A chain on which alice, carol and dave have holdings of edition 1, and rival is the cross-chain account."""
    chain = founded(chain_id, holders=("alice", "carol", "dave"))
    change_account(chain, "rival", role=int(Role.CROSS_CHAIN))
    for person in ("alice", "rival"):
        fund(chain, person)
    return chain


def arguments_of(chain: SmallChain, method: str, holder: str = "alice") -> Record:
    """The arguments of the call."""
    named: dict[str, Any] = {"class_id": CLASS, "token": token(1), "holder": chain.address(holder)}
    match method:
        case "setUser":
            return SetUser(**named, user=chain.address("carol"), until=chain.time + HOUR_MS)
        case "setAttribute":
            return SetAttribute(**named, name="grade", value="A")
        case "revoke" | "burn" | "freeze" | "unfreeze":
            return ended(chain, holder)
    return held(chain, holder)


def prepared(chain: SmallChain, method: str) -> SmallChain:
    """The chain with alice's holding in the state that the call needs."""
    mark_holding(chain, **CALLS[method].state)
    return chain


def events_of(chain: SmallChain, method: str, arguments: Any) -> tuple[Any, ...]:
    """What the call tells, beside the payment."""
    sender, alice = chain.address(CALLS[method].sender), chain.address("alice")
    tells = []
    for name, *rest in CALLS[method].tells:
        if name == "TransferSingle":
            tells.append(told(name, sender, alice, b"", CLASS, token(1), 1))
        elif name == "UpdateUser":
            tells.append(told(name, CLASS, token(1), alice, arguments.user, arguments.until))
        else:
            tells.append(told(name, CLASS, token(1), alice, *rest))
    return tuple(tells)


def leaves_of(method: str, arguments: Any) -> dict[str, Any]:
    """The fields of the holding that the call changes."""
    if method == "setUser":
        return {"user": arguments.user, "user_until": arguments.until}
    return CALLS[method].leaves
