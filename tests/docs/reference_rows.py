"""The reference network's contracts (BSN-DDC, version 2.2.1), and what stands here for each of their methods.

`ours` names methods and reads as `contract.name`. A row is `Answer.MOOT` where the method presupposes that a certificate changes
hands; its note then says what is done instead.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Answer(StrEnum):
    """What has become of a row."""

    SAME = "same"
    HOLE_CLOSED = "hole closed"
    """The same, without a gap that the reference has."""
    BUILT_IN = "built in"
    """No method: what it does is part of the program or of the protocol."""
    MOOT = "moot"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the reference: where it has it, what, ours, and what differs."""

    section: str
    theirs: tuple[str, ...]
    ours: tuple[str, ...]
    answer: Answer
    note: str = ""


def _row(section: str, theirs: str, ours: str, answer: Answer, note: str = "") -> Row:
    return Row(section, tuple(theirs.split(", ")), tuple(ours.split()), answer, note)


SAME, CLOSED, BUILT_IN, MOOT = Answer
_REFUSED: Final = "refused with `non-transferable`; instead: rebind to an account of the same DID, or reissue"
_AUTHORITY: Final = (
    _row(
        "authority",
        "addOperator",
        "authority.addOperator",
        SAME,
        "no account names on the chain: a name may be a person's",
    ),
    _row("authority", "addCrossChain", "authority.addCrossChain", SAME),
    _row(
        "authority",
        "addAccountByPlatform",
        "authority.addAccountByPlatform",
        CLOSED,
        "the key, and the DID if there is one, sign",
    ),
    _row("authority", "addBatchAccountByPlatform", "authority.addBatchAccountByPlatform", SAME),
    _row("authority", "addAccountByOperator", "authority.addAccountByOperator", CLOSED, "as by a platform"),
    _row("authority", "addBatchAccountByOperator", "authority.addBatchAccountByOperator", SAME),
    _row("authority", "updateAccountState", "authority.updateAccountState", CLOSED, "nobody freezes itself"),
    _row("authority", "setSwitcherStateOfPlatform", "authority.setSwitcherStateOfPlatform", SAME),
    _row("authority", "setSwitcherStateOfBatch", "authority.setSwitcherStateOfBatch", SAME),
    _row(
        "authority", "switcherStateOfPlatform", "authority.switcherStateOfPlatform authority.switcherStateOfBatch", SAME
    ),
    _row("authority", "syncPlatformDID", "authority.syncPlatformDID", CLOSED, "the DIDs exist"),
    _row("authority", "addFunction", "authority.addFunction", CLOSED, "the method exists and is listed; by name"),
    _row("authority", "delFunction", "authority.delFunction", CLOSED, "the list gets shorter"),
    _row("authority", "getFunctions", "authority.getFunctions", SAME, "an unknown pair is empty"),
    _row(
        "authority",
        "crossPlatformApproval",
        "authority.crossPlatformApproval",
        SAME,
        "of DIDs, to issue; asked by every issue",
    ),
    _row(
        "authority",
        "getAccount",
        "",
        BUILT_IN,
        "the record `Account` with its proof; one that is not there is no operator",
    ),
    _row("authority", "accountAvailable", "authority.accountAvailable", SAME, "false where the reference reverts"),
    _row("authority", "checkAvailableAndRole", "authority.checkAvailableAndRole", SAME, "the same"),
    _row("authority", "hasFunctionPermission", "authority.hasFunctionPermission", SAME),
    _row("authority", "onePlatformCheck", "authority.onePlatformCheck", SAME),
    _row("authority", "crossPlatformCheck", "authority.crossPlatformCheck", SAME, "whether one may issue to the other"),
)
_CHARGE: Final = (
    _row("charge", "recharge", "charge.recharge", CLOSED, "a platform funds only its own consumers, as designed"),
    _row("charge", "rechargeBatch", "charge.rechargeBatch", SAME),
    _row("charge", "selfRecharge", "charge.selfRecharge", CLOSED, "the supply has a limit"),
    _row("charge", "pay", "", BUILT_IN, "taken before the effect of every method with a price; event `Pay`"),
    _row(
        "charge",
        "settlement",
        "charge.settlement",
        CLOSED,
        "also of a contract that was deregistered: its fen are not lost",
    ),
    _row("charge", "setFee", "charge.setFee", CLOSED, "of methods that have a price"),
    _row("charge", "delFee", "charge.delFee", SAME),
    _row("charge", "delDDC", "charge.delDDC", CLOSED, "old fees do not come back with a later `setFee`"),
    _row("charge", "queryFee", "charge.queryFee", SAME),
    _row("charge", "balanceOf", "charge.balanceOf charge.potOf", SAME),
    _row("charge", "balanceOfBatch", "", BUILT_IN, "one request reads up to 64 purses with their proofs"),
    _row("charge", "totalSupply", "charge.totalSupply", SAME),
    _row("charge", "setSwitcherStateOfBatch", "charge.setSwitcherStateOfBatch", SAME),
    _row("charge", "setAuthorityProxyAddress", "", BUILT_IN, "no proxies: the contracts are part of the program"),
)
_DDC721: Final = (
    _row(
        "ddc721",
        "mint",
        "ddc721.mint",
        CLOSED,
        "content root beside the URI; class, grant, validity, platform are checked",
    ),
    _row("ddc721", "safeMint", "ddc721.safeMint", SAME, "the holder accepts, in place of its contract"),
    _row("ddc721", "mintBatch", "ddc721.mintBatch", CLOSED, "1 to 100, never none"),
    _row("ddc721", "safeMintBatch", "ddc721.safeMintBatch", CLOSED, "the same"),
    _row("ddc721", "crossSafeMint", "ddc721.crossSafeMint", SAME),
    _row("ddc721", "setURI", "ddc721.setURI", SAME, "by the holder or who issued it"),
    _row(
        "ddc721",
        "approve",
        "ddc721.approve",
        MOOT,
        "refused; who may burn or set the URI follows from class and certificate",
    ),
    _row("ddc721", "setApprovalForAll", "ddc721.setApprovalForAll", MOOT, "the same"),
    _row("ddc721", "transferFrom, safeTransferFrom", "ddc721.transferFrom ddc721.safeTransferFrom", MOOT, _REFUSED),
    _row("ddc721", "freeze", "ddc721.freeze", SAME),
    _row("ddc721", "unFreeze", "ddc721.unfreeze", SAME),
    _row("ddc721", "burn", "ddc721.burn", CLOSED, "never while locked; by ERC-5484; the record stays"),
    _row("ddc721", "lock", "ddc721.lock", SAME),
    _row("ddc721", "unlock", "ddc721.unlock", CLOSED, "frozen ones too, and by an operator"),
    _row("ddc721", "pause", "ddc721.pause", SAME),
    _row("ddc721", "unpause", "ddc721.unpause", SAME),
    _row("ddc721", "setNameAndSymbol", "ddc721.setNameAndSymbol", SAME),
    _row("ddc721", "setChargeProxyAddress, setAuthorityProxyAddress", "", BUILT_IN, "no proxies"),
    _row(
        "ddc721", "setMetaTypeHashArgs, setMetaSeparatorArg", "", BUILT_IN, "computed, not set: a domain and a record"
    ),
    _row("ddc721", "ownerOf", "ddc721.ownerOf", SAME),
    _row("ddc721", "balanceOf", "ddc721.balanceOf", SAME, "per class"),
    _row("ddc721", "getApproved", "ddc721.getApproved", SAME, "nobody"),
    _row("ddc721", "isApprovedForAll", "ddc721.isApprovedForAll", SAME, "false"),
    _row("ddc721", "ddcURI", "ddc721.tokenURI", SAME),
    _row(
        "ddc721", "name, symbol", "ddc721.contractName ddc721.contractSymbol", SAME, "`name` and `symbol` are a class's"
    ),
    _row("ddc721", "getLatestDDCId", "ddc721.getLatestDDCId", SAME, "per class"),
    _row("ddc721", "getNonce", "ddc721.getNonce", SAME),
    _row("ddc721", "paused", "ddc721.paused", SAME),
    _row("ddc721", "supportsInterface", "ddc721.supportsInterface", SAME),
)
_META: Final = (
    _row("meta 721", "metaMint", "ddc721.metaMint", CLOSED, "`data` is signed too; a deadline always"),
    _row("meta 721", "metaSafeMint", "ddc721.metaSafeMint", CLOSED, "the same; who signs has accepted"),
    _row("meta 721", "metaMintBatch", "ddc721.metaMintBatch", CLOSED, "one root over all items"),
    _row("meta 721", "metaSafeMintBatch", "ddc721.metaSafeMintBatch", CLOSED, "the same"),
    _row("meta 721", "metaTransferFrom, metaSafeTransferFrom", "ddc721.metaTransferFrom ddc721.metaSafeTransferFrom", MOOT, _REFUSED),
    _row("meta 721", "metaBurn", "ddc721.metaBurn", SAME),
    _row("meta 1155", "metaSafeMint", "ddc1155.metaSafeMint", CLOSED, "one order of what is signed"),
    _row("meta 1155", "metaSafeMintBatch", "ddc1155.metaSafeMintBatch", CLOSED, "the same"),
    _row(
        "meta 1155", "metaSafeTransferFrom, metaSafeBatchTransferFrom",
        "ddc1155.metaSafeTransferFrom ddc1155.metaSafeBatchTransferFrom", MOOT, _REFUSED,
    ),
    _row("meta 1155", "metaBurn", "ddc1155.metaBurn", SAME),
    _row("meta 1155", "metaBurnBatch", "ddc1155.metaBurnBatch", SAME),
)  # fmt: skip
_DDC1155: Final = (
    _row("ddc1155", "safeMint", "ddc1155.createEdition ddc1155.safeMint", SAME, "an edition once, then a holding for each holder"),
    _row("ddc1155", "crossSafeMint", "ddc1155.crossSafeMint", SAME),
    _row("ddc1155", "safeMintBatch", "ddc1155.safeMintBatch", SAME),
    _row("ddc1155", "setURI", "ddc1155.setURI", CLOSED, "by who issued the edition or defined the class, not by any holder"),
    _row(
        "ddc1155", "safeTransferFrom, safeBatchTransferFrom", "ddc1155.safeTransferFrom ddc1155.safeBatchTransferFrom", MOOT,
        _REFUSED,
    ),
    _row("ddc1155", "setApprovalForAll", "ddc1155.setApprovalForAll", MOOT, "as of ddc721"),
    _row("ddc1155", "burn", "ddc1155.burn", CLOSED, "the event has the amount; of all holders: `withdrawEdition`"),
    _row("ddc1155", "burnBatch", "ddc1155.burnBatch", CLOSED, "the event lists what was burnt"),
    _row("ddc1155", "lock", "ddc1155.lock", SAME, "a holding has one holder"),
    _row("ddc1155", "unlock", "ddc1155.unlock", CLOSED, "frozen ones too"),
    _row("ddc1155", "freeze", "ddc1155.freeze ddc1155.freezeEdition", SAME, "one holding, or the whole edition"),
    _row("ddc1155", "unFreeze", "ddc1155.unfreeze ddc1155.unfreezeEdition", SAME),
    _row("ddc1155", "syncDDCOwners", "", BUILT_IN, "holdings are records: there are no lists to fill in"),
    _row("ddc1155", "ownerOf", "", BUILT_IN, "a holding is found by its holder; the chain keeps no list of them"),
    _row("ddc1155", "pause", "ddc1155.pause", SAME),
    _row("ddc1155", "unpause", "ddc1155.unpause", SAME),
    _row("ddc1155", "balanceOf", "ddc1155.balanceOf", SAME, "0 or 1"),
    _row("ddc1155", "balanceOfBatch", "ddc1155.balanceOfBatch", SAME),
    _row("ddc1155", "ddcURI", "ddc1155.ddcURI", SAME),
    _row("ddc1155", "getLatestDDCId", "ddc1155.getLatestDDCId", SAME),
    _row("ddc1155", "getNonce", "ddc1155.getNonce", SAME),
    _row("ddc1155", "isApprovedForAll", "ddc1155.isApprovedForAll", SAME, "false"),
)  # fmt: skip
_CROSS_CHAIN: Final = (
    _row("cross-chain", "crossChainTransfer", "crosschain.crossChainTransfer", CLOSED, "opened by the holder, for an account of the same DID"),
    _row(
        "cross-chain",
        "updateCrossChainStatus",
        "crosschain.acknowledge crosschain.timeOut",
        CLOSED,
        "by proof of what became of it on the other chain, not by an operator's word; unlock and refund are there",
    ),
    _row(
        "cross-chain",
        "crossChainMint",
        "crosschain.receive ddc721.crossSafeMint ddc1155.crossSafeMint",
        CLOSED,
        "the target checks header, quorum and proof itself; the cross-chain role's own mint is there too",
    ),
    _row(
        "cross-chain",
        "addTargetChainId, deleteTargetChainId, getChainId",
        "crosschain.addTargetChainId crosschain.deleteTargetChainId crosschain.isTarget",
        SAME,
        "for each class, by its definer; every header says its chain",
    ),
    _row(
        "cross-chain",
        "setDDC721Proxy, setDDC1155Proxy, setChargeProxyAddress, setAuthorityProxyAddress",
        "",
        BUILT_IN,
        "no proxies",
    ),
    _row("cross-chain", "setBaseData", "", BUILT_IN, "the genesis document has every chain's first replicas"),
    _row("cross-chain", "states and event of a transfer's record", "crosschain.crossChainTransfer crosschain.getTransfer", CLOSED, "six states, failure with its code"),
    _row("cross-chain", "confirm, cancel", "crosschain.confirm crosschain.cancel", CLOSED, "the reference has neither on the chain"),
)  # fmt: skip
_DEPOSITS: Final = (
    _row("evidence", "setThreshold", "evidence.setThreshold", SAME, "a request keeps that of its beginning"),
    _row("evidence", "configureAuditor", "evidence.configureAuditor", SAME),
    _row("evidence", "createSaveRequest", "evidence.createSaveRequest", SAME, "remarks by their digest alone"),
    _row("evidence", "deleteSaveRequest", "evidence.deleteSaveRequest", SAME),
    _row("evidence", "voteSaveRequest", "evidence.voteSaveRequest", SAME),
    _row("evidence", "getRequestData", "evidence.getRequestData", SAME),
    _row("evidence", "getEvidence", "evidence.getEvidence", SAME),
    _row(
        "evidence",
        "setStatus",
        "evidence.setStatus",
        CLOSED,
        "the owner alone, as its readme says and its code does not",
    ),
    _row(
        "storage",
        "storeData",
        "storage.openFile storage.storeData",
        CLOSED,
        "the digests of all slices are announced first",
    ),
    _row("storage", "deleteData", "storage.deleteData", SAME),
    _row("storage", "queryData", "storage.queryData", SAME),
    _row("storage", "pause", "storage.pause", SAME),
    _row("storage", "unpause", "storage.unpause", SAME),
)
_TRANSFER: Final = (
    _row("moot", "transferFrom, safe and batch forms, meta transfers", "ddc721.transferFrom ddc721.batchTransferFrom ddc721.safeBatchTransferFrom", MOOT,
        "one stable refusal under every name"),
    _row("moot", "approve, setApprovalForAll for transfer", "ddc721.approve ddc721.setApprovalForAll", MOOT, "dropped: refused"),
    _row("moot", "cross-platform approval for transfer", "authority.crossPlatformApproval", MOOT, "to issue to another platform's holders"),
    _row("moot", "1155 partial balances", "ddc1155.createEdition ddc1155.safeMint", MOOT, "one certificate for many holders, amount 1 each"),
    _row("moot", "transfer as key recovery", "ddc721.requestRebind ddc721.approveRebind ddc721.objectRebind ddc721.completeRebind ddc721.reissue ddc721.reissueSigned", MOOT,
        "approved rebind within the DID, or reissue with a link"),
    _row("moot", "transfer as lending", "ddc721.setUser ddc1155.setUser", MOOT, "a user until a time"),
    _row("moot", "transfer as data change", "ddc721.setAttribute ddc1155.setAttribute", MOOT, "attributes, as the class allows"),
    _row("moot", "cross-chain transfer to another person", "mirrors.attest crosschain.crossChainTransfer", MOOT, "a mirror, or a move to an account of the same DID"),
    _row("moot", "document transfer in TRUST", "", MOOT, "the holder hands over a bundle and reveals what it wants; its DID's key signs what it is asked to"),
)  # fmt: skip
_GAPS: Final = (
    _row("gap", "locked id can be burnt", "ddc721.burn ddc1155.burn", CLOSED, "`certificate-locked`"),
    _row("gap", "frozen id blocks rollback", "ddc721.unlock ddc1155.unlock", CLOSED, "unlocking does not ask"),
    _row("gap", "failure state not stored; no cancel, no expiry", "crosschain.acknowledge crosschain.cancel crosschain.timeOut", CLOSED, "stored with its code"),
    _row("gap", "confirmation signature replayable", "crosschain.confirm", CLOSED, "it names network, chains, move, certificate, account, deadline and the DID's sequence"),
    _row("gap", "1155 setURI skips holder check; burn event says 0", "ddc1155.setURI ddc1155.burn", CLOSED),
    _row("gap", "URI not bound to content", "ddc721.mint ddc1155.createEdition", CLOSED, "the content root stands beside the URI"),
)  # fmt: skip
ROWS: Final = (
    *_AUTHORITY, *_CHARGE, *_DDC721, *_META, *_DDC1155, *_CROSS_CHAIN, *_DEPOSITS, *_TRANSFER, *_GAPS,
)  # fmt: skip
