"""The chain does what a plain model of it says, call after call by chance (tests/contracts/model); and a fault is found."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from random import SystemRandom
from typing import Any

import pytest
from msgspec.structs import replace as changed

from chain.codec import decode, encode
from contracts import registry
from contracts.certificate import Edition
from contracts.interface import Check, ContractContext, ContractReverted, Method
from contracts.purses import Purse
from tests.contracts.model import report
from tests.contracts.model.__main__ import main
from tests.contracts.model.invariants import violations
from tests.contracts.model.play import Differs, Play, Tally
from tests.contracts.model.runs import played
from tests.contracts.model.unreachable import REASONS

SEEDS = (1, 2, 3)
"""One on a chain whose addresses are names, two on one where they follow from keys."""
REGRESSIONS: tuple[int, ...] = ()
"""Every other seed that ever showed a fault."""
CALLS = 10_000
PAGE = (Path(__file__).parents[2] / "docs" / "testing.md").read_text("utf-8")
Spoil = Callable[[Method], Method]


@cache
def run_of(seed: int) -> Tally:
    return Play(seed).run(CALLS)


@cache
def stored() -> dict[bytes, bytes]:
    """Records of every kind; nobody changes them."""
    play = Play(2)
    play.run(1_000)
    return play.chain.content()


@pytest.mark.parametrize("seed", [*SEEDS, *REGRESSIONS])
def test_the_chain_does_what_the_model_says(seed: int) -> None:
    assert run_of(seed).total() == CALLS


def test_the_chain_does_what_the_model_says_from_a_fresh_seed() -> None:
    seed = SystemRandom().getrandbits(32)
    _, tally, differs = played(seed, 5_000)
    assert differs == ""  # which names the seed
    assert (seed, report.undeclared(tally), report.wrongly_unreachable(tally)) == (seed, [], [])


def test_three_runs_apply_every_method_and_meet_most_refusals() -> None:
    tally = sum((run_of(seed) for seed in SEEDS), start=Tally())
    assert report.never_applied(tally) == []
    assert report.undeclared(tally) == []
    assert report.wrongly_unreachable(tally) == []
    assert len(report.never_refused(tally)) < len(report.declared()) // 10


def test_a_seed_gives_the_same_calls_again() -> None:
    assert Play(5).run(400) == Play(5).run(400) != Play(6).run(400)


def spoilt(place: tuple[str, str], spoil: Spoil, monkeypatch: pytest.MonkeyPatch) -> str:
    """What a run says of a chain of which one method is another."""
    monkeypatch.setitem(registry.METHODS, place, spoil(registry.METHODS[place]))

    def run() -> None:
        for seed in (2, 1, 3):
            Play(seed).run(CALLS)

    with pytest.raises(Differs) as found:
        run()
    return str(found.value)


def another_byte(method: Method) -> Method:
    """The last bit of what the effect writes last is another one."""

    def effect(context: ContractContext, arguments: Any) -> None:
        method.effect(context, arguments)
        written: dict[bytes, bytes | None] = context.records.open  # type: ignore[attr-defined]
        key, value = next((key, value) for key, value in reversed(written.items()) if value)
        context.records.put(key, value[:-1] + bytes([value[-1] ^ 1]))

    return replace(method, effect=effect)


def nothing_done(method: Method) -> Method:
    return replace(method, effect=lambda _context, _arguments: None)


@pytest.mark.parametrize(
    "place",
    [
        ("authority", "addAccountByPlatform"), ("charge", "recharge"), ("classes", "setSignatories"), ("did", "rotate"),
        ("ddc721", "mint"), ("ddc721", "reissue"), ("ddc721", "reissueSigned"), ("ddc1155", "requestRebind"),
        ("evidence", "voteSaveRequest"), ("storage", "storeData"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("spoil", [another_byte, nothing_done])
def test_an_effect_that_writes_something_else_is_found(
    place: tuple[str, str], spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert spoilt(place, spoil, monkeypatch).startswith("seed 2, call ")


def without(code: str) -> Spoil:
    """The check is left out that refuses with the code."""

    def spoil(method: Method) -> Method:
        checks = tuple(check for check in method.checks if code not in check.codes)
        assert len(checks) == len(method.checks) - 1
        return replace(method, checks=checks)

    return spoil


@pytest.mark.parametrize(
    ("contract", "method", "code"),
    [
        ("authority", "updateAccountState", "own-account"), ("authority", "joinDid", "did-sequence-wrong"),
        ("did", "setService", "not-home-chain"), ("charge", "selfRecharge", "amount-zero"),
        ("classes", "setIssuer", "not-class-issuer"), ("classes", "setSignatories", "class-of-other-standard"),
        ("ddc721", "mint", "token-exists"), ("ddc721", "reissueSigned", "signature-not-valid"),
        ("ddc721", "metaMint", "meta-not-signed"), ("ddc721", "revoke", "not-granted"),
        ("ddc721", "completeRebind", "rebind-too-early"), ("ddc1155", "safeMint", "holding-exists"),
        ("ddc1155", "metaBurnBatch", "counter-wrong"), ("evidence", "voteSaveRequest", "voted-already"),
        ("storage", "deleteData", "not-owner"),
    ],
)  # fmt: skip
def test_a_check_that_is_left_out_is_found(
    contract: str, method: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = spoilt((contract, method), without(code), monkeypatch)
    assert f"{contract}.{method} by " in found


def never(_context: ContractContext, _arguments: Any) -> None:
    raise ContractReverted("own-account")


def tells_before(context: ContractContext, _arguments: Any) -> None:
    context.emit("BuyGas")
    raise ContractReverted("amount-zero")


def breaks(_context: ContractContext, _arguments: Any) -> None:
    raise KeyError("purse")


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (never, "the chain says own-account, the model applied"),
        (tells_before, "refused, and yet it wrote or told something"),
        (breaks, "the chain broke with KeyError('purse')"),
        (lambda context, _: context.emit("Gift"), "told ['Gift'], which it does not declare"),
    ],
)
def test_a_method_that_misbehaves_is_found(test: Any, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    check = Check("It misbehaves", ("own-account",), test)
    found = spoilt(("charge", "buyGas"), lambda method: replace(method, checks=(*method.checks, check)), monkeypatch)
    assert found.endswith(says)


def test_a_tree_that_grew_into_another_one_is_found() -> None:
    play = Play(2)
    play.compare()
    play.chain.state.root = bytes(32)
    with pytest.raises(Differs, match="the tree that grew has another root"):
        play.compare()


def test_a_record_that_no_call_may_change_is_compared_too() -> None:
    play = Play(2)
    play.chain.write(b"M", play.chain.content()[b"M"] + b"\0")
    with pytest.raises(Differs, match="1 records differ, the first is b'M'"):
        play.compare()


def spoilt_record(prefix: bytes, spoil: Callable[[bytes], bytes]) -> list[str]:
    """What does not hold once the first record of a kind is another one."""
    key = min(key for key in stored() if key[:1] == prefix)
    return violations(stored() | {key: spoil(stored()[key])})


def richer(value: bytes) -> bytes:
    purse = decode(value, Purse)
    return encode(changed(purse, fen=purse.fen + 1))


def one_more(value: bytes) -> bytes:
    return (int.from_bytes(value, "big") + 1).to_bytes(8, "big")


def issued_once_more(value: bytes) -> bytes:
    edition = decode(value, Edition)
    return encode(changed(edition, holdings=edition.holdings + 1))


@pytest.mark.parametrize(
    ("prefix", "spoil", "says"),
    [
        (b"K", richer, r"the supply is \d+ fen, the purses have \d+"),
        (b"L", one_more, r"the supply is \d+ fen, the purses have \d+"),
        (b"B", one_more, r"a balance says \d+, and \d+ are live"),
        (b"Y", issued_once_more, r"of [0-9a-f]+ \d+ were issued, and \d+ have a holder"),
    ],
)
def test_a_count_that_is_spoilt_breaks_its_invariant(prefix: bytes, spoil: Callable[[bytes], bytes], says: str) -> None:
    assert violations(stored()) == []
    (found,) = spoilt_record(prefix, spoil)
    assert re.fullmatch(says, found)


def test_a_certificate_that_nobody_known_holds_breaks_its_invariant() -> None:
    without_accounts = {key: value for key, value in stored().items() if key[:1] != b"A"}
    assert any(wrong.endswith("is held by nobody known") for wrong in violations(without_accounts))


def test_every_reason_is_about_a_refusal_that_is_declared() -> None:
    assert REASONS.keys() <= set(report.declared())


def test_what_a_run_has_not_shown_is_a_fault() -> None:
    assert {f"never applied: {contract}.{method}" for contract, method in report.never_applied(Tally())} < set(
        report.faults(Tally())
    )
    assert len(report.never_refused(Tally())) == len(report.declared()) - len(REASONS)
    strange = Tally({("ddc721", "mint", "no-such-code"): 1, ("did", "create", "role-not-allowed"): 1})
    assert report.faults(strange)[-2:] == [
        "not declared: ddc721.mint with no-such-code",
        "reachable after all: did.create with role-not-allowed",
    ]


COMMANDS = re.findall(r"^    \.venv/bin/python -m tests\.contracts\.model (.+?)(?: +#.*)?$", PAGE, re.MULTILINE)


def test_the_page_has_a_long_run_and_a_single_one() -> None:
    assert COMMANDS == ["--seeds 100 --calls 10000", "--first 7 --seeds 1 --calls 10000"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_of_the_page_shows_what_was_played(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    fewer = command.replace("--seeds 100", "--seeds 2").replace("10000", "200")
    seeds = (7,) if "--first 7" in command else (1, 2)
    assert main(fewer.split()) == 1  # too few calls to show everything
    shown = capsys.readouterr()
    assert shown.out.startswith(f"seeds {seeds[0]} to {seeds[-1]}, 200 calls each, ")
    assert f"\n{200 * len(seeds)} calls: " in shown.out
    assert "\nnever refused: " in shown.out
    assert sorted(shown.err.splitlines()) == [f"seed {seed}: 200 calls; no difference" for seed in seeds]


def test_the_page_says_how_many_refusals_there_are() -> None:
    assert f"of {len(report.declared()):,} refusals declared " in " ".join(PAGE.split())
    assert f"and {len(REASONS)} cannot" in " ".join(PAGE.split())


def test_a_difference_is_shown_and_fails_the_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = "seed 7, call 3: 1 records differ"
    monkeypatch.setattr("tests.contracts.model.__main__.all_played", lambda *_: iter([(7, Tally(), wrong)]))
    monkeypatch.setattr("tests.contracts.model.__main__.faults", lambda _: [])
    assert main(["--first", "7", "--seeds", "1", "--calls", "5"]) == 1
    assert capsys.readouterr().out.endswith(f"\n{wrong}\n")
