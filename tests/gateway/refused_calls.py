"""Transactions that are refused at the door or by a contract."""

import secrets
from dataclasses import dataclass

import msgspec

from chain.signatures import KeyPair
from contracts.accounts import UpdateAccountState
from contracts.issuing import MintBatch, MintItem
from contracts.system import Touch
from gateway.services.gateway import now_ms
from tests.contracts.small_chain import class_of
from tests.gateway.refusals import (
    CHAIN,
    Request,
    account,
    case,
    certificate,
    mint,
    post,
    post_bytes,
    raw_address,
    signed_touch,
    submit,
)
from tests.gateway.running import RunningNetwork


@dataclass(frozen=True)
class Frozen:
    """An account that the operator has frozen."""

    address: bytes
    pair: KeyPair


def frozen(network: RunningNetwork) -> Frozen:
    """The frozen account of this network."""
    return network.once("frozen", lambda: _freeze(network))


def _freeze(network: RunningNetwork) -> Frozen:
    rules = network.rules(CHAIN)
    pair = rules.scheme.key_pair(secrets.token_bytes(32))
    address = rules.addresses.derive(pair.public_key)
    body = {"chain": CHAIN, "public_key": pair.public_key.hex()}
    network.client().post("/v1/accounts", json=body).raise_for_status()
    call = UpdateAccountState(address=address, active=False, platform_flag=False)
    place = ("authority", "updateAccountState")
    network.submit(CHAIN, network.signed_record(CHAIN, "operator", place, call)).raise_for_status()
    return Frozen(address, pair)


@case("transaction-malformed")
def a_body_that_is_no_transaction(_network: RunningNetwork) -> Request:
    return submit({"body": "9001", "signature": "00" * 64})


@case("transaction-malformed")
def a_bulk_of_bytes_that_are_no_transaction(network: RunningNetwork) -> Request:
    data = msgspec.msgpack.encode([signed_touch(network), b"\x92\x01\x02"])
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
    carol = frozen(network)
    call = class_of("carols")
    place = ("classes", "defineClass")
    return submit(network.signed_record(CHAIN, "alice", place, call, sender=carol.address, pair=carol.pair))


@case("holder-frozen")
def a_mint_to_a_frozen_account(network: RunningNetwork) -> Request:
    return mint(network, holder=network.rules(CHAIN).addresses.format(frozen(network).address))


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


@case("not-granted")
def a_mint_by_an_account_that_was_not_granted(network: RunningNetwork) -> Request:
    return mint(network, "operator")


@case("not-granted")
def a_revocation_by_a_stranger(network: RunningNetwork) -> Request:
    return post(f"/v1/certificates/{certificate(network)['id']}:revoke", {}, "operator")


@case("not-granted")
def a_revocation_by_the_holder(network: RunningNetwork) -> Request:
    token = certificate(network)["token"]
    arguments = {"class_id": network.class_of(CHAIN), "token": token, "reason": "mine"}
    return submit(network.signed_call(CHAIN, "alice", "revoke", arguments))


@case("method-not-permitted")
def a_freeze_by_the_platform(network: RunningNetwork) -> Request:
    return post(f"/v1/certificates/{certificate(network)['id']}:freeze", {})


@case("role-not-allowed")
def a_platform_made_by_a_platform(_network: RunningNetwork) -> Request:
    return post("/v1/accounts", {"chain": CHAIN, "role": "platform"})


@case("certificate-final")
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
        token=bytes(16),
        holder=raw_address(network, "alice"),
        content_root=bytes(32),
        uri="",
        valid_from=None,
        valid_until=None,
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
    call = class_of("twice", fields=("name", "name"))
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
    return account("zhongyi", "platform", address=network.address("zhongyi", "bob"))


@case("public-key-malformed")
def a_public_key_that_is_none(_network: RunningNetwork) -> Request:
    return account(tenant="platform", public_key="00" * 33)


@case("address-differs")
def an_address_that_is_not_the_keys(network: RunningNetwork) -> Request:
    key = network.key_pair(CHAIN, "alice").public_key.hex()
    return account(tenant="platform", address=f"0x{'0' * 40}", public_key=key)


@case("possession-not-proven")
def a_key_that_did_not_sign_its_name(network: RunningNetwork) -> Request:
    key = network.key_pair("zhongyi", "alice").public_key.hex()
    return account("zhongyi", "platform", address="dave11111111", public_key=key, possession="00" * 64)


@case("leader-differs")
def a_platform_led_by_somebody_else(_network: RunningNetwork) -> Request:
    return account(role="platform", leader="0a" * 20)


@case("non-transferable")
def a_transfer_by_the_holder(network: RunningNetwork) -> Request:
    return submit(network.signed_call(CHAIN, "alice", "transferFrom", {}))
