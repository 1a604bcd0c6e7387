"""The worked examples of docs/protocol.md: per section, what is shown and its value as the code makes it now.

After a deliberate change of a format, `python -m tests.docs.worked_examples` writes them, and the type column of every
record table, into the page anew. Look at the difference before you keep it.
"""

from typing import Final

from chain.addresses import AddressCodecName, address_codec
from chain.codec import encode
from chain.did import Creation, Joining, statement_digest
from chain.did import Statement as DidStatement
from chain.digests import sha256
from chain.domains import Domain, prefix
from chain.evidence import ConflictingStatements, SignedDigest, conflict, evidence_fault
from chain.genesis import fingerprint
from chain.merkle import leaf_hash, prove, root
from chain.profiles import load_profiles
from chain.quorum import Statement
from chain.rules import ChainRules
from chain.signatures import scheme
from chain.state import prove as prove_state
from chain.universal_id import CertificateName, format_token
from contracts.certificate import certificate_of, status_at
from contracts.genesis import genesis_header
from contracts.keys import account_key, certificate_key
from contracts.membership import change_bytes
from contracts.meta import MetaCall, arguments_root, meta_bytes
from contracts.signatories import issue_bytes
from tests.docs.example_network import (
    BLOCK_TIME,
    CLASS,
    DEGREE,
    REPLICAS,
    TOKEN,
    YEAR,
    account_keys,
    consensus_keys,
    content_leaf,
    did_base,
    did_keys,
    example_bundle,
    mint_item,
    rules_of,
    seed,
    with_newcomer,
    world,
)

Values = dict[str, str]


def codec() -> Values:
    record = Statement(view=0, height=300, block=b"\xaa" * 32)
    return {"Statement: view 0, height 300, block aa…aa": encode(record).hex()}


def domain() -> Values:
    network_id = world().genesis.network_id
    return {
        "network id": network_id.hex(),
        "prefix of bsn/commit/1 on wenchang": prefix(Domain.COMMIT, network_id, "wenchang").hex(),
    }


def merkle() -> Values:
    leaves = [leaf_hash(sha256, text) for text in (b"a", b"b", b"c")]
    return {
        "leaf hash of 61 (SHA-256)": leaves[0].hex(),
        "root over 61, 62, 63": root(sha256, leaves).hex(),
        "InclusionProof of 63": encode(prove(sha256, leaves, 2)).hex(),
    }


def quorum() -> Values:
    made = world()
    commit = made.rules.vote_bytes(Domain.COMMIT, view=0, height=1, block=made.executed.digest)
    present = made.genesis.membership
    agreement = change_bytes(made.rules, present, with_newcomer(present), 3)
    evidence = two_commits(made.rules, made.executed.digest, b"\xbb" * 32)
    assert evidence_fault(made.rules, evidence) is None
    return {
        "membership digest (wenchang)": made.rules.membership_digest(made.genesis.membership).hex(),
        "what is signed to commit block 1": commit.hex(),
        "consensus key of replica 0": made.genesis.membership.key(0).hex(),
        "signature of replica 0": made.certified.certificate.signatures[0].hex(),
        "QuorumCertificate": encode(made.certified.certificate).hex(),
        "what is signed to agree that dalian joins from height 3": agreement.hex(),
        "ConflictingStatements: replica 0 commits block 1, and bb…bb in its place": encode(evidence).hex(),
    }


def two_commits(rules: ChainRules, *blocks: bytes) -> ConflictingStatements:
    """What would convict replica 0."""
    pair = consensus_keys(REPLICAS[0])
    one, other = (
        SignedDigest(block=block, signature=pair.sign(rules.vote_bytes(Domain.COMMIT, view=0, height=1, block=block)))
        for block in blocks
    )
    return conflict(pair.public_key, Domain.COMMIT, view=0, height=1, one=one, other=other)


def transaction() -> Values:
    made = world()
    return {
        "seed of the sender": seed("platform").hex(),
        "public key of the sender": account_keys(made.rules, "platform").public_key.hex(),
        "body": made.mint.body.hex(),
        "transaction id": made.rules.transaction_id(made.mint.body).hex(),
        "signature": made.mint.signature.hex(),
        "SignedTransaction": encode(made.mint).hex(),
        "Receipt": encode(made.executed.receipts[1]).hex(),
        "universal id": CertificateName("wenchang", CLASS, format_token("integer", TOKEN)).universal,
    }


def block() -> Values:
    executed = world().executed
    return {"BlockHeader of block 1": encode(executed.block.header).hex(), "block digest": executed.digest.hex()}


def address() -> Values:
    shown = {}
    for name in AddressCodecName:
        codec_ = address_codec(name)
        if not codec_.registered:
            scheme_name = next(p.signature_scheme for p in load_profiles().values() if p.address_codec == name)
            key = scheme(scheme_name).key_pair(seed("alice")).public_key
            shown[f"{name} of the {scheme_name} key {key.hex()}"] = codec_.format(codec_.derive(key))
    rules = rules_of(world().genesis.network_id, "zhongyi")
    key = account_keys(rules, "alice").public_key
    shown["what is signed to register alice1111111 on zhongyi"] = rules.registration_bytes(b"alice1111111", key).hex()
    return shown


def genesis() -> Values:
    made = world()
    header = genesis_header(made.genesis, made.rules, made.before.root)
    return {
        "document": made.genesis.document.canonical().decode(),
        "network id": made.genesis.network_id.hex(),
        "fingerprint": fingerprint(made.genesis.network_id),
        "state root of height 0 (wenchang)": made.before.root.hex(),
        "block digest of height 0 (wenchang)": made.rules.block_digest(header).hex(),
    }


def state() -> Values:
    made = world()
    digest = made.rules.digest
    key = account_key(made.rules.addresses.derive(account_keys(made.rules, "platform").public_key))
    value = made.before.get(key)
    assert value is not None
    return {
        "key": key.hex(),
        "key digest": (digest(b"\x06" + key[:-1])[:2] + digest(b"\x04" + key)[2:]).hex(),
        "value": value.hex(),
        "value digest": digest(b"\x05" + value).hex(),
        "StateProof at height 0": encode(prove_state(made.before, key)).hex(),
        "root": made.before.root.hex(),
    }


def certificate() -> Values:
    made = world()
    record = made.after.get(certificate_key(CLASS, TOKEN))
    assert record is not None
    read = certificate_of(record)
    return {
        "leaf data of degree": encode((DEGREE.name, DEGREE.type, DEGREE.value, DEGREE.salt)).hex(),
        "leaf hash of degree": content_leaf(made.rules, DEGREE).hex(),
        "leaf hash of year": content_leaf(made.rules, YEAR).hex(),
        "content root": read.content_root.hex(),
        "Certificate": record.hex(),
        "status at the block's time": status_at(read, BLOCK_TIME),
    }


def meta() -> Values:
    rules, item = world().rules, mint_item(world().rules)
    parts = (encode(CLASS), encode(b""), encode(item))
    call = MetaCall(
        contract="ddc721",
        method="metaMint",
        signer=item.holder,
        arguments=arguments_root(rules, parts),
        counter=1,
        deadline=BLOCK_TIME,
    )
    issue = issue_bytes(rules, "ddc721", CLASS, (item,), BLOCK_TIME)
    reissue = issue_bytes(rules, "ddc721", CLASS, (item,), BLOCK_TIME, (b"\2" * 16, "misspelt"))
    return {
        "parts of metaMint": " ".join(part.hex() for part in parts),
        "MetaCall, counter 1, deadline the time of block 1": encode(call).hex(),
        "what alice signs": meta_bytes(rules, call).hex(),
        "signature of alice": account_keys(rules, "alice").sign(meta_bytes(rules, call)).hex(),
        "what a signatory signs, same deadline": issue.hex(),
        "what a signatory signs for the reissue": reissue.hex(),
    }


def did() -> Values:
    made, base = world(), did_base("alice")
    account = account_keys(made.rules, "alice").public_key
    creation = Creation(did=base.did)
    joining = Joining(did=base.did, sequence=0, address=made.rules.addresses.derive(account), public_key=account)

    def signed(statement: DidStatement) -> tuple[str, str]:
        digest = statement_digest(made.genesis.network_id, "wenchang", statement)
        return digest.hex(), did_keys("alice").sign(digest).hex()

    return {
        "base document of alice": base.canonical().decode(),
        "DID": base.did.hex(),
        "Creation": encode(creation).hex(),
        "what is signed to create it; home is wenchang": signed(creation)[0],
        "signature of the authentication key": signed(creation)[1],
        "Joining: alice's account on wenchang": encode(joining).hex(),
        "what is signed for it to join on wenchang": signed(joining)[0],
        "signature": signed(joining)[1],
    }


def bundle() -> Values:
    return {"bundle": example_bundle().canonical().decode()}


EXAMPLES: Final = {
    made.__name__: made
    for made in (
        codec, domain, merkle, quorum, transaction, block, address, genesis, state, certificate, meta, bundle, did,
    )
}  # fmt: skip


if __name__ == "__main__":
    from tests.docs.protocol_page import PAGE, with_examples, with_types
    from tests.docs.records import shown_types

    page = with_examples(PAGE.read_text("utf-8"), {name: make() for name, make in EXAMPLES.items()})
    PAGE.write_text(with_types(page, shown_types()), "utf-8")
