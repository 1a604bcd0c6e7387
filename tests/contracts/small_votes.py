"""Requests to save evidence and the auditors who vote on them: what the tests of the contract `evidence` play on."""

from typing import Any, Final

from chain.codec import Record
from chain.digests import sha256
from chain.transaction import Event
from contracts import registry
from contracts.auditing import ConfigureAuditor, SetThreshold
from contracts.deposit import CreateSaveRequest, OfRequest, SaveRequest, SetStatus, VoteSaveRequest, require_request
from tests.contracts.certificate_calls import fund, settle
from tests.contracts.small_chain import SmallChain

EVIDENCE: Final = "evidence"
PAPER: Final = sha256(b"a paper")
REMARKS: Final = sha256(b"remarks on the paper")
AUDITORS: Final = ("operator", "rival", "carol", "dave")


def founded(chain_id: str = "wuhan", *, auditors: int = 3, threshold: int = 2) -> SmallChain:
    """A chain with so many of `AUDITORS`."""
    chain = SmallChain.founded(chain_id)
    for person in AUDITORS[2:]:
        settle(chain, person)
    fund(chain, "alice")
    for person in AUDITORS[:auditors]:
        configure(chain, person)
    if threshold > 1:
        chain.call("owner", EVIDENCE, "setThreshold", SetThreshold(threshold=threshold))
    return chain


def call(chain: SmallChain, sender: str, method: str, arguments: Record) -> tuple[Event, ...]:
    """A call of evidence."""
    return chain.call(sender, EVIDENCE, method, arguments)


def read(chain: SmallChain, name: str, digest: bytes = PAPER) -> object:
    """A view of evidence."""
    return registry.VIEWS[EVIDENCE, name].read(chain.records, OfRequest(digest=digest))


def configure(chain: SmallChain, person: str, *, approved: bool = True) -> None:
    """Let a person audit, or no longer."""
    given = ConfigureAuditor(auditor=chain.address(person), approved=approved)
    call(chain, "owner", "configureAuditor", given)


def request_of(chain: SmallChain, owner: str = "alice", digest: bytes = PAPER) -> CreateSaveRequest:
    """A request to save a person's evidence."""
    return CreateSaveRequest(digest=digest, owner=chain.address(owner), remarks=REMARKS)


def ask(chain: SmallChain, sender: str = "platform", owner: str = "alice") -> tuple[Event, ...]:
    """Make the request."""
    return call(chain, sender, "createSaveRequest", request_of(chain, owner))


def take_back(chain: SmallChain, sender: str = "platform") -> tuple[Event, ...]:
    """Delete the request."""
    return call(chain, sender, "deleteSaveRequest", OfRequest(digest=PAPER))


def vote(chain: SmallChain, sender: str, *, approve: bool = True) -> tuple[Event, ...]:
    """Vote on the request."""
    return call(chain, sender, "voteSaveRequest", VoteSaveRequest(digest=PAPER, approve=approve))


def enable(chain: SmallChain, *, enabled: bool, sender: str = "owner") -> tuple[Event, ...]:
    """Say whether the saved evidence counts."""
    return call(chain, sender, "setStatus", SetStatus(digest=PAPER, enabled=enabled))


def request_in(chain: SmallChain) -> SaveRequest:
    """The request as it is recorded."""
    return require_request(chain.records, PAPER)


def told(name: str, *values: Any) -> Event:
    """An event of evidence."""
    return Event(contract=EVIDENCE, name=name, values=values)
