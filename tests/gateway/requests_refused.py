"""One request for every way to be wrong: each is prepared, then sent, and answered by its own problem."""

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

import httpx
import msgspec

from chain.codec import decode, encode
from chain.transaction import SignedTransaction, Transaction
from contracts.access import AddAccount, UpdateAccountState
from contracts.certificate import MintBatch, MintItem
from contracts.classes import DefineClass
from contracts.system import Touch
from gateway.limits import BODY_BYTES_MAX
from gateway.services.bulk import BULK_TRANSACTIONS_MAX
from gateway.services.gateway import now_ms
from tests.gateway.running import RunningNetwork

CHAIN: Final = "taian"
SCHEMA: Final = {
    "title": "Note",
    "x-title-zh": "便条",
    "type": "object",
    "additionalProperties": False,
    "required": [],
    "properties": {"text": {"type": "string", "title": "Text", "x-title-zh": "文字"}},
}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One HTTP request."""

    method: str
    path: str
    tenant: str = "platform"
    more: dict[str, Any] = field(default_factory=dict)

    def send(self, network: RunningNetwork) -> httpx.Response:
        return network.client(self.tenant).request(self.method, self.path, **self.more)


Prepare = Callable[[RunningNetwork], Request]
CASES: Final[dict[str, tuple[str, Prepare]]] = {}
"""Name of the case -> (the problem's code, what prepares the request)."""


def case(code: str) -> Callable[[Prepare], Prepare]:
    """The decorated function prepares a request that is answered by `code`."""

    def keep(prepare: Prepare) -> Prepare:
        CASES[prepare.__name__.replace("_", " ")] = (code, prepare)
        return prepare

    return keep


def get(path: str, tenant: str = "platform", **parameters: Any) -> Request:
    return Request(method="GET", path=path, tenant=tenant, more={"params": parameters})


def post(path: str, body: Any, tenant: str = "platform", **headers: str) -> Request:
    return Request(method="POST", path=path, tenant=tenant, more={"json": body, "headers": headers})


def post_bytes(path: str, data: Any, kind: str = "application/json", **parameters: Any) -> Request:
    more = {"content": data, "headers": {"Content-Type": kind}, "params": parameters}
    return Request(method="POST", path=path, more=more)


def submit(signed: dict[str, str], chain: str = CHAIN) -> Request:
    return post(f"/v1/chains/{chain}/transactions", signed)


def mint(network: RunningNetwork, tenant: str = "platform", chain: str = CHAIN, **changed: Any) -> Request:
    return post("/v1/certificates", network.mint_body(chain, **changed), tenant)


def account(chain: str = CHAIN, **members: Any) -> Request:
    return post("/v1/accounts", {"chain": chain} | members, "operator")


def define(class_id: str, schema: Any = SCHEMA, **changed: Any) -> Request:
    body = {"chain": CHAIN, "class": class_id, "name_en": "Note", "name_zh": "便条", "schema": schema}
    return post("/v1/classes", body | changed)


@cache
def minted(network_id: int, network: "Held") -> dict[str, Any]:
    """One certificate for all cases that only look at it."""
    assert network_id
    return network.network.mint(CHAIN)


@dataclass(frozen=True, eq=False)
class Held:
    """A network as a key of a cache."""

    network: RunningNetwork


_held: dict[int, Held] = {}


def certificate(network: RunningNetwork) -> dict[str, Any]:
    held = _held.setdefault(id(network), Held(network))
    return minted(id(network), held)


@cache
def _carol(held: Held) -> dict[str, Any]:
    """A consumer whom the operator has frozen."""
    network = held.network
    made = network.client("operator").post("/v1/accounts", json={"chain": CHAIN}).json()
    call = UpdateAccountState(
        address=network.rules(CHAIN).addresses.parse(made["address"]), active=False, platform_flag=False
    )
    answer = network.submit(CHAIN, network.signed_record(CHAIN, "operator", ("access", "updateAccountState"), call))
    assert answer.status_code == 200, answer.text
    return dict(made)


def frozen_account(network: RunningNetwork) -> str:
    return str(_carol(_held.setdefault(id(network), Held(network)))["address"])


# ---- the request ----


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
    data = msgspec.msgpack.encode([raw(network)]) + b"\x00"
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
    return account("zhongyi")


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
    return mint(network, **{"chain": "atlantis"})


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
    call = DefineClass(class_id=class_id, name_en="Far", name_zh="远", schema=bytes(32), fields=("name",))
    network.submit(CHAIN, network.signed_record(CHAIN, "platform", ("classes", "defineClass"), call)).raise_for_status()
    return mint(network, **{"class": class_id})


# ---- the transaction ----


def raw(network: RunningNetwork) -> bytes:
    """A signed transaction's bytes."""
    signed = network.signed_record(CHAIN, "alice", ("system", "touch"), Touch())
    parts = {name: bytes.fromhex(text) for name, text in signed.items()}
    return encode(SignedTransaction(**parts))


@case("transaction-malformed")
def a_body_that_is_no_transaction(_network: RunningNetwork) -> Request:
    return submit({"body": "9001", "signature": "00" * 64})


@case("transaction-malformed")
def a_bulk_of_bytes_that_are_no_transaction(network: RunningNetwork) -> Request:
    data = msgspec.msgpack.encode([raw(network), b"\x92\x01\x02"])
    return post_bytes(f"/v1/chains/{CHAIN}/transactions:bulk", data, "application/msgpack")


@case("transaction-too-large")
def a_transaction_that_is_too_large(network: RunningNetwork) -> Request:
    return submit(network.signed_record(CHAIN, "alice", ("ddc721", "approve"), bytes(262_000)))


@case("wrong-chain")
def a_transaction_for_another_chain(network: RunningNetwork) -> Request:
    return submit(network.signed_call("anshun", "alice", "transferFrom", {}))


@case("signature-invalid")
def a_signature_with_one_bit_changed(network: RunningNetwork) -> Request:
    signed = network.signed_call(CHAIN, "alice", "transferFrom", {})
    changed = bytearray(bytes.fromhex(signed["signature"]))
    changed[7] ^= 1
    return submit(signed | {"signature": changed.hex()})


@case("signature-invalid")
def a_signature_of_somebody_else(network: RunningNetwork) -> Request:
    encoded = network.encode(CHAIN, "alice", "transferFrom", {})
    return submit(network.sign(CHAIN, "bob", encoded))


@case("signature-invalid")
def a_signature_for_another_chain(network: RunningNetwork) -> Request:
    signed = network.signed_call(CHAIN, "alice", "transferFrom", {})
    message = network.rules("anshun").transaction_id(bytes.fromhex(signed["body"]))
    return submit(signed | {"signature": network.key_pair(CHAIN, "alice").sign(message).hex()})


@case("transaction-expired")
def a_transaction_that_has_expired(network: RunningNetwork) -> Request:
    return submit(network.signed_call(CHAIN, "alice", "transferFrom", {}, valid_until=now_ms() - 1))


@case("valid-until-too-far")
def a_transaction_that_is_valid_for_too_long(network: RunningNetwork) -> Request:
    return submit(network.signed_call(CHAIN, "alice", "transferFrom", {}, valid_until=now_ms() + 600_000))


@case("account-unknown")
def a_transaction_of_an_unknown_account(network: RunningNetwork) -> Request:
    signed = network.signed_record(CHAIN, "alice", ("system", "touch"), Touch(), sender=bytes(20))
    return submit(signed)


@case("account-frozen")
def a_call_of_a_frozen_account(network: RunningNetwork) -> Request:
    address = frozen_account(network)
    made = network.gateway
    import asyncio

    loop = asyncio.new_event_loop()
    loop.close()
    assert made
    return mint(network, holder=address)


@case("method-unknown")
def a_method_that_there_is_not(network: RunningNetwork) -> Request:
    return submit(network.signed_record(CHAIN, "alice", ("ddc721", "steal"), b"\x90"))


@case("arguments-malformed")
def arguments_that_are_no_record_of_the_method(network: RunningNetwork) -> Request:
    return submit(network.signed_record(CHAIN, "platform", ("ddc721", "mint"), b"\x90"))


@case("touched-recently")
def a_touch_right_after_a_block(network: RunningNetwork) -> Request:
    network.mint("anshun")
    return submit(network.signed_record("anshun", "alice", ("system", "touch"), Touch()), "anshun")


# ---- the contracts ----


def parse(network: RunningNetwork, person: str) -> bytes:
    return network.rules(CHAIN).addresses.parse(network.address(CHAIN, person))


@case("not-granted")
def a_mint_by_an_account_that_was_not_granted(network: RunningNetwork) -> Request:
    return mint(network, "operator")


@case("not-granted")
def a_revocation_by_a_stranger(network: RunningNetwork) -> Request:
    return post(f"/v1/certificates/{certificate(network)['id']}:revoke", {}, "operator")


@case("role-not-allowed")
def a_revocation_by_the_holder(network: RunningNetwork) -> Request:
    token = certificate(network)["token"]
    arguments = {"class_id": network.class_of(CHAIN), "token": token, "reason": "mine"}
    return submit(network.signed_call(CHAIN, "alice", "revoke", arguments))


@case("role-not-allowed")
def a_freeze_by_the_platform(network: RunningNetwork) -> Request:
    return post(f"/v1/certificates/{certificate(network)['id']}:freeze", {})


@case("role-not-allowed")
def a_platform_made_by_a_platform(_network: RunningNetwork) -> Request:
    return post("/v1/accounts", {"chain": CHAIN, "role": "platform"})


@case("status-forbids")
def a_second_revocation(network: RunningNetwork) -> Request:
    made = network.mint(CHAIN)["id"]
    network.client().post(f"/v1/certificates/{made}:revoke").raise_for_status()
    return post(f"/v1/certificates/{made}:revoke", {})


@case("token-exists")
def a_token_id_that_exists(network: RunningNetwork) -> Request:
    return mint(network, token=certificate(network)["token"])


@case("token-repeats")
def a_token_id_twice_in_a_batch(network: RunningNetwork) -> Request:
    item = MintItem(
        token=bytes(16), holder=parse(network, "alice"), content_root=bytes(32), uri="", valid_from=None, valid_until=None
    )
    call = MintBatch(class_id=network.class_of(CHAIN), items=(item, item))
    return submit(network.signed_record(CHAIN, "platform", ("ddc721", "mintBatch"), call))


@case("holder-unknown")
def a_holder_that_there_is_not(network: RunningNetwork) -> Request:
    return mint(network, holder=f"0x{'0' * 40}")


@case("validity-inverted")
def a_certificate_that_ends_before_it_begins(network: RunningNetwork) -> Request:
    return mint(network, valid_from="2031-01-01", valid_until="2030-01-01")


@case("fields-repeat")
def a_class_that_names_a_field_twice(network: RunningNetwork) -> Request:
    call = DefineClass(class_id="twice", name_en="Twice", name_zh="两次", schema=bytes(32), fields=("name", "name"))
    return submit(network.signed_record(CHAIN, "platform", ("classes", "defineClass"), call))


@case("not-class-issuer")
def a_grant_by_somebody_else(network: RunningNetwork) -> Request:
    arguments = {"class_id": network.class_of(CHAIN), "address": network.address(CHAIN, "operator"), "granted": True}
    return submit(network.signed_call(CHAIN, "operator", "setIssuer", arguments, contract="classes"))


@case("no-change")
def a_grant_that_is_there_already(network: RunningNetwork) -> Request:
    arguments = {"class_id": network.class_of(CHAIN), "address": network.address(CHAIN, "platform"), "granted": True}
    return submit(network.signed_call(CHAIN, "platform", "setIssuer", arguments, contract="classes"))


@case("account-exists")
def a_name_that_is_taken(network: RunningNetwork) -> Request:
    return account("zhongyi", address=network.address("zhongyi", "bob"))


@case("public-key-malformed")
def a_public_key_that_is_none(_network: RunningNetwork) -> Request:
    return account(public_key="00" * 33)


@case("address-differs")
def an_address_that_is_not_the_keys(network: RunningNetwork) -> Request:
    return account(address=f"0x{'0' * 40}", public_key=network.key_pair(CHAIN, "alice").public_key.hex())


@case("possession-not-proven")
def a_key_that_did_not_sign_its_name(network: RunningNetwork) -> Request:
    key = network.key_pair("zhongyi", "alice").public_key.hex()
    return account("zhongyi", address="dave11111111", public_key=key, possession="00" * 64)


@case("leader-differs")
def a_platform_led_by_somebody_else(_network: RunningNetwork) -> Request:
    return account(role="platform", leader="0a" * 20)


@case("non-transferable")
def a_transfer_by_the_holder(network: RunningNetwork) -> Request:
    return submit(network.signed_call(CHAIN, "alice", "transferFrom", {}))


assert AddAccount
assert decode
assert Transaction
