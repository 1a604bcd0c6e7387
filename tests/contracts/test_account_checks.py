"""The checks of every method that creates, changes or joins an account stand in their order (protocol 15)."""

import pytest
from msgspec.structs import replace

from chain.did import BaseDocument
from contracts.access import NO_DID, find_account, switches_of
from contracts.accounts import AddAccount, AddAccounts, JoinDid, NewAccount, UpdateAccountState
from contracts.did import NewDid
from contracts.keys import account_key, switches_key
from tests.chain.small_genesis import did_base, did_of
from tests.contracts.check_order import Play, Spoil, arguments, assert_order, by, item, sender_frozen
from tests.contracts.small_chain import SmallChain

Spoils = list[tuple[str, Spoil]]
CHAINS = ["wuhan", "zhongyi"]
ABSENT = {
    "wuhan": frozenset({"address-malformed", "possession-not-proven"}),
    "zhongyi": frozenset({"address-differs"}),
}
"""An address is derived or chosen."""
every_form = pytest.mark.parametrize("chain_id", CHAINS)


def with_base(**changed: object) -> Spoil:
    """The document, and the DID with it, is of another base."""

    def spoil(play: Play) -> None:
        base: BaseDocument = replace(did_base("bob"), **changed)
        item(did=base.did, document=NewDid(base=base, signature=bytes(64)))(play)

    return spoil


def switched_off(switch: str) -> Spoil:
    return lambda play: play.chain.write(switches_key(), replace(switches_of(play.chain.records), **{switch: False}))


def exists(play: Play) -> None:
    """There is an account of the first address."""
    alice = play.chain.account("alice")
    assert alice is not None
    play.chain.write(account_key(play.arguments.items[0].address), alice)


def twice(play: Play) -> None:
    """The first account is the second too."""
    play.arguments = AddAccounts(items=(play.arguments.items[0],) * 2)


SENDER: Spoils = [
    ("account-unknown", by("carol")), ("account-frozen", sender_frozen), ("role-not-allowed", by("alice")),
]  # fmt: skip
ADDRESS: dict[str, Spoils] = {
    "wuhan": [("address-differs", item(address=b"elsewhere"))],
    "zhongyi": [("address-malformed", item(address=b"Bob")), ("possession-not-proven", item(possession=bytes(64)))],
}
JOINED: Spoils = [
    ("did-differs", item(document=lambda play: play.chain.new_did("carol"))),
    ("public-key-malformed", with_base(recovery=bytes(33))),
    ("home-unknown", with_base(home="nowhere")),
    ("did-unknown", item(document=None, did=did_of("dave"))),
    ("did-sequence-wrong", item(did_sequence=1)),
    ("did-not-signed", item(did_signature=bytes(64))),
]


def new_and_joined(chain_id: str) -> Spoils:
    """Of an account that is not there yet, whose key owns its address and whose DID signed."""
    return [
        ("account-repeats", twice),
        ("account-exists", exists),
        ("public-key-malformed", item(public_key=bytes(33))),
        *ADDRESS[chain_id],
        *JOINED,
    ]


def adding(chain_id: str, sender: str, method: str) -> Play:
    chain = SmallChain.founded(chain_id)
    new: NewAccount = chain.new_account("bob")
    record = AddAccounts(items=(new,)) if "Batch" in method else AddAccount(item=new)
    return Play(chain, sender, "authority", method, record)


@every_form
@pytest.mark.parametrize("method", ["addOperator", "addCrossChain", "addRelayer"])
def test_the_checks_of_adding_by_the_owner_stand_in_order(chain_id: str, method: str) -> None:
    assert_order(
        lambda: adding(chain_id, "owner", method),
        *SENDER,
        ("did-missing", item(did=NO_DID)),
        ("leader-differs", item(leader=did_of("rival"))),
        *new_and_joined(chain_id)[1:],
        absent=ABSENT[chain_id] | {"account-repeats"},
    )


@every_form
@pytest.mark.parametrize("method", ["addAccountByPlatform", "addBatchAccountByPlatform"])
def test_the_checks_of_adding_by_a_platform_stand_in_order(chain_id: str, method: str) -> None:
    batch = "Batch" in method
    assert_order(
        lambda: adding(chain_id, "platform", method),
        *([("batches-off", switched_off("batch_accounts"))] if batch else []),
        *SENDER,
        ("platforms-may-not-add", switched_off("platforms_add")),
        ("leader-differs", item(leader=did_of("rival"))),
        *new_and_joined(chain_id)[0 if batch else 1 :],
        absent=ABSENT[chain_id] | (frozenset() if batch else {"account-repeats"}),
    )


@every_form
@pytest.mark.parametrize("method", ["addAccountByOperator", "addBatchAccountByOperator"])
def test_the_checks_of_adding_by_an_operator_stand_in_order(chain_id: str, method: str) -> None:
    batch = "Batch" in method
    assert_order(
        lambda: adding(chain_id, "operator", method),
        *([("batches-off", switched_off("batch_accounts"))] if batch else []),
        *SENDER,
        ("leader-unknown", item(leader=did_of("alice"))),
        ("did-missing", item(did=NO_DID)),
        *new_and_joined(chain_id)[0 if batch else 1 :],
        absent=ABSENT[chain_id] | (frozenset() if batch else {"account-repeats"}),
    )


def test_the_checks_of_changing_a_flag_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        record = UpdateAccountState(address=chain.address("alice"), active=False, platform_flag=True)
        return Play(chain, "platform", "authority", "updateAccountState", record)

    def oneself(play: Play) -> None:
        play.sender, play.arguments = "operator", replace(play.arguments, address=play.chain.address("operator"))

    assert_order(
        play,
        ("account-unknown", arguments(address=lambda play: play.chain.address("bob"))),
        ("account-unknown", by("carol")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("alice")),
        ("role-not-allowed", by("rival")),
        ("own-account", oneself),
        ("no-change", arguments(active=True)),
    )


def test_the_checks_of_joining_stand_in_order() -> None:
    def play() -> Play:
        chain = SmallChain.founded()
        new = chain.new_account("bob", did=NO_DID)
        chain.call("platform", "authority", "addAccountByPlatform", AddAccount(item=new))
        signature = chain.joins("alice", new.address, new.public_key)
        record = JoinDid(address=new.address, did=did_of("alice"), did_sequence=0, did_signature=signature)
        return Play(chain, "platform", "authority", "joinDid", record)

    def joined(play: Play) -> None:
        account = find_account(play.chain.records, play.arguments.address)
        assert account is not None
        play.chain.write(account_key(account.address), replace(account, did=did_of("rival")))

    assert_order(
        play,
        ("account-unknown", by("carol")),
        ("account-frozen", sender_frozen),
        ("role-not-allowed", by("owner")),
        ("account-unknown", arguments(address=b"nobody")),
        ("role-not-allowed", by("rival")),
        ("did-joined", joined),
        ("did-unknown", arguments(did=did_of("bob"))),
        ("did-sequence-wrong", arguments(did_sequence=1)),
        ("did-not-signed", arguments(did_signature=bytes(64))),
    )
