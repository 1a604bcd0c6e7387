"""Any sequence of calls by anybody: what holds of the certificates after every one of them (protocol 17)."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chain.codec import Record
from contracts.certificate import ChangeStatus, Mint, MintBatch, MintItem, Recorded
from contracts.classes import SetIssuer, may_issue
from contracts.ddc721 import OfClass, OfHolder
from contracts.interface import ContractReverted
from tests.contracts.small_chain import SmallChain, item, token

PEOPLE = ["operator", "platform", "rival", "alice", "bob"]
CLASSES = ["degree", "licence"]
LIVE = (Recorded.ACTIVE, Recorded.FROZEN)
people = st.sampled_from(PEOPLE)
classes = st.sampled_from(CLASSES)
numbers = st.integers(1, 6)
Key = tuple[str, int]


class Life(RuleBasedStateMachine):
    """The chain beside a plain model: status and holder of every certificate."""

    @initialize()
    def found(self) -> None:
        self.chain = SmallChain.founded()
        self.chain.define("platform", "degree")
        self.chain.define("operator", "licence")
        self.recorded: dict[Key, Recorded] = {}
        self.holders: dict[Key, str] = {}

    def tried(self, sender: str, method: str, arguments: Record, contract: str = "ddc721") -> bool:
        """Whether the call succeeded; one that fails leaves every stored byte as it was."""
        before = self.chain.content()
        try:
            self.chain.call(sender, contract, method, arguments)
        except ContractReverted:
            assert self.chain.content() == before
            return False
        return True

    def item(self, holder: str, number: int) -> MintItem:
        return item(self.chain.address(holder), number)

    def may_mint(self, sender: str, class_id: str) -> bool:
        account = self.chain.account(sender)
        granted = may_issue(self.chain.records, class_id, self.chain.address(sender))
        return account is not None and account.active and account.role <= 1 and granted

    def active(self, person: str) -> bool:
        account = self.chain.account(person)
        return account is not None and account.active

    def minted(self, sender: str, class_id: str, batch: list[tuple[str, int]]) -> bool:
        fresh = {number for _, number in batch if (class_id, number) not in self.recorded}
        return (
            self.may_mint(sender, class_id)
            and len(fresh) == len(batch)
            and all(self.active(holder) for holder, _ in batch)
        )

    def remember(self, class_id: str, batch: list[tuple[str, int]]) -> None:
        for holder, number in batch:
            self.recorded[class_id, number] = Recorded.ACTIVE
            self.holders[class_id, number] = holder

    @rule(sender=people, class_id=classes, holder=people, number=numbers)
    def mint(self, sender: str, class_id: str, holder: str, number: int) -> None:
        expected = self.minted(sender, class_id, [(holder, number)])
        done = self.tried(sender, "mint", Mint(class_id=class_id, item=self.item(holder, number)))
        assert done == expected
        if done:
            self.remember(class_id, [(holder, number)])

    @rule(sender=people, class_id=classes, batch=st.lists(st.tuples(people, numbers), min_size=1, max_size=3))
    def mint_batch(self, sender: str, class_id: str, batch: list[tuple[str, int]]) -> None:
        expected = self.minted(sender, class_id, batch)
        items = tuple(self.item(holder, number) for holder, number in batch)
        done = self.tried(sender, "mintBatch", MintBatch(class_id=class_id, items=items))
        assert done == expected
        if done:
            self.remember(class_id, batch)

    @rule(
        sender=people,
        class_id=classes,
        number=numbers,
        change=st.sampled_from(
            [("revoke", Recorded.REVOKED), ("freeze", Recorded.FROZEN), ("unfreeze", Recorded.ACTIVE)]
        ),
    )
    def change(self, sender: str, class_id: str, number: int, change: tuple[str, Recorded]) -> None:
        method, to = change
        present = self.recorded.get((class_id, number))
        operator = sender == "operator" and self.active(sender)
        allowed = self.may_mint(sender, class_id) if method == "revoke" else operator
        possible = {"revoke": LIVE, "freeze": (Recorded.ACTIVE,), "unfreeze": (Recorded.FROZEN,)}[method]
        arguments = ChangeStatus(class_id=class_id, token=token(number), reason="test")
        done = self.tried(sender, method, arguments)
        assert done == (allowed and present in possible)
        if done:
            self.recorded[class_id, number] = to

    @rule(sender=people, class_id=classes, person=people, granted=st.booleans())
    def grant(self, sender: str, class_id: str, person: str, granted: bool) -> None:
        arguments = SetIssuer(class_id=class_id, address=self.chain.address(person), granted=granted)
        self.tried(sender, "setIssuer", arguments, "classes")

    @rule(person=st.sampled_from(["platform", "rival", "alice"]), active=st.booleans(), platform_flag=st.booleans())
    def freeze_account(self, person: str, active: bool, platform_flag: bool) -> None:
        try:
            self.chain.set_flag(person, active=active, platform_flag=platform_flag)
        except ContractReverted as refused:
            assert refused.code == "no-change"  # noqa: PT017 - either way is right

    @rule(sender=people, method=st.sampled_from(["transferFrom", "approve", "setApprovalForAll"]), number=numbers)
    def transfer(self, sender: str, method: str, number: int) -> None:
        arguments = ChangeStatus(class_id="degree", token=token(number), reason="test")
        assert not self.tried(sender, method, arguments)

    @invariant()
    def every_certificate_is_as_the_model_has_it(self) -> None:
        for class_id in CLASSES:
            for number in range(1, 7):
                certificate = self.chain.certificate(number, class_id)
                assert (certificate is None) == ((class_id, number) not in self.recorded)
                if certificate is not None:
                    assert certificate.recorded == self.recorded[class_id, number]
                    assert certificate.holder == self.chain.address(self.holders[class_id, number])
                    assert certificate.token == token(number)

    @invariant()
    def supply_counts_what_was_ever_issued(self) -> None:
        for class_id in CLASSES:
            supply = self.chain.read("totalSupply", OfClass(class_id=class_id))
            assert supply == sum(1 for own, _ in self.recorded if own == class_id)

    @invariant()
    def a_balance_counts_the_live_certificates_of_a_holder(self) -> None:
        for class_id in CLASSES:
            for person in PEOPLE:
                read = OfHolder(class_id=class_id, address=self.chain.address(person))
                live = [
                    key
                    for key, holder in self.holders.items()
                    if holder == person and key[0] == class_id and self.recorded[key] in LIVE
                ]
                assert self.chain.read("balanceOf", read) == len(live)


Life.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
test_any_life_of_certificates_keeps_its_promises = Life.TestCase
