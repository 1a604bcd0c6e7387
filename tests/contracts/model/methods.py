"""The model's contracts by name: a call is refused with a code, or has happened."""

from tests.contracts.model import authority, charge, classes, deposits, dids, editions, issuing, life, rebinds
from tests.contracts.model.state import Call, Refused, Rule, World

TRANSFERS = {
    "ddc721": (
        "transferFrom", "safeTransferFrom", "batchTransferFrom", "safeBatchTransferFrom", "metaTransferFrom",
        "metaSafeTransferFrom", "approve", "setApprovalForAll",
    ),
    "ddc1155": (
        "safeTransferFrom", "safeBatchTransferFrom", "metaSafeTransferFrom", "metaSafeBatchTransferFrom", "setApprovalForAll",
    ),
}  # fmt: skip
"""What would move a certificate: refused whoever calls, whatever is given."""
RULES: dict[str, dict[str, Rule]] = {
    "authority": authority.METHODS,
    "charge": charge.METHODS,
    "classes": classes.METHODS,
    "did": dids.METHODS,
    "ddc721": {**issuing.METHODS, **life.METHODS, **life.METHODS_721, **rebinds.METHODS, **deposits.OWNING},
    "ddc1155": {**life.METHODS, **rebinds.METHODS, **editions.METHODS, **deposits.OWNING},
    "crosschain": deposits.OWNING,
    "mirrors": deposits.OWNING,
    "evidence": {**deposits.EVIDENCE, **deposits.OWNING},
    "storage": {**deposits.STORAGE, **deposits.OWNING},
}


def outcome(world: World, call: Call) -> str:
    """The code with which the call is refused, empty if it has happened."""
    if call.method in TRANSFERS.get(call.contract, ()):
        return "non-transferable"
    rule = RULES.get(call.contract, {}).get(call.method)
    if rule is None:
        return "method-unknown"
    if call.arguments is None:
        return "arguments-malformed"
    try:
        rule(world, call)
    except Refused as refused:
        return refused.code
    return ""
