"""How calls of `authority` and `did` are drawn."""

from msgspec.structs import replace

from chain.did import BaseDocument, Rotation, ServiceChange
from contracts.access import SetSwitch
from contracts.accounts import AddAccount, AddAccounts, JoinDid, NewAccount, UpdateAccountState
from contracts.authority import CrossPlatformApproval, OfFunction, SyncPlatformDID
from contracts.did import NewDid, Rotate, SetService
from tests.contracts.model.dice import Dice, Draw, NothingThere
from tests.contracts.model.gates import EVERYDAY, FIRST_LIST, LISTED, ROLES
from tests.contracts.model.state import NO_DID, Account, Call, World

BAD_KEY = b"\x05" * 33
ACCOUNTS_ENOUGH = 400


def _new_did(dice: Dice) -> BaseDocument:
    others = sorted(dice.world.chains - {dice.world.chain})
    home = "nowhere" if dice.slips() else dice.world.chain if dice.often(0.7) else dice.pick(others)
    base = dice.people.new_did(home)
    if dice.slips():
        base = BaseDocument(home=home, authentication=base.authentication, recovery=BAD_KEY)
    return base


def proven(dice: Dice, base: BaseDocument) -> NewDid:
    """The document with its key's signature."""
    signature = dice.signature(base.authentication, ("create", base.home, base.did))
    return NewDid(base=base, signature=signature)


def _joined(dice: Dice, address: bytes, key: bytes, did: bytes, base: BaseDocument | None) -> tuple[int, bytes]:
    """Sequence and signature by which a DID takes an account; `base` where the chain does not know it yet."""
    document = dice.world.documents.get(did)
    if document is None:
        sequence, signer = 0, base.authentication if base is not None else dice.people.new_did_key()
    else:
        sequence, signer = document.sequence, document.authentication
    if dice.slips():
        sequence += 1
    return sequence, dice.signature(signer, ("join", dice.world.chain, did, sequence, address, key))


def _key_and_address(dice: Dice) -> tuple[bytes, bytes]:
    key, address = dice.people.new_account()
    if dice.slips():
        return BAD_KEY, address
    if dice.slips():
        return key, dice.stranger() if dice.world.names_chosen else dice.people.new_account()[1]
    if dice.slips():
        old = dice.account(*ROLES)
        return old.key, old.address
    return key, address


def _possession(dice: Dice, address: bytes, key: bytes) -> bytes:
    """The key's signature over the name that was chosen; unread where nothing is chosen."""
    if not dice.world.names_chosen or key == BAD_KEY:
        return bytes(64) if dice.often(0.1) else b""
    return dice.signature(key, ("register", dice.world.chain, address, key))


def new_account(dice: Dice, leader: bytes | None, role: str) -> NewAccount:
    """Somebody new, of a DID that is new, or has accounts already, or of none yet."""
    key, address = _key_and_address(dice)
    base, document = None, None
    if dice.often(0.15) if role == "consumer" else dice.slips():
        did = NO_DID
        if dice.slips():
            document = proven(dice, _new_did(dice))
        signature = dice.draw_bytes(64) if dice.slips() else b""
        return _account(dice, address, key, leader, did, (0, signature), document)
    if dice.often(0.5):
        did = dice.pick(list(dice.world.documents))
    else:
        base = _new_did(dice)
        did, document = base.did, None if dice.slips() else proven(dice, base)
    if dice.slips():
        document = proven(dice, dice.people.new_did(dice.world.chain))
    return _account(dice, address, key, leader, did, _joined(dice, address, key, did, base), document)


def _account(
    dice: Dice,
    address: bytes,
    key: bytes,
    leader: bytes | None,
    did: bytes,
    joined: tuple[int, bytes],
    document: NewDid | None,
) -> NewAccount:
    return NewAccount(
        address=address,
        public_key=key,
        possession=_possession(dice, address, key),
        leader=leader,
        did=did,
        did_sequence=joined[0],
        did_signature=joined[1],
        document=document,
    )


def _room(dice: Dice) -> None:
    if len(dice.world.accounts) > ACCOUNTS_ENOUGH and dice.mistake is None and dice.often(0.9):
        raise NothingThere


def add_by_owner(dice: Dice, contract: str, method: str) -> Call:
    _room(dice)
    role = {"addOperator": "operator", "addCrossChain": "cross-chain", "addRelayer": "relayer"}[method]
    leader = dice.draw_bytes(20) if dice.slips() else None
    item = new_account(dice, leader, role)
    if leader is None and item.did != NO_DID and dice.often(0.3):
        item = replace(item, leader=item.did)
    return Call(contract, method, dice.sender("owner"), AddAccount(item=item))


def _batch(dice: Dice, items: list[NewAccount]) -> AddAccounts:
    if dice.slips():
        items = [*items, items[0]]
    return AddAccounts(items=tuple(items))


def add_by_platform(dice: Dice, contract: str, method: str) -> Call:
    _room(dice)
    platform = dice.account("platform")
    count = dice.number(1, 4) if "Batch" in method else 1
    items = []
    for _ in range(count):
        leader = dice.draw_bytes(20) if dice.slips() else platform.did if dice.often(0.5) else None
        items.append(new_account(dice, leader, "consumer"))
    arguments = _batch(dice, items) if "Batch" in method else AddAccount(item=items[0])
    return Call(contract, method, dice.caller(platform.address, "platform"), arguments)


def add_by_operator(dice: Dice, contract: str, method: str) -> Call:
    _room(dice)
    count = dice.number(1, 4) if "Batch" in method else 1
    items = []
    for _ in range(count):
        platform = dice.often(0.25) and len(dice.world.platforms) < 20
        leader = None if platform else dice.pick(sorted(dice.world.platforms))
        if dice.slips():
            leader = dice.draw_bytes(20)
        items.append(new_account(dice, leader, "platform" if leader is None else "consumer"))
    arguments = _batch(dice, items) if "Batch" in method else AddAccount(item=items[0])
    return Call(contract, method, dice.sender("operator"), arguments)


def join_did(dice: Dice, contract: str, method: str) -> Call:
    wanting = [dice.world.accounts[address] for address in dice.index.dids.get(NO_DID, [])]
    wanting = [account for account in wanting if account.did == NO_DID]
    account = dice.pick(wanting)
    if dice.slips():
        account = dice.account("consumer", good=lambda one: one.did != NO_DID)
    did = dice.draw_bytes(20) if dice.slips() else dice.pick(list(dice.world.documents))
    address = dice.stranger() if dice.slips() else account.address
    sequence, signature = _joined(dice, account.address, account.key, did, None)
    arguments = JoinDid(address=address, did=did, did_sequence=sequence, did_signature=signature)
    return Call(contract, method, _answering(dice, account), arguments)


def _answering(dice: Dice, account: Account) -> bytes:
    """The account itself, the platform that leads it or an operator; or one that has nothing to do with it."""
    if dice.slips():
        return dice.account("consumer", "platform", good=lambda one: one.did != account.leader).address
    way = dice.number(0, 2)
    if way == 0 and account.active:
        return dice.caller(account.address, *EVERYDAY)
    if way == 1:
        return dice.caller(dice.account("platform", good=lambda one: one.did == account.leader).address, *EVERYDAY)
    return dice.sender("operator")


def _is_last(dice: Dice, account: Account) -> bool:
    """Whether too much would stand still without it."""
    others = [dice.world.accounts[address] for address in dice.index.roles[account.role]]
    return sum(one.active for one in others) < 2


def update_account_state(dice: Dice, contract: str, method: str) -> Call:
    frozen = [account for account in dice.world.accounts.values() if not account.active]
    if len(frozen) > 4 + len(dice.world.accounts) // 12 and dice.often(0.9):
        account, active = dice.pick(frozen), True
    elif dice.world.rebinds and dice.often(0.15):
        account, active = dice.world.accounts[dice.pick(list(dice.world.rebinds.values())).to], False
    else:
        account, active = dice.account(*ROLES, good=lambda one: not _is_last(dice, one)), False
    platform_flag = dice.often(0.4) if active is False else not account.platform_active
    if dice.slips():
        active = account.platform_active if platform_flag else account.operator_active
    address = dice.stranger() if dice.slips() else account.address
    sender = dice.sender("operator")
    if account.role == "consumer" and platform_flag and dice.often(0.6):
        sender = dice.caller(
            dice.account("platform", good=lambda one: one.did == account.leader).address, "platform", "operator"
        )
    if dice.slips():
        sender = dice.account("platform").address
    if dice.slips():
        sender = address = dice.account("operator").address
    arguments = UpdateAccountState(address=address, active=active, platform_flag=platform_flag)
    return Call(contract, method, sender, arguments)


def set_switch(dice: Dice, contract: str, method: str) -> Call:
    switch = {
        ("authority", "setSwitcherStateOfPlatform"): "platforms-add",
        ("authority", "setSwitcherStateOfBatch"): "batch-accounts",
        ("charge", "setSwitcherStateOfBatch"): "batch-recharges",
    }[contract, method]
    on = dice.world.on(switch) if dice.slips() else not dice.world.on(switch)
    return Call(contract, method, dice.sender("operator"), SetSwitch(on=on))


def sync_platform_did(dice: Dice, contract: str, method: str) -> Call:
    if len(dice.world.platforms) > 16 and dice.often(0.8):
        dids = dice.some(sorted(dice.world.platforms), 1, 3)
    else:
        dids = dice.some(list(dice.world.documents), 1, 2)
    if dice.slips():
        dids.append(dice.draw_bytes(20))
    return Call(contract, method, dice.sender("operator"), SyncPlatformDID(dids=tuple(dids)))


def cross_platform_approval(dice: Dice, contract: str, method: str) -> Call:
    issuer, to = dice.some(sorted(dice.world.platforms), 2, 2)
    approved = (issuer, to) not in dice.world.approvals
    if dice.slips():
        approved = not approved
    if dice.slips():
        to = issuer
    if dice.slips():
        to = dice.draw_bytes(20)
    arguments = CrossPlatformApproval(issuer=issuer, to=to, approved=approved)
    return Call(contract, method, dice.sender("operator"), arguments)


def missing_functions(world: World) -> list[tuple[str, str, str]]:
    """What the first list had and the present one has not: role, contract, method."""
    functions = world.functions
    return [
        (role, contract, method)
        for (role, contract), methods in FIRST_LIST.items()
        for method in methods
        if method not in functions[role, contract]
    ]


def add_function(dice: Dice, contract: str, method: str) -> Call:
    of = dice.pick(sorted(LISTED))
    role, listed = dice.pick(ROLES), dice.pick(sorted(LISTED[of]))
    if dice.often(0.2):
        role, of, listed = dice.pick(EVERYDAY), dice.pick(["ddc721", "ddc1155"]), "crossSafeMint"
    present = [(*key, one) for key, methods in dice.world.functions.items() for one in sorted(methods)]
    if missing_functions(dice.world) and dice.often(0.5):
        role, of, listed = dice.pick(missing_functions(dice.world))
    if dice.slips():
        role, of, listed = dice.pick(present)
    if dice.slips():
        of, listed = dice.pick([("ddc721", "pause"), ("charge", "recharge"), ("storage", "mint"), ("nothing", "mint")])
    arguments = OfFunction(role=ROLES.index(role), contract=of, method=listed)
    return Call(contract, method, dice.sender("operator"), arguments)


def del_function(dice: Dice, contract: str, method: str) -> Call:
    present = [(*key, one) for key, methods in dice.world.functions.items() for one in sorted(methods)]
    added = [(role, of, one) for role, of, one in present if one not in FIRST_LIST.get((role, of), ())]
    role, of, listed = dice.pick(added if added and dice.often(0.9) else present)
    if dice.slips():
        role, listed = (
            dice.pick([key[0] for key in dice.world.functions if key[1] == of]),
            dice.pick(sorted(LISTED[of])),
        )
    if dice.slips():
        role = dice.pick([role for role in ROLES if (role, of) not in dice.world.functions] or [role])
    if dice.slips():
        of, listed = dice.pick([("ddc721", "pause"), ("charge", "recharge"), ("storage", "mint")])
    arguments = OfFunction(role=ROLES.index(role), contract=of, method=listed)
    return Call(contract, method, dice.sender("operator"), arguments)


def create_did(dice: Dice, contract: str, method: str) -> Call:
    base = _new_did(dice)
    if dice.slips():
        base = dice.pick([known for did, known in dice.people.bases.items() if did in dice.world.documents])
    return Call(contract, method, dice.sender(*ROLES), proven(dice, base))


def _known_did(dice: Dice) -> bytes:
    known = list(dice.world.documents)
    return dice.pick(known[:12]) if dice.often(0.3) else dice.pick(known)


def rotate_did(dice: Dice, contract: str, method: str) -> Call:
    did = _known_did(dice)
    document = dice.world.documents[did]
    sequence = document.sequence + (1 if document.home == dice.world.chain else dice.number(1, 3))
    if dice.slips():
        sequence = document.sequence + (2 if dice.often(0.5) else 0)
    named = dice.draw_bytes(20) if dice.slips() else did
    key = BAD_KEY if dice.slips() else dice.people.new_did_key()
    statement = ("rotate", document.home, named, sequence, key)
    signature = dice.signature(document.recovery, statement)
    possession = bytes(64) if key == BAD_KEY else dice.signature(key, statement)
    rotation = Rotation(did=named, sequence=sequence, authentication=key)
    arguments = Rotate(rotation=rotation, signature=signature, possession=possession)
    return Call(contract, method, dice.sender(*ROLES), arguments)


def set_service(dice: Dice, contract: str, method: str) -> Call:
    documents = dice.world.documents
    at_home = [did for did, document in documents.items() if document.home == dice.world.chain]
    did = dice.pick(at_home[:1] if dice.often(0.4) else at_home)
    if dice.slips():
        did = dice.pick([did for did, document in documents.items() if document.home != dice.world.chain])
    document = documents[did]
    service = (
        dice.pick(list(document.services)) if document.services and dice.often(0.2) else f"service-{dice.number(1, 20)}"
    )
    endpoint = "" if service in document.services and dice.often(0.6) else f"https://example.org/{dice.number(1, 99)}"
    if dice.slips():
        endpoint = document.services.get(service, "")
    if dice.slips():
        service, endpoint = "service-of-a-full-list", "https://example.org/"
    sequence = document.sequence + (2 if dice.slips() else 1)
    named = dice.draw_bytes(20) if dice.slips() else did
    statement = ("service", document.home, named, sequence, service, endpoint)
    signature = dice.signature(document.authentication, statement)
    change = ServiceChange(did=named, sequence=sequence, service=service, endpoint=endpoint)
    return Call(contract, method, dice.sender(*ROLES), SetService(change=change, signature=signature))


AUTHORITY: dict[str, Draw] = {
    **dict.fromkeys(("addOperator", "addCrossChain", "addRelayer"), add_by_owner),
    **dict.fromkeys(("addAccountByPlatform", "addBatchAccountByPlatform"), add_by_platform),
    **dict.fromkeys(("addAccountByOperator", "addBatchAccountByOperator"), add_by_operator),
    "joinDid": join_did,
    "updateAccountState": update_account_state,
    **dict.fromkeys(("setSwitcherStateOfPlatform", "setSwitcherStateOfBatch"), set_switch),
    "syncPlatformDID": sync_platform_did,
    "addFunction": add_function,
    "delFunction": del_function,
    "crossPlatformApproval": cross_platform_approval,
}
DID: dict[str, Draw] = {"create": create_did, "rotate": rotate_did, "setService": set_service}
