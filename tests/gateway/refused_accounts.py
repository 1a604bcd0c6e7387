"""Accounts, DIDs and the access list: what contracts refuse of them."""

from dataclasses import replace

from msgspec.structs import replace as changed_record

from chain.did import ServiceChange
from contracts.access import NO_DID
from contracts.accounts import AddAccount, AddAccounts, JoinDid, UpdateAccountState
from contracts.authority import CrossPlatformApproval, OfFunction, SetSwitch
from contracts.did import NewDid, SetService
from contracts.interface import Role
from contracts.life import ChangeStatus
from tests.contracts.small_chain import token
from tests.gateway.people import did_of, drawn_pair, new_account, new_did
from tests.gateway.refusals import CHAIN, Request, account, act, call, case, raw_address
from tests.gateway.running import RunningNetwork

UNSIGNED = bytes(64)


def joining(network: RunningNetwork, **changed: object) -> Request:
    """A new consumer that is to join a DID which its client brings."""
    key = drawn_pair(network).public_key.hex()
    return account(tenant="platform", public_key=key, **{"did_signature": "00" * 64} | changed)


def shown_document(document: NewDid) -> dict[str, str]:
    """A document as the API takes it."""
    base = document.base
    keys = {"authentication": base.authentication.hex(), "recovery": base.recovery.hex()}
    return {"home": base.home, **keys, "signature": document.signature.hex()}


@case("account-repeats")
def one_account_twice_in_a_batch(network: RunningNetwork) -> Request:
    item = new_account(network, new_did(), drawn_pair(network))
    return call(network, "platform", ("authority", "addBatchAccountByPlatform"), AddAccounts(items=(item, item)))


@case("did-differs")
def a_did_with_the_document_of_another(network: RunningNetwork) -> Request:
    document = shown_document(new_did().document(network))
    return joining(network, did="0a" * 20, did_document=document)


@case("did-unknown")
def a_did_that_the_chain_does_not_know(network: RunningNetwork) -> Request:
    return joining(network, did="0a" * 20)


@case("did-not-signed")
def a_did_that_did_not_sign(network: RunningNetwork) -> Request:
    return joining(network, did=did_of(network, "alice").did.hex())


@case("did-sequence-wrong")
def a_did_as_it_never_was(network: RunningNetwork) -> Request:
    return joining(network, did=did_of(network, "alice").did.hex(), did_sequence=7)


@case("did-exists")
def a_did_that_is_known_already(network: RunningNetwork) -> Request:
    return call(network, "alice", ("did", "create"), did_of(network, "bob").document(network))


@case("home-unknown")
def a_did_that_is_at_home_nowhere(network: RunningNetwork) -> Request:
    return call(network, "alice", ("did", "create"), new_did("atlantis").document(network))


@case("did-joined")
def a_second_did_for_an_account(network: RunningNetwork) -> Request:
    arguments = JoinDid(
        address=raw_address(network, "alice"), did=did_of(network, "bob").did, did_sequence=0, did_signature=b""
    )
    return call(network, "alice", ("authority", "joinDid"), arguments)


@case("did-missing")
def an_operator_without_a_did(network: RunningNetwork) -> Request:
    item = changed_record(
        new_account(network, new_did(), drawn_pair(network)), did=NO_DID, did_signature=b"", document=None
    )
    return call(network, "owner", ("authority", "addOperator"), AddAccount(item=item))


@case("not-home-chain")
def a_service_set_abroad(network: RunningNetwork) -> Request:
    own = did_of(network, "alice")
    assert own.base.home != CHAIN
    change = ServiceChange(did=own.did, sequence=1, service="verify", endpoint="https://example.org")
    return call(network, "alice", ("did", "setService"), SetService(change=change, signature=UNSIGNED))


@case("services-full")
def a_ninth_service(network: RunningNetwork) -> Request:
    own, place = new_did(), ("did", "setService")
    act(network, "alice", ("did", "create"), own.document(network))
    changes = [
        ServiceChange(did=own.did, sequence=n, service=f"service-{n}", endpoint="https://example.org")
        for n in range(1, 10)
    ]
    signed = [SetService(change=change, signature=own.sign(network, change)) for change in changes]
    for one in signed[:8]:
        act(network, "alice", place, one)
    return call(network, "alice", place, signed[8])


@case("leader-unknown")
def a_consumer_of_a_platform_that_there_is_not(_network: RunningNetwork) -> Request:
    return account(leader="0a" * 20)


@case("same-platform")
def a_platform_that_is_to_issue_to_itself(network: RunningNetwork) -> Request:
    did = did_of(network, "platform").did
    arguments = CrossPlatformApproval(issuer=did, to=did, approved=True)
    return call(network, "operator", ("authority", "crossPlatformApproval"), arguments)


@case("own-account")
def an_operator_that_would_freeze_itself(network: RunningNetwork) -> Request:
    arguments = UpdateAccountState(address=raw_address(network, "operator"), active=False, platform_flag=False)
    return call(network, "operator", ("authority", "updateAccountState"), arguments)


@case("platforms-may-not-add")
def a_consumer_added_while_platforms_may_not(network: RunningNetwork) -> Request:
    place = ("authority", "setSwitcherStateOfPlatform")
    act(network, "operator", place, SetSwitch(on=False))
    return replace(account(tenant="platform"), undo=lambda: act(network, "operator", place, SetSwitch(on=True)))


@case("method-not-permitted")
def a_freeze_by_a_consumer(network: RunningNetwork) -> Request:
    arguments = ChangeStatus(class_id="degree", token=token(1), holder=None, reason="mine")
    return call(network, "alice", ("ddc721", "freeze"), arguments)


@case("contract-not-listed")
def a_burn_by_the_owner_of_the_contracts(network: RunningNetwork) -> Request:
    arguments = ChangeStatus(class_id="degree", token=token(1), holder=None, reason="mine")
    return call(network, "owner", ("ddc721", "burn"), arguments)


@case("function-listed")
def a_method_that_is_listed_already(network: RunningNetwork) -> Request:
    arguments = OfFunction(role=int(Role.OPERATOR), contract="ddc721", method="mint")
    return call(network, "operator", ("authority", "addFunction"), arguments)


@case("function-not-listed")
def a_method_that_is_not_listed(network: RunningNetwork) -> Request:
    arguments = OfFunction(role=int(Role.CONSUMER), contract="ddc721", method="freeze")
    return call(network, "operator", ("authority", "delFunction"), arguments)
