"""Refusals that are declared and that no call can meet, each with its reason.

A check that several methods share declares what it may say to any of them.
"""

_ONE = "it takes one, so nothing can be in it twice"
_EVERY_ROLE = "every role may"
_HELD = "an account holds it, and accounts are for ever"
_KNOWN_DID = "a holder's DID was known when the account joined it, and DIDs are for ever"
_LOCK = "an offer cannot be locked, and nothing that was locked is offered"
_NO_UNITS = "an edition alone takes nothing from a quota, and no quota is below nothing"
_NO_REQUIREMENTS = "no class asks for others here: `tests.interop` plays those that do"
_NO_MOVES = "nothing moves to other chains here: `tests.interop.simulation` plays moves"
_ISSUING = (
    "mint", "mintBatch", "safeMint", "safeMintBatch", "crossSafeMint", "mintSigned", "metaMint", "metaSafeMint",
    "metaMintBatch", "metaSafeMintBatch", "reissue", "reissueSigned",
)  # fmt: skip
REASONS: dict[tuple[str, str, str], str] = {
    **{
        ("authority", method, "account-repeats"): _ONE
        for method in ("addOperator", "addCrossChain", "addRelayer", "addAccountByPlatform", "addAccountByOperator")
    },
    **{
        ("ddc721", method, "token-repeats"): _ONE
        for method in ("mint", "safeMint", "crossSafeMint", "metaMint", "metaSafeMint", "reissue", "reissueSigned")
    },
    **{("did", method, "role-not-allowed"): _EVERY_ROLE for method in ("create", "rotate", "setService")},
    ("ddc721", "metaBurn", "holder-unknown"): _HELD,
    ("ddc1155", "metaBurn", "holder-unknown"): _HELD,
    ("ddc1155", "metaBurnBatch", "holder-unknown"): _HELD,
    **{(contract, "requestRebind", "did-unknown"): _KNOWN_DID for contract in ("ddc721", "ddc1155")},
    **{(contract, "decline", "certificate-locked"): _LOCK for contract in ("ddc721", "ddc1155")},
    ("ddc1155", "createEdition", "quota-exceeded"): _NO_UNITS,
    **{("ddc721", method, "requirements-unshown"): _NO_REQUIREMENTS for method in _ISSUING},
    **{(contract, "unlock", "certificate-in-transfer"): _NO_MOVES for contract in ("ddc721", "ddc1155")},
}


def reason_for(contract: str, method: str, code: str) -> str | None:
    """Why the method never refuses with this code; None if it can."""
    return REASONS.get((contract, method, code))
