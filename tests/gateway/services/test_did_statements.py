"""What the keys of a DID sign: each signature is taken by the chain for what it was made for, and for nothing else."""

from typing import Any

import pytest

from chain.did import BaseDocument, Creation, Joining, Objection, Rebinding, Rotation, ServiceChange, is_signed
from chain.signatures import KeyPair
from contracts.keys import rebind_key
from gateway.arguments import format_did, parse_did, read_record, show_record
from gateway.services.accounts import create_account
from gateway.services.gateway import Gateway
from gateway.services.signing import Stated
from gateway.vault import DIDS, Tenant, take_did_keys
from tests.chain.small_genesis import did_key_pair, did_of
from tests.contracts.small_chain import item, token
from tests.gateway.memory_network import CLASS, MemoryNetwork
from tests.gateway.services.test_accounts import order
from tests.gateway.services.test_dids import wish
from tests.gateway.statement_play import ALICE, DID_SCHEME, EDITIONS, Stage, define_both, refused, run, signed, state

RECORDS = {
    "creation": Creation,
    "rotation": Rotation,
    "service-change": ServiceChange,
    "joining": Joining,
    "rebinding": Rebinding,
    "objection": Objection,
}
OWN = DID_SCHEME.key_pair(b"o" * 32)
"""A key that its owner keeps."""
SERVICE = {"kind": "service-change", "did": ALICE, "service": "verify", "endpoint": "https://alice.example/verify"}


async def new_did(gateway: Gateway, tenant: Tenant, memory: MemoryNetwork) -> tuple[bytes, Tenant]:
    """A DID that only wuhan knows, whose keys are kept; and the tenant, whose it is."""
    account = (await create_account(gateway, tenant, order("wuhan"), None))[1].account
    return account.did, await memory.tenant(gateway)


def rotation_of(stated: Stated, **changed: str) -> dict[str, Any]:
    """What did.rotate takes."""
    assert stated.signatures is not None
    signatures = {name: signature.hex() for name, signature in stated.signatures.items()}
    return {"rotation": stated.statement} | signatures | changed


async def joins(stage: Stage, gateway: Gateway, tenant: Tenant, did: str = ALICE) -> str:
    """Whether the DID, with the key that it has now, takes an account that has none yet."""
    pair = stage.chain.rules.scheme.key_pair(len(stage.chain.blocks).to_bytes(32, "big"))
    address = stage.chain.rules.addresses.format(stage.chain.rules.addresses.derive(pair.public_key))
    members = {"kind": "joining", "did": did, "address": address, "public_key": pair.public_key.hex()}
    stated = await state(gateway, tenant, members, stage.chain.rules.chain_id)
    new = {
        "address": address, "public_key": pair.public_key.hex(), "possession": "", "leader": None, "document": None,
        "did": did, "did_sequence": stated.statement["sequence"], "did_signature": signed(stated),
    }  # fmt: skip
    return stage.call("platform", "authority.addAccountByPlatform", {"item": new})


def assert_is_its_record(stage: Stage, stated: Stated, key: KeyPair) -> None:
    """The statement is the record of its kind, and the signature is the key's over just that, for that chain."""
    rules = stage.chain.rules
    record: Any = read_record(rules, RECORDS[stated.kind], stated.statement, stated.kind)
    assert show_record(rules, record) == stated.statement | {"kind": show_record(rules, record)["kind"]}
    assert stated.signatures is not None
    assert is_signed(key.public_key, rules.network_id, stated.good_on, record, stated.signatures["signature"])


def test_a_did_is_made_known_on_another_chain_with_what_is_kept(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        did, tenant = await new_did(gateway, tenant, memory)
        stated = await state(gateway, tenant, {"kind": "creation", "did": format_did(did)}, "zhongyi")
        assert (stated.chain_id, stated.good_on, stated.key) == ("zhongyi", "wuhan", "authentication")
        assert stated.statement == {"did": format_did(did)}
        call = {"base": stated.more["base"], "signature": signed(stated)}
        stage = Stage(memory, "zhongyi")
        assert (
            stage.call("rival", "did.create", call | {"base": call["base"] | {"home": "zhongyi"}}) == "did-not-signed"
        )
        assert stage.call("rival", "did.create", call) == ""
        assert stage.document(did).home == "wuhan"
        assert stage.call("rival", "did.create", call) == "did-exists"

    run(memory, play)


def test_a_did_whose_keys_are_its_owners_is_signed_for_by_the_owner(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        base = {"home": "zhongyi", "authentication": OWN.public_key.hex(), "recovery": OWN.public_key.hex()}
        body = {"kind": "creation", "base": base}
        problem = await refused(gateway, tenant, body)
        assert problem.code == "key-not-kept"
        stated = await state(gateway, tenant, body | {"sign": False})
        assert stated.signatures is None
        did = BaseDocument(home="zhongyi", authentication=OWN.public_key, recovery=OWN.public_key).did
        assert stated.signed_by == format_did(did)
        call = {"base": base, "signature": OWN.sign(stated.digest).hex()}
        assert Stage(memory).call("rival", "did.create", call) == ""

    run(memory, play)


def test_a_did_that_nobody_made_here_needs_its_document(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        unknown = {"kind": "creation", "did": "did:bsn:" + "0a" * 20, "sign": False}
        problem = await refused(gateway, tenant, unknown)
        assert (problem.code, "give 'base'" in problem.sentence) == ("parameter-malformed", True)
        for neither_nor in ({"kind": "creation"}, {"kind": "creation", "did": ALICE, "base": _base()}):
            assert (await refused(gateway, tenant, neither_nor)).code == "body-malformed"

    run(memory, play)


def _base() -> dict[str, str]:
    return {"home": "wuhan", "authentication": OWN.public_key.hex(), "recovery": OWN.public_key.hex()}


def test_a_rotation_to_a_drawn_key_is_taken_at_home_and_elsewhere(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        home, other = Stage(memory), Stage(memory, "zhongyi")
        for sequence in (1, 2):
            stated = await state(gateway, tenant, {"kind": "rotation", "did": ALICE})
            assert (stated.key, stated.good_on, stated.statement["sequence"]) == ("recovery", "wuhan", sequence)
            assert_is_its_record(home, stated, did_key_pair("alice", "recovery"))
            assert home.call("rival", "did.rotate", rotation_of(stated)) == ""
            assert home.document(did_of("alice")).authentication.hex() == stated.statement["authentication"]
        assert home.call("rival", "did.rotate", rotation_of(stated)) == "did-sequence-wrong"
        assert await joins(home, gateway, tenant) == "", "the gateway signs with the new key"
        assert other.document(did_of("alice")).sequence == 0
        assert other.call("rival", "did.rotate", rotation_of(stated)) == ""

    run(memory, play)


def test_a_rotation_is_asked_for_wherever_the_did_is_known(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        home = Stage(memory)
        assert (
            home.call(
                "rival", "did.rotate", rotation_of(await state(gateway, tenant, {"kind": "rotation", "did": ALICE}))
            )
            == ""
        )
        stated = await state(gateway, tenant, {"kind": "rotation", "did": ALICE}, "zhongyi")
        assert stated.statement["sequence"] == 2, "the next one at home"
        assert home.call("rival", "did.rotate", rotation_of(stated)) == ""

    run(memory, play)


def test_a_drawn_key_is_kept_before_it_is_told(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        seal = gateway.seal
        assert seal is not None
        stated = [await state(gateway, tenant, {"kind": "rotation", "did": ALICE}) for _ in range(2)]
        kept, recovery = await gateway.in_vault(lambda db: take_did_keys(db, seal, did_of("alice")))
        public = {DID_SCHEME.key_pair(seed).public_key.hex() for seed in kept}
        assert public == {did_key_pair("alice").public_key.hex(), *(one.statement["authentication"] for one in stated)}
        assert len(public) == 3
        assert len(recovery) == 1

    run(memory, play)


def test_a_rotation_to_a_key_of_ones_own_needs_ones_own_possession(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        body = {"kind": "rotation", "did": ALICE, "authentication": OWN.public_key.hex()}
        stated = await state(gateway, tenant, body)
        assert set(stated.signatures or ()) == {"signature"}
        without = rotation_of(stated, possession="00" * 64)
        assert stage.call("rival", "did.rotate", without) == "did-not-signed"
        assert stage.call("rival", "did.rotate", without | {"possession": OWN.sign(stated.digest).hex()}) == ""
        assert (await refused(gateway, tenant, SERVICE)).code == "key-not-kept", "nor is what the new key signs"
        assert (await state(gateway, tenant, SERVICE | {"sign": False})).statement["sequence"] == 2

    run(memory, play)


def test_a_rotation_back_to_a_kept_key_is_signed_by_it(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, first = Stage(memory), did_key_pair("alice").public_key.hex()
        drawn = await state(gateway, tenant, {"kind": "rotation", "did": ALICE})
        assert stage.call("rival", "did.rotate", rotation_of(drawn)) == ""
        back = await state(gateway, tenant, {"kind": "rotation", "did": ALICE, "authentication": first})
        assert stage.call("rival", "did.rotate", rotation_of(back)) == ""
        assert stage.document(did_of("alice")).authentication.hex() == first

    run(memory, play)


def test_no_key_is_drawn_for_whom_nothing_is_signed(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        rival, rotation = await memory.tenant(gateway, "rival"), {"kind": "rotation", "did": ALICE}
        assert (await refused(gateway, tenant, rotation | {"sign": False})).code == "parameter-malformed"
        assert (await refused(gateway, rival, rotation)).code == "key-not-kept"
        seal = gateway.seal
        assert seal is not None
        kept, _ = await gateway.in_vault(lambda db: take_did_keys(db, seal, did_of("alice")))
        assert len(kept) == 1

    run(memory, play)


def test_a_rotation_of_another_sequence_is_refused(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        stated = await state(gateway, tenant, {"kind": "rotation", "did": ALICE, "sequence": 3})
        assert stage.call("rival", "did.rotate", rotation_of(stated)) == "did-sequence-wrong"
        changed = rotation_of(stated) | {"rotation": stated.statement | {"sequence": 1}}
        assert stage.call("rival", "did.rotate", changed) == "did-not-signed"

    run(memory, play)


def test_a_service_is_set_and_removed_at_home(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        for sequence, endpoint in ((1, SERVICE["endpoint"]), (2, "")):
            stated = await state(gateway, tenant, SERVICE | {"endpoint": endpoint})
            assert (stated.key, stated.statement["sequence"]) == ("authentication", sequence)
            assert_is_its_record(stage, stated, did_key_pair("alice"))
            call = {"change": stated.statement, "signature": signed(stated)}
            assert stage.call("rival", "did.setService", call | {"signature": "00" * 64}) == "did-not-signed"
            assert stage.call("rival", "did.setService", call) == ""
            assert dict(stage.document(did_of("alice")).services) == ({"verify": endpoint} if endpoint else {})
        assert (await refused(gateway, tenant, SERVICE, "zhongyi")).values == ("wuhan",)

    run(memory, play)


@pytest.mark.parametrize("chain_id", ["wuhan", "zhongyi"])
def test_an_account_without_a_did_joins_one(memory: MemoryNetwork, chain_id: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage, other = Stage(memory, chain_id), {"wuhan": "zhongyi", "zhongyi": "wuhan"}[chain_id]
        pair = stage.chain.rules.scheme.key_pair(b"n" * 32)
        codec = stage.chain.rules.addresses
        raw = codec.parse("carol1111111") if codec.registered else codec.derive(pair.public_key)
        address = codec.format(raw)
        possession = (
            pair.sign(stage.chain.rules.registration_bytes(raw, pair.public_key)).hex() if codec.registered else ""
        )
        new = {
            "address": address, "public_key": pair.public_key.hex(), "possession": possession, "leader": None,
            "did": "did:bsn:" + "00" * 20, "did_sequence": 0, "did_signature": "", "document": None,
        }  # fmt: skip
        assert stage.call("platform", "authority.addAccountByPlatform", {"item": new}) == ""
        body = {"kind": "joining", "did": ALICE, "address": address}
        stated = await state(gateway, tenant, body, chain_id)
        assert (stated.good_on, stated.statement["public_key"]) == (chain_id, pair.public_key.hex())
        assert_is_its_record(stage, stated, did_key_pair("alice"))
        call = {"address": address, "did": ALICE, "did_sequence": 0, "did_signature": signed(stated)}
        assert stage.call("platform", "authority.joinDid", call | {"did_sequence": 1}) == "did-sequence-wrong"
        joining = body | {"public_key": pair.public_key.hex(), "address": memory.address(other, "alice")}
        elsewhere = await state(gateway, tenant, joining, other)
        assert (
            stage.call("platform", "authority.joinDid", call | {"did_signature": signed(elsewhere)}) == "did-not-signed"
        )
        assert stage.call("platform", "authority.joinDid", call) == ""

    run(memory, play)


def test_a_did_joins_on_a_chain_that_does_not_know_it(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        did, tenant = await new_did(gateway, tenant, memory)
        stage, text = Stage(memory, "zhongyi"), format_did(did)
        members = {"kind": "joining", "did": text, "address": "carol1111111", "public_key": OWN.public_key.hex()}
        stated = await state(gateway, tenant, members, "zhongyi")
        created = await state(gateway, tenant, {"kind": "creation", "did": text}, "zhongyi")
        raw = stage.chain.rules.addresses.parse("carol1111111")
        new = {
            "address": "carol1111111", "public_key": OWN.public_key.hex(), "leader": None, "did": text, "did_sequence": 0,
            "possession": OWN.sign(stage.chain.rules.registration_bytes(raw, OWN.public_key)).hex(),
            "did_signature": signed(stated), "document": {"base": created.more["base"], "signature": signed(created)},
        }  # fmt: skip
        assert stage.call("platform", "authority.addAccountByPlatform", {"item": new}) == ""
        assert stage.document(did).authentication.hex() == created.more["base"]["authentication"]

    run(memory, play)


def test_who_keeps_its_own_did_may_join_where_it_is_unknown(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        body = {"kind": "joining", "did": "0a" * 20, "address": memory.address("wuhan", "alice"), "sign": False}
        stated = await state(gateway, tenant, body)
        assert (stated.statement["sequence"], stated.signed_by) == (0, "did:bsn:" + "0a" * 20)
        assert (await refused(gateway, tenant, body | {"sign": True})).code == "key-not-kept"

    run(memory, play)


async def held_by_alice(stage: Stage, gateway: Gateway, tenant: Tenant, contract: str) -> dict[str, Any]:
    """What alice holds, and another account of her DID that it is to go to."""
    await define_both(gateway, tenant)
    to = (await create_account(gateway, tenant, order("wuhan", did=wish(did_of("alice"))), None))[0].reference[
        "address"
    ]
    if contract == "ddc721":
        class_id, holder = CLASS, None
        new = show_record(stage.chain.rules, item(stage.address("alice"), 1))
        assert stage.call("platform", "ddc721.mint", {"class_id": CLASS, "item": new}) == ""
    else:
        class_id, holder = EDITIONS, stage.name("alice")
        edition = {"class_id": EDITIONS, "token": "1"}
        content = {"content_root": "0a" * 32, "uri": "", "valid_from": None, "valid_until": None, "supersedes": None}
        assert stage.call("platform", "ddc1155.createEdition", edition | content) == ""
        assert stage.call("platform", "ddc1155.safeMint", edition | {"holder": holder, "amount": 1, "data": ""}) == ""
    of = {"class_id": class_id, "token": "1"}
    asked = {"did": ALICE, "contract": contract, **of, "holder": stage.name("alice")}
    return {"of": of | {"holder": holder}, "to": to, "asked": asked}


@pytest.mark.parametrize("contract", ["ddc721", "ddc1155"])
def test_a_rebind_is_asked_for_and_objected_to_by_the_did(memory: MemoryNetwork, contract: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        stage = Stage(memory)
        held = await held_by_alice(stage, gateway, tenant, contract)
        objection = {"kind": "objection", **held["asked"]}
        assert (await refused(gateway, tenant, objection)).code == "rebind-unknown"
        stated = await state(gateway, tenant, {"kind": "rebinding", **held["asked"], "to": held["to"]})
        assert (stated.key, stated.good_on, stated.statement["sequence"]) == ("authentication", "wuhan", 0)
        assert_is_its_record(stage, stated, did_key_pair("alice"))
        call = held["of"] | {"to": held["to"], "did_sequence": 0, "signature": signed(stated)}
        wrong = await state(gateway, tenant, {"kind": "rebinding", **held["asked"], "to": held["to"], "sequence": 1})
        assert stage.call("rival", f"{contract}.requestRebind", call | {"signature": signed(wrong)}) == "did-not-signed"
        assert stage.call("rival", f"{contract}.requestRebind", call) == ""
        stated = await state(gateway, tenant, objection)
        assert (stated.key, stated.statement["to"]) == ("recovery", held["to"])
        assert_is_its_record(stage, stated, did_key_pair("alice", "recovery"))
        again = objection | {"to": held["to"], "requested_at": stated.statement["requested_at"] + 1}
        late = held["of"] | {"signature": signed(await state(gateway, tenant, again))}
        assert stage.call("rival", f"{contract}.objectRebind", late) == "did-not-signed"
        assert stage.call("rival", f"{contract}.objectRebind", held["of"] | {"signature": signed(stated)}) == ""
        key = rebind_key(held["of"]["class_id"], token(1), stage.address("alice"))
        assert stage.chain.state.get(key) is None

    run(memory, play)


MEMBERS: dict[str, dict[str, Any]] = {
    "rotation": {},
    "service-change": {"service": "verify", "endpoint": ""},
    "rebinding": {"contract": "ddc721", "class_id": CLASS, "token": "1", "holder": "0x", "to": "0x"},
    "objection": {"contract": "ddc721", "class_id": CLASS, "token": "1", "holder": "0x"},
}


@pytest.mark.parametrize("kind", MEMBERS)
def test_a_did_that_the_chain_does_not_know_says_nothing_of_it(memory: MemoryNetwork, kind: str) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        problem = await refused(gateway, tenant, {"kind": kind, "did": "0a" * 20, **MEMBERS[kind]})
        assert (problem.code, problem.values) == ("did-unknown", ("did:bsn:" + "0a" * 20,))

    run(memory, play)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        ("parameter-malformed", SERVICE | {"service": "No service"}),
        ("parameter-malformed", SERVICE | {"endpoint": "http://alice.example"}),
        ("parameter-malformed", {"kind": "rebinding", "did": ALICE, **MEMBERS["rebinding"]}),
        ("parameter-malformed", {"kind": "objection", "did": ALICE, **MEMBERS["objection"]}),
        ("parameter-malformed", {"kind": "joining", "did": ALICE, "address": "bob", "public_key": "0a" * 32}),
        ("address-malformed", {"kind": "joining", "did": ALICE, "address": "bob"}),
    ],
)
def test_members_that_are_none_of_the_chains_are_refused(
    memory: MemoryNetwork, code: str, body: dict[str, Any]
) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        assert (await refused(gateway, tenant, body)).code == code

    run(memory, play)


def test_what_was_drawn_is_the_tenants_alone(memory: MemoryNetwork) -> None:
    async def play(gateway: Gateway, tenant: Tenant) -> None:
        did, tenant = await new_did(gateway, tenant, memory)
        rival = await memory.tenant(gateway, "rival")
        assert did.hex() in tenant.accounts[DIDS]
        assert parse_did(format_did(did)) == did
        for kind in ("creation", "rotation"):
            assert (await refused(gateway, rival, {"kind": kind, "did": format_did(did)})).code in (
                "key-not-kept", "parameter-malformed",
            )  # fmt: skip

    run(memory, play)
