"""A proposed change: who must sign, what a signature stands for, and that copies of different proposals do not mix."""

import json
from pathlib import Path

import pytest
from msgspec.structs import replace

from chain.codec import decode
from chain.genesis import GenesisReplica
from chain.membership import Membership
from chain.transaction import NO_SIGNATURE, NOBODY, Transaction
from contracts.membership import ChangeMembership
from scripts.changes import Change, describe, membership_of, merge, read_changes, sign_all, write_changes
from scripts.errors import CommandFailed
from scripts.replicas import joined, left, rekeyed
from tests.chain.small_network import key_pair
from tests.contracts.membership_changes import FOUR, NAMES, first, replica_of
from tests.contracts.membership_changes import rekeyed as rekeyed_set

NONCE = bytes(16)


def written(membership: Membership) -> tuple[GenesisReplica, ...]:
    """A set as files hold it."""
    return tuple(
        GenesisReplica(name=one.name, consensus_key=one.consensus_key.hex(), tls_key_digest=one.tls_key_digest.hex())
        for one in membership.replicas
    )


def change(new: Membership, old: Membership = FOUR, height: int = 5) -> Change:
    return Change(
        network_id=bytes(32).hex(), chain="wuhan", old=written(old), new=written(new), effective_height=height
    )


JOIN = change(first(5))
NEWCOMER = NAMES[4]


def signed_by(proposal: Change, *names: str) -> Change:
    return sign_all([proposal], [key_pair(name) for name in names])[0]


def test_a_quorum_and_the_newcomer_must_sign() -> None:
    assert JOIN.lacks() == f"wuhan: 3 more of {', '.join(FOUR_NAMES)} must sign"
    some = signed_by(JOIN, *FOUR_NAMES[:2])
    assert some.lacks() == f"wuhan: 1 more of {', '.join(FOUR_NAMES[2:])} must sign"
    quorum = signed_by(some, FOUR_NAMES[3])
    assert quorum.lacks() == f"wuhan: {NEWCOMER} must sign with its new key"
    assert signed_by(quorum, NEWCOMER).lacks() == ""
    leaves = change(Membership(replicas=FOUR.replicas), old=first(5))
    assert signed_by(leaves, *NAMES[:4]).lacks() == ""


FOUR_NAMES = NAMES[:4]


def test_the_transaction_holds_the_signatures_in_the_order_of_the_places() -> None:
    whole = signed_by(JOIN, NEWCOMER, FOUR_NAMES[3], FOUR_NAMES[0], FOUR_NAMES[2])
    sent = whole.transaction(now=1_000, nonce=NONCE)
    body = decode(bytes.fromhex(sent["body"]), Transaction)
    assert (body.sender, body.contract, body.method) == (NOBODY, "system", "changeMembership")
    assert bytes.fromhex(sent["signature"]) == NO_SIGNATURE
    arguments = decode(body.arguments, ChangeMembership)
    assert (arguments.membership, arguments.effective_height, arguments.signers) == (first(5), 5, (0, 2, 3))
    message, verify = JOIN.message(), JOIN.rules.consensus_verify
    for place, signature in zip(arguments.signers, arguments.signatures, strict=True):
        assert verify(FOUR.key(place), message, signature)
    assert verify(first(5).key(4), message, arguments.possession)


def test_what_is_signed_is_this_change_and_no_other() -> None:
    others = [
        replace(JOIN, effective_height=6),
        replace(JOIN, chain="nanjing"),
        replace(JOIN, network_id="11" * 32),
        change(first(6)),
        change(first(5), old=first(6)),
    ]
    assert JOIN.message() not in {other.message() for other in others}


def test_a_key_that_adds_nothing_is_refused() -> None:
    once = signed_by(JOIN, FOUR_NAMES[0])
    for proposal, name in ((JOIN, NAMES[7]), (once, FOUR_NAMES[0])):
        with pytest.raises(CommandFailed, match="is none of those that sign for wuhan, or it has signed already"):
            signed_by(proposal, name)


def test_signed_copies_of_one_proposal_are_merged(tmp_path: Path) -> None:
    paths = []
    for name in (*FOUR_NAMES[:3], NEWCOMER):
        paths.append(tmp_path / name)
        write_changes(paths[-1], [signed_by(JOIN, name)])
    (merged,) = merge(paths)
    assert merged == signed_by(JOIN, *FOUR_NAMES[:3], NEWCOMER)
    assert read_changes(paths[0]) == (signed_by(JOIN, FOUR_NAMES[0]),)
    other = tmp_path / "other"
    write_changes(other, [signed_by(replace(JOIN, effective_height=6), FOUR_NAMES[3])])
    with pytest.raises(CommandFailed, match="other holds other changes than"):
        merge([*paths, other])


@pytest.mark.parametrize("spoil", ["", "{", "version", "chain", "short", "colour"])
def test_a_file_that_is_none_is_refused_in_one_sentence(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "change.json"
    write_changes(path, [JOIN])
    document = json.loads(path.read_text())
    match spoil:
        case "version":
            document["version"] = 2
        case "chain":
            del document["changes"][0]["chain"]
        case "short":
            document["changes"][0]["old"].pop()
        case "colour":
            document["changes"][0]["colour"] = "red"
    path.write_text(spoil if spoil in ("", "{") else json.dumps(document))
    with pytest.raises(CommandFailed, match=r"is no file of `replicas add --propose`") as refused:
        read_changes(path)
    assert "\n" not in str(refused.value)


def test_a_change_for_a_chain_that_is_none_is_refused() -> None:
    with pytest.raises(CommandFailed, match="'atlantis', which is none of the ten chains"):
        replace(JOIN, chain="atlantis").message()


def test_edits_say_what_is_to_be_and_nothing_if_it_is_so_already() -> None:
    four, five = written(FOUR), written(first(5))
    assert joined(five[4])(four) == five
    assert joined(five[4])(five) == five
    assert left(NEWCOMER)(five) == four
    assert left(NEWCOMER)(four) == four
    renewed = written(rekeyed_set(FOUR, 1))
    assert rekeyed(renewed[1])(four) == renewed
    assert rekeyed(renewed[1])(renewed) == renewed
    assert [describe(four, new) for new in (five, renewed, four)] == [
        f"{NEWCOMER} joins", f"{FOUR_NAMES[1]} has another key", "nothing changes"
    ]  # fmt: skip
    assert describe(five, four) == f"{NEWCOMER} leaves"
    assert membership_of(five) == first(5)


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (left(FOUR_NAMES[0]), "a chain has at least 4 replicas"),
        (joined(written(Membership(replicas=(replica_of(FOUR_NAMES[0], "xian anew"),)))[0]), "use `replicas rekey"),
        (rekeyed(written(first(5))[4]), "use `replicas add"),
    ],
)
def test_an_edit_that_cannot_be_says_what_to_do_instead(edit, why: str) -> None:
    with pytest.raises(CommandFailed, match=why):
        edit(written(FOUR))
