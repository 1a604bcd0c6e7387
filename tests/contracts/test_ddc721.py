"""The ERC-721 face: nothing ever changes hands by a call of it (protocol 18)."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chain.codec import encode
from contracts import registry
from contracts.ddc721 import METHODS, TRANSFERS
from contracts.interface import ContractContext, ContractReverted
from contracts.owning import Pause
from tests.contracts.check_order import codes_of
from tests.contracts.small_chain import SmallChain, token

NAMES = [
    "mint", "mintBatch", "safeMint", "safeMintBatch", "crossSafeMint", "mintSigned", "mintRequired", "metaMint", "metaSafeMint",
    "metaMintBatch", "metaSafeMintBatch", "metaBurn", "setURI", "reissue", "reissueSigned", "accept", "decline", "revoke",
    "burn", "freeze", "unfreeze", "lock", "unlock", "setUser", "setAttribute", "requestRebind", "approveRebind", "objectRebind",
    "completeRebind", "pause", "unpause", "setNameAndSymbol",
]  # fmt: skip
EVENTS = {
    "mint": ["Transfer", "Locked", "Issued"],
    "mintBatch": ["TransferBatch", "LockedBatch", "IssuedBatch"],
    "safeMint": ["Transfer", "Locked", "Issued", "MintData"],
    "safeMintBatch": ["TransferBatch", "LockedBatch", "IssuedBatch", "MintData"],
    "crossSafeMint": ["Transfer", "Locked", "Issued", "MintData"],
    "mintSigned": ["TransferBatch", "LockedBatch", "IssuedBatch"],
    "mintRequired": ["Transfer", "Locked", "Issued", "Relied"],
    "metaMint": ["Transfer", "Locked", "Issued", "MintData", "MetaTransfer"],
    "metaSafeMint": ["Transfer", "Locked", "Issued", "MintData", "MetaTransfer"],
    "metaMintBatch": ["TransferBatch", "LockedBatch", "IssuedBatch", "MintData", "MetaTransfer"],
    "metaSafeMintBatch": ["TransferBatch", "LockedBatch", "IssuedBatch", "MintData", "MetaTransfer"],
    "metaBurn": ["Transfer", "Burnt", "MetaTransfer"],
    "reissue": ["Revoked", "Transfer", "Locked", "Issued", "Reissued"],
    "reissueSigned": ["Revoked", "Transfer", "Locked", "Issued", "Reissued"],
    "decline": ["Transfer", "Declined"],
    "burn": ["Transfer", "Burnt"],
}
"""Whose calls tell of more than one thing, in order; what each of the others tells is tested where it is called."""


def test_a_transfer_is_what_the_standards_call_so() -> None:
    assert sorted(TRANSFERS) == sorted([
        "transferFrom", "safeTransferFrom", "batchTransferFrom", "safeBatchTransferFrom", "metaTransferFrom",
        "metaSafeTransferFrom", "approve", "setApprovalForAll",
    ])  # fmt: skip


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
@pytest.mark.parametrize("sender", ["owner", "operator", "platform", "rival", "alice", "bob"])
@pytest.mark.parametrize("paused", [False, True])
def test_a_transfer_is_refused_to_everybody_at_any_time(
    chain: SmallChain, method: str, sender: str, paused: bool
) -> None:
    chain.mint()
    if sender == "platform":
        chain.set_flag("platform", active=False)
    if paused:
        chain.call("owner", "ddc721", "pause", Pause())
    for arguments in (b"", b"\xc1", encode((chain.address("alice"), chain.address("rival"), token(1)))):
        with chain.refuses("non-transferable"):
            chain.call(sender, "ddc721", method, arguments)


@pytest.mark.parametrize("method", TRANSFERS)
def test_a_transfer_has_one_check_and_no_effect_and_costs_nothing(method: str) -> None:
    transfer = METHODS[method]
    assert codes_of(transfer) == [(0, "non-transferable")]
    assert (transfer.price, transfer.events) == (None, ())
    context: Any = object()
    transfer.effect(context, None)


def test_every_method_is_one_of_these() -> None:
    assert sorted(METHODS) == sorted([*NAMES, *TRANSFERS])
    assert {name for name, method in METHODS.items() if method.arguments is None} == set(TRANSFERS)


def test_the_events_of_a_method_are_named_in_their_order() -> None:
    several = {name: list(method.events) for name, method in METHODS.items() if len(method.events) > 1}
    assert several == EVENTS
    assert all(method.events for name, method in METHODS.items() if name in NAMES)


def test_what_is_issued_or_burnt_costs_and_nothing_else_does() -> None:
    paid = {name for name, method in METHODS.items() if method.price is not None}
    assert paid == {name for name in NAMES if "int" in name or "urn" in name} | {"reissue", "reissueSigned"}


def test_a_contract_sees_its_context_and_nothing_else() -> None:
    fields = set(ContractContext.__struct_fields__)
    assert fields == {
        "rules", "records", "contract", "method", "sender", "height", "time", "parent_time", "events", "catalogue",
    }  # fmt: skip
