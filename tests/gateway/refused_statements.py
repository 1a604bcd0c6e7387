"""Statements that are not made, and drafts that are not drawn: bodies, kinds, keys of others, deadlines, lists."""

from typing import Any

from contracts.classes import SetSignatories
from gateway.services.gateway import now_ms
from tests.gateway.refusals import CHAIN, SCHEMA, Request, act, case, define, post, raw_address
from tests.gateway.running import RunningNetwork

NOBODY = "did:bsn:" + "0a" * 20
SIGNED = "signed-together"


def statement(kind: str, tenant: str = "platform", **members: Any) -> Request:
    return post(f"/v1/chains/{CHAIN}/statements", {"kind": kind} | members, tenant)


def service(network: RunningNetwork, tenant: str = "platform", **changed: Any) -> Request:
    did = network.entry(CHAIN)["accounts"]["alice"]["did"]
    body = {"did": did, "service": "verify", "endpoint": "https://certificates.example/verify"}
    return statement("service-change", tenant, **body | changed)


def item(network: RunningNetwork, person: str = "alice") -> dict[str, Any]:
    named = {"token": "7", "holder": network.address(CHAIN, person), "content_root": "0a" * 32}
    return named | {"uri": "", "valid_from": None, "valid_until": None}


def meta(network: RunningNetwork, tenant: str = "platform", person: str = "alice", **changed: Any) -> Request:
    arguments = {"class_id": network.class_of(CHAIN), "item": item(network, person), "data": ""}
    body = {
        "contract": "ddc721",
        "method": "metaMint",
        "arguments": arguments,
        "signer": network.address(CHAIN, person),
    }
    return statement("meta", tenant, **body | changed)


def issue(network: RunningNetwork, **changed: Any) -> Request:
    """An issue that the operator, and nobody else, may sign."""

    def ask() -> str:
        assert define(SIGNED, SCHEMA).send(network).status_code == 201
        signatories = (raw_address(network, "operator"),)
        named = SetSignatories(class_id=SIGNED, threshold=1, signatories=signatories)
        act(network, "platform", ("classes", "setSignatories"), named)
        return SIGNED

    class_id, deadline = network.once(SIGNED, ask), now_ms() + 60_000
    body = {"class_id": class_id, "items": [item(network)], "deadline": deadline}
    return statement("issue", **body | {"signer": network.address(CHAIN, "alice")} | changed)


@case("body-malformed")
def a_statement_of_no_kind(_network: RunningNetwork) -> Request:
    return statement("promise", did=NOBODY)


@case("body-malformed")
def a_statement_without_a_kind(_network: RunningNetwork) -> Request:
    return post(f"/v1/chains/{CHAIN}/statements", {"did": NOBODY})


@case("body-malformed")
def a_statement_with_a_member_of_another_kind(network: RunningNetwork) -> Request:
    return service(network, recovery="02" + "0a" * 32)


@case("body-malformed")
def a_reissue_without_a_reason(network: RunningNetwork) -> Request:
    return issue(network, supersedes="1")


@case("body-malformed")
def a_statement_of_a_did_that_is_none(network: RunningNetwork) -> Request:
    return service(network, did="did:bsn:0a")


@case("body-malformed")
def a_new_key_that_is_no_hex(network: RunningNetwork) -> Request:
    return statement("rotation", did=network.entry(CHAIN)["accounts"]["alice"]["did"], authentication="02" + "zz" * 32)


@case("body-malformed")
def a_creation_of_no_did(_network: RunningNetwork) -> Request:
    return statement("creation")


@case("body-malformed")
def an_issue_of_more_certificates_than_a_batch_has(network: RunningNetwork) -> Request:
    return issue(network, items=[item(network)] * 101)


@case("body-malformed")
def an_issue_of_no_certificate(network: RunningNetwork) -> Request:
    return issue(network, items=[])


@case("parameter-malformed")
def a_meta_call_for_more_certificates_than_a_batch_has(network: RunningNetwork) -> Request:
    many = {"class_id": network.class_of(CHAIN), "items": [item(network)] * 101, "data": ""}
    return meta(network, method="metaMintBatch", arguments=many)


@case("parameter-malformed")
def a_content_root_that_is_no_hex(network: RunningNetwork) -> Request:
    return issue(network, items=[item(network) | {"content_root": "zz" * 32}])


@case("parameter-malformed")
def a_statement_for_a_call_that_carries_none(network: RunningNetwork) -> Request:
    return meta(network, method="mint")


@case("method-unknown")
def a_statement_for_a_call_that_there_is_not(network: RunningNetwork) -> Request:
    return meta(network, method="metaSteal")


@case("chain-unknown")
def a_statement_on_a_chain_that_there_is_not(network: RunningNetwork) -> Request:
    return post("/v1/chains/atlantis/statements", service(network).more["json"])


@case("api-key-missing")
def a_statement_without_a_key(network: RunningNetwork) -> Request:
    return service(network, "nobody")


@case("did-unknown")
def a_statement_of_a_did_that_the_chain_does_not_know(network: RunningNetwork) -> Request:
    return service(network, did=NOBODY)


@case("key-not-kept")
def a_statement_of_the_did_of_another_tenant(network: RunningNetwork) -> Request:
    alice = network.entry(CHAIN)["accounts"]["alice"]
    return statement("joining", "owner", did=alice["did"], address=alice["address"])


@case("not-home-chain")
def a_service_of_a_did_that_is_at_home_elsewhere(network: RunningNetwork) -> Request:
    return service(network)


@case("key-not-kept")
def a_meta_call_of_the_holder_of_another_tenant(network: RunningNetwork) -> Request:
    return meta(network, "owner")


@case("key-not-kept")
def a_rotation_of_the_did_of_another_tenant(network: RunningNetwork) -> Request:
    return statement("rotation", "owner", did=network.entry(CHAIN)["accounts"]["alice"]["did"])


@case("key-not-allowed")
def a_statement_for_a_method_that_the_key_may_not_call(network: RunningNetwork) -> Request:
    return service(network, "regulator")


@case("not-signatory")
def an_issue_signed_by_who_is_not_asked(network: RunningNetwork) -> Request:
    return issue(network)


@case("signatures-not-asked")
def an_issue_of_a_class_that_asks_for_no_signatures(network: RunningNetwork) -> Request:
    return issue(network, class_id=network.class_of(CHAIN))


@case("deadline-too-far")
def a_meta_call_that_would_be_good_for_years(network: RunningNetwork) -> Request:
    return meta(network, deadline="2099-12-31")


@case("deadline-too-far")
def an_issue_that_would_be_good_for_years(network: RunningNetwork) -> Request:
    return issue(network, deadline=now_ms() + 2 * 86_400_000)


@case("deadline-passed")
def a_meta_call_that_was_good_once(network: RunningNetwork) -> Request:
    return meta(network, deadline=1)


@case("rebind-unknown")
def an_objection_to_no_rebind(network: RunningNetwork) -> Request:
    alice = network.entry(CHAIN)["accounts"]["alice"]
    of = {"contract": "ddc721", "class_id": network.class_of(CHAIN), "token": "7", "holder": alice["address"]}
    return statement("objection", did=alice["did"], **of)


@case("content-invalid")
def a_draft_whose_content_does_not_fit(network: RunningNetwork) -> Request:
    return post("/v1/certificates:draft", network.mint_body(CHAIN, content={"colour": "red"}))


@case("parameter-malformed")
def a_draft_without_a_holder(network: RunningNetwork) -> Request:
    body = network.mint_body(CHAIN)
    del body["holder"]
    return post("/v1/certificates:draft", body)


@case("api-key-missing")
def a_draft_without_a_key(network: RunningNetwork) -> Request:
    return post("/v1/certificates:draft", network.mint_body(CHAIN), "nobody")


@case("document-unknown")
def a_draft_that_was_never_drawn(network: RunningNetwork) -> Request:
    return Request(method="DELETE", path=f"/v1/chains/{CHAIN}/drafts/{network.class_of(CHAIN)}/7")


@case("document-unknown")
def a_draft_of_another_tenant(network: RunningNetwork) -> Request:
    drawn = network.client().post("/v1/certificates:draft", json=network.mint_body(CHAIN)).json()
    path = f"/v1/chains/{CHAIN}/drafts/{drawn['class']}/{drawn['token']}"
    return Request(method="DELETE", path=path, tenant="owner")
