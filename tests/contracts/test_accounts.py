"""Who may create and freeze whom, and every refusal of the others (protocol 15)."""

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.profiles import CHAIN_IDS
from chain.transaction import Event
from contracts.access import NO_DID, Account, Switches, is_platform
from contracts.accounts import AddAccount, AddAccounts, NewAccount
from contracts.did import first_document
from contracts.interface import ContractReverted, Role
from contracts.keys import account_key, did_key, platform_key, switches_key
from tests.chain.small_genesis import account_key_pair, did_base, did_of
from tests.contracts.small_chain import SmallChain

BY_OWNER = {"addOperator": Role.OPERATOR, "addCrossChain": Role.CROSS_CHAIN, "addRelayer": Role.RELAYER}
ONE_BY_ONE = {
    **dict.fromkeys(BY_OWNER, "owner"),
    "addAccountByPlatform": "platform",
    "addAccountByOperator": "operator",
}
BATCHES = {"addBatchAccountByPlatform": "platform", "addBatchAccountByOperator": "operator"}
ADDING = ONE_BY_ONE | BATCHES
every_chain = pytest.mark.parametrize("chain_id", CHAIN_IDS)
registered_chain = pytest.mark.parametrize("chain_id", ["zhongyi", "zunyi"])
every_way = pytest.mark.parametrize("method", ADDING)


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


def add(chain: SmallChain, method: str, *items: NewAccount, sender: str | None = None) -> tuple[Event, ...]:
    record = AddAccounts(items=items) if method in BATCHES else AddAccount(item=items[0])
    return chain.call(sender or ADDING[method], "authority", method, record)


def account(chain: SmallChain, person: str = "bob") -> Account:
    found = chain.account(person)
    assert found is not None
    return found


def created(chain: SmallChain, person: str, role: Role, leader: bytes, did: bytes | None = None) -> Account:
    """The account as it is to be."""
    return Account(
        address=chain.address(person),
        public_key=account_key_pair(chain.rules.chain_id, person).public_key,
        role=int(role),
        did=did_of(person) if did is None else did,
        leader=leader,
        platform_active=True,
        operator_active=True,
    )


def added(chain: SmallChain, before: dict[bytes, bytes], *accounts: Account) -> dict[bytes, bytes]:
    """The state with these accounts and their new DIDs and nothing else."""
    documents = {
        did_key(base.did): encode(first_document(base, chain.time - 1_000))
        for base in map(did_base, ("bob", "carol", "dave"))
        if base.did in {account.did for account in accounts}
    }
    return before | documents | {account_key(account.address): encode(account) for account in accounts}


@every_chain
def test_a_platform_creates_a_consumer_with_its_key_and_its_did_on_every_chain(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    before = chain.content()
    events = add(chain, "addAccountByPlatform", chain.new_account())
    values = (chain.address("platform"), chain.address("bob"), int(Role.CONSUMER), did_of("bob"))
    assert events == (Event(contract="authority", name="AddAccount", values=values),)
    bob = created(chain, "bob", Role.CONSUMER, did_of("platform"))
    assert chain.content() == added(chain, before, bob)


@pytest.mark.parametrize("method", BY_OWNER)
@pytest.mark.parametrize("named", [True, False])
def test_the_owner_creates_the_roles_that_lead_themselves(chain: SmallChain, method: str, named: bool) -> None:
    before, role = chain.content(), BY_OWNER[method]
    events = add(chain, method, chain.new_account(leader=did_of("bob") if named else None))
    values = (chain.address("owner"), chain.address("bob"), int(role), did_of("bob"))
    assert events == (Event(contract="authority", name="AddAccount", values=values),)
    assert chain.content() == added(chain, before, created(chain, "bob", role, did_of("bob")))


def test_an_operator_creates_a_platform_which_it_leads_and_registers_its_did(chain: SmallChain) -> None:
    before = chain.content()
    assert not is_platform(chain.records, did_of("bob"))
    events = add(chain, "addAccountByOperator", chain.new_account())
    values = (chain.address("operator"), chain.address("bob"), int(Role.PLATFORM), did_of("bob"))
    assert events == (Event(contract="authority", name="AddAccount", values=values),)
    bob = created(chain, "bob", Role.PLATFORM, did_of("operator"))
    assert chain.content() == added(chain, before, bob) | {platform_key(did_of("bob")): b"\x01"}


def test_an_operator_creates_the_consumer_of_any_platform(chain: SmallChain) -> None:
    before = chain.content()
    add(chain, "addAccountByOperator", chain.new_account(leader=did_of("rival")))
    assert chain.content() == added(chain, before, created(chain, "bob", Role.CONSUMER, did_of("rival")))


def test_a_platform_may_be_created_for_a_did_that_has_accounts(chain: SmallChain) -> None:
    """Another account of the rival, known by a signature of its DID."""
    new = chain.new_account("bob")
    signature = chain.joins("rival", new.address, new.public_key)
    own = replace(new, did=did_of("rival"), did_signature=signature, document=None)
    add(chain, "addAccountByOperator", own)
    assert account(chain) == created(chain, "bob", Role.PLATFORM, did_of("operator"), did_of("rival"))


def test_a_platform_creates_many_consumers_at_once(chain: SmallChain) -> None:
    before = chain.content()
    items = (chain.new_account("bob"), chain.new_account("carol", did=NO_DID), chain.new_account("dave"))
    events = add(chain, "addBatchAccountByPlatform", *items)
    addresses = tuple(map(chain.address, ("bob", "carol", "dave")))
    dids = (did_of("bob"), NO_DID, did_of("dave"))
    values = (chain.address("platform"), addresses, dids)
    assert events == (Event(contract="authority", name="AddBatchAccount", values=values),)
    leader = did_of("platform")
    accounts = [
        created(chain, person, Role.CONSUMER, leader, did)
        for person, did in zip(("bob", "carol", "dave"), dids, strict=True)
    ]
    assert chain.content() == added(chain, before, *accounts)


def test_an_operator_creates_platforms_and_consumers_at_once(chain: SmallChain) -> None:
    before = chain.content()
    items = (chain.new_account("bob"), chain.new_account("carol", leader=did_of("platform"), did=NO_DID))
    events = add(chain, "addBatchAccountByOperator", *items)
    values = (chain.address("operator"), (chain.address("bob"), chain.address("carol")), (did_of("bob"), NO_DID))
    assert events == (Event(contract="authority", name="AddBatchAccount", values=values),)
    platform = created(chain, "bob", Role.PLATFORM, did_of("operator"))
    consumer = created(chain, "carol", Role.CONSUMER, did_of("platform"), NO_DID)
    assert chain.content() == added(chain, before, platform, consumer) | {platform_key(did_of("bob")): b"\x01"}


def test_a_platform_is_no_leader_before_the_batch_that_creates_it_is_through(chain: SmallChain) -> None:
    items = (chain.new_account("bob"), chain.new_account("carol", leader=did_of("bob")))
    with chain.refuses("leader-unknown", did_of("bob")):
        add(chain, "addBatchAccountByOperator", *items)
    add(chain, "addBatchAccountByOperator", items[0])
    add(chain, "addBatchAccountByOperator", items[1])


@pytest.mark.parametrize("method", BATCHES)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_batch_with_one_bad_account_creates_nobody(chain: SmallChain, method: str, place: int) -> None:
    items = [chain.new_account(person, leader=did_of("platform")) for person in ("bob", "carol", "dave")]
    items[place] = replace(items[place], public_key=bytes(33))
    with chain.refuses("public-key-malformed", bytes(33)):
        add(chain, method, *items)


@pytest.mark.parametrize("method", BATCHES)
def test_a_batch_has_one_to_a_hundred_accounts_none_twice(chain: SmallChain, method: str) -> None:
    bob, carol = (chain.new_account(person, leader=did_of("platform")) for person in ("bob", "carol"))
    for items in ((), (bob,) * 101):
        with chain.refuses("arguments-malformed"):
            add(chain, method, *items)
    for items in ((bob, bob), (bob, carol, replace(bob, did=NO_DID)), (bob,) * 100):
        with chain.refuses("account-repeats"):
            add(chain, method, *items)


@every_way
def test_an_account_is_created_once(chain: SmallChain, method: str) -> None:
    new = chain.new_account("bob")
    add(chain, method, new)
    with chain.refuses("account-exists", new.address):
        add(chain, method, new)


def test_platforms_add_nobody_while_they_are_switched_off(chain: SmallChain) -> None:
    chain.write(switches_key(), Switches(platforms_add=False, batch_accounts=True, batch_recharges=True))
    for method in ("addAccountByPlatform", "addBatchAccountByPlatform"):
        with chain.refuses("platforms-may-not-add"):
            add(chain, method, chain.new_account())
    add(chain, "addAccountByOperator", chain.new_account(leader=did_of("platform")))


def test_no_batch_is_taken_while_batches_are_switched_off(chain: SmallChain) -> None:
    chain.write(switches_key(), Switches(platforms_add=True, batch_accounts=False, batch_recharges=True))
    for method in BATCHES:
        with chain.refuses("batches-off", "authority"):
            add(chain, method, chain.new_account())
    add(chain, "addAccountByPlatform", chain.new_account())


@pytest.mark.parametrize("method", [method for method in ADDING if "Operator" not in method or method in BY_OWNER])
def test_nobody_is_put_under_another_s_lead(chain: SmallChain, method: str) -> None:
    for leader in ("rival", "alice", "operator"):
        with chain.refuses("leader-differs", did_of(leader)):
            add(chain, method, chain.new_account(leader=did_of(leader)))


@pytest.mark.parametrize("method", ["addAccountByOperator", "addBatchAccountByOperator"])
@pytest.mark.parametrize("leader", ["operator", "alice", "bob"])
def test_only_a_registered_platform_leads_consumers(chain: SmallChain, method: str, leader: str) -> None:
    with chain.refuses("leader-unknown", did_of(leader)):
        add(chain, method, chain.new_account(leader=did_of(leader)))


@every_way
def test_only_a_consumer_may_have_no_did(chain: SmallChain, method: str) -> None:
    new = chain.new_account(did=NO_DID)
    if "Platform" in method:
        add(chain, method, new)
        return
    with chain.refuses("did-missing", new.address):
        add(chain, method, new)
    if method not in BY_OWNER:
        add(chain, method, replace(new, leader=did_of("rival")))


@every_chain
def test_a_key_not_in_the_form_of_the_chain_is_refused(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    good = chain.new_account()
    for key in (bytes(32), bytes(33), b"\xff" * 32, b"\xff" * 33, b"\x04" + good.public_key[-32:]):
        with chain.refuses("public-key-malformed", key):
            add(chain, "addAccountByPlatform", replace(good, public_key=key))


@pytest.mark.parametrize(
    ("field", "size", "fits"),
    [
        ("public_key", 31, False), ("public_key", 32, True), ("public_key", 33, True), ("public_key", 34, False),
        ("possession", 0, True), ("possession", 64, True), ("possession", 65, False), ("did_signature", 0, True),
        ("did_signature", 64, True), ("did_signature", 65, False), ("did", 19, False), ("did", 21, False),
        ("address", 0, False), ("address", 97, False), ("leader", 19, False),
    ],
)  # fmt: skip
def test_a_field_of_another_size_is_not_read(chain: SmallChain, field: str, size: int, fits: bool) -> None:
    """What has a size that some chain knows is refused for what it is, all else at once."""
    wrong = replace(chain.new_account(), **{field: bytes(size)})
    try:
        add(chain, "addAccountByPlatform", wrong)
    except ContractReverted as refusal:
        code = refusal.code
    else:
        code = ""
    assert (code != "arguments-malformed") is fits


@pytest.mark.parametrize("chain_id", [c for c in CHAIN_IDS if c not in ("zhongyi", "zunyi")])
def test_a_derived_address_follows_from_the_key(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    right = chain.address("bob")
    for wrong in (chain.address("carol"), right[:-1], right + b"\0", right[:-1] + bytes([right[-1] ^ 1])):
        with chain.refuses("address-differs", wrong):
            add(chain, "addAccountByPlatform", chain.new_account(address=wrong))


@registered_chain
@pytest.mark.parametrize("name", [b"x", b"\xff\xfe", b"Bob", b"O=, L=a, C=CN", b"bob1111111111", b"a" * 96])
def test_a_chosen_name_has_the_form_of_the_chain(chain_id: str, name: bytes) -> None:
    chain = SmallChain.founded(chain_id)
    with chain.refuses("address-malformed", name):
        add(chain, "addAccountByPlatform", chain.new_account(address=name))


@registered_chain
def test_a_chosen_name_needs_the_signature_of_its_key(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    good = chain.new_account()
    pair, rules = account_key_pair(chain_id, "bob"), chain.rules
    elsewhere = SmallChain.founded("zunyi" if chain_id == "zhongyi" else "zhongyi").rules
    forged = {
        "nothing": b"",
        "another key": account_key_pair(chain_id, "alice").sign(
            rules.registration_bytes(good.address, good.public_key)
        ),
        "another name": pair.sign(rules.registration_bytes(chain.address("alice"), good.public_key)),
        "another chain": pair.sign(elsewhere.registration_bytes(good.address, good.public_key)),
        "the wrong purpose": pair.sign(rules.transaction_id(encode((good.address, good.public_key)))),
        "a changed bit": good.possession[:-1] + bytes([good.possession[-1] ^ 1]),
        "a cut": good.possession[:-1],
    }
    for possession in forged.values():
        with chain.refuses("possession-not-proven", good.address):
            add(chain, "addAccountByPlatform", replace(good, possession=possession))
    add(chain, "addAccountByPlatform", good)
