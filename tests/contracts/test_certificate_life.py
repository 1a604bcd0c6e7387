"""Any sequence of calls by anybody: what holds of the certificates after every one of them (protocol 17)."""

from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from chain.codec import Record
from contracts.certificate import BurnAuthorisation, Recorded
from contracts.classes import DEFAULT_RULES
from contracts.ddc721_views import OfClass, OfHolder
from contracts.interface import ContractReverted, Role
from contracts.issuing import Mint, MintBatch, SafeMint
from contracts.life import ChangeStatus, OfHeld
from tests.contracts.certificate_calls import fund, settle
from tests.contracts.small_chain import SmallChain, class_of, item, token

PEOPLE = ["operator", "platform", "rival", "alice", "carol", "dave", "bob"]
"""Alice and carol are holders, dave works across chains, the platform issues, bob has no account."""
HOLDERS = ["alice", "carol"]
WRITTEN = {"revoke", "burn", "freeze", "unfreeze"}
"""Whose arguments have a reason."""


CLASSES = {
    "degree": (BurnAuthorisation.BOTH, False),
    "licence": (BurnAuthorisation.ISSUER, True),
    "badge": (BurnAuthorisation.HOLDER, False),
}
people = st.sampled_from(PEOPLE)
classes = st.sampled_from([*CLASSES])
numbers = st.integers(1, 3)
Key = tuple[str, int]


@dataclass
class Life:
    """What the model knows of a certificate."""

    holder: str
    recorded: Recorded
    burn: BurnAuthorisation
    frozen: bool = False
    locked: bool = False

    @property
    def live(self) -> bool:
        return self.recorded in (Recorded.ACTIVE, Recorded.OFFERED)

    def burns(self, sender: str) -> bool:
        if self.frozen:
            return sender == "operator"
        by_issuer = self.burn in (BurnAuthorisation.ISSUER, BurnAuthorisation.BOTH) and sender == "platform"
        by_holder = self.burn in (BurnAuthorisation.HOLDER, BurnAuthorisation.BOTH) and sender == self.holder
        return by_issuer or by_holder

    def allows(self, method: str, sender: str) -> bool:
        """Whether this person may call this method now."""
        answers = sender == self.holder and self.recorded == Recorded.OFFERED and not self.frozen
        match method:
            case "accept":
                return answers
            case "decline":
                return answers and not self.locked
            case "revoke":
                return sender == "platform" and self.live
            case "burn":
                return self.live and not self.locked and self.burns(sender)
            case "freeze" | "unfreeze":
                return sender == "operator" and self.live and self.frozen == (method == "unfreeze")
            case "lock":
                return sender == "dave" and self.recorded == Recorded.ACTIVE and not self.frozen and not self.locked
        return sender in ("dave", "operator") and self.locked

    def call(self, method: str) -> None:
        """What the method makes of it."""
        ends = {
            "accept": Recorded.ACTIVE,
            "decline": Recorded.BURNT,
            "revoke": Recorded.REVOKED,
            "burn": Recorded.BURNT,
        }
        self.recorded = ends.get(method, self.recorded)
        self.frozen = method == "freeze" if "freeze" in method else self.frozen
        self.locked = method == "lock" if "lock" in method else self.locked


class Lives(RuleBasedStateMachine):
    """The chain beside a plain model of every certificate."""

    @initialize()
    def found(self) -> None:
        self.chain = SmallChain.founded()
        settle(self.chain, "carol")
        settle(self.chain, "dave", Role.CROSS_CHAIN)
        for person in PEOPLE:
            fund(self.chain, person, fen=10**6, gas=10**12)
        for class_id, (burn, acceptance) in CLASSES.items():
            rules = replace(DEFAULT_RULES, burn_authorisation=int(burn), acceptance=acceptance)
            self.chain.call("platform", "classes", "defineClass", class_of(class_id, rules=rules))
        self.lives: dict[Key, Life] = {}

    def tried(self, sender: str, method: str, arguments: Record) -> bool:
        """Whether the call succeeded; one that fails leaves every stored byte as it was."""
        before = self.chain.content()
        try:
            self.chain.call(sender, "ddc721", method, arguments)
        except ContractReverted:
            assert self.chain.content() == before
            return False
        return True

    @rule(class_id=classes, holder=st.sampled_from(HOLDERS), number=numbers, safe=st.booleans())
    def mint(self, class_id: str, holder: str, number: int, safe: bool) -> None:
        new = item(self.chain.address(holder), number)
        arguments = SafeMint(class_id=class_id, item=new, data=b"") if safe else Mint(class_id=class_id, item=new)
        done = self.tried("platform", "safeMint" if safe else "mint", arguments)
        assert done == ((class_id, number) not in self.lives)
        if done:
            self.remember(class_id, number, holder, offered=safe or CLASSES[class_id][1])

    @rule(
        sender=people,
        class_id=classes,
        batch=st.lists(st.tuples(st.sampled_from(HOLDERS), numbers), min_size=1, max_size=3),
    )
    def mint_batch(self, sender: str, class_id: str, batch: list[tuple[str, int]]) -> None:
        items = tuple(item(self.chain.address(holder), number) for holder, number in batch)
        fresh = {number for _, number in batch if (class_id, number) not in self.lives}
        done = self.tried(sender, "mintBatch", MintBatch(class_id=class_id, items=items))
        assert done == (sender == "platform" and len(fresh) == len(batch))
        for holder, number in batch if done else ():
            self.remember(class_id, number, holder, offered=CLASSES[class_id][1])

    def remember(self, class_id: str, number: int, holder: str, *, offered: bool) -> None:
        recorded = Recorded.OFFERED if offered else Recorded.ACTIVE
        self.lives[class_id, number] = Life(holder, recorded, CLASSES[class_id][0])

    @rule(
        sender=people,
        class_id=classes,
        number=numbers,
        method=st.sampled_from(["accept", "decline", "revoke", "burn", "freeze", "unfreeze", "lock", "unlock"]),
    )
    def change(self, sender: str, class_id: str, number: int, method: str) -> None:
        life = self.lives.get((class_id, number))
        named: dict[str, Any] = {"class_id": class_id, "token": token(number), "holder": None}
        arguments = ChangeStatus(**named, reason="test") if method in WRITTEN else OfHeld(**named)
        done = self.tried(sender, method, arguments)
        assert done == (life is not None and life.allows(method, sender))
        if done and life is not None:
            life.call(method)

    @rule(sender=people, class_id=classes, number=numbers, method=st.sampled_from(["transferFrom", "approve"]))
    def transfer(self, sender: str, class_id: str, number: int, method: str) -> None:
        assert not self.tried(sender, method, OfHeld(class_id=class_id, token=token(number), holder=None))

    @invariant()
    def every_certificate_is_as_the_model_has_it(self) -> None:
        for class_id in CLASSES:
            for number in range(1, 4):
                certificate, life = self.chain.certificate(number, class_id), self.lives.get((class_id, number))
                assert (certificate is None) == (life is None)
                if certificate is not None and life is not None:
                    recorded = (certificate.recorded, certificate.frozen, certificate.locked)
                    assert recorded == (life.recorded, life.frozen, life.locked)
                    assert certificate.holder == self.chain.address(life.holder)

    @invariant()
    def supply_counts_what_was_ever_issued_and_balances_what_lives(self) -> None:
        for class_id in CLASSES:
            own = [life for (of_class, _), life in self.lives.items() if of_class == class_id]
            assert self.chain.read("totalSupply", OfClass(class_id=class_id)) == len(own)
            for person in HOLDERS:
                read = OfHolder(class_id=class_id, address=self.chain.address(person))
                live = sum(1 for life in own if life.holder == person and life.live)
                assert self.chain.read("balanceOf", read) == live


Lives.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
test_any_life_of_certificates_keeps_its_promises = Lives.TestCase
