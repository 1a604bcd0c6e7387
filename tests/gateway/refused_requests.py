"""Requests that never become a transaction: bodies, parameters, keys, names, contents."""

import json
import uuid

import msgspec

from contracts.system import Touch
from gateway.limits import BODY_BYTES_MAX
from gateway.services.bulk import BULK_TRANSACTIONS_MAX
from tests.contracts.small_chain import class_of
from tests.gateway.refusals import (
    CHAIN,
    SCHEMA,
    Request,
    account,
    act,
    case,
    certificate,
    define,
    get,
    mint,
    post,
    post_bytes,
    signed_touch,
)
from tests.gateway.running import RunningNetwork


@case("body-malformed")
def json_that_is_none(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/certificates", b'{"chain": ')


@case("body-malformed")
def json_with_a_member_too_many(network: RunningNetwork) -> Request:
    return mint(network, colour="red")


@case("body-malformed")
def no_body_at_all(_network: RunningNetwork) -> Request:
    return Request(method="POST", path="/v1/certificates")


@case("body-malformed")
def half_a_surrogate_pair_as_a_name(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/verify", b'{"id": "\\ud800"}')


@case("bundle-malformed")
def half_a_surrogate_pair_inside_a_bundle(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/verify", b'{"bundle": {"\\udc00": 1}}')


@case("bundle-malformed")
def a_bundle_with_a_number_that_no_json_has(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/verify", b'{"bundle": {"a": NaN}}')


@case("body-malformed")
def neither_an_id_nor_a_bundle(_network: RunningNetwork) -> Request:
    return post("/v1/verify", {})


@case("body-malformed")
def msgpack_that_is_none(_network: RunningNetwork) -> Request:
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", b"\xc1", "application/msgpack")


@case("body-malformed")
def msgpack_of_numbers(_network: RunningNetwork) -> Request:
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", b"\x92\x01\x02", "application/msgpack")


@case("body-malformed")
def msgpack_with_something_behind_it(network: RunningNetwork) -> Request:
    data = msgspec.msgpack.encode([signed_touch(network)]) + b"\x00"
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", data, "application/msgpack")


@case("body-malformed")
def an_empty_bulk(_network: RunningNetwork) -> Request:
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", b"\n", "application/x-ndjson")


@case("body-malformed")
def a_bulk_line_that_is_no_json(network: RunningNetwork) -> Request:
    good = json.dumps(network.signed_record(CHAIN, "alice", ("system", "touch"), Touch()))
    data = f"{good}\n{{".encode()
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", data, "application/x-ndjson")


@case("too-many-transactions")
def a_bulk_of_too_many(_network: RunningNetwork) -> Request:
    data = msgspec.msgpack.encode([b""] * (BULK_TRANSACTIONS_MAX + 1))
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", data, "application/msgpack")


@case("body-too-large")
def a_body_that_is_announced_as_too_large(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/certificates", b" " * (BODY_BYTES_MAX + 1))


@case("body-too-large")
def a_body_that_becomes_too_large(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/verify", (b" " * 100_000 for _ in range(11)))


@case("body-too-large")
def a_bulk_that_becomes_too_large(_network: RunningNetwork) -> Request:
    parts = (b" " * 1_000_000 for _ in range(33))
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", parts, "application/x-ndjson")


@case("body-malformed")
def a_file_of_another_type(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/certificates:batch", b"name\na\n", "application/pdf", chain=CHAIN)


@case("parameter-malformed")
def a_file_without_its_class(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/certificates:batch", b"name\na\n", "text/csv", chain=CHAIN)


@case("parameter-malformed")
def a_height_below_zero(_network: RunningNetwork) -> Request:
    return get(f"/v1/chains/{CHAIN}/blocks/-1")


@case("parameter-malformed")
def a_hash_that_is_none(_network: RunningNetwork) -> Request:
    return get(f"/v1/chains/{CHAIN}/transactions/xyz")


@case("parameter-malformed")
def a_cursor_that_is_no_number(_network: RunningNetwork) -> Request:
    return get("/v1/certificates", cursor="next")


@case("parameter-malformed")
def a_time_that_is_none(network: RunningNetwork) -> Request:
    return mint(network, valid_until="tomorrow")


@case("parameter-malformed")
def a_field_to_reveal_that_there_is_not(network: RunningNetwork) -> Request:
    return get(f"/v1/certificates/{certificate(network)['id']}/proof", reveal="colour")


@case("parameter-malformed")
def arguments_that_the_method_does_not_take(network: RunningNetwork) -> Request:
    body = {"sender": network.address(CHAIN, "alice"), "contract": "ddc721", "method": "mint", "arguments": {"a": 1}}
    return post(f"/v1/chains/{CHAIN}/transactions:encode", body)


@case("parameter-malformed")
def no_name_where_names_are_chosen(_network: RunningNetwork) -> Request:
    return account("zhongyi", "platform")


@case("parameter-malformed")
def a_consumer_of_an_operator_that_names_no_platform(_network: RunningNetwork) -> Request:
    return account()


@case("parameter-malformed")
def a_did_that_is_another_tenants(network: RunningNetwork) -> Request:
    return account(tenant="platform", did=network.entry(CHAIN)["accounts"]["operator"]["did"])


@case("body-malformed")
def a_did_signature_without_a_did(_network: RunningNetwork) -> Request:
    return account(did_signature="00" * 64)


@case("not-found")
def a_path_that_there_is_not(_network: RunningNetwork) -> Request:
    return get("/v2/certificates")


@case("method-not-allowed")
def a_method_that_the_path_does_not_take(_network: RunningNetwork) -> Request:
    return Request(method="PUT", path="/v1/certificates")


@case("api-key-missing")
def no_key(network: RunningNetwork) -> Request:
    return mint(network, "nobody")


@case("api-key-unknown")
def an_unknown_key(network: RunningNetwork) -> Request:
    headers = {"Authorization": f"Bearer ck_{'0' * 12}_{'0' * 64}"}
    more = {"json": network.mint_body(CHAIN), "headers": headers}
    return Request(method="POST", path="/v1/certificates", more=more)


@case("key-not-allowed")
def a_mint_with_the_regulators_key(network: RunningNetwork) -> Request:
    return mint(network, "regulator")


@case("key-not-allowed")
def a_revocation_with_the_regulators_key(network: RunningNetwork) -> Request:
    return post(f"/v1/certificates/{certificate(network)['id']}:revoke", {}, "regulator")


@case("idempotency-conflict")
def the_same_key_for_another_mint(network: RunningNetwork) -> Request:
    key = {"Idempotency-Key": str(uuid.uuid4())}
    network.client().post("/v1/certificates", json=network.mint_body(CHAIN), headers=key).raise_for_status()
    return post("/v1/certificates", network.mint_body(CHAIN, uri="https://a.example/"), **key)


# ---- names of things ----


@case("id-malformed")
def an_id_that_is_none(_network: RunningNetwork) -> Request:
    return get("/v1/certificates/seven")


@case("id-malformed")
def a_token_of_another_style(network: RunningNetwork) -> Request:
    return mint(network, token=str(uuid.uuid4()))


@case("certificate-unknown")
def a_certificate_that_there_is_not(network: RunningNetwork) -> Request:
    return get(f"/v1/certificates/{CHAIN}.ddc721.{network.class_of(CHAIN)}.1")


@case("chain-unknown")
def a_chain_that_there_is_not(_network: RunningNetwork) -> Request:
    return get("/v1/chains/atlantis")


@case("chain-unknown")
def a_mint_on_a_chain_that_there_is_not(network: RunningNetwork) -> Request:
    return post("/v1/certificates", network.mint_body(CHAIN) | {"chain": "atlantis"})


@case("class-unknown")
def a_mint_of_an_unknown_class(network: RunningNetwork) -> Request:
    return mint(network, **{"class": "nothing"})


@case("class-unknown")
def a_class_with_a_nul_behind_its_name(network: RunningNetwork) -> Request:
    return mint(network, **{"class": network.class_of(CHAIN) + "\0"})


@case("class-unknown")
def a_file_for_an_unknown_class(_network: RunningNetwork) -> Request:
    return post_bytes("/v1/certificates:batch", b"name\na\n", "text/csv", chain=CHAIN, **{"class": "nothing"})


@case("address-malformed")
def a_holder_that_is_no_address(network: RunningNetwork) -> Request:
    return mint(network, holder="alice")


@case("account-not-found")
def an_account_that_there_is_not(_network: RunningNetwork) -> Request:
    return get(f"/v1/chains/{CHAIN}/accounts/0x{'0' * 40}")


@case("transaction-unknown")
def a_transaction_that_there_is_not(_network: RunningNetwork) -> Request:
    return get(f"/v1/chains/{CHAIN}/transactions/{'0' * 64}")


@case("block-unknown")
def a_block_that_there_is_not(_network: RunningNetwork) -> Request:
    return get(f"/v1/chains/{CHAIN}/blocks/1000000")


@case("job-unknown")
def a_job_that_there_is_not(_network: RunningNetwork) -> Request:
    return get("/v1/jobs/none")


@case("problem-unknown")
def a_problem_that_there_is_not(_network: RunningNetwork) -> Request:
    return get("/v1/problems/none")


# ---- contents, schemas, documents ----


@case("content-invalid")
def a_content_that_does_not_fit_its_class(network: RunningNetwork) -> Request:
    return mint(network, content={"colour": "red"})


@case("content-invalid")
def a_content_with_half_a_surrogate_pair(network: RunningNetwork) -> Request:
    body = network.mint_body(CHAIN)
    name = next(name for name, value in body["content"].items() if isinstance(value, str))
    body["content"] |= {name: "\ud800"}
    return post_bytes("/v1/certificates", json.dumps(body).encode())


@case("schema-malformed")
def a_schema_with_a_keyword_too_many(_network: RunningNetwork) -> Request:
    return define("notes", SCHEMA | {"$ref": "#"})


@case("class-exists")
def a_class_that_is_there_already(network: RunningNetwork) -> Request:
    return define(network.class_of(CHAIN))


@case("rows-invalid")
def a_file_with_a_bad_row(network: RunningNetwork) -> Request:
    data = b"name,@holder\na,nobody\n"
    return post_bytes("/v1/certificates:batch", data, "text/csv", chain=CHAIN, **{"class": network.class_of(CHAIN)})


@case("csv-malformed")
def a_file_with_a_cell_too_few(network: RunningNetwork) -> Request:
    data = b"name,city\na\n"
    return post_bytes("/v1/certificates:batch", data, "text/csv", chain=CHAIN, **{"class": network.class_of(CHAIN)})


@case("document-forbidden")
def a_document_of_somebody_else(network: RunningNetwork) -> Request:
    return get(f"/v1/certificates/{certificate(network)['id']}/proof", "operator", reveal="all")


@case("document-forbidden")
def to_erase_a_document_of_somebody_else(network: RunningNetwork) -> Request:
    return Request(method="DELETE", path=f"/v1/certificates/{certificate(network)['id']}/document", tenant="operator")


@case("document-unknown")
def a_document_that_is_not_kept_here(network: RunningNetwork) -> Request:
    erased = network.mint(CHAIN)["id"]
    assert network.client().delete(f"/v1/certificates/{erased}/document").status_code == 204
    return get(f"/v1/certificates/{erased}/proof", reveal="all")


@case("schema-unknown")
def a_class_whose_schema_is_not_held_here(network: RunningNetwork) -> Request:
    class_id = f"far-{uuid.uuid4().hex[:12]}"
    act(network, "platform", ("classes", "defineClass"), class_of(class_id))
    return mint(network, **{"class": class_id})


@case("read-unknown")
def a_read_that_no_contract_has(_network: RunningNetwork) -> Request:
    return get(f"/v1/chains/{CHAIN}/contracts/ddc721/transfers")
