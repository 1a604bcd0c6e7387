"""Hostile bytes at the borders of chain and contracts: refused by a typed error, or read as what they then are.

The ten properties share `CERTNET_FUZZ_EXAMPLES` inputs (tests/conftest.py).
"""

import contextlib
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

import chain
import contracts
from chain import merkle, rpc, state
from chain.addresses import AddressCodecName, address_codec
from chain.codec import CodecMalformed, Record, decode, decoder, encode
from chain.committed import State
from chain.digests import sha256
from chain.errors import AddressMalformed
from chain.framing import FrameMalformed, FrameReader, frame
from chain.genesis import GenesisMalformed, parse_genesis
from chain.light_client import CertifiedHeader, Trusted, header_fault
from chain.merkle import InclusionProof
from chain.signatures import SchemeName, scheme
from chain.state import StateProof
from chain.universal_id import IdMalformed, parse_name, parse_token
from contracts import registry
from contracts.accounts import AddAccount
from contracts.ddc1155 import SafeMint1155
from contracts.editions import CreateEdition
from contracts.interface import ContractReverted, Role
from contracts.keys import fen_supply_key, purse_key
from contracts.purses import Purse
from tests.chain.memory_nodes import MemoryNodes
from tests.chain.record_strategies import any_of, records_of
from tests.chain.small_genesis import did_of, document_of
from tests.chain.small_network import FIRST, START_MS, header_of, rules_of
from tests.contracts.small_chain import CLASS, SmallChain, class_of, token

fuzz = settings(
    settings.get_profile("fuzz"),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
RECORDS = records_of(chain, contracts)
READERS = {record: decoder(record) for record in RECORDS}
READ_REQUEST: Any = decoder(rpc.Request)  # type: ignore[arg-type]
READ_ANSWER: Any = decoder(rpc.Answer)  # type: ignore[arg-type]
HEADS = [
    0x80,
    0x8F,
    0x90,
    0x9F,
    0xC0,
    0xC1,
    0xC4,
    0xC7,
    0xCA,
    0xCB,
    0xCC,
    0xCF,
    0xD0,
    0xD3,
    0xD6,
    0xDB,
    0xDC,
    0xDD,
    0xDF,
]


def is_read_or_refused(read: Any, data: bytes) -> Any:
    """The value if `data` is its one encoding; None if the bytes are refused as they should be."""
    try:
        value = read(data)
    except CodecMalformed:
        return None
    assert encode(value) == data
    return value


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """One to three changes: a bit, a byte, a piece cut out, put in, doubled or moved, a MessagePack head."""
    changed = bytearray(data)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, len(changed)))
        match draw(st.integers(0, 5)):
            case 0 if place < len(changed):
                changed[place] ^= 1 << draw(st.integers(0, 7))
            case 1 if place < len(changed):
                changed[place] = draw(st.integers(0, 255))
            case 2:
                del changed[place : place + draw(st.integers(1, 9))]
            case 3:
                changed[place:place] = draw(st.binary(min_size=1, max_size=9))
            case 4:
                end = place + draw(st.integers(1, 40))
                changed[place:place] = changed[place:end]
            case _:
                changed[place:place] = bytes([draw(st.sampled_from(HEADS))])
    return bytes(changed)


@fuzz
@given(st.data())
def test_a_mutated_record_is_refused_or_is_another_value(data: st.DataObject) -> None:
    record: type[Record] = data.draw(st.sampled_from(RECORDS))
    encoded = encode(data.draw(any_of(record)))
    mutated = data.draw(mutations(encoded))
    value = is_read_or_refused(READERS[record], mutated)
    if value is not None and mutated != encoded:
        assert value != decode(encoded, record)


@fuzz
@given(st.binary(max_size=400), st.sampled_from(RECORDS))
def test_foreign_bytes_are_no_record(data: bytes, record: type[Record]) -> None:
    is_read_or_refused(READERS[record], data)
    is_read_or_refused(READ_REQUEST, data)
    is_read_or_refused(READ_ANSWER, data)


@fuzz
@given(st.data())
def test_a_mutated_message_between_node_and_caller_is_refused_or_is_another(data: st.DataObject) -> None:
    request, answer = READ_REQUEST, READ_ANSWER
    kinds = [rpc.Submit, rpc.ReadState, rpc.ReadBlock, rpc.Outcomes, rpc.StateAnswer, rpc.BlockAnswer, rpc.Refused]
    encoded = encode(data.draw(any_of(data.draw(st.sampled_from(kinds)))))
    mutated = data.draw(mutations(encoded))
    is_read_or_refused(request, mutated)
    is_read_or_refused(answer, mutated)


@fuzz
@given(st.lists(st.binary(max_size=80), max_size=4), st.data())
def test_a_mutated_stream_gives_frames_within_the_limit_or_is_refused(bodies: list[bytes], data: st.DataObject) -> None:
    mutated = data.draw(mutations(b"".join(map(frame, bodies))))
    reader = FrameReader(limit=100)
    try:
        received = [body for start in range(0, len(mutated), 7) for body in reader.feed(mutated[start : start + 7])]
    except FrameMalformed:
        return
    assert all(len(body) <= 100 for body in received)
    assert mutated.startswith(b"".join(map(frame, received)))


DOCUMENT = document_of(("wuhan", "zunyi")).canonical()


@fuzz
@given(st.data())
def test_a_mutated_genesis_document_is_refused_or_is_another_network(data: st.DataObject) -> None:
    mutated = data.draw(mutations(DOCUMENT))
    try:
        genesis = parse_genesis(mutated)
    except GenesisMalformed:
        return
    assert genesis.document.canonical() == mutated
    assert (genesis.network_id == parse_genesis(DOCUMENT).network_id) == (mutated == DOCUMENT)
    assert json.loads(mutated)


LEAVES = [merkle.leaf_hash(sha256, bytes([number])) for number in range(11)]
FULL = State(sha256, MemoryNodes())
FULL.commit(state.layer(FULL, {b"key %d" % n: b"value %d" % n for n in range(60)}), 1)


@fuzz
@given(st.integers(0, 10), st.integers(0, 70), st.data())
def test_a_mutated_proof_proves_nothing(index: int, number: int, data: st.DataObject) -> None:
    inclusion = encode(merkle.prove(sha256, LEAVES, index))
    mutated = data.draw(mutations(inclusion))
    proof = is_read_or_refused(READERS[InclusionProof], mutated)
    shown = proof is not None and merkle.check(sha256, proof, LEAVES[index], merkle.root(sha256, LEAVES))
    assert shown == (mutated == inclusion)
    key = b"key %d" % number
    true = encode(state.prove(FULL, key))
    mutated = data.draw(mutations(true))
    proof = is_read_or_refused(READERS[StateProof], mutated)
    shown = proof is not None and state.check(sha256, proof, FULL.root, key=key, value=FULL.get(key))
    assert shown == (mutated == true)


RULES = rules_of("wuhan")
CERTIFIED = encode(FIRST.certify(RULES, header_of(RULES, 5, FIRST.membership)))
TRUSTED = Trusted(height=0, time=START_MS, membership=FIRST.membership)


@fuzz
@given(st.data())
def test_a_mutated_certified_header_is_not_believed(data: st.DataObject) -> None:
    mutated = data.draw(mutations(CERTIFIED))
    certified = is_read_or_refused(READERS[CertifiedHeader], mutated)
    believed = certified is not None and header_fault(RULES, TRUSTED, certified) is None
    assert believed == (mutated == CERTIFIED)


PLACES = sorted(registry.METHODS)
ROLE_OF = {
    "owner": Role.OWNER,
    "operator": Role.OPERATOR,
    "platform": Role.PLATFORM,
    "rival": Role.PLATFORM,
    "alice": Role.CONSUMER,
    "bridge": Role.CROSS_CHAIN,
}
SENDERS = (*ROLE_OF, "nobody")
SHARED = "skills"
"""The class of editions."""
MOSTLY = (True,) * 8 + (False,)


def busy_chain() -> SmallChain:
    """A chain with a class of either standard, and one certificate of each that alice holds."""
    own = SmallChain.founded()
    own.call("owner", "authority", "addCrossChain", AddAccount(item=own.new_account("bridge")))
    own.define()
    own.mint()
    own.call("platform", "classes", "defineClass", class_of(SHARED, standard=1155))
    edition = CreateEdition(
        class_id=SHARED,
        token=token(1),
        content_root=sha256(b""),
        uri="",
        valid_from=None,
        valid_until=None,
        supersedes=None,
    )
    own.call("platform", "ddc1155", "createEdition", edition)
    holding = SafeMint1155(class_id=SHARED, token=token(1), holder=own.address("alice"), amount=1, data=b"")
    own.call("platform", "ddc1155", "safeMint", holding)
    return own


def likely_senders(place: tuple[str, str]) -> list[str]:
    """Who passes the checks of role, as far as there are any."""
    asked = [check.roles for check in registry.METHODS[place].checks if check.roles is not None]
    return [person for person, role in ROLE_OF.items() if all(role in roles for roles in asked)]


def known_on(own: SmallChain, contract: str) -> dict[str, list[Any]]:
    """What a field of this name may well hold in a call of that contract."""
    alice, rival = own.address("alice"), own.address("rival")
    named: dict[str, list[Any]] = {"class_id": [SHARED if contract == "ddc1155" else CLASS], "holder": [alice]}
    named |= {"token": [token(1), token(2)], "tokens": [(token(1),), (token(2),)], "standard": [721, 1155]}
    named |= {name: [alice, rival] for name in ("address", "user")} | {"to": [alice, rival, did_of("rival")]}
    named |= {name: [did_of("platform"), did_of("rival")] for name in ("did", "leader", "issuer")}
    named |= {"contract": ["ddc721", "ddc1155"], "method": ["mint", "safeMint", "burn"], "dids": [(did_of("rival"),)]}
    named |= {"amount": [1], "amounts": [(1,)], "holders": [(alice,), (rival,)], "fen": [1, 2**53 - 1]}
    named |= {"until": [own.time + 1, 2**53 - 1], "deadline": [own.time + 1], "counter": [1]}
    return named | {"valid_from": [own.time], "valid_until": [own.time + 1], "did_sequence": [0], "sequence": [1]}


def grounded(draw: st.DrawFn, known: dict[str, list[Any]], value: Any) -> Any:
    """The record with most of its fields as the chain knows them, so that more than the first check looks at it."""
    changes: dict[str, Any] = {}
    for name in value.__struct_fields__:
        present = getattr(value, name)
        if isinstance(present, Record):
            changes[name] = grounded(draw, known, present)
        elif isinstance(present, tuple) and any(isinstance(part, Record) for part in present):
            changes[name] = tuple(grounded(draw, known, part) for part in present)
        elif name in known and present is not None and draw(st.sampled_from(MOSTLY)):
            changes[name] = draw(st.sampled_from(known[name]))
    return replace(value, **changes)


@st.composite
def arguments_of(draw: st.DrawFn, own: SmallChain, place: tuple[str, str]) -> bytes:
    """Arguments of the method's record; any bytes for a method that reads none."""
    record = registry.METHODS[place].arguments
    if record is None:
        return draw(st.binary(max_size=100))
    new = {"item": own.new_account("bob"), "items": (own.new_account("bob"),)}
    value = grounded(draw, known_on(own, place[0]), draw(any_of(record)))
    if place[0] == "authority" and draw(st.booleans()):
        value = replace(value, **{name: new[name] for name in record.__struct_fields__ if name in new})
    return encode(value)


@fuzz
@given(st.sampled_from(PLACES), st.data())
def test_a_call_with_mutated_arguments_succeeds_or_is_refused_by_a_code(
    place: tuple[str, str], data: st.DataObject
) -> None:
    """And neither makes nor loses a fen."""
    own = busy_chain()
    sender = data.draw(st.sampled_from(likely_senders(place) or SENDERS) | st.sampled_from(SENDERS))
    arguments = data.draw(arguments_of(own, place))
    for given_bytes in (arguments, data.draw(mutations(arguments))):
        before, root = own.content(), own.state.root
        refusal = refusal_of(own, sender, place, given_bytes)
        if refusal is not None:
            assert 1 <= len(refusal.code) <= 40
            assert (own.content(), own.state.root) == (before, root)
        assert fen_in_purses(own.content()) == int.from_bytes(own.content()[fen_supply_key()], "big")


def test_every_method_can_be_called_by_somebody_here() -> None:
    """So that each is fuzzed beyond its check of role; what a replica's key signs needs no account."""
    assert [place for place in PLACES if not likely_senders(place)] == []


def fen_in_purses(content: dict[bytes, bytes]) -> int:
    """What all accounts and contracts have."""
    return sum(decode(value, Purse).fen for key, value in content.items() if key.startswith(purse_key(b"")))


def refusal_of(own: SmallChain, sender: str, place: tuple[str, str], arguments: bytes) -> ContractReverted | None:
    try:
        own.call(sender, *place, arguments)
    except ContractReverted as refused:
        return refused
    return None


@fuzz
@given(st.sampled_from(list(SchemeName)), st.data())
def test_a_mutated_signature_key_or_message_is_not_valid(name: SchemeName, data: st.DataObject) -> None:
    own = scheme(name)
    pair = own.key_pair(sha256(b"key"))
    message = sha256(b"message")
    true = (pair.public_key, message, pair.sign(message))
    place = data.draw(st.integers(0, 2))
    parts = list(true)
    parts[place] = data.draw(mutations(true[place]))
    assert own.verify(*parts) == (tuple(parts) == true)
    own.check_public_key(parts[0])


CODECS = [address_codec(name) for name in AddressCodecName]


@fuzz
@given(
    st.sampled_from(CODECS),
    st.text(max_size=60) | st.text("0123456789abcdefABCDEFx.:/-=,ONLC ", max_size=80),
    st.data(),
)
def test_foreign_text_names_nothing_or_exactly_one_thing(codec: Any, text: str, data: st.DataObject) -> None:
    for given_text in (text, data.draw(mutations(codec.example.encode())).decode("utf-8", "replace")):
        with contextlib.suppress(AddressMalformed):
            assert codec.format(codec.parse(given_text)) == given_text
    try:
        name = parse_name(text)
        assert text in (name.universal, name.path)
        parse_token("integer", name.token)
    except IdMalformed:
        pass
