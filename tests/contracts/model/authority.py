"""The contract `authority`: accounts, switches, platforms and their approvals, the access list."""

from collections.abc import Sequence
from typing import Any

from tests.contracts.model.dids import learn, require_proven
from tests.contracts.model.gates import LISTED, ROLES, sender_of
from tests.contracts.model.state import NO_DID, Account, Call, Rule, World, demand, refuse


def _items(call: Call) -> Sequence[Any]:
    single = getattr(call.arguments, "item", None)
    return call.arguments.items if single is None else (single,)


def _require_addable(world: World, items: Sequence[Any]) -> None:
    """New accounts, whose keys own their addresses and whose DIDs take them."""
    addresses = [item.address for item in items]
    demand(len(set(addresses)) == len(addresses), "account-repeats")
    demand(not world.accounts.keys() & set(addresses), "account-exists")
    for item in items:
        demand(item.public_key in world.facts.addresses, "public-key-malformed")
        _require_own_address(world, item)
    for item in items:
        if item.did == NO_DID:
            demand(item.document is None and not item.did_signature, "did-differs")
        else:
            _require_taken(world, item, item.public_key, item.document)


def _require_own_address(world: World, item: Any) -> None:
    """The address follows from the key; a chosen one is in form, and the key signed that it is its own."""
    if not world.names_chosen:
        demand(world.facts.addresses[item.public_key] == item.address, "address-differs")
        return
    demand(item.address in world.facts.names, "address-malformed")
    statement = ("register", world.chain, item.address, item.public_key)
    demand(world.facts.signed(item.public_key, item.possession, statement), "possession-not-proven")


def _require_taken(world: World, asked: Any, key: bytes, new: Any) -> None:
    """The DID, which is known or proves itself, takes the account: signed by the key that it has at this sequence."""
    if new is not None:
        demand(new.base.did == asked.did, "did-differs")
        require_proven(world, new)
    document = world.documents.get(asked.did)
    if document is None and new is None:
        refuse("did-unknown")
    sequence, signer = (
        (0, new.base.authentication) if document is None else (document.sequence, document.authentication)
    )
    demand(asked.did_sequence == sequence, "did-sequence-wrong")
    statement = ("join", world.chain, asked.did, sequence, asked.address, key)
    demand(world.facts.signed(signer, asked.did_signature, statement), "did-not-signed")


def _add(world: World, item: Any, role: str, leader: bytes) -> None:
    if item.document is not None and item.did not in world.documents:
        learn(world, item.document.base)
    world.accounts[item.address] = Account(item.address, item.public_key, role, item.did, leader)


def _by_owner(world: World, call: Call) -> None:
    sender_of(world, call, "owner")
    (item,) = _items(call)
    demand(item.did != NO_DID, "did-missing")
    demand(item.leader in (None, item.did), "leader-differs")
    _require_addable(world, [item])
    role = {"addOperator": "operator", "addCrossChain": "cross-chain", "addRelayer": "relayer"}[call.method]
    _add(world, item, role, item.did)


def _by_platform(world: World, call: Call) -> None:
    if call.method == "addBatchAccountByPlatform":
        demand(world.on("batch-accounts"), "batches-off")
    sender = sender_of(world, call, "platform")
    demand(world.on("platforms-add"), "platforms-may-not-add")
    demand(all(item.leader in (None, sender.did) for item in _items(call)), "leader-differs")
    _require_addable(world, _items(call))
    for item in _items(call):
        _add(world, item, "consumer", sender.did)


def _by_operator(world: World, call: Call) -> None:
    if call.method == "addBatchAccountByOperator":
        demand(world.on("batch-accounts"), "batches-off")
    sender = sender_of(world, call, "operator")
    items = _items(call)
    demand(all(item.leader is None or item.leader in world.platforms for item in items), "leader-unknown")
    demand(all(item.leader is not None or item.did != NO_DID for item in items), "did-missing")
    _require_addable(world, items)
    for item in items:
        if item.leader is None:
            world.platforms.add(item.did)
            _add(world, item, "platform", sender.did)
        else:
            _add(world, item, "consumer", item.leader)


def _join_did(world: World, call: Call) -> None:
    asked = call.arguments
    sender = sender_of(world, call, "operator", "platform", "consumer")
    account = world.accounts.get(asked.address)
    if account is None:
        refuse("account-unknown")
    leads = sender.role == "platform" and sender.did == account.leader
    demand(leads or sender.role == "operator" or sender is account, "role-not-allowed")
    demand(account.did == NO_DID, "did-joined")
    _require_taken(world, asked, account.key, None)
    account.did = asked.did


def _update_account_state(world: World, call: Call) -> None:
    asked = call.arguments
    account = world.accounts.get(asked.address)
    if account is None:
        refuse("account-unknown")
    sender = sender_of(world, call, "operator", "platform")
    if sender.role == "platform":
        demand(asked.platform_flag, "role-not-allowed")
        demand(account.role == "consumer" and account.leader == sender.did, "role-not-allowed")
    demand(account is not sender, "own-account")
    present = account.platform_active if asked.platform_flag else account.operator_active
    demand(present != asked.active, "no-change")
    if asked.platform_flag:
        account.platform_active = asked.active
    else:
        account.operator_active = asked.active


def _set_switch(world: World, call: Call) -> None:
    switch = {"setSwitcherStateOfPlatform": "platforms-add", "setSwitcherStateOfBatch": "batch-accounts"}[call.method]
    sender_of(world, call, "operator")
    demand(world.on(switch) != call.arguments.on, "no-change")
    world.switches[switch] = call.arguments.on


def _sync_platform_did(world: World, call: Call) -> None:
    sender_of(world, call, "operator")
    demand(world.documents.keys() >= set(call.arguments.dids), "did-unknown")
    world.platforms.update(call.arguments.dids)


def _cross_platform_approval(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "operator")
    demand({asked.issuer, asked.to} <= world.platforms, "leader-unknown")
    demand(asked.issuer != asked.to, "same-platform")
    demand(((asked.issuer, asked.to) in world.approvals) != asked.approved, "no-change")
    world.approvals ^= {(asked.issuer, asked.to)}


def _add_function(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "operator")
    demand(asked.method in LISTED.get(asked.contract, ()), "method-unknown")
    functions = world.functions.get((ROLES[asked.role], asked.contract), set())
    demand(asked.method not in functions, "function-listed")
    world.functions[ROLES[asked.role], asked.contract] = functions | {asked.method}


def _del_function(world: World, call: Call) -> None:
    asked = call.arguments
    sender_of(world, call, "operator")
    demand(asked.method in LISTED.get(asked.contract, ()), "method-unknown")
    functions = world.functions.get((ROLES[asked.role], asked.contract))
    if functions is None:
        refuse("contract-not-listed")
    demand(asked.method in functions, "function-not-listed")
    functions.remove(asked.method)


METHODS: dict[str, Rule] = {
    **dict.fromkeys(("addOperator", "addCrossChain", "addRelayer"), _by_owner),
    **dict.fromkeys(("addAccountByPlatform", "addBatchAccountByPlatform"), _by_platform),
    **dict.fromkeys(("addAccountByOperator", "addBatchAccountByOperator"), _by_operator),
    "joinDid": _join_did,
    "updateAccountState": _update_account_state,
    **dict.fromkeys(("setSwitcherStateOfPlatform", "setSwitcherStateOfBatch"), _set_switch),
    "syncPlatformDID": _sync_platform_did,
    "addFunction": _add_function,
    "delFunction": _del_function,
    "crossPlatformApproval": _cross_platform_approval,
}
