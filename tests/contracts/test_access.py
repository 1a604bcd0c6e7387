"""Who may create and freeze whom, and every refusal of the others (protocol 15)."""

import pytest
from msgspec.structs import replace

from chain.codec import encode
from chain.profiles import CHAIN_IDS
from chain.transaction import Event
from contracts.access import Account, Role, UpdateAccountState
from contracts.keys import account_key
from tests.chain.small_genesis import account_key_pair, did_of
from tests.contracts.small_chain import SmallChain

every_chain = pytest.mark.parametrize("chain_id", CHAIN_IDS)
registered_chain = pytest.mark.parametrize("chain_id", ["zhongyi", "zunyi"])


@pytest.fixture
def chain() -> SmallChain:
    return SmallChain.founded()


@every_chain
def test_an_account_is_created_on_every_chain_with_its_key(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    bob = chain.address("bob")
    events = chain.call("platform", "access", "addAccount", chain.new_account())
    assert events == (
        Event(contract="access", name="AddAccount", values=(chain.address("platform"), bob, 2, did_of("bob"))),
    )
    expected = Account(
        address=bob,
        public_key=account_key_pair(chain_id, "bob").public_key,
        role=2,
        did=did_of("bob"),
        leader=did_of("platform"),
        platform_active=True,
        operator_active=True,
    )
    assert chain.account("bob") == expected
    assert chain.content()[account_key(bob)] == encode(expected)
    assert expected.active


@pytest.mark.parametrize("role", [Role.CONSUMER, Role.CROSS_CHAIN, Role.RELAYER])
def test_an_operator_creates_any_role_below_it_under_any_leader(chain: SmallChain, role: Role) -> None:
    chain.call("operator", "access", "addAccount", chain.new_account(role=int(role), leader=did_of("rival")))
    account = chain.account("bob")
    assert account is not None
    assert (account.role, account.leader) == (role, did_of("rival"))


def test_an_operator_leads_the_platforms_that_it_creates(chain: SmallChain) -> None:
    with chain.refuses("leader-differs", did_of("platform")):
        chain.call("operator", "access", "addAccount", chain.new_account(role=1))
    chain.call("operator", "access", "addAccount", chain.new_account(role=1, leader=did_of("operator")))
    account = chain.account("bob")
    assert account is not None
    assert account.role == Role.PLATFORM


@pytest.mark.parametrize("role", [Role.PLATFORM, Role.CROSS_CHAIN, Role.RELAYER])
def test_a_platform_creates_consumers_only(chain: SmallChain, role: Role) -> None:
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        chain.call("platform", "access", "addAccount", chain.new_account(role=int(role)))


def test_a_platform_creates_no_consumers_of_another(chain: SmallChain) -> None:
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        chain.call("platform", "access", "addAccount", chain.new_account(leader=did_of("rival")))


def test_a_consumer_creates_nobody(chain: SmallChain) -> None:
    with chain.refuses("role-not-allowed", Role.CONSUMER):
        chain.call("alice", "access", "addAccount", chain.new_account(leader=did_of("alice")))


@pytest.mark.parametrize("role", [0, 5])
def test_no_operator_and_no_unknown_role_is_created(chain: SmallChain, role: int) -> None:
    with chain.refuses("arguments-malformed"):
        chain.call("operator", "access", "addAccount", chain.new_account(role=role))


def test_an_unknown_sender_is_refused(chain: SmallChain) -> None:
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.call("bob", "access", "addAccount", chain.new_account())


@pytest.mark.parametrize("platform_flag", [True, False])
def test_a_sender_frozen_by_either_flag_is_refused_until_it_is_freed(chain: SmallChain, platform_flag: bool) -> None:
    chain.set_flag("platform", active=False, platform_flag=platform_flag)
    with chain.refuses("account-frozen", chain.address("platform")):
        chain.call("platform", "access", "addAccount", chain.new_account())
    chain.set_flag("platform", active=True, platform_flag=platform_flag)
    chain.call("platform", "access", "addAccount", chain.new_account())


@every_chain
def test_a_key_not_in_the_form_of_the_chain_is_refused(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    good = chain.new_account()
    for key in (bytes(32), bytes(33), b"\xff" * 32, b"\xff" * 33, b"\x04" + good.public_key[-32:]):
        with chain.refuses("public-key-malformed", key):
            chain.call("platform", "access", "addAccount", replace(good, public_key=key))


@pytest.mark.parametrize("chain_id", [c for c in CHAIN_IDS if c not in ("zhongyi", "zunyi")])
def test_a_derived_address_follows_from_the_key(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    right = chain.address("bob")
    for wrong in (chain.address("platform"), right[:-1], right + b"\0", right[:-1] + bytes([right[-1] ^ 1])):
        with chain.refuses("address-differs", wrong):
            chain.call("platform", "access", "addAccount", chain.new_account(address=wrong))


@registered_chain
@pytest.mark.parametrize("name", [b"x", b"\xff\xfe", b"Bob", b"O=, L=a, C=CN", b"bob1111111111", b"a" * 96])
def test_a_chosen_name_has_the_form_of_the_chain(chain_id: str, name: bytes) -> None:
    chain = SmallChain.founded(chain_id)
    with chain.refuses("address-malformed", name):
        chain.call("platform", "access", "addAccount", chain.new_account(address=name))


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
            chain.call("platform", "access", "addAccount", replace(good, possession=possession))
    chain.call("platform", "access", "addAccount", good)


@every_chain
def test_an_account_is_created_once(chain_id: str) -> None:
    chain = SmallChain.founded(chain_id)
    chain.call("platform", "access", "addAccount", chain.new_account())
    with chain.refuses("account-exists", chain.address("bob")):
        chain.call("operator", "access", "addAccount", chain.new_account())


def update(chain: SmallChain, person: str, *, active: bool, platform_flag: bool) -> UpdateAccountState:
    return UpdateAccountState(address=chain.address(person), active=active, platform_flag=platform_flag)


@pytest.mark.parametrize("person", ["operator", "platform", "alice"])
@pytest.mark.parametrize("platform_flag", [True, False])
def test_an_operator_sets_either_flag_of_anyone(chain: SmallChain, person: str, platform_flag: bool) -> None:
    before = chain.account(person)
    assert before is not None
    arguments = update(chain, person, active=False, platform_flag=platform_flag)
    events = chain.call("operator", "access", "updateAccountState", arguments)
    flags = (not platform_flag, platform_flag)
    assert events == (Event(contract="access", name="UpdateAccountState", values=(chain.address(person), *flags)),)
    assert chain.account(person) == replace(before, platform_active=flags[0], operator_active=flags[1])


def test_a_flag_is_set_beside_the_other(chain: SmallChain) -> None:
    chain.set_flag("alice", active=False, platform_flag=True)
    chain.set_flag("alice", active=False, platform_flag=False)
    chain.set_flag("alice", active=True, platform_flag=True)
    account = chain.account("alice")
    assert account is not None
    assert (account.platform_active, account.operator_active, account.active) == (True, False, False)
    chain.set_flag("alice", active=True, platform_flag=False)
    freed = chain.account("alice")
    assert freed is not None
    assert freed.active


def test_a_platform_freezes_its_own_consumers_by_its_own_flag(chain: SmallChain) -> None:
    chain.call("platform", "access", "updateAccountState", update(chain, "alice", active=False, platform_flag=True))
    account = chain.account("alice")
    assert account is not None
    assert (account.platform_active, account.operator_active) == (False, True)


@pytest.mark.parametrize(
    ("sender", "person", "platform_flag"),
    [
        ("platform", "alice", False),
        ("rival", "alice", True),
        ("platform", "platform", True),
        ("platform", "operator", True),
        ("platform", "rival", True),
    ],
    ids=["the operator's flag", "another's consumer", "itself", "the operator", "another platform"],
)
def test_a_platform_freezes_nobody_else(chain: SmallChain, sender: str, person: str, platform_flag: bool) -> None:
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        arguments = update(chain, person, active=False, platform_flag=platform_flag)
        chain.call(sender, "access", "updateAccountState", arguments)


@pytest.mark.parametrize("role", [Role.CROSS_CHAIN, Role.RELAYER])
def test_a_platform_freezes_no_other_role_that_names_it_as_leader(chain: SmallChain, role: Role) -> None:
    chain.call("operator", "access", "addAccount", chain.new_account(role=int(role)))
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        chain.call("platform", "access", "updateAccountState", update(chain, "bob", active=False, platform_flag=True))


def test_a_consumer_freezes_nobody(chain: SmallChain) -> None:
    with chain.refuses("role-not-allowed", Role.CONSUMER):
        chain.call("alice", "access", "updateAccountState", update(chain, "alice", active=False, platform_flag=True))


def test_an_unknown_account_is_not_frozen(chain: SmallChain) -> None:
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.set_flag("bob", active=False)


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("platform_flag", [True, False])
def test_a_flag_that_is_so_already_is_refused(chain: SmallChain, active: bool, platform_flag: bool) -> None:
    if not active:
        chain.set_flag("alice", active=False, platform_flag=platform_flag)
    with chain.refuses("no-change", chain.address("alice")):
        chain.set_flag("alice", active=active, platform_flag=platform_flag)


def test_a_frozen_operator_or_platform_freezes_nobody(chain: SmallChain) -> None:
    chain.set_flag("platform", active=False)
    with chain.refuses("account-frozen", chain.address("platform")):
        chain.call("platform", "access", "updateAccountState", update(chain, "alice", active=False, platform_flag=True))


def test_the_roles_have_the_reference_network_s_numbers() -> None:
    assert {role.name: int(role) for role in Role} == {
        "OPERATOR": 0, "PLATFORM": 1, "CONSUMER": 2, "CROSS_CHAIN": 3, "RELAYER": 4,
    }  # fmt: skip
