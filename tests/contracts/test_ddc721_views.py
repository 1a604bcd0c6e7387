"""Every read of ddc721 answers from the records, and refuses what is not there (protocol 18.4)."""

from functools import reduce
from operator import xor
from typing import Any

import pytest
from hypothesis import given
from msgspec.structs import replace

from chain.codec import Record, encode
from chain.digests import DigestName, digest_function
from contracts.access import ContractStanding
from contracts.certificate import Certificate, Issued
from contracts.ddc721 import METHODS, VIEWS
from contracts.ddc721_views import (
    INTERFACES,
    OfAddress,
    OfAttribute,
    OfClass,
    OfHolder,
    OfInterface,
    OfOperator,
    OfToken,
)
from contracts.interface import OfNothing
from contracts.keys import balance_key, certificate_key, meta_key, standing_key, supply_key
from tests.chain.record_strategies import any_of
from tests.contracts.certificate_calls import amount
from tests.contracts.small_chain import CLASS, SmallChain, token

OF_TOKEN = ["ownerOf", "tokenURI", "locked", "getApproved", "userOf", "userExpires", "burnAuth", "getAttribute"]
OF_CLASS = ["name", "symbol"]


def of_token(name: str, class_id: str = CLASS, number: int = 1) -> Record:
    if name == "getAttribute":
        return OfAttribute(class_id=class_id, token=token(number), name="grade")
    return OfToken(class_id=class_id, token=token(number))


@given(any_of(Certificate))
def test_a_certificate_is_read_as_it_is_recorded(drawn: Certificate) -> None:
    chain = SmallChain.founded()
    certificate = replace(drawn, attributes=(*drawn.attributes[:2], ("grade", "1.3")))
    chain.write(certificate_key(CLASS, token(1)), certificate)
    assert {name: chain.read(name, of_token(name)) for name in OF_TOKEN} == {
        "ownerOf": certificate.holder,
        "tokenURI": certificate.uri,
        "locked": True,
        "getApproved": b"",
        "userOf": certificate.user or b"",
        "userExpires": certificate.user_until or 0,
        "burnAuth": certificate.burn_authorisation,
        "getAttribute": "1.3",
    }
    chain.write(certificate_key(CLASS, token(1)), replace(certificate, attributes=()))
    assert chain.read("getAttribute", of_token("getAttribute")) == ""


def test_a_revoked_certificate_keeps_its_holder_and_stays_locked_to_it(chain: SmallChain) -> None:
    chain.mint(1, uri="https://example.org/1")
    chain.change("revoke")
    assert chain.read("ownerOf", of_token("ownerOf")) == chain.address("alice")
    assert chain.read("locked", of_token("locked")) is True
    assert chain.balance() == 0


def test_a_class_is_read_as_it_is_recorded(chain: SmallChain) -> None:
    of_class, alice = OfClass(class_id=CLASS), chain.address("alice")
    of_alice = OfHolder(class_id=CLASS, address=alice)
    assert {name: chain.read(name, of_class) for name in ("name", "symbol", "totalSupply", "getLatestDDCId")} == {
        "name": "Degree", "symbol": "DEGREE", "totalSupply": 0, "getLatestDDCId": b"",
    }  # fmt: skip
    assert chain.read("balanceOf", of_alice) == 0
    chain.write(supply_key(CLASS), encode(Issued(count=7, latest=token(3))))
    chain.write(balance_key(CLASS, alice), amount(5))
    assert (chain.read("totalSupply", of_class), chain.read("getLatestDDCId", of_class)) == (7, token(3))
    assert chain.read("balanceOf", of_alice) == 5
    other = OfClass(class_id="other")
    assert (chain.read("totalSupply", other), chain.read("getLatestDDCId", other)) == (0, b"")


def test_a_holder_s_counter_is_the_one_of_this_contract(chain: SmallChain) -> None:
    alice = chain.address("alice")
    chain.write(meta_key("ddc1155", alice), amount(9))
    assert chain.read("getNonce", OfAddress(address=alice)) == 0
    chain.write(meta_key("ddc721", alice), amount(4))
    assert chain.read("getNonce", OfAddress(address=alice)) == 4


def test_the_contract_s_standing_is_read(chain: SmallChain) -> None:
    reads = ("paused", "contractName", "contractSymbol")
    assert [chain.read(name, OfNothing()) for name in reads] == [False, "", ""]
    chain.write(standing_key("ddc721"), ContractStanding(paused=True, name="Certificates", symbol="CERT"))
    assert [chain.read(name, OfNothing()) for name in reads] == [True, "Certificates", "CERT"]


@pytest.mark.parametrize("name", OF_TOKEN)
def test_a_read_of_a_certificate_that_is_not_is_refused(chain: SmallChain, name: str) -> None:
    chain.mint(2)
    with chain.refuses("certificate-unknown", CLASS, token(1)):
        chain.read(name, of_token(name))
    with chain.refuses("certificate-unknown", "other", token(2)):
        chain.read(name, of_token(name, "other", 2))


@pytest.mark.parametrize("name", OF_CLASS)
def test_a_read_of_a_class_that_is_not_is_refused(chain: SmallChain, name: str) -> None:
    with chain.refuses("class-unknown", "other"):
        chain.read(name, OfClass(class_id="other"))


@given(any_of(OfOperator))
def test_nobody_ever_acts_for_a_holder(read: OfOperator) -> None:
    chain = SmallChain.founded()
    assert chain.read("isApprovedForAll", read) is False
    assert chain.read("isApprovedForAll", replace(read, operator=read.owner)) is False


def test_every_read_is_one_of_these() -> None:
    assert sorted(VIEWS) == sorted([
        *OF_TOKEN, *OF_CLASS, "balanceOf", "totalSupply", "getLatestDDCId", "getNonce", "paused", "contractName",
        "contractSymbol", "isApprovedForAll", "supportsInterface",
    ])  # fmt: skip
    assert all(isinstance(view.arguments, type) and issubclass(view.arguments, Record) for view in VIEWS.values())


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
    "0489b56f": ["burnAuth(uint256)"],
    "ad092b5c": ["setUser(uint256,address,uint64)", "userOf(uint256)", "userExpires(uint256)"],
}  # fmt: skip
"""ERC-165, ERC-721 and its metadata, ERC-5192, ERC-5484, ERC-4907: the functions whose selectors make each id."""


@pytest.mark.parametrize("interface", ERC)
def test_an_interface_that_is_claimed_is_there_whole(chain: SmallChain, interface: str) -> None:
    keccak: Any = digest_function(DigestName.KECCAK256)
    selectors = [int.from_bytes(keccak(signature.encode())[:4], "big") for signature in ERC[interface]]
    assert f"{reduce(xor, selectors):08x}" == interface
    names = {signature.split("(")[0] for signature in ERC[interface]}
    assert names <= set(METHODS) | set(VIEWS)
    assert chain.read("supportsInterface", OfInterface(interface=interface)) is True


@pytest.mark.parametrize("interface", ["ffffffff", "d9b67a26", "80AC58CD", "", "780e9d63"])
def test_no_other_interface_is_claimed(chain: SmallChain, interface: str) -> None:
    assert set(ERC) == INTERFACES
    assert chain.read("supportsInterface", OfInterface(interface=interface)) is False
