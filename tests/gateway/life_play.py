"""A chain on which certificates are issued in every way, and everything becomes of them that can."""

from typing import Any, Final

from msgspec.structs import replace

from chain.codec import Record, encode
from contracts.accounts import AddAccount, AddAccounts, JoinDid
from contracts.classes import DEFAULT_RULES, SetSignatories
from contracts.ddc721 import MetaBurn, MetaMint, MetaMintBatch, Reissue, SetUri
from contracts.issuing import Mint, MintBatch, MintItem, SafeMint, SafeMintBatch
from contracts.life import ChangeStatus, OfHeld, SetAttribute, SetUser
from contracts.meta import MetaCall, Signed, arguments_root, meta_bytes
from contracts.owning import Pause
from contracts.rebinding import ObjectRebind, OfRebind
from contracts.signatories import MintSigned, ReissueSigned, issue_bytes
from tests.chain.small_genesis import account_key_pair, did_of
from tests.contracts.certificate_calls import rebinding
from tests.contracts.small_chain import CLASS, SmallChain, class_of, item, token
from tests.gateway.index_play import Play

OFFERED: Final = "offered"
SIGNED: Final = "signed"
STATUSES: Final = {
    1: "active", 2: "offered", 3: "active", 4: "burnt", 5: "burnt", 6: "locked", 7: "active", 8: "locked", 9: "revoked",
    10: "active", 11: "active", 12: "active", 13: "active", 14: "active", 15: "offered", 16: "frozen", 17: "burnt",
    18: "offered", 19: "active",
}  # fmt: skip
"""As what certificates of `CLASS` are recorded in the end."""
HISTORIES: Final = {
    1: ["minted"],
    2: ["minted"],
    3: ["minted", "accepted"],
    4: ["minted", "declined"],
    5: ["minted", "burnt"],
    6: ["minted", "locked"],
    7: ["minted", "locked", "unlocked"],
    8: ["minted", "locked", "frozen", "unfrozen"],
    9: ["minted", "revoked", "reissued"],
    10: ["minted"],
    11: ["minted", "rebind-requested", "rebind-refused", "rebind-requested", "rebind-approved", "rebound"],
    12: ["minted", "user-set", "user-set", "attribute-set", "uri-set"],
    13: ["minted"],
    14: ["minted"],
    15: ["minted"],
    16: ["minted", "frozen"],
    17: ["minted", "burnt"],
    18: ["minted", "frozen", "unfrozen"],
    19: ["minted"],
}


class LifePlay(Play):
    """A play of ddc721; whatever is done in it succeeds."""

    def __init__(self) -> None:
        super().__init__()
        self.paper = SmallChain.founded()

    def do(self, person: str, method: str, arguments: Record, contract: str = "ddc721") -> None:
        refused, _ = self.chain.take((self.signed(person, contract, method, arguments),))
        assert refused == {}, (method, refused)

    def held(self, person: str, method: str, number: int) -> None:
        self.do(person, method, OfHeld(class_id=CLASS, token=token(number), holder=None))

    def because(self, person: str, method: str, number: int, reason: str = "by-request") -> None:
        self.do(person, method, ChangeStatus(class_id=CLASS, token=token(number), holder=None, reason=reason))

    def item(self, number: int, holder: str = "alice") -> MintItem:
        return item(self.address(holder), number)

    def issue(self, *numbers: int, class_id: str = CLASS) -> None:
        if len(numbers) == 1:
            self.do("platform", "mint", Mint(class_id=class_id, item=self.item(*numbers)))
        else:
            self.do("platform", "mintBatch", MintBatch(class_id=class_id, items=tuple(map(self.item, numbers))))

    def offer(self, *numbers: int) -> None:
        if len(numbers) == 1:
            self.do("platform", "safeMint", SafeMint(class_id=CLASS, item=self.item(*numbers), data=b"for alice"))
            return
        items = tuple(map(self.item, numbers))
        self.do("platform", "safeMintBatch", SafeMintBatch(class_id=CLASS, items=items, data=b""))

    def signed_by_alice(self, method: str, parts: tuple[bytes, ...], counter: int) -> Signed:
        rules, deadline = self.chain.rules, self.chain.now() + 60_000
        call = MetaCall(
            contract="ddc721", method=method, signer=self.address("alice"), arguments=arguments_root(rules, parts),
            counter=counter, deadline=deadline,
        )  # fmt: skip
        signature = account_key_pair(rules.chain_id, "alice").sign(meta_bytes(rules, call))
        return Signed(counter=counter, deadline=deadline, signature=signature)

    def signed_by_rival(self, item: MintItem, supersedes: tuple[bytes, str] | None = None) -> dict[str, Any]:
        rules, deadline = self.chain.rules, self.chain.now() + 60_000
        message = issue_bytes(rules, "ddc721", SIGNED, (item,), deadline, supersedes)
        signature = account_key_pair(rules.chain_id, "rival").sign(message)
        return {"deadline": deadline, "signers": (0,), "signatures": (signature,)}

    def add(self, person: str, **changed: Any) -> AddAccount:
        return AddAccount(item=self.paper.new_account(person, **changed))


def full_life() -> LifePlay:
    """Everything that the index knows of certificates happens, in an order in which it can."""
    play = LifePlay()
    _found(play)
    _issue(play)
    _change(play)
    _rebind(play)
    play.do("owner", "pause", Pause())
    return play


def _found(play: LifePlay) -> None:
    rules = replace(DEFAULT_RULES, rebind_wait_ms=0, attributes=3)
    play.do("platform", "defineClass", class_of(rules=rules), "classes")
    asking = class_of(OFFERED, rules=replace(DEFAULT_RULES, acceptance=True))
    play.do("platform", "defineClass", asking, "classes")
    play.do("platform", "defineClass", class_of(SIGNED), "classes")
    both = SetSignatories(class_id=SIGNED, threshold=1, signatories=(play.address("rival"),))
    play.do("platform", "setSignatories", both, "classes")
    play.do("owner", "addCrossChain", play.add("bridge"), "authority")
    carol = play.address("carol")
    public_key = account_key_pair(play.chain.rules.chain_id, "carol").public_key
    joins = {"did": did_of("alice"), "did_signature": play.paper.joins("alice", carol, public_key), "document": None}
    play.do("platform", "addAccountByPlatform", play.add("carol", **joins), "authority")
    nobody = {"did": bytes(20), "did_signature": b"", "document": None}
    more = AddAccounts(items=(play.paper.new_account("dave", **nobody), play.paper.new_account("erin", **nobody)))
    play.do("platform", "addBatchAccountByPlatform", more, "authority")
    dave, key = play.address("dave"), account_key_pair(play.chain.rules.chain_id, "dave").public_key
    joining = JoinDid(
        address=dave, did=did_of("alice"), did_sequence=0, did_signature=play.paper.joins("alice", dave, key)
    )
    play.do("platform", "joinDid", joining, "authority")


def _issue(play: LifePlay) -> None:
    play.issue(1)
    play.offer(2)
    play.offer(3)
    play.offer(4)
    play.issue(5, 6, 7, 8, 9)
    play.issue(11)
    play.issue(12)
    items = (play.item(13), play.item(14))
    parts = (encode(CLASS), encode(b""), encode(items[0]))
    one = MetaMint(class_id=CLASS, item=items[0], data=b"", signed=play.signed_by_alice("metaMint", parts, 1))
    play.do("platform", "metaMint", one)
    parts = (encode(CLASS), encode(b""), encode(items[1]))
    signed = play.signed_by_alice("metaSafeMintBatch", parts, 2)
    play.do("platform", "metaSafeMintBatch", MetaMintBatch(class_id=CLASS, items=items[1:], data=b"", signed=signed))
    play.offer(15, 16)
    play.issue(17)
    play.offer(18)
    play.issue(1, class_id=OFFERED)
    mint = (play.item(1),)
    play.do("platform", "mintSigned", MintSigned(class_id=SIGNED, items=mint, **play.signed_by_rival(*mint)))


def _change(play: LifePlay) -> None:
    play.held("alice", "accept", 3)
    play.held("alice", "decline", 4)
    play.because("platform", "burn", 5, "issued-twice")
    play.held("bridge", "lock", 6)
    play.held("bridge", "lock", 7)
    play.held("operator", "unlock", 7)
    play.held("bridge", "lock", 8)
    play.because("operator", "freeze", 8)
    play.because("operator", "unfreeze", 8)
    again = Reissue(class_id=CLASS, token=token(9), holder=None, item=play.item(10), reason="misspelt")
    play.do("platform", "reissue", again)
    old, reason, item = token(1), "misspelt", play.item(2)
    signed_so = play.signed_by_rival(item, (old, reason))
    again_signed = ReissueSigned(class_id=SIGNED, token=old, holder=None, item=item, reason=reason, **signed_so)
    play.do("platform", "reissueSigned", again_signed)
    until = play.chain.now() + 600_000
    of = {"class_id": CLASS, "token": token(12), "holder": None}
    play.do("alice", "setUser", SetUser(**of, user=play.address("rival"), until=until))
    play.do("alice", "setUser", SetUser(**of, user=None, until=0))
    play.do("alice", "setAttribute", SetAttribute(**of, name="grade", value="A"))
    play.do("alice", "setURI", SetUri(**of, uri="https://example.org/12"))
    play.because("operator", "freeze", 16)
    parts = tuple(encode(part) for part in (CLASS, token(17), None, "by-request"))
    signed = play.signed_by_alice("metaBurn", parts, 3)
    burn = MetaBurn(class_id=CLASS, token=token(17), holder=None, reason="by-request", signed=signed)
    play.do("platform", "metaBurn", burn)
    play.because("operator", "freeze", 18)
    play.because("operator", "unfreeze", 18)
    play.issue(19)


def _rebind(play: LifePlay) -> None:
    of: dict[str, Any] = {"class_id": CLASS, "token": token(11), "holder": None}
    play.do("carol", "requestRebind", rebinding(play.paper, number=11))
    play.do("alice", "objectRebind", ObjectRebind(**of, signature=b""))
    play.do("carol", "requestRebind", rebinding(play.paper, number=11))
    play.do("operator", "approveRebind", OfRebind(**of))
    play.do("carol", "completeRebind", OfRebind(**of))
