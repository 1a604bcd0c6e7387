"""Non-transferability: no call but a completed rebind within one DID ever changes who holds a certificate (protocol 18)."""

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from msgspec.structs import replace

from chain.codec import Record, encode
from contracts.access import find_account
from contracts.certificate import Certificate
from contracts.ddc721 import METHODS
from contracts.interface import ContractReverted, Role
from contracts.rebinding import ObjectRebind, OpenRebind, find_rebind
from tests.chain.record_strategies import any_of
from tests.chain.small_genesis import did_of
from tests.contracts.certificate_calls import DAY_MS, fund, of_rebind, rebinding, redefine, settle
from tests.contracts.small_chain import CLASS, SmallChain, item, token

PEOPLE = ["owner", "operator", "platform", "rival", "alice", "carol", "dave", "bob"]
"""Carol is alice's second account, dave works across chains, bob has no account."""
ACCOUNTS = ["alice", "carol", "alice", "carol", "platform", "rival"]
STEPS = ["ask", "approve", "wait", "complete"]
BY_HOLDER = ["accept", "decline", "burn", "setUser", "setAttribute", "setURI", "reissue"]
NUMBERS = (1, 2)
people, accounts, numbers = st.sampled_from(PEOPLE), st.sampled_from(ACCOUNTS), st.sampled_from(NUMBERS)
Holding = tuple[Certificate, OpenRebind | None]


class Hands(RuleBasedStateMachine):
    """Anybody calls anything; who holds what is looked at before and after."""

    @initialize(acceptance=st.booleans(), wait=st.sampled_from([0, 5_000, DAY_MS]))
    def found(self, acceptance: bool, wait: int) -> None:
        self.chain = SmallChain.founded()
        self.chain.define()
        settle(self.chain, "carol", did="alice")
        settle(self.chain, "dave", Role.CROSS_CHAIN)
        redefine(self.chain, acceptance=acceptance, rebind_wait_ms=wait)
        for person in PEOPLE:
            fund(self.chain, person, fen=10**6, gas=10**12)
        for number in NUMBERS:
            self.chain.mint(number)

    def holdings(self) -> dict[int, Holding]:
        found = {number: self.chain.certificate(number) for number in NUMBERS}
        records = self.chain.records
        return {number: (held, find_rebind(records, held)) for number, held in found.items() if held is not None}

    def tried(self, sender: str, method: str, arguments: Record | bytes) -> None:
        """The call succeeds or not; what was held is held by the same, or a rebind that was due has moved it."""
        before, time = self.holdings(), self.chain.time
        try:
            self.chain.call(sender, "ddc721", method, arguments)
        except ContractReverted:
            assert self.holdings() == before
            return
        after = self.holdings()
        for number, (held, rebind) in before.items():
            now = after[number][0]
            if now.holder != held.holder:
                assert method == "completeRebind"
                assert rebind is not None
                assert (rebind.to, rebind.approved, rebind.due_at <= time) == (now.holder, True, True)
                assert replace(now, holder=held.holder) == replace(held, user=None, user_until=None)
                new = find_account(self.chain.records, now.holder)
                assert new is not None
                assert new.did == held.holder_did == did_of("alice")

    @rule(sender=people, number=numbers, drawn=st.data())
    def anything(self, sender: str, number: int, drawn: st.DataObject) -> None:
        method = drawn.draw(st.sampled_from(sorted(METHODS)))
        record = METHODS[method].arguments
        if record is None:
            self.tried(sender, method, drawn.draw(st.binary(max_size=40)))
        else:
            self.tried(sender, method, self.sensible(drawn.draw(any_of(record)), number, drawn.draw(accounts)))

    @rule(sender=accounts, method=st.sampled_from(BY_HOLDER), number=numbers, to=accounts, drawn=st.data())
    def something_of_a_holder_or_issuer(
        self, sender: str, method: str, number: int, to: str, drawn: st.DataObject
    ) -> None:
        arguments = METHODS[method].arguments
        assert arguments is not None
        self.tried(sender, method, self.sensible(drawn.draw(any_of(arguments)), number, to))

    def sensible(self, arguments: Any, number: int, person: str) -> Any:
        """The same arguments about something and somebody that is there."""
        to = self.chain.address(person)
        fields: dict[str, Any] = {
            "class_id": CLASS,
            "token": token(number),
            "holder": None,
            "to": to,
            "user": to,
            "until": self.chain.time + DAY_MS,
            "item": item(to, number + 10),
        }
        return replace(arguments, **{name: fields[name] for name in fields if name in arguments.__struct_fields__})

    @rule(
        left_out=st.sampled_from([None, None, *STEPS]),
        holder=accounts,
        to=accounts,
        by_did=st.sampled_from(["alice", "alice", "platform"]),
        approver=st.sampled_from(["operator", "operator", "platform", "alice"]),
        sender=people,
        number=numbers,
    )
    def rebind(
        self, left_out: str | None, holder: str, to: str, by_did: str, approver: str, sender: str, number: int
    ) -> None:
        """All steps or all but one, by these people."""
        if left_out != "ask":
            self.tried(sender, "requestRebind", rebinding(self.chain, to, holder=holder, did=by_did, number=number))
        if left_out != "approve":
            self.tried(approver, "approveRebind", of_rebind(number))
        if left_out != "wait":
            self.chain.time += DAY_MS
        if left_out != "complete":
            self.tried(sender, "completeRebind", of_rebind(number))

    @rule(person=accounts, number=numbers)
    def object_to(self, person: str, number: int) -> None:
        arguments = ObjectRebind(class_id=CLASS, token=token(number), holder=None, signature=b"")
        self.tried(person, "objectRebind", arguments)

    @rule(sender=people, method=st.sampled_from(["transferFrom", "approve"]), number=numbers, to=accounts)
    def transfer(self, sender: str, method: str, number: int, to: str) -> None:
        before = self.chain.content()
        arguments = encode((self.chain.address("alice"), self.chain.address(to), token(number)))
        self.tried(sender, method, arguments)
        assert self.chain.content() == before


Hands.TestCase.settings = settings(max_examples=80, stateful_step_count=30)
test_no_call_but_a_completed_rebind_within_one_did_changes_a_holder = Hands.TestCase
