"""A change is carried through a chain that moves on meanwhile, rests, or does not say what became of it."""

from typing import Any

import pytest

from chain.codec import decode
from chain.profiles import load_profiles
from chain.rules import ChainRules
from chain.transaction import Transaction
from contracts.membership import ChangeMembership
from scripts import replicas as module
from scripts.client import Refused
from scripts.errors import CommandFailed
from scripts.replicas import Operator, joined
from tests.chain.small_network import key_pair
from tests.contracts.membership_changes import FOUR, NAMES, first
from tests.scripts.test_changes import written

CHAIN = "wuhan"
NETWORK = bytes(32)
RULES = ChainRules.of(NETWORK, load_profiles()[CHAIN])
KEY = RULES.scheme.key_pair(b"\1" * 32)
PERSON = {"address": RULES.addresses.format(RULES.addresses.derive(KEY.public_key)), "seed": (b"\1" * 32).hex()}
KEYS = [key_pair(name) for name in NAMES[:5]]
NEWCOMER = written(first(5))[4]


class Problem(Refused):
    """What the gateway refuses."""

    def __init__(self, code: str) -> None:
        CommandFailed.__init__(self, code)
        self.problem = code


class FakeGateway:
    """One chain behind a gateway: heights, sets, and a problem for each transaction in turn."""

    def __init__(self, *problems: str, height: int = 7) -> None:
        self.height = height
        self.problems = list(problems)
        self.present, self.change = written(FOUR), None
        self.sent: list[ChangeMembership] = []
        self.touches = 0

    def get(self, _path: str) -> dict[str, Any]:
        """How consensus stands."""
        if self.change is not None and self.height + 1 >= self.change["effective_height"]:
            self.present, self.change = self.change["entries"], None
        listed = [shown(entry) for entry in self.present]
        change = self.change and {"effective_height": self.change["effective_height"]}
        return {"height": self.height, "replicas": listed, "change": change}

    def post(self, path: str, body: dict[str, str]) -> None:
        """Take a transaction, or do not, or take it and say nothing."""
        assert path == f"/v1/chains/{CHAIN}/transactions"
        transaction = decode(bytes.fromhex(body["body"]), Transaction)
        if transaction.method == "touch":
            self.touches += 1
            self.height += 1
            return
        arguments = decode(transaction.arguments, ChangeMembership)
        self.sent.append(arguments)
        problem = self.problems.pop(0) if self.problems else ""
        if problem in ("", "not-final"):
            self.height += 1
            entries = written(arguments.membership)
            self.change = {"effective_height": arguments.effective_height, "entries": entries}
        if problem:
            raise Problem(problem)


def shown(entry: Any) -> dict[str, str]:
    return {"name": entry.name, "consensus_key": entry.consensus_key, "tls_key_digest": entry.tls_key_digest}


def carried_out(gateway: FakeGateway) -> FakeGateway:
    operator = Operator(gateway, NETWORK.hex(), {CHAIN: PERSON})  # type: ignore[arg-type]
    operator.carry_out(CHAIN, joined(NEWCOMER), KEYS)
    return gateway


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_S", 0.0)


def test_on_a_chain_that_rests_it_is_in_force_after_one_touch() -> None:
    gateway = carried_out(FakeGateway())
    assert gateway.get("")["replicas"][-1]["name"] == NEWCOMER.name
    assert ([one.effective_height for one in gateway.sent], gateway.touches) == ([10], 1)
    assert gateway.sent[0].signers == (0, 1, 2, 3)
    assert gateway.sent[0].possession is not None


def test_one_that_is_there_already_is_not_sent_again() -> None:
    gateway = carried_out(FakeGateway())
    carried_out(gateway)
    assert len(gateway.sent) == 1


def test_a_chain_that_was_faster_is_asked_for_a_later_height() -> None:
    gateway = carried_out(FakeGateway("effective-height-out-of-range", "effective-height-out-of-range"))
    assert [one.effective_height for one in gateway.sent] == [10, 15, 32]


def test_if_nobody_knows_what_became_of_it_the_chain_is_looked_at() -> None:
    gateway = carried_out(FakeGateway("not-final"))
    assert len(gateway.sent) == 1
    assert gateway.get("")["replicas"][-1]["name"] == NEWCOMER.name


def test_what_the_chain_refuses_for_good_ends_it() -> None:
    with pytest.raises(CommandFailed, match="replica-repeats"):
        carried_out(FakeGateway("replica-repeats"))
    with pytest.raises(CommandFailed, match="wuhan did not take the change; look at `replicas`"):
        carried_out(FakeGateway(*["effective-height-out-of-range"] * 4))


def test_nobody_waits_for_ever_for_a_chain_that_makes_no_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IN_FORCE_TIMEOUT_S", 0.0)
    monkeypatch.setattr(Operator, "_touch", lambda *_: None)
    with pytest.raises(CommandFailed, match=r"stands at height 8, the change takes effect at 10; look at `replicas`"):
        carried_out(FakeGateway())
