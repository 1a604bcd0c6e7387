"""The model's state: what the contracts remember, in plain words and dictionaries.

Whatever can be counted is counted, not kept: balances, supply and numbers of certificates follow from what there is.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NoReturn

from tests.contracts.model.facts import Facts

NO_DID = bytes(20)
DAY_MS = 86_400_000
MOST = 2**53 - 1
"""The largest number that the chain keeps."""


class Refused(Exception):
    """The call is refused, with this code; nothing has changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def refuse(code: str) -> NoReturn:
    """The call is refused."""
    raise Refused(code)


def demand(condition: object, code: str) -> None:
    """The call is refused unless this is so."""
    if not condition:
        raise Refused(code)


@dataclass(slots=True)
class Call:
    """A call as the model sees it: `arguments` is the method's record, None for bytes that are no such record."""

    contract: str
    method: str
    sender: bytes
    arguments: Any


@dataclass(slots=True)
class Account:
    address: bytes
    key: bytes
    role: str
    did: bytes
    leader: bytes
    platform_active: bool = True
    operator_active: bool = True

    @property
    def active(self) -> bool:
        return self.platform_active and self.operator_active

    @property
    def platform(self) -> bytes | None:
        """The DID of the platform that it is or stands under."""
        return {"platform": self.did, "consumer": self.leader}.get(self.role)


@dataclass(slots=True)
class Document:
    home: str
    authentication: bytes
    recovery: bytes
    updated_at: int
    sequence: int = 0
    services: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Purse:
    fen: int = 0
    gas: int = 0


@dataclass(slots=True)
class Tariff:
    registered: bool
    fees: dict[str, int]


@dataclass(slots=True)
class Standing:
    paused: bool = False
    name: str = ""
    symbol: str = ""


@dataclass(slots=True)
class ClassOf:
    """A class; `asked` is the record that defined it."""

    asked: Any
    definer: bytes
    definer_did: bytes
    defined_at: int
    threshold: int = 0
    signatories: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Grant:
    """The right to issue; `issued` of the quota are used up."""

    quota: int | None = None
    until: int | None = None
    issued: int = 0

    def good(self, now: int) -> bool:
        return self.until is None or now < self.until

    @property
    def left(self) -> int | None:
        return None if self.quota is None else self.quota - self.issued


@dataclass(slots=True, kw_only=True)
class Held:
    """What a holder holds: a certificate, or a holding of an edition. `state`: active, offered, revoked, burnt, moved."""

    class_id: str
    token: bytes
    holder: bytes
    holder_did: bytes
    issuer: bytes
    issuer_did: bytes
    issued_at: int
    valid_from: int
    valid_until: int | None
    state: str
    burners: str
    """issuer, holder, both or neither."""
    frozen: bool = False
    locked: bool = False
    attributes: dict[str, str] = field(default_factory=dict)
    user: bytes | None = None
    user_until: int | None = None

    @property
    def live(self) -> bool:
        return self.state in ("active", "offered")


@dataclass(slots=True, kw_only=True)
class Certificate(Held):
    schema: bytes
    content_root: bytes
    uri: str
    supersedes: bytes | None = None
    superseded_by: bytes | None = None


@dataclass(slots=True, kw_only=True)
class Edition:
    class_id: str
    token: bytes
    issuer: bytes
    issuer_did: bytes
    issued_at: int
    asked: Any
    """The record that created it."""
    valid_from: int
    uri: str
    frozen: bool = False
    withdrawn: bool = False
    superseded_by: bytes | None = None
    holdings: int = 0


@dataclass(slots=True)
class Rebind:
    to: bytes
    requested_at: int
    due_at: int
    approved: bool = False


@dataclass(slots=True)
class Auditor:
    """`since`: how many requests there had been when it was made one, or was made none any more."""

    approved: bool
    did: bytes
    since: int


@dataclass(slots=True)
class Request:
    """A request to save evidence, with everybody's vote. `state`: voting, passed, failed."""

    number: int
    """Which one of all that were ever made."""
    owner: bytes
    requester: bytes
    remarks: bytes
    created_at: int
    threshold: int
    auditors: int
    state: str = "voting"
    enabled: bool = False
    votes: dict[bytes, bool] = field(default_factory=dict)

    def count(self, *, approve: bool) -> int:
        return sum(vote == approve for vote in self.votes.values())


@dataclass(slots=True)
class StoredFile:
    owner: bytes
    created_at: int
    announced: tuple[bytes, ...]
    slices: dict[int, bytes] = field(default_factory=dict)


HeldKey = tuple[str, bytes, bytes]
"""Class, token, holder."""


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that there is, at the time of the block (ms)."""

    facts: Facts
    chain: str
    chains: frozenset[str]
    """Those of the network, this one included."""
    names_chosen: bool
    """Whether addresses are names that whoever adds an account has chosen."""
    gas_per_fen: int
    now: int
    accounts: dict[bytes, Account] = field(default_factory=dict)
    platforms: set[bytes] = field(default_factory=set)
    approvals: set[tuple[bytes, bytes]] = field(default_factory=set)
    switches: dict[str, bool] = field(default_factory=dict)
    """Those that were ever set; all others are on."""
    functions: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Role and contract -> the methods that the role may call."""
    standings: dict[str, Standing] = field(default_factory=dict)
    documents: dict[bytes, Document] = field(default_factory=dict)
    purses: dict[bytes | str, Purse] = field(default_factory=dict)
    """By address, or name of a contract."""
    tariffs: dict[str, Tariff] = field(default_factory=dict)
    classes: dict[str, ClassOf] = field(default_factory=dict)
    grants: dict[tuple[str, bytes], Grant] = field(default_factory=dict)
    issued: dict[str, list[bytes]] = field(default_factory=dict)
    """The tokens of everything of a class that was ever issued, in order."""
    once_held: set[tuple[str, bytes]] = field(default_factory=set)
    certificates: dict[tuple[str, bytes], Certificate] = field(default_factory=dict)
    editions: dict[tuple[str, bytes], Edition] = field(default_factory=dict)
    holdings: dict[HeldKey, Held] = field(default_factory=dict)
    rebinds: dict[HeldKey, Rebind] = field(default_factory=dict)
    meta_calls: Counter[tuple[str, bytes]] = field(default_factory=Counter)
    threshold: int | None = None
    """Of votes for evidence; None: never set, which means 1."""
    auditors: dict[bytes, Auditor] = field(default_factory=dict)
    requests: dict[bytes, Request] = field(default_factory=dict)
    requests_made: int = 0
    ballots: dict[tuple[bytes, bytes], int] = field(default_factory=dict)
    """Digest and auditor -> the number of the request that it voted on last."""
    files: dict[bytes, StoredFile] = field(default_factory=dict)

    def on(self, switch: str) -> bool:
        return self.switches.get(switch, True)

    def standing(self, contract: str) -> Standing:
        return self.standings.get(contract) or Standing()

    def purse(self, owner: bytes | str) -> Purse:
        """Somebody's purse to look into."""
        return self.purses.get(owner) or Purse()

    def own_purse(self, owner: bytes | str) -> Purse:
        """Somebody's purse to take from and put into."""
        return self.purses.setdefault(owner, Purse())

    @property
    def auditing(self) -> int:
        """How many auditors there are."""
        return sum(auditor.approved for auditor in self.auditors.values())


Rule = Callable[[World, Call], None]
"""What a method does: `Refused`, or it has happened."""
