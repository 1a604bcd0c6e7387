"""The checks that many methods share, each with one name: who calls, and whether the contract runs (protocol 13.4)."""

from typing import Any, Final

from contracts.access import find_account, functions_of, is_paused, require_active
from contracts.interface import Check, ContractContext, ContractReverted, Role, refuses

_KEPT_OUT_BY_PAUSE: Final = frozenset({Role.PLATFORM, Role.CONSUMER})


def sender_is(*roles: Role) -> Check:
    """The caller's account is usable and of one of `roles`, whatever the access list says."""
    allowed = frozenset(roles)

    def test(context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
        account = require_active(context.records, context.sender, unknown="account-unknown", frozen="account-frozen")
        if account.role not in allowed:
            raise ContractReverted("role-not-allowed", account.role)

    says = f"The sender is an active {' or '.join(_word(role) for role in roles)}"
    return Check(says=says, codes=("account-unknown", "account-frozen", "role-not-allowed"), test=test, roles=allowed)


def permitted(*roles: Role) -> Check:
    """The caller's account is usable and the access list has its role, this contract and this method.

    The reference's gate of every business method. `roles` are those of the first state's list.
    """

    def test(context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
        account = require_active(context.records, context.sender, unknown="account-unknown", frozen="account-frozen")
        functions = functions_of(context.records, account.role, context.contract)
        if functions is None:
            raise ContractReverted("contract-not-listed", account.role, context.contract)
        if context.method not in functions:
            raise ContractReverted("method-not-permitted", account.role, context.contract, context.method)

    return Check(
        says="The sender is active, and the access list has its role, the contract and the method",
        codes=("account-unknown", "account-frozen", "contract-not-listed", "method-not-permitted"),
        test=test,
        roles=frozenset(roles),
        listed=True,
    )


@refuses("contract-paused")
def running(context: ContractContext, _arguments: Any) -> None:  # noqa: ANN401 - never looked at
    """The contract is not paused, or the sender is neither platform nor consumer."""
    if is_paused(context.records, context.contract):
        account = find_account(context.records, context.sender)
        if account is None or account.role in _KEPT_OUT_BY_PAUSE:
            raise ContractReverted("contract-paused", context.contract)


def _word(role: Role) -> str:
    return role.name.lower().replace("_", "-")
