"""What ddc1155 answers, from the records alone (protocol 30.4)."""

from typing import Any

import pytest

from chain.codec import Record
from contracts.certificate import Recorded
from contracts.ddc1155 import METHODS, VIEWS
from contracts.ddc1155_views import (
    INTERFACES,
    OfClassOnly,
    OfContractOnly,
    OfEditionId,
    OfHoldingAttribute,
    OfHoldingId,
    OfHoldings,
    OfInterfaceId,
    OfSigner,
    OfTwoAccounts,
)
from contracts.keys import meta_key
from contracts.owning import Pause, SetNameAndSymbol
from tests.contracts.small_chain import CLASS, SmallChain, token
from tests.contracts.small_editions import (
    balance,
    because,
    call,
    create,
    edition_in,
    founded,
    issue,
    mark_edition,
    mark_holding,
    read,
)

ERC = {
    "01ffc9a7": ["supportsInterface(bytes4)"],
    "d9b67a26": [
        "safeTransferFrom(address,address,uint256,uint256,bytes)",
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
        "balanceOf(address,uint256)", "balanceOfBatch(address[],uint256[])",
        "setApprovalForAll(address,bool)", "isApprovedForAll(address,address)",
    ],
    "0e89341c": ["uri(uint256)"],
    "b45a3c0e": ["locked(uint256)"],
}  # fmt: skip
OF_EDITION = OfEditionId(class_id=CLASS, token=token(1))


@pytest.fixture(params=["wuhan", "zhongyi"])
def chain(request: pytest.FixtureRequest) -> SmallChain:
    """A chain on which alice and carol have holdings of edition 1."""
    return founded(request.param, holders=("alice", "carol"))


def of_holding(chain: SmallChain, holder: str = "alice", number: int = 1) -> OfHoldingId:
    return OfHoldingId(class_id=CLASS, token=token(number), holder=chain.address(holder))


def attribute(chain: SmallChain, name: str, holder: str = "alice") -> Any:
    given = OfHoldingAttribute(class_id=CLASS, token=token(1), holder=chain.address(holder), name=name)
    return read(chain, "getAttribute", given)


@pytest.mark.parametrize("interface", ERC)
def test_an_interface_that_is_claimed_is_there_whole(interface: str) -> None:
    keccak, identifier = founded("wuhan").rules.digest, 0
    for signature in ERC[interface]:
        identifier ^= int.from_bytes(keccak(signature.encode())[:4], "big")
        name = signature.split("(")[0]
        assert name in METHODS or name in VIEWS
    assert f"{identifier:08x}" == interface


def test_exactly_these_interfaces_are_claimed(chain: SmallChain) -> None:
    assert set(ERC) == INTERFACES
    for interface, claimed in [*((known, True) for known in ERC), ("ffffffff", False), ("80ac58cd", False)]:
        assert read(chain, "supportsInterface", OfInterfaceId(interface=interface)) is claimed


def test_a_balance_is_one_for_a_holding_that_counts(chain: SmallChain) -> None:
    assert [balance(chain, holder) for holder in ("alice", "carol", "dave", "bob")] == [1, 1, 0, 0]
    assert balance(chain, "alice", 2) == 0


@pytest.mark.parametrize(
    ("marks", "counts"),
    [
        ({"recorded": int(Recorded.OFFERED)}, 1),
        ({"frozen": True}, 1),
        ({"locked": True}, 1),
        ({"valid_until": 1}, 1),
        ({"recorded": int(Recorded.REVOKED)}, 0),
        ({"recorded": int(Recorded.BURNT)}, 0),
        ({"recorded": int(Recorded.MOVED)}, 0),
    ],
)
def test_a_balance_minds_what_has_ended_not_what_is_suspended(
    chain: SmallChain, marks: dict[str, Any], counts: int
) -> None:
    mark_holding(chain, **marks)
    assert (balance(chain), balance(chain, "carol")) == (counts, 1)


def test_a_withdrawn_edition_leaves_nobody_a_balance_and_a_frozen_one_all(chain: SmallChain) -> None:
    create(chain, 2)
    issue(chain, number=2)
    mark_edition(chain, frozen=True)
    assert (balance(chain), balance(chain, "carol")) == (1, 1)
    call(chain, "platform", "withdrawEdition", because())
    assert (balance(chain), balance(chain, "carol"), balance(chain, number=2)) == (0, 0, 1)


def test_balances_are_told_many_at_once(chain: SmallChain) -> None:
    people, numbers = ("alice", "carol", "dave", "alice", "bob"), (1, 1, 1, 2, 1)
    addresses = tuple(chain.address(person) for person in people)
    given = OfHoldings(class_id=CLASS, holders=addresses, tokens=tuple(token(number) for number in numbers))
    assert read(chain, "balanceOfBatch", given) == b"\1\1\0\0\0"
    assert read(chain, "balanceOfBatch", OfHoldings(class_id=CLASS, holders=(), tokens=())) == b""
    with chain.refuses("lengths-differ", 5, 1):
        read(chain, "balanceOfBatch", OfHoldings(class_id=CLASS, holders=addresses, tokens=(token(1),)))


def test_nobody_ever_acts_for_a_holder(chain: SmallChain) -> None:
    alice, carol = chain.address("alice"), chain.address("carol")
    assert read(chain, "isApprovedForAll", OfTwoAccounts(owner=alice, operator=carol)) is False
    assert read(chain, "isApprovedForAll", OfTwoAccounts(owner=alice, operator=alice)) is False


def test_reads_of_an_edition(chain: SmallChain) -> None:
    mark_edition(chain, uri="https://example.org/1")
    assert [read(chain, name, OF_EDITION) for name in ("uri", "ddcURI")] == ["https://example.org/1"] * 2
    assert (read(chain, "holdingsOf", OF_EDITION), edition_in(chain).holdings) == (2, 2)
    assert read(chain, "locked", OF_EDITION) is True
    mark_holding(chain, recorded=int(Recorded.BURNT))
    assert read(chain, "holdingsOf", OF_EDITION) == 2


@pytest.mark.parametrize("name", ["uri", "ddcURI", "holdingsOf", "locked"])
def test_a_read_of_an_edition_that_is_not_is_refused(chain: SmallChain, name: str) -> None:
    with chain.refuses("edition-unknown", CLASS, token(2)):
        read(chain, name, OfEditionId(class_id=CLASS, token=token(2)))


def test_reads_of_a_holding(chain: SmallChain) -> None:
    assert (read(chain, "userOf", of_holding(chain)), read(chain, "userExpires", of_holding(chain))) == (b"", 0)
    assert attribute(chain, "grade") == ""
    mark_holding(chain, user=chain.address("dave"), user_until=9, attributes=(("grade", "A"),))
    assert read(chain, "userOf", of_holding(chain)) == chain.address("dave")
    assert read(chain, "userExpires", of_holding(chain)) == 9
    assert (attribute(chain, "grade"), attribute(chain, "level")) == ("A", "")
    assert (read(chain, "userOf", of_holding(chain, "carol")), attribute(chain, "grade", "carol")) == (b"", "")


@pytest.mark.parametrize("name", ["userOf", "userExpires", "getAttribute"])
def test_a_read_of_a_holding_that_is_not_is_refused(chain: SmallChain, name: str) -> None:
    dave = chain.address("dave")
    given: Record = of_holding(chain, "dave")
    if name == "getAttribute":
        given = OfHoldingAttribute(class_id=CLASS, token=token(1), holder=dave, name="grade")
    with chain.refuses("holding-unknown", CLASS, token(1), dave):
        read(chain, name, given)


def test_reads_of_a_class(chain: SmallChain) -> None:
    create(chain, 2)
    assert read(chain, "totalSupply", OfClassOnly(class_id=CLASS)) == 2
    assert read(chain, "getLatestDDCId", OfClassOnly(class_id=CLASS)) == token(1)
    issue(chain, number=2)
    call(chain, "platform", "withdrawEdition", because(2))
    assert read(chain, "totalSupply", OfClassOnly(class_id=CLASS)) == 3
    assert read(chain, "getLatestDDCId", OfClassOnly(class_id=CLASS)) == token(2)
    assert read(chain, "totalSupply", OfClassOnly(class_id="other")) == 0
    assert read(chain, "getLatestDDCId", OfClassOnly(class_id="other")) == b""


def test_the_nonce_is_the_contract_s_own(chain: SmallChain) -> None:
    alice = chain.address("alice")
    chain.write(meta_key("ddc721", alice), (7).to_bytes(8, "big"))
    assert read(chain, "getNonce", OfSigner(address=alice)) == 0
    chain.write(meta_key("ddc1155", alice), (3).to_bytes(8, "big"))
    assert read(chain, "getNonce", OfSigner(address=alice)) == 3


def test_reads_of_the_contract(chain: SmallChain) -> None:
    def standing() -> list[object]:
        return [read(chain, name, OfContractOnly()) for name in ("paused", "contractName", "contractSymbol")]

    assert standing() == [False, "", ""]
    call(chain, "owner", "pause", Pause())
    call(chain, "owner", "setNameAndSymbol", SetNameAndSymbol(name="Editions", symbol="ED"))
    assert standing() == [True, "Editions", "ED"]
