"""The ERC-721 face: nothing ever changes hands, and every read answers from the records (protocol 18)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.codec import Record, encode
from contracts import registry
from contracts.ddc721 import INTERFACES, METHODS, VIEWS, OfClass, OfInterface, OfOperator, OfToken
from contracts.interface import ContractContext, ContractReverted
from tests.contracts.small_chain import CLASS, SmallChain, token

TRANSFERS = [
    "transferFrom", "safeTransferFrom", "batchTransferFrom", "safeBatchTransferFrom", "metaTransferFrom",
    "metaSafeTransferFrom", "approve", "setApprovalForAll",
]  # fmt: skip


@pytest.mark.parametrize("method", TRANSFERS)
@given(arguments=st.binary(max_size=200), sender=st.binary(min_size=1, max_size=96))
def test_a_transfer_is_refused_before_anything_else_is_looked_at(method: str, arguments: bytes, sender: bytes) -> None:
    """Whoever calls, with whatever arguments: the context given here cannot even be read."""

    class Untouchable:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"{name} was looked at")

    chain = SmallChain.founded()
    context: Any = Untouchable()
    with pytest.raises(ContractReverted) as refusal:
        registry.call(context, chain.transaction(sender, "ddc721", method, arguments))
    assert (refusal.value.code, refusal.value.values) == ("non-transferable", ())


@pytest.mark.parametrize("method", TRANSFERS)
@pytest.mark.parametrize("sender", ["operator", "platform", "alice", "bob"])
def test_a_transfer_is_refused_to_everybody(chain: SmallChain, method: str, sender: str) -> None:
    chain.mint()
    if sender == "platform":
        chain.set_flag("platform", active=False)
    for arguments in (b"", b"\xc1", encode((chain.address("alice"), chain.address("rival"), token(1)))):
        with chain.refuses("non-transferable"):
            chain.call(sender, "ddc721", method, arguments)


def test_every_method_is_one_of_these() -> None:
    assert list(METHODS) == ["mint", "mintBatch", "revoke", "freeze", "unfreeze", *TRANSFERS]
    assert {name for name, method in METHODS.items() if method.arguments is None} == set(TRANSFERS)


def test_the_reads_answer_of_a_certificate(chain: SmallChain) -> None:
    chain.mint(1, uri="https://example.org/1")
    of_token = OfToken(class_id=CLASS, token=token(1))
    assert chain.read("ownerOf", of_token) == chain.address("alice")
    assert chain.read("tokenURI", of_token) == "https://example.org/1"
    assert chain.read("locked", of_token) is True
    assert chain.read("getApproved", of_token) == b""
    chain.change("revoke")
    assert chain.read("ownerOf", of_token) == chain.address("alice")
    assert chain.read("locked", of_token) is True


def test_the_reads_answer_of_a_class(chain: SmallChain) -> None:
    of_class = OfClass(class_id=CLASS)
    assert chain.read("name", of_class) == "Degree"
    assert chain.read("symbol", of_class) == "DEGREE"
    assert chain.read("totalSupply", of_class) == 0
    assert chain.balance() == 0


@pytest.mark.parametrize("name", ["ownerOf", "tokenURI", "locked", "getApproved"])
def test_a_read_of_a_certificate_that_is_not_is_refused(chain: SmallChain, name: str) -> None:
    with chain.refuses("certificate-unknown", CLASS, token(1)):
        chain.read(name, OfToken(class_id=CLASS, token=token(1)))


@pytest.mark.parametrize("name", ["name", "symbol"])
def test_a_read_of_a_class_that_is_not_is_refused(chain: SmallChain, name: str) -> None:
    with chain.refuses("class-unknown", "other"):
        chain.read(name, OfClass(class_id="other"))


def test_nobody_ever_acts_for_a_holder(chain: SmallChain) -> None:
    alice, rival = chain.address("alice"), chain.address("rival")
    assert chain.read("isApprovedForAll", OfOperator(class_id=CLASS, owner=alice, operator=rival)) is False
    assert chain.read("isApprovedForAll", OfOperator(class_id=CLASS, owner=alice, operator=alice)) is False


def selector(digest: Any, signature: str) -> int:
    """An EVM function selector: the first four bytes of Keccak-256 of its signature."""
    return int.from_bytes(digest(signature.encode())[:4], "big")


ERC = {
    "01ffc9a7": ["supportsInterface(bytes4)"],
    "80ac58cd": [
        "balanceOf(address)", "ownerOf(uint256)", "safeTransferFrom(address,address,uint256,bytes)",
        "safeTransferFrom(address,address,uint256)", "transferFrom(address,address,uint256)",
        "approve(address,uint256)", "setApprovalForAll(address,bool)", "getApproved(uint256)",
        "isApprovedForAll(address,address)",
    ],
    "5b5e139f": ["name()", "symbol()", "tokenURI(uint256)"],
    "b45a3c0e": ["locked(uint256)"],
}  # fmt: skip


@pytest.mark.parametrize("interface", ERC)
def test_an_interface_that_is_claimed_is_there_whole(chain: SmallChain, interface: str) -> None:
    keccak = SmallChain.founded("wuhan").rules.digest
    identifier = 0
    for signature in ERC[interface]:
        identifier ^= selector(keccak, signature)
        name = signature.split("(")[0]
        assert name in METHODS or name in VIEWS
    assert f"{identifier:08x}" == interface
    assert chain.read("supportsInterface", OfInterface(interface=interface)) is True


@pytest.mark.parametrize("interface", ["ffffffff", "d9b67a26", "80AC58CD", "", "780e9d63"])
def test_no_other_interface_is_claimed(chain: SmallChain, interface: str) -> None:
    assert set(ERC) == INTERFACES
    assert chain.read("supportsInterface", OfInterface(interface=interface)) is False


def test_a_contract_sees_its_context_and_nothing_else() -> None:
    fields = set(ContractContext.__struct_fields__)
    assert fields == {"rules", "records", "sender", "height", "time", "parent_time", "events"}
    assert all(isinstance(view.arguments, type) and issubclass(view.arguments, Record) for view in VIEWS.values())
