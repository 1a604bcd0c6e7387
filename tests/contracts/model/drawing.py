"""Which call comes next: all methods have their turn, and what stands still is put right before long."""

from dataclasses import dataclass
from random import Random

from contracts.access import SetSwitch
from contracts.accounts import UpdateAccountState
from contracts.authority import OfFunction
from contracts.charge import BuyGas, SelfRecharge, SetFee
from contracts.owning import Pause
from tests.contracts.model import (
    calls_authority,
    calls_charge,
    calls_deposits,
    calls_editions,
    calls_issuing,
    calls_life,
    calls_rebinds,
)
from tests.contracts.model.dice import Dice, Draw, Index, NothingThere
from tests.contracts.model.gates import PRICES, ROLES
from tests.contracts.model.methods import TRANSFERS
from tests.contracts.model.people import People
from tests.contracts.model.state import Call, World

WRONG = 0.42
"""How many calls are to have a slip."""
MENDING = 0.06
"""How many calls put right what stands still, while something does."""
HALTED = 0.35
"""How many calls go to contracts that are paused or without a tariff, while one is."""
_SHARED: dict[str, Draw] = {**calls_life.CALLS, **calls_rebinds.CALLS, **calls_deposits.OWNING}
DRAWS: dict[str, dict[str, Draw]] = {
    "authority": calls_authority.AUTHORITY,
    "did": calls_authority.DID,
    "charge": calls_charge.CHARGE,
    "classes": calls_charge.CLASSES,
    "ddc721": {**_SHARED, **calls_issuing.CALLS, **calls_life.CALLS_721},
    "ddc1155": {**_SHARED, **calls_editions.CALLS},
    "crosschain": calls_deposits.OWNING,
    "mirrors": calls_deposits.OWNING,
    "evidence": {**calls_deposits.EVIDENCE, **calls_deposits.OWNING},
    "storage": {**calls_deposits.STORAGE, **calls_deposits.OWNING},
}
for _contract, _methods in TRANSFERS.items():
    DRAWS[_contract] |= dict.fromkeys(_methods, calls_deposits.transfer)
_WEIGHTS: dict[str, float] = {
    "pause": 0.25, "unpause": 0.3, "delDDC": 0.2, "setFee": 3, "delFee": 0.5, "delFunction": 0.5,
    "setSwitcherStateOfPlatform": 0.3, "setSwitcherStateOfBatch": 0.3, "updateAccountState": 2,
    "addAccountByOperator": 1.5, "recharge": 4, "buyGas": 5, "setIssuer": 2, "delegateIssuing": 2, "setService": 2,
    "mint": 2, "mintBatch": 2, "safeMint": 2, "crossSafeMint": 5, "mintSigned": 2, "reissue": 3, "reissueSigned": 5,
    "setAttribute": 3, "accept": 1.5, "decline": 1.5, "revoke": 0.6, "unfreeze": 1.5, "requestRebind": 3, "approveRebind": 2,
    "completeRebind": 2, "createEdition": 2, "withdrawEdition": 0.5, "burnBatch": 1.5, "ddc1155.burn": 1.5,
    "ddc1155.safeMint": 5, "ddc1155.safeMintBatch": 5, "ddc1155.metaSafeMint": 3, "ddc1155.metaSafeMintBatch": 3,
    "configureAuditor": 2, "voteSaveRequest": 2,
    **{method: 0.2 for methods in TRANSFERS.values() for method in methods},
}  # fmt: skip
"""How often a method has its turn beside one that is not here, which has 1; of one contract alone where it says so."""


@dataclass(slots=True)
class Drawer:
    """Draws calls, from a world that it may look into."""

    index: Index
    people: People
    chance: Random

    def __post_init__(self) -> None:
        self.index.renew()

    def draw(self) -> Call:
        """The next call."""
        if self.chance.random() < MENDING:
            mending = menders(self.index.world)
            if mending:
                return self.chance.choice(mending)
        while True:
            contract, method = self._place()
            call = self._drawn(contract, method)
            if call is not None:
                return self._perhaps_malformed(call)

    def _place(self) -> tuple[str, str]:
        """The contract and method that have their turn."""
        still = halted(self.index.world)
        if still and self.chance.random() < HALTED:
            contract = self.chance.choice(still)
            methods = list(DRAWS[contract])
            return contract, self.chance.choices(methods, [_share(contract, method) for method in methods])[0]
        return self.chance.choices(_PLACES, _SHARES)[0]

    def _drawn(self, contract: str, method: str) -> Call | None:
        draw, seed = DRAWS[contract][method], self.chance.getrandbits(64)
        dice = Dice(self.index, self.people, Random(seed))
        try:
            call = draw(dice, contract, method)
        except NothingThere:
            return None
        if not dice.places or self.chance.random() >= WRONG:
            return call
        wrong = Dice(self.index, self.people, Random(seed), mistake=self.chance.randrange(dice.places))
        try:
            return draw(wrong, contract, method)
        except NothingThere:
            return None

    def _perhaps_malformed(self, call: Call) -> Call:
        luck = self.chance.random()
        if luck < 0.002:
            call.arguments = None
        elif luck < 0.003:
            call.method = "noSuchMethod"
        return call


def _share(contract: str, method: str) -> float:
    return _WEIGHTS.get(f"{contract}.{method}", _WEIGHTS.get(method, 1.0))


def halted(world: World) -> list[str]:
    """The contracts that keep people out, or take no fees any more."""
    return [
        contract
        for contract, tariff in world.tariffs.items()
        if not tariff.registered or world.standing(contract).paused
    ]


_PLACES = [(contract, method) for contract, methods in DRAWS.items() for method in methods]
_SHARES = [_share(*place) for place in _PLACES]


def menders(world: World) -> list[Call]:
    """What puts right whatever stands still."""
    owner = next(account for account in world.accounts.values() if account.role == "owner")
    operator = next(account for account in world.accounts.values() if account.role == "operator" and account.active)
    by = operator.address
    calls = [
        Call(contract, "unpause", owner.address, Pause()) for contract, one in world.standings.items() if one.paused
    ]
    for contract, tariff in world.tariffs.items():
        if not tariff.registered:
            fee = SetFee(contract=contract, method=min(PRICES[contract]), fen=1)
            calls.append(Call("charge", "setFee", by, fee))
    if not owner.active:
        flag = UpdateAccountState(address=owner.address, active=True, platform_flag=not owner.platform_active)
        calls.append(Call("authority", "updateAccountState", by, flag))
    return calls + _switched_on(world, by) + _listed_again(world, by) + _paid_for(world, by)


def _switched_on(world: World, operator: bytes) -> list[Call]:
    places = {
        "platforms-add": ("authority", "setSwitcherStateOfPlatform"),
        "batch-accounts": ("authority", "setSwitcherStateOfBatch"),
        "batch-recharges": ("charge", "setSwitcherStateOfBatch"),
    }
    return [Call(*place, operator, SetSwitch(on=True)) for switch, place in places.items() if not world.on(switch)]


def _listed_again(world: World, operator: bytes) -> list[Call]:
    return [
        Call("authority", "addFunction", operator, OfFunction(role=ROLES.index(role), contract=of, method=method))
        for role, of, method in calls_authority.missing_functions(world)
    ]


def _paid_for(world: World, operator: bytes) -> list[Call]:
    """An operator that is poor makes fen and buys gas."""
    purse = world.purse(operator)
    if purse.fen < 50_000:
        return [Call("charge", "selfRecharge", operator, SelfRecharge(fen=1_000_000))]
    if purse.gas < 50_000_000:
        return [Call("charge", "buyGas", operator, BuyGas(to=operator, fen=5_000))]
    return []
