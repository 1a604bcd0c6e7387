"""Every method with a kept key and every read with its proof, over REST."""

import uuid
from typing import Any

import pytest

from chain.light_client import Trusted, header_fault
from chain.state import Siblings, StateProof, check
from chain.universal_id import parse_token
from contracts.access import find_account
from contracts.interface import ContractReverted
from contracts.keys import certificate_key
from contracts.registry import VIEWS
from gateway.arguments import read_view_arguments
from tests.gateway.routes.test_ledger import certified_of
from tests.gateway.running import CHAINS, RunningNetwork

pytestmark = pytest.mark.processes
CHAIN = "wenchang"


def path(place: str, chain: str = CHAIN) -> str:
    contract, name = place.split(".")
    return f"/v1/chains/{chain}/contracts/{contract}/{name}"


def answered(
    network: RunningNetwork, tenant: str, place: str, arguments: dict[str, Any], chain: str = CHAIN, **more: Any
) -> dict[str, Any]:
    answer = network.client(tenant).post(path(place, chain), json={"arguments": arguments} | more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def refused(network: RunningNetwork, tenant: str, place: str, arguments: dict[str, Any], **more: Any) -> str:
    answer = network.client(tenant).post(path(place), json={"arguments": arguments} | more)
    assert answer.status_code >= 400
    return str(answer.json()["code"])


def read(network: RunningNetwork, place: str, chain: str = CHAIN, **given: Any) -> dict[str, Any]:
    answer = network.client("nobody").get(path(place, chain), params=given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def named(minted: dict[str, Any]) -> dict[str, Any]:
    return {"class_id": minted["class"], "token": minted["token"]}


class Held:
    """The records of an answer, as a stranger keeps them once they are proven."""

    def __init__(self, network: RunningNetwork, view: dict[str, Any]) -> None:
        rules, genesis = network.rules(view["chain"]), network.genesis
        trusted = Trusted(height=0, time=genesis.document.created_at, membership=genesis.membership)
        certified = certified_of(view["proof"])
        assert header_fault(rules, trusted, certified) is None
        self.values: dict[bytes, bytes | None] = {}
        for record in view["proof"]["records"]:
            key = bytes.fromhex(record["key"])
            value = None if record["value"] is None else bytes.fromhex(record["value"])
            branches = tuple(
                Siblings(places=one["places"], hashes=bytes.fromhex(one["hashes"])) for one in record["branches"]
            )
            proof = StateProof(branches=branches, bucket=bytes.fromhex(record["bucket"]))
            assert check(rules.digest, proof, certified.header.state_root, key=key, value=value)
            self.values[key] = value

    def get(self, key: bytes) -> bytes | None:
        return self.values[key]


@pytest.mark.parametrize("chain", CHAINS)
def test_a_stranger_computes_a_read_again_from_what_is_proven(network: RunningNetwork, chain: str) -> None:
    minted = network.mint(chain)
    view = read(network, "ddc721.ownerOf", chain, **named(minted))
    assert view["value"] == network.address(chain, "alice")
    held, rules = Held(network, view), network.rules(chain)
    given = [("class_id", minted["class"]), ("token", minted["token"])]
    arguments = read_view_arguments(rules, "ddc721", "ownerOf", given)
    assert rules.addresses.format(VIEWS["ddc721", "ownerOf"].read(held, arguments)) == view["value"]  # type: ignore[arg-type]
    latest = read(network, "ddc721.getLatestDDCId", chain, class_id=minted["class"])
    assert latest["value"] == minted["token"]
    assert find_account(Held(network, balance(network, chain)), rules.addresses.parse(view["value"])) is not None


def token_of(network: RunningNetwork, minted: dict[str, Any]) -> bytes:
    return parse_token(network.rules(minted["chain"]).profile.token_id_style, minted["token"])


def balance(network: RunningNetwork, chain: str) -> dict[str, Any]:
    """A read that looks at the account of alice."""
    return read(network, "authority.accountAvailable", chain, address=network.address(chain, "alice"))


def test_a_read_of_several_records_has_them_all_under_one_header(network: RunningNetwork) -> None:
    people = {name: network.address(CHAIN, name) for name in ("alice", "bob")}
    view = read(network, "authority.onePlatformCheck", first=people["alice"], second=people["bob"])
    assert view["value"] is True
    assert len(Held(network, view).values) == 2
    with pytest.raises(ContractReverted):
        VIEWS["did", "home"].read(
            Nothing(), read_view_arguments(network.rules(CHAIN), "did", "home", [("did", "ab" * 20)])
        )


class Nothing:
    """A state without records."""

    def get(self, _key: bytes) -> bytes | None:
        return None


def test_a_read_that_looks_at_nothing_and_one_of_nobody(network: RunningNetwork) -> None:
    view = read(network, "ddc721.supportsInterface", interface="b45a3c0e")
    assert (view["value"], view["proof"]["records"]) == (True, [])
    minted = network.mint(CHAIN)
    assert read(network, "ddc721.getApproved", **named(minted))["value"] is None


@pytest.mark.parametrize("chain", CHAINS)
def test_a_whole_record_is_read_and_proven_and_so_is_that_there_is_none(network: RunningNetwork, chain: str) -> None:
    minted, alice = network.mint(chain), network.address(chain, "alice")
    view = read(network, "state.certificate", chain, **named(minted))
    assert (view["value"]["holder"], view["value"]["token"]) == (alice, minted["token"])
    assert list(Held(network, view).values) == [certificate_key(minted["class"], token_of(network, minted))]
    account = read(network, "state.account", chain, address=alice)
    assert (account["value"]["address"], account["value"]["operator_active"]) == (alice, True)
    assert read(network, "state.class", chain, class_id=minted["class"])["value"]["class_id"] == minted["class"]
    nothing = read(network, "state.auditor", chain, address=alice)
    assert (nothing["value"], list(Held(network, nothing).values.values())) == (None, [None])
    assert read(network, "state.memberships", chain)["value"]["entries"][0]["from_height"] == 0


def test_a_method_is_called_with_the_account_that_is_asked_for(network: RunningNetwork) -> None:
    minted, alice = network.mint(CHAIN), network.address(CHAIN, "alice")
    using = named(minted) | {"holder": None, "user": network.address(CHAIN, "bob"), "until": 4_000_000_000_000}
    assert refused(network, "platform", "ddc721.setUser", using) == "not-holder"
    written = answered(network, "platform", "ddc721.setUser", using, account=alice)
    assert written["receipt"]["events"][0]["name"] == "UpdateUser"
    assert read(network, "ddc721.userOf", **named(minted))["value"] == network.address(CHAIN, "bob")
    assert refused(network, "operator", "ddc721.setUser", using, account=alice) == "key-not-allowed"
    assert refused(network, "nobody", "ddc721.setUser", using) == "api-key-missing"


def test_a_key_for_certain_methods_calls_no_other(network: RunningNetwork) -> None:
    minted = network.mint(CHAIN)
    one = named(minted) | {"holder": None, "reason": "by-the-book"}
    assert refused(network, "regulator", "ddc721.burn", one) == "key-not-allowed"
    assert answered(network, "regulator", "ddc721.freeze", one)["receipt"]["succeeded"]


def test_a_transfer_is_refused_before_its_arguments_are_looked_at(network: RunningNetwork) -> None:
    assert refused(network, "platform", "ddc721.transferFrom", {"to": "anybody"}) == "non-transferable"


def test_a_retry_answers_as_the_first_time(network: RunningNetwork) -> None:
    one = named(network.mint(CHAIN)) | {"holder": None, "reason": "by-the-book"}
    client, key = network.client("operator"), {"Idempotency-Key": str(uuid.uuid4())}
    first, again = (client.post(path("ddc721.freeze"), json={"arguments": one}, headers=key).json() for _ in range(2))
    assert first["transaction"] == again["transaction"]
    other = client.post(path("ddc721.unfreeze"), json={"arguments": one}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-conflict")


@pytest.mark.parametrize(
    ("place", "given", "code"),
    [
        ("ddc721.ownersOf", {}, "read-unknown"),
        ("ddc721.ownerOf", {"class_id": "diploma"}, "parameter-malformed"),
        (
            "ddc721.ownerOf",
            {"class_id": "diploma", "token": "340282366920938463463374607431768211455"},
            "certificate-unknown",
        ),
        ("did.home", {"did": "did:bsn:" + "ab" * 20}, "did-unknown"),
    ],
)
def test_a_read_without_an_answer_says_why(
    network: RunningNetwork, place: str, given: dict[str, str], code: str
) -> None:
    answer = network.client("nobody").get(path(place), params=given)
    assert answer.json()["code"] == code, answer.text


def test_a_call_that_is_not_in_form_says_why(network: RunningNetwork) -> None:
    assert refused(network, "operator", "ddc721.freezes", {}) == "method-unknown"
    assert refused(network, "operator", "ddc721.freeze", {"colour": "red"}) == "parameter-malformed"
    answer = network.client("operator").post(path("ddc721.freeze"), json={"arguments": [], "more": 1})
    assert answer.json()["code"] == "body-malformed"


def test_the_catalogue_lists_every_contract(network: RunningNetwork) -> None:
    listed = network.client("nobody").get("/v1/contracts").json()["contracts"]
    assert {"authority", "charge", "ddc721", "ddc1155", "evidence"} <= {entry["contract"] for entry in listed}
