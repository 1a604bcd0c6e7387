"""Who may call what, and what it costs: the reference's common gates, and the tables that they look into."""

from typing import Final

from tests.contracts.model.state import Account, Call, World, demand, refuse

EVERYDAY: Final = ("operator", "platform", "consumer")
ROLES: Final = ("operator", "platform", "consumer", "cross-chain", "relayer", "owner")
"""In the order of their numbers."""

_LIFE: Final = (
    "accept", "decline", "revoke", "burn", "setUser", "setAttribute", "requestRebind", "objectRebind", "completeRebind",
)  # fmt: skip
_OPERATORS: Final = ("freeze", "unfreeze", "approveRebind", "unlock")
_CROSS_CHAIN: Final = ("crossSafeMint", "lock", "unlock")
_OPEN_721: Final = (
    *_LIFE, "mint", "mintBatch", "safeMint", "safeMintBatch", "mintSigned", "metaMint", "metaSafeMint", "metaMintBatch",
    "metaSafeMintBatch", "metaBurn", "setURI", "reissue", "reissueSigned", "mintRequired",
)  # fmt: skip
_OPEN_1155: Final = (
    *_LIFE, "createEdition", "setURI", "withdrawEdition", "safeMint", "safeMintBatch", "metaSafeMint", "metaSafeMintBatch",
    "burnBatch", "metaBurn", "metaBurnBatch",
)  # fmt: skip
_RELAYS: Final = ("receive", "acknowledge", "timeOut", "tellFate", "followRequirement")
_MOVES: Final = ("crossChainTransfer", "confirm", "cancel")
_MIRRORS: Final = ("attest", "refresh")
_EVIDENCE: Final = ("createSaveRequest", "deleteSaveRequest", "voteSaveRequest")
_STORAGE: Final = ("openFile", "storeData", "deleteData")
FIRST_LIST: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    ("operator", "ddc721"): (*_OPEN_721, *_OPERATORS),
    ("platform", "ddc721"): _OPEN_721,
    ("consumer", "ddc721"): _OPEN_721,
    ("cross-chain", "ddc721"): _CROSS_CHAIN,
    ("operator", "ddc1155"): (*_OPEN_1155, *_OPERATORS, "freezeEdition", "unfreezeEdition"),
    ("platform", "ddc1155"): _OPEN_1155,
    ("consumer", "ddc1155"): _OPEN_1155,
    ("cross-chain", "ddc1155"): _CROSS_CHAIN,
    **{(role, "crosschain"): (*_MOVES, *_RELAYS) for role in EVERYDAY},
    ("relayer", "crosschain"): _RELAYS,
    **{(role, "mirrors"): _MIRRORS for role in (*EVERYDAY, "relayer")},
    **{(role, "evidence"): _EVIDENCE for role in EVERYDAY},
    ("operator", "storage"): _STORAGE,
    ("platform", "storage"): _STORAGE,
}
"""The access list of the first state: role and contract -> methods."""
LISTED: Final = {
    contract: frozenset(method for (_, of), methods in FIRST_LIST.items() if of == contract for method in methods)
    for contract in ("crosschain", "ddc721", "ddc1155", "evidence", "mirrors", "storage")
}
"""The methods that an operator may list or take off the list."""

_ISSUING: Final = (200, 100)
_BURNING: Final = (100, 100)
PRICES: Final[dict[str, dict[str, tuple[int, int]]]] = {
    "ddc721": {
        **{method: _ISSUING for method in _OPEN_721 if "int" in method},
        "crossSafeMint": _ISSUING, "reissue": _ISSUING, "reissueSigned": _ISSUING, "burn": _BURNING, "metaBurn": _BURNING,
    },
    "ddc1155": {
        **{method: _ISSUING for method in _OPEN_1155 if "Mint" in method},
        "crossSafeMint": _ISSUING, "burn": _BURNING, "burnBatch": _BURNING, "metaBurn": _BURNING, "metaBurnBatch": _BURNING,
    },
    "crosschain": {"crossChainTransfer": (300, 0)},
    "mirrors": {"attest": (200, 0)},
    "evidence": {"createSaveRequest": (100, 0)},
    "storage": {"openFile": (200, 0), "storeData": (1_000, 0)},
}  # fmt: skip
"""Steps of gas: for the call, and for each certificate."""


def active(world: World, address: bytes, unknown: str = "account-unknown", frozen: str = "account-frozen") -> Account:
    """The account, which there is and which is not frozen."""
    account = world.accounts.get(address)
    if account is None:
        refuse(unknown)
    demand(account.active, frozen)
    return account


def sender_of(world: World, call: Call, *roles: str) -> Account:
    """The caller, of one of the roles."""
    account = active(world, call.sender)
    demand(account.role in (roles or ROLES), "role-not-allowed")
    return account


def permitted(world: World, call: Call) -> Account:
    """The caller, whose role the access list lets call this."""
    account = active(world, call.sender)
    functions = world.functions.get((account.role, call.contract))
    demand(functions is not None, "contract-not-listed")
    demand(functions and call.method in functions, "method-not-permitted")
    return account


def running(world: World, call: Call) -> None:
    """A paused contract keeps out platforms, consumers and strangers."""
    if world.standing(call.contract).paused:
        account = world.accounts.get(call.sender)
        demand(account is not None and account.role not in ("platform", "consumer"), "contract-paused")


def opened(world: World, call: Call) -> Account:
    """Both gates of a business method, in order; the caller."""
    running(world, call)
    return permitted(world, call)


def gas_of(world: World, contract: str, method: str, units: int) -> int:
    """What so many units cost in gas."""
    steps, each = PRICES[contract][method]
    return (steps + each * units) * world.gas_per_fen // 1_000


def pay(world: World, call: Call, units: int = 1) -> None:
    """The last that can be refused: the caller pays fen to the contract and uses up gas."""
    tariff = world.tariffs.get(call.contract)
    if tariff is None or not tariff.registered:
        refuse("contract-deregistered")
    fen, gas = tariff.fees.get(call.method, 0) * units, gas_of(world, call.contract, call.method, units)
    purse = world.purse(call.sender)
    demand(purse.fen >= fen, "fee-short")
    demand(purse.gas >= gas, "gas-short")
    purse = world.own_purse(call.sender)
    purse.fen -= fen
    purse.gas -= gas
    if fen:
        world.own_purse(call.contract).fen += fen


def may_issue_to(world: World, issuer: Account, holder: Account) -> bool:
    """Operators and the cross-chain role to everybody, others within their platform or where an operator approved it."""
    if issuer.role in ("operator", "cross-chain"):
        return True
    own, other = issuer.platform, holder.platform
    return own is not None and other is not None and (own == other or (own, other) in world.approvals)
