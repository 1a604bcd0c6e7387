"""The ledger over REST: every chain as it is, every answer with what proves it."""

from typing import Any

import pytest

from chain.block import BlockHeader
from chain.codec import encode
from chain.genesis import fingerprint, parse_genesis
from chain.light_client import CertifiedHeader, Trusted, header_fault
from chain.merkle import InclusionProof, check, leaf_hash
from chain.profiles import load_profiles
from chain.quorum import QuorumCertificate
from chain.rules import ChainRules
from chain.transaction import Event, Receipt
from chain.universal_id import parse_token
from tests.gateway.running import CHAINS, RunningNetwork

pytestmark = pytest.mark.processes


def header_of(view: dict[str, Any]) -> BlockHeader:
    """The header that a view shows, from the view alone."""
    plain = {name: value for name, value in view.items() if isinstance(value, int) or name == "chain_id"}
    return BlockHeader(**plain, **{name: bytes.fromhex(value) for name, value in view.items() if name not in plain})


def certified_of(view: dict[str, Any]) -> CertifiedHeader:
    certificate = view["certificate"]
    return CertifiedHeader(
        header=header_of(view["header"]),
        certificate=QuorumCertificate(
            view=certificate["view"],
            signers=tuple(certificate["signers"]),
            signatures=tuple(bytes.fromhex(signature) for signature in certificate["signatures"]),
        ),
    )


def assert_certified(network: RunningNetwork, chain: str, view: dict[str, Any]) -> None:
    """A stranger with the genesis document believes the header."""
    genesis = network.genesis
    trusted = Trusted(height=0, time=genesis.document.created_at, membership=genesis.membership)
    assert header_fault(network.rules(chain), trusted, certified_of(view)) is None


def assert_receipt_proven(view: dict[str, Any], receipt: Receipt, rules: ChainRules) -> None:
    """The receipt stands under the receipt root of the certified header that came with it."""
    shown = view["proof"]["receipt"]
    proof = InclusionProof(sides=shown["sides"], path=tuple(bytes.fromhex(node) for node in shown["path"]))
    receipt_root = bytes.fromhex(view["proof"]["header"]["receipt_root"])
    assert check(rules.digest, proof, leaf_hash(rules.digest, encode(receipt)), receipt_root)


def mint_receipt(rules: ChainRules, view: dict[str, Any]) -> Receipt:
    """The receipt of a mint as a stranger writes it down from what the API shows."""
    shown = view["receipt"]
    style = rules.profile.token_id_style
    events = {event["name"]: event["values"] for event in shown["events"]}
    if not events:
        class_id, text = shown["values"]
        values = (class_id, parse_token(style, text))
        return Receipt(transaction_id=bytes.fromhex(shown["transaction"]), code=shown["code"], values=values, events=())
    class_id, nobody, holder, text = events["Transfer"]
    assert events["Locked"] == [class_id, text]
    token, alice = parse_token(style, text), rules.addresses.parse(holder)
    payer, *paid = events["Pay"]
    platform = rules.addresses.parse(payer)
    told = (
        ("Pay", (platform, *paid)),
        ("Transfer", (class_id, nobody.encode(), alice, token)),
        ("Locked", (class_id, token)),
        ("Issued", (class_id, platform, alice, token, events["Issued"][4])),
    )
    return Receipt(
        transaction_id=bytes.fromhex(shown["transaction"]),
        code="",
        values=(),
        events=tuple(Event(contract="ddc721", name=name, values=values) for name, values in told),
    )


def test_the_genesis_document_comes_byte_for_byte(network: RunningNetwork) -> None:
    answer = network.client("nobody").get("/v1/genesis")
    assert answer.content == (network.folder / "genesis.json").read_bytes()
    assert fingerprint(parse_genesis(answer.content).network_id) == network.document["fingerprint"]


def test_ten_chains_are_listed_with_what_they_are_modelled_on(network: RunningNetwork) -> None:
    answer = network.client("nobody").get("/v1/chains").json()
    assert answer["network_id"] == network.document["network_id"]
    assert [chain["id"] for chain in answer["chains"]] == list(CHAINS)
    for chain in answer["chains"]:
        profile = load_profiles()[chain["id"]]
        assert chain["origin"] in ("documented", "modelled")
        assert (chain["native_name"], chain["signature_scheme"]) == (profile.name_zh, str(profile.signature_scheme))
        assert chain["height"] >= 1
        assert network.client("nobody").get(f"/v1/chains/{chain['id']}").json()["name"] == chain["name"]


@pytest.mark.parametrize("chain", CHAINS)
def test_every_header_is_certified_and_follows_the_one_before(network: RunningNetwork, chain: str) -> None:
    network.mint(chain)
    client, rules = network.client("nobody"), network.rules(chain)
    head = client.get(f"/v1/chains/{chain}").json()
    parent = client.get(f"/v1/chains/{chain}/headers/0").json()
    assert parent["certificate"] is None
    for height in range(1, min(head["height"], 4) + 1):
        block = client.get(f"/v1/chains/{chain}/blocks/{height}").json()
        assert_certified(network, chain, block)
        assert bytes.fromhex(block["header"]["parent"]) == rules.block_digest(header_of(parent["header"]))
        assert block["digest"] == rules.block_digest(header_of(block["header"])).hex()
        header = client.get(f"/v1/chains/{chain}/headers/{height}").json()
        assert header["header"] == block["header"]
        assert len(block["transactions"]) >= 1
        parent = block


def test_a_block_shows_calls_as_its_chain_writes_them(network: RunningNetwork) -> None:
    for chain in CHAINS:
        minted = network.mint(chain)
        block = network.client("nobody").get(f"/v1/chains/{chain}/blocks/{minted['height']}").json()
        (shown,) = [
            entry for entry in block["transactions"] if entry["receipt"]["transaction"] == minted["transaction"]
        ]
        call = shown["call"]
        assert (call["contract"], call["method"], call["sender"]) == ("ddc721", "mint", minted["issuer"])
        assert call["arguments"]["item"]["holder"] == minted["holder"]
        assert call["arguments"]["item"]["token"] == minted["token"]
        assert len(bytes.fromhex(call["signature"])) == 64


def test_the_genesis_block_has_no_transactions(network: RunningNetwork) -> None:
    block = network.client("nobody").get("/v1/chains/wuhan/blocks/0").json()
    assert (block["certificate"], block["transactions"], block["header"]["height"]) == (None, [], 0)


def test_headers_come_from_the_newest_down_page_by_page(network: RunningNetwork) -> None:
    for _ in range(4):
        network.mint("qingdao")
    client, seen, before = network.client("nobody"), [], None
    while True:
        parameters = {"limit": 2} | ({} if before is None else {"before": before})
        page = client.get("/v1/chains/qingdao/blocks", params=parameters).json()
        seen += [entry["header"]["height"] for entry in page["headers"]]
        for entry in page["headers"]:
            assert_certified(network, "qingdao", entry)
        before = page["next"]
        if before is None:
            break
    assert seen == list(range(seen[0], 0, -1))
    assert seen[0] >= 5
    assert client.get("/v1/chains/qingdao/blocks", params={"before": 1}).json() == {"headers": [], "next": None}


@pytest.mark.parametrize("chain", CHAINS)
def test_accounts_are_shown_as_their_chain_writes_them(network: RunningNetwork, chain: str) -> None:
    for person, role in (("operator", "operator"), ("platform", "platform"), ("alice", "consumer")):
        address = network.address(chain, person)
        shown = network.client("nobody").get(f"/v1/chains/{chain}/accounts/{address}").json()
        assert (shown["address"], shown["role"], shown["active"]) == (address, role, True)
        assert shown["did"] == network.entry(chain)["accounts"][person]["did"]
        assert bytes.fromhex(shown["public_key"]) == network.key_pair(chain, person).public_key
        assert shown["height"] >= 0


@pytest.mark.parametrize("chain", CHAINS)
def test_a_new_account_holds_certificates_at_once(network: RunningNetwork, chain: str) -> None:
    rules = network.rules(chain)
    names = {"eos-name": "holder" + str(network.address(chain, "bob"))[:6].lower(), "x500-name": "O=New, L=Zunyi, C=CN"}
    wish = {"chain": chain}
    if rules.addresses.registered:
        wish["address"] = names[rules.addresses.name]
    answer = network.client().post("/v1/accounts", json=wish)
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["location"] == f"/v1/chains/{chain}/accounts/{made['address']}"
    assert (made["role"], made["active"], made["receipt"]["succeeded"]) == ("consumer", True, True)
    assert network.mint(chain, holder=made["address"])["holder"] == made["address"]


@pytest.mark.parametrize("chain", ["wuhan", "zunyi"])
def test_a_did_has_accounts_on_many_chains(network: RunningNetwork, chain: str) -> None:
    """The gateway signs for the DIDs that it keeps, of the tenant who asks."""
    drawn = network.client().post("/v1/accounts", json={"chain": "taian"}).json()["did"]
    for did in (drawn, network.entry(chain)["accounts"]["alice"]["did"]):
        wish = {"chain": chain, "did": did} | ({"address": f"O={did[-9:]}, L=Zunyi, C=CN"} if chain == "zunyi" else {})
        answer = network.client().post("/v1/accounts", json=wish)
        assert answer.status_code == 201, answer.text
        made = answer.json()
        assert made["did"] == did
        added = next(event for event in made["receipt"]["events"] if event["name"] == "AddAccount")
        assert added["values"] == [network.address(chain, "platform"), made["address"], 2, did]
        assert network.mint(chain, holder=made["address"])["holder_did"] == did


def test_an_operator_makes_a_platform_and_its_consumer(network: RunningNetwork) -> None:
    operator = network.client("operator")
    platform = operator.post("/v1/accounts", json={"chain": "anshun", "role": "platform"}).json()
    assert (platform["role"], platform["leader"]) == (
        "platform",
        network.entry("anshun")["accounts"]["operator"]["did"],
    )
    consumer = operator.post("/v1/accounts", json={"chain": "anshun", "leader": platform["did"]}).json()
    assert (consumer["role"], consumer["leader"]) == ("consumer", platform["did"])
    refused = operator.post("/v1/accounts", json={"chain": "anshun", "leader": consumer["did"]}).json()
    assert refused["code"] == "leader-unknown"
    assert consumer["did"] in refused["detail"]


def test_consensus_is_shown_as_one_node_sees_it(network: RunningNetwork) -> None:
    for chain in CHAINS:
        seen = network.client("nobody").get(f"/v1/chains/{chain}/consensus").json()
        section = network.genesis.section(chain)
        assert section is not None
        names = [replica.name for replica in network.genesis.membership.replicas]
        assert (seen["primary"], seen["quorum"], seen["view"]) == (names[section.primary_offset % 4], 3, 0)
        assert [replica["name"] for replica in seen["replicas"]] == names
        assert (seen["waits_for"], seen["why"], seen["why_zh"]) == (None, None, None)


def test_a_transaction_is_found_with_the_proof_of_its_receipt(network: RunningNetwork) -> None:
    for chain in CHAINS:
        minted = network.mint(chain)
        network.wait_indexed(chain, minted["height"])
        for text in (minted["transaction"], "0x" + minted["transaction"], minted["transaction"].upper()):
            found = network.client("nobody").get(f"/v1/chains/{chain}/transactions/{text}").json()
            assert (found["transaction"], found["height"]) == (minted["transaction"], minted["height"])
            assert_certified(network, chain, found["proof"])
            assert_receipt_proven(found, mint_receipt(network.rules(chain), found), network.rules(chain))


def test_a_failed_receipt_is_proven_as_well(network: RunningNetwork) -> None:
    """Two mints of one token id, sent together: both are in a block, and one of them failed there."""
    chain = "nanjing"
    token = str(int.from_bytes(bytes.fromhex("00" * 8 + "11" * 8), "big"))
    item = {
        "token": token,
        "holder": network.address(chain, "alice"),
        "content_root": "00" * 32,
        "uri": "",
        "valid_from": None,
        "valid_until": None,
    }
    arguments = {"class_id": network.class_of(chain), "item": item}
    both = [network.signed_call(chain, "platform", "mint", arguments) for _ in range(2)]
    lines = network.bulk(chain, both)
    assert sorted(line["outcome"] for line in lines) in (["committed", "failed"], ["committed", "refused"])
    rules = network.rules(chain)
    for line in [line for line in lines if line["outcome"] != "refused"]:
        network.wait_indexed(chain, network.client().get(f"/v1/chains/{chain}").json()["height"])
        found = network.client("nobody").get(f"/v1/chains/{chain}/transactions/{line['transaction']}").json()
        assert found["receipt"]["succeeded"] is (line["outcome"] == "committed")
        assert_certified(network, chain, found["proof"])
        assert_receipt_proven(found, mint_receipt(rules, found), rules)
