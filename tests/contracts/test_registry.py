"""The one way from a transaction to a contract: what is unknown or malformed is refused by a code (protocol 13.3)."""

import pytest

from chain.codec import Record
from contracts import access, classes, ddc721, registry, system
from contracts.system import Touch
from tests.contracts.small_chain import SmallChain


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def test_every_method_of_every_contract_can_be_called() -> None:
    expected = {
        (contract.CONTRACT, name) for contract in (access, classes, ddc721, system) for name in contract.METHODS
    }
    assert set(registry.METHODS) == expected
    assert {contract for contract, _ in expected} == {"access", "classes", "ddc721", "system"}


def test_every_view_can_be_found() -> None:
    assert set(registry.VIEWS) == {("ddc721", name) for name in ddc721.VIEWS}
    assert {name for _, name in registry.VIEWS} == {
        "ownerOf", "balanceOf", "totalSupply", "tokenURI", "name", "symbol", "locked", "getApproved",
        "isApprovedForAll", "supportsInterface",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("contract", "method"),
    [("ddc721", "burn"), ("ddc721", "addAccount"), ("nothing", "mint"), ("ddc721", "Mint"), ("system", "touched")],
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
