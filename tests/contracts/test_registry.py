"""The one way from a transaction to a contract: what is unknown or malformed is refused by a code (protocol 13.3)."""

from types import ModuleType

import pytest

from chain.codec import Record, decoder
from chain.transaction import Event
from contracts import (
    authority,
    charge,
    classes,
    clients,
    crosschain,
    ddc721,
    ddc1155,
    deposit,
    did,
    mirrors,
    registry,
    storage,
    stored,
    system,
)
from contracts.interface import Check, ContractContext, ContractReverted, Method, Price
from contracts.keys import purse_key
from contracts.purses import EMPTY, Purse, purse_of
from contracts.system import Touch
from tests.contracts.small_chain import SmallChain

CONTRACTS: dict[str, ModuleType] = {
    "authority": authority,
    "charge": charge,
    "classes": classes,
    "clients": clients,
    "crosschain": crosschain,
    "did": did,
    "ddc721": ddc721,
    "ddc1155": ddc1155,
    "evidence": deposit,
    "mirrors": mirrors,
    "storage": storage,
    "system": system,
}


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def test_every_method_of_every_contract_can_be_called() -> None:
    assert set(registry.METHODS) == {(name, method) for name, module in CONTRACTS.items() for method in module.METHODS}
    assert all(name == module.CONTRACT for name, module in CONTRACTS.items())


def test_what_a_holder_signs_is_said_by_every_call_that_carries_a_signature_and_by_no_other() -> None:
    saying = {place for place, method in registry.METHODS.items() if method.signed_parts is not None}
    carrying = {
        place
        for place, method in registry.METHODS.items()
        if any("meta-not-signed" in check.codes for check in method.checks)
    }
    assert len(saying) == 9
    assert saying == carrying


def test_every_read_of_every_contract_can_be_found() -> None:
    assert set(registry.VIEWS) == {
        (name, view)
        for name, module in (CONTRACTS | {"state": stored}).items()
        for view in getattr(module, "VIEWS", {})
    }
    assert {contract for contract, _ in registry.VIEWS} == set(CONTRACTS) - {"classes", "clients", "system"} | {"state"}


def test_the_standards_reads_are_there() -> None:
    assert {name for contract, name in registry.VIEWS if contract == "ddc721"} >= {
        "ownerOf", "balanceOf", "totalSupply", "tokenURI", "name", "symbol", "locked", "getApproved",
        "isApprovedForAll", "supportsInterface",
    }  # fmt: skip
    assert {name for contract, name in registry.VIEWS if contract == "ddc1155"} >= {"balanceOf", "supportsInterface"}


def test_a_method_says_what_it_does_and_every_check_what_must_be_so() -> None:
    for method in registry.METHODS.values():
        assert method.effect.__doc__ or method.arguments is None
        for check in method.checks:
            assert check.says
            assert not check.says.endswith(".")
            assert check.codes
            assert len(set(check.codes)) == len(check.codes)


def test_what_has_a_price_is_a_certificate_its_move_its_mirror_a_file_or_evidence() -> None:
    priced = {place for place, method in registry.METHODS.items() if method.price is not None}
    assert {contract for contract, _ in priced} == {"crosschain", "ddc721", "ddc1155", "evidence", "mirrors", "storage"}
    for contract, method in registry.METHODS:
        if contract in ("ddc721", "ddc1155"):
            lower = method.lower()
            issues_or_burns = "mint" in lower or "burn" in lower or lower.startswith("reissue")
            assert ((contract, method) in priced) == issues_or_burns, method


@pytest.mark.parametrize(
    ("contract", "method"),
    [
        ("ddc721", "addAccount"),
        ("nothing", "mint"),
        ("access", "addAccount"),
        ("ddc721", "Mint"),
        ("ddc1155", "mint"),
        ("system", "touched"),
    ],
)
def test_an_unknown_method_is_refused_whatever_its_arguments(chain: SmallChain, contract: str, method: str) -> None:
    for arguments in (b"", b"\xc1", b"\x90"):
        with chain.refuses("method-unknown", contract, method):
            chain.call("operator", contract, method, arguments)


METHODS = [place for place, method in registry.METHODS.items() if method.arguments is not None]
GARBAGE = [
    b"",
    b"\xc0",
    b"\xc1",
    b"\x80",
    b"\x91" * 100_000,
    b"\xdd\xff\xff\xff\xff",
    b"\x92\xa2\xc3\x28\xc0",
    bytes(1_000),
]


@pytest.mark.parametrize("place", METHODS, ids=".".join)
@pytest.mark.parametrize("arguments", GARBAGE, ids=lambda data: data[:6].hex() or "nothing")
def test_arguments_that_are_not_the_method_s_record_are_refused_by_one_code(
    chain: SmallChain, place: tuple[str, str], arguments: bytes
) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("operator", *place, arguments)


def test_the_arguments_of_another_method_are_refused(chain: SmallChain) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("operator", "ddc721", "revoke", Touch())


def test_a_method_s_arguments_are_a_record_or_nothing_at_all() -> None:
    for method in registry.METHODS.values():
        assert method.arguments is None or issubclass(method.arguments, Record)


class Told(list[str]):
    """What was run, in order."""

    def check(self, name: str, code: str = "") -> Check:
        """A check that lets everybody pass, or refuses with `code`."""

        def test(_context: ContractContext, _arguments: object) -> None:
            self.append(name)
            if code:
                raise ContractReverted(code)

        return Check(says=name, codes=(code,), test=test)

    def effect(self, context: ContractContext, _arguments: object) -> None:
        """Say that the contract was reached."""
        self.append("effect")
        context.emit("Done")


def play(monkeypatch: pytest.MonkeyPatch, told: Told, *checks: Check, steps: int) -> None:
    """Put a method of so many steps of gas into the catalogue."""
    method = Method(arguments=Touch, checks=checks, effect=told.effect, events=("Done",), price=Price(steps=steps))
    monkeypatch.setitem(registry.METHODS, ("ddc721", "toy"), method)
    monkeypatch.setitem(registry._DECODERS, ("ddc721", "toy"), decoder(Touch))


def test_checks_run_in_order_then_the_price_is_taken_then_the_effect_is_had(
    chain: SmallChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    play(monkeypatch, told, told.check("first"), told.check("second"), steps=2_000)
    gas = 2 * chain.rules.profile.gas_per_fen
    before = purse_of(chain.records, chain.address("platform"))
    assert chain.call("platform", "ddc721", "toy", Touch()) == (
        Event(contract="ddc721", name="Pay", values=(chain.address("platform"), "toy", 0, gas, 1)),
        Event(contract="ddc721", name="Done", values=()),
    )
    assert told == ["first", "second", "effect"]
    assert purse_of(chain.records, chain.address("platform")) == Purse(fen=before.fen, gas=before.gas - gas)


def test_the_first_check_that_refuses_ends_the_call_and_it_costs_nothing(
    chain: SmallChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    play(monkeypatch, told, told.check("first"), told.check("second", "no-change"), told.check("third"), steps=2_000)
    with chain.refuses("no-change"):
        chain.call("platform", "ddc721", "toy", Touch())
    assert told == ["first", "second"]


def test_who_cannot_pay_has_passed_all_checks_and_had_no_effect(
    chain: SmallChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    play(monkeypatch, told, told.check("first"), steps=2_000)
    chain.write(purse_key(chain.address("platform")), EMPTY)
    with chain.refuses("gas-short", 2 * chain.rules.profile.gas_per_fen, 0):
        chain.call("platform", "ddc721", "toy", Touch())
    assert told == ["first"]


def test_a_call_sees_every_method_that_there_is(chain: SmallChain, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    method = Method(arguments=Touch, checks=(), effect=lambda context, _arguments: seen.append(context.catalogue))
    monkeypatch.setitem(registry.METHODS, ("system", "touch"), method)
    context = chain.context("alice", "system", "touch")
    context.catalogue = {}
    registry.call(context, chain.transaction(context.sender, "system", "touch", Touch()))
    assert seen == [registry.METHODS]


def test_whether_a_call_would_succeed_is_found_without_its_effect(
    chain: SmallChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Told()
    play(monkeypatch, told, told.check("first"), steps=2_000)
    context = chain.context("platform", "ddc721", "toy")
    registry.check(context, chain.transaction(context.sender, "ddc721", "toy", Touch()))
    assert told == ["first"]
    monkeypatch.undo()
    for contract, method, code in (("ddc721", "toy", "method-unknown"), ("ddc721", "mint", "arguments-malformed")):
        with pytest.raises(ContractReverted) as refusal:
            registry.check(context, chain.transaction(context.sender, contract, method, Touch()))
        assert refusal.value.code == code


def test_who_could_not_pay_is_refused_before_the_call_is_made(
    chain: SmallChain, monkeypatch: pytest.MonkeyPatch
) -> None:
    play(monkeypatch, Told(), steps=2_000)
    chain.write(purse_key(chain.address("platform")), EMPTY)
    context = chain.context("platform", "ddc721", "toy")
    with pytest.raises(ContractReverted) as refusal:
        registry.check(context, chain.transaction(context.sender, "ddc721", "toy", Touch()))
    assert refusal.value.code == "gas-short"
