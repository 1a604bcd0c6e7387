"""Who revokes, freezes and unfreezes, and which status allows it (protocol 17)."""

import pytest
from msgspec.structs import replace

from chain.transaction import Event
from contracts.access import Role
from contracts.certificate import ChangeStatus
from tests.contracts.small_chain import CLASS, MAY_CHANGE, SmallChain, token

EVENTS = {"revoke": "Revoked", "freeze": "EnterBlacklist", "unfreeze": "ExitBlacklist"}


@pytest.mark.parametrize("method", EVENTS)
def test_a_change_of_status_is_recorded_and_told(chain: SmallChain, method: str) -> None:
    chain.mint()
    if method == "unfreeze":
        chain.change("freeze")
    before = chain.certificate(1)
    assert chain.change(method) == (
        Event(contract="ddc721", name=EVENTS[method], values=(CLASS, token(1), "by-request")),
    )
    after, recorded = chain.certificate(1), {"revoke": 2, "freeze": 1, "unfreeze": 0}[method]
    assert before is not None
    assert after == replace(before, recorded=recorded)


@pytest.mark.parametrize("person", ["operator", "rival"])
def test_whoever_has_no_grant_does_not_revoke(chain: SmallChain, person: str) -> None:
    chain.mint()
    with chain.refuses("not-granted", CLASS):
        chain.change("revoke", sender=person)


@pytest.mark.parametrize("method", ["freeze", "unfreeze"])
def test_only_an_operator_freezes_and_unfreezes(chain: SmallChain, method: str) -> None:
    chain.mint()
    if method == "unfreeze":
        chain.change("freeze")
    with chain.refuses("role-not-allowed", Role.PLATFORM):
        chain.change(method, sender="platform")


@pytest.mark.parametrize("method", EVENTS)
def test_a_holder_a_stranger_and_a_frozen_account_change_nothing(chain: SmallChain, method: str) -> None:
    chain.mint()
    if method == "unfreeze":
        chain.change("freeze")
    with chain.refuses("role-not-allowed", Role.CONSUMER):
        chain.change(method, sender="alice")
    with chain.refuses("account-unknown", chain.address("bob")):
        chain.change(method, sender="bob")
    sender = MAY_CHANGE[method]
    if sender == "platform":
        chain.set_flag(sender, active=False)
        with chain.refuses("account-frozen", chain.address(sender)):
            chain.change(method)


@pytest.mark.parametrize("method", EVENTS)
def test_what_was_never_minted_is_unknown(chain: SmallChain, method: str) -> None:
    with chain.refuses("certificate-unknown", CLASS, token(1)):
        chain.change(method)


def test_a_class_that_is_not_has_nothing_to_revoke(chain: SmallChain) -> None:
    with chain.refuses("class-unknown", "other"):
        arguments = ChangeStatus(class_id="other", token=token(1), reason="by-request")
        chain.call("platform", "ddc721", "revoke", arguments)


@pytest.mark.parametrize(
    ("steps", "method", "names"),
    [
        ((), "unfreeze", ("active", "active")),
        (("freeze",), "freeze", ("frozen", "frozen")),
        (("revoke",), "revoke", ("revoked", "revoked")),
        (("revoke",), "freeze", ("revoked", "frozen")),
        (("revoke",), "unfreeze", ("revoked", "active")),
        (("freeze", "revoke"), "unfreeze", ("revoked", "active")),
    ],
)
def test_a_status_that_forbids_the_change_is_named(
    chain: SmallChain, steps: tuple[str, ...], method: str, names: tuple[str, str]
) -> None:
    chain.mint()
    for step in steps:
        chain.change(step)
    with chain.refuses("status-forbids", *names):
        chain.change(method)


def test_a_frozen_certificate_counts_and_a_revoked_one_does_not(chain: SmallChain) -> None:
    chain.mint(1)
    chain.mint(2)
    chain.change("freeze")
    assert (chain.balance(), chain.supply()) == (2, 2)
    chain.change("revoke")
    assert (chain.balance(), chain.supply()) == (1, 2)
    chain.change("revoke", 2)
    assert (chain.balance(), chain.supply()) == (0, 2)


@pytest.mark.parametrize(
    "reason", ["", "By", "by request", "-by", "because of Alice", "r" * 41, "原因", "by-request\n", "b1"]
)
@pytest.mark.parametrize("method", EVENTS)
def test_a_reason_is_a_code_and_never_prose(chain: SmallChain, method: str, reason: str) -> None:
    chain.mint()
    with chain.refuses("arguments-malformed"):
        arguments = ChangeStatus(class_id=CLASS, token=token(1), reason=reason)
        chain.call(MAY_CHANGE[method], "ddc721", method, arguments)
