"""The table beside the reference network is whole, names what exists, and calls moot only what a transfer is needed for."""

import pytest

from contracts.registry import METHODS, VIEWS
from tests.docs.reference_rows import ROWS, Answer

REFERENCE = {
    "authority": """addOperator addCrossChain addAccountByPlatform addBatchAccountByPlatform addAccountByOperator
        addBatchAccountByOperator updateAccountState setSwitcherStateOfPlatform setSwitcherStateOfBatch switcherStateOfPlatform
        syncPlatformDID addFunction delFunction getFunctions crossPlatformApproval getAccount accountAvailable
        checkAvailableAndRole hasFunctionPermission onePlatformCheck crossPlatformCheck""",
    "charge": """recharge rechargeBatch selfRecharge pay settlement setFee delFee delDDC queryFee balanceOf balanceOfBatch
        totalSupply setSwitcherStateOfBatch setAuthorityProxyAddress""",
    "ddc721": """mint safeMint mintBatch safeMintBatch crossSafeMint setURI approve setApprovalForAll transferFrom
        safeTransferFrom freeze unFreeze burn lock unlock pause unpause setNameAndSymbol setChargeProxyAddress
        setAuthorityProxyAddress setMetaTypeHashArgs setMetaSeparatorArg ownerOf balanceOf getApproved isApprovedForAll ddcURI
        name symbol getLatestDDCId getNonce paused supportsInterface""",
    "meta 721": "metaMint metaSafeMint metaMintBatch metaSafeMintBatch metaTransferFrom metaSafeTransferFrom metaBurn",
    "meta 1155": """metaSafeMint metaSafeMintBatch metaSafeTransferFrom metaSafeBatchTransferFrom metaBurn
        metaBurnBatch""",
    "ddc1155": """safeMint crossSafeMint safeMintBatch setURI safeTransferFrom safeBatchTransferFrom burn burnBatch lock unlock
        syncDDCOwners ownerOf balanceOf balanceOfBatch ddcURI getLatestDDCId getNonce isApprovedForAll setApprovalForAll freeze
        unFreeze pause unpause""",
    "cross-chain": """crossChainTransfer updateCrossChainStatus crossChainMint setDDC721Proxy setDDC1155Proxy
        setChargeProxyAddress setAuthorityProxyAddress setBaseData addTargetChainId deleteTargetChainId getChainId confirm
        cancel""",
    "evidence": """setThreshold configureAuditor createSaveRequest deleteSaveRequest voteSaveRequest getRequestData getEvidence
        setStatus""",
    "storage": "storeData deleteData queryData pause unpause",
}
"""The methods and reads of the reference's contracts, by contract."""
TRANSFERS = {
    "transferFrom", "safeTransferFrom", "approve", "setApprovalForAll", "metaTransferFrom", "metaSafeTransferFrom",
    "safeBatchTransferFrom", "metaSafeBatchTransferFrom",
}  # fmt: skip
"""The reference's methods that a certificate that never changes hands has no use for."""
USES_OF_TRANSFER = {
    "transferFrom, safe and batch forms, meta transfers", "approve, setApprovalForAll for transfer",
    "cross-platform approval for transfer", "1155 partial balances", "transfer as key recovery", "transfer as lending",
    "transfer as data change", "cross-chain transfer to another person", "document transfer in TRUST",
}  # fmt: skip
GAPS = {
    "locked id can be burnt", "frozen id blocks rollback", "failure state not stored; no cancel, no expiry",
    "confirmation signature replayable", "1155 setURI skips holder check; burn event says 0", "URI not bound to content",
}  # fmt: skip


def theirs(section: str) -> list[str]:
    """What the rows of a section name of the reference."""
    return [name for row in ROWS if row.section == section for name in row.theirs]


@pytest.mark.parametrize("section", REFERENCE)
def test_every_method_of_the_reference_has_its_row(section: str) -> None:
    named = [name for name in theirs(section) if " " not in name]
    assert sorted(named) == sorted(REFERENCE[section].split())


def test_every_use_of_a_transfer_and_every_gap_has_its_row() -> None:
    assert {", ".join(row.theirs) for row in ROWS if row.section == "moot"} == USES_OF_TRANSFER
    assert {", ".join(row.theirs) for row in ROWS if row.section == "gap"} == GAPS


def test_there_is_no_other_section() -> None:
    assert {row.section for row in ROWS} == {*REFERENCE, "moot", "gap"}


def test_what_is_ours_exists() -> None:
    known = {f"{contract}.{name}" for contract, name in (*METHODS, *VIEWS)}
    named = {name for row in ROWS for name in row.ours}
    assert len(named) > 100
    assert named <= known


def test_what_is_the_same_names_what_does_it() -> None:
    assert all(row.ours for row in ROWS if row.answer in (Answer.SAME, Answer.HOLE_CLOSED))


def test_moot_is_only_what_needs_a_transfer_and_says_what_is_done_instead() -> None:
    moot = [row for row in ROWS if row.answer == Answer.MOOT]
    assert all(row.note for row in moot)
    assert {name for row in moot if row.section != "moot" for name in row.theirs} == TRANSFERS


def test_every_transfer_is_refused_under_its_name() -> None:
    refused = {place for place, method in METHODS.items() if method.arguments is None}
    named = {tuple(name.split(".")) for row in ROWS for name in row.ours}
    assert refused <= named


def test_every_row_has_an_answer_of_now() -> None:
    assert {row.answer for row in ROWS} == set(Answer)
    assert all(row.ours or row.note for row in ROWS)
