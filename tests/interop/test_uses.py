"""Every two of the ten chains: attest, require, and what the source's replicas alone can say (protocol 33, 35)."""

from itertools import pairwise
from typing import Any

import pytest
from msgspec.structs import replace

from chain.codec import encode
from contracts.certificate import Recorded, Status, status_at
from contracts.classes import Requirement
from contracts.interface import ContractReverted
from contracts.keys import certificate_key
from contracts.life import ChangeStatus
from contracts.mirrors import mirror_status_at
from contracts.requiring import FollowRequirement, MintRequired, ShownCertificate
from tests.contracts.small_chain import item, token
from tests.interop.test_moves import PAIRS
from tests.interop.world import BOUND_MS, DIPLOMA, LICENCE, World, world_to_move, world_to_require

pairs = pytest.mark.parametrize(("source", "target"), PAIRS)


def change(on: World, chain_id: str, method: str, sender: str, class_id: str = DIPLOMA, number: int = 1) -> None:
    arguments = ChangeStatus(class_id=class_id, token=token(number), holder=None, reason="by-request")
    on.call(chain_id, sender, "ddc721", method, arguments)


@pairs
def test_a_mirror_says_what_stands_on_the_other_chain_and_follows_it(source: str, target: str) -> None:
    on = world_to_move(source, target)
    head = on.chains[source].header()
    mirror = on.attest(source, target)
    assert mirror.certificate == on.certificate(source)
    assert (mirror.height, mirror.time) == (head.height, head.time)
    assert mirror_status_at(mirror, on.time) == Status.ACTIVE
    change(on, source, "revoke", "platform")
    assert on.refresh(source, target).certificate.recorded == Recorded.REVOKED
    assert mirror_status_at(on.mirror(source, target), on.time + 10**9) == Status.REVOKED


@pairs
def test_a_licence_is_issued_on_a_diploma_of_the_other_chain_and_follows_it(source: str, target: str) -> None:
    on = world_to_require(source, target)
    head = on.chains[source].header()
    licence = on.license(source, target)
    (relied,) = on.reliance(target).relied
    assert (relied.chain_id, relied.height, relied.time) == (source, head.height, head.time)
    assert status_at(licence, on.time) == Status.ACTIVE
    change(on, source, "revoke", "platform")
    assert status_at(on.follow(source, target), on.time) == Status.SUSPENDED


@pairs
def test_a_header_of_the_source_that_the_targets_own_replicas_signed_is_refused(source: str, target: str) -> None:
    on = world_to_move(source, target)
    arguments, own = on.attest_arguments(source, target), on.chains[target].signers
    placed = on.chains[source]
    named = placed.rules.membership_digest(own.membership)
    forgeries = {
        "header-membership-differs": placed.certify(placed.header(membership=named, next_membership=named), own),
        **({"header-signature-invalid": placed.certify(placed.header(), own)} if _as_many(on, source, target) else {}),
    }
    for code, forged in forgeries.items():
        sighting = replace(arguments.shown.sighting, certified=forged)
        given = replace(arguments, shown=replace(arguments.shown, sighting=sighting))
        with on[target].refuses(code, forged.header.height):
            on[target].call("platform", "mirrors", "attest", given)


def _as_many(on: World, source: str, target: str) -> bool:
    quorums = [on.chains[one].signers.membership.quorum for one in (source, target)]
    return quorums[0] == quorums[1]


# ---- mirrors ----


def test_a_mirror_that_was_not_refreshed_in_time_is_stale_and_never_valid() -> None:
    on = world_to_move()
    mirror = on.attest("wenchang", "zunyi")
    assert mirror_status_at(mirror, mirror.time + BOUND_MS) == Status.ACTIVE
    assert mirror_status_at(mirror, mirror.time + BOUND_MS + 1) == Status.STALE
    on.rest(BOUND_MS)
    on.touch("wenchang")
    assert mirror_status_at(on.refresh("wenchang", "zunyi"), on.time) == Status.ACTIVE


def test_what_is_frozen_and_unfrozen_shows_on_every_mirror() -> None:
    on = world_to_move("wenchang", "zunyi", "yanan")
    for at in ("zunyi", "yanan"):
        on.attest("wenchang", at)
    for method, status in (("freeze", Status.FROZEN), ("unfreeze", Status.ACTIVE)):
        change(on, "wenchang", method, "operator")
        for at in ("zunyi", "yanan"):
            assert mirror_status_at(on.refresh("wenchang", at), on.time) == status


# ---- requirements ----


def refused(on: World, code: str, given: MintRequired, *values: Any, at: str = "zunyi") -> None:
    with on[at].refuses(code, *values):
        on[at].call("platform", "ddc721", "mintRequired", given)


@pytest.mark.parametrize("state", ["frozen", "locked", "revoked", "offered", "suspended", "expired", "not-yet-valid"])
def test_what_is_not_active_is_no_ground_for_a_licence(state: str) -> None:
    on = world_to_require()
    held = on.certificate("wenchang")
    changed: dict[str, dict[str, Any]] = {
        "frozen": {"frozen": True},
        "locked": {"locked": True},
        "revoked": {"recorded": int(Recorded.REVOKED)},
        "offered": {"recorded": int(Recorded.OFFERED)},
        "suspended": {"suspended": True},
        "expired": {"valid_until": on.time},
        "not-yet-valid": {"valid_from": on.time + 10**6},
    }
    on["wenchang"].write(certificate_key(DIPLOMA, token(1)), encode(replace(held, **changed[state])))
    on.touch("wenchang")
    given = on.licence_arguments("zunyi", on.shown_certificate("wenchang", "zunyi"))
    refused(on, "requirement-not-held", given, LICENCE, 0)


def test_another_persons_diploma_or_one_of_another_class_is_no_ground() -> None:
    on = world_to_require()
    on.mint("wenchang", 2, holder="bob")
    refused(
        on,
        "requirement-not-held",
        on.licence_arguments("zunyi", on.shown_certificate("wenchang", "zunyi", 2)),
        LICENCE,
        0,
    )
    on.define("wenchang", "other")
    on.mint("wenchang", 3, "other")
    shown = on.shown_certificate("wenchang", "zunyi", 3, "other")
    refused(on, "requirement-not-held", on.licence_arguments("zunyi", shown), LICENCE, 0)


def test_a_header_is_as_old_as_the_class_allows_and_no_older() -> None:
    on = world_to_require()
    given = on.licence_arguments("zunyi", on.shown_certificate("wenchang", "zunyi"))
    shown = given.held[0].shown
    assert shown is not None
    time = shown.sighting.header.time
    on["zunyi"].time = time + 60_001
    refused(on, "header-too-old", given, time, time + 60_001)
    on["zunyi"].time = time + 60_000
    on["zunyi"].call("platform", "ddc721", "mintRequired", given)


def test_a_licence_that_takes_a_snapshot_follows_nothing() -> None:
    on = world_to_require(follow=False)
    on.license("wenchang", "zunyi")
    change(on, "wenchang", "revoke", "platform")
    held = on.shown_certificate("wenchang", "zunyi")
    given = FollowRequirement(class_id=LICENCE, token=token(7), index=0, held=held)
    with on["zunyi"].refuses("requirement-not-followed", token(7), 0):
        on["zunyi"].call("relayer", "crosschain", "followRequirement", given)


def test_a_licence_stands_again_only_when_all_that_it_follows_stand() -> None:
    on = World.founded("wenchang", "yanan", "zunyi")
    sources = ("wenchang", "yanan")
    for source in sources:
        on.define(source)
        on.mint(source)
    wanted = [Requirement(chain_id=source, class_id=DIPLOMA, max_age_ms=10**6, follow=True) for source in sources]
    on.define("zunyi", LICENCE, requires=wanted)
    shown = [on.shown_certificate(source, "zunyi") for source in sources]
    on.call("zunyi", "platform", "ddc721", "mintRequired", on.licence_arguments("zunyi", *shown))

    def follow(place: int) -> bool:
        held = on.shown_certificate(sources[place], "zunyi")
        given = FollowRequirement(class_id=LICENCE, token=token(7), index=place, held=held)
        on.call("zunyi", "relayer", "crosschain", "followRequirement", given)
        return on.certificate("zunyi", 7, LICENCE).suspended

    for source in sources:
        change(on, source, "freeze", "operator")
    assert (follow(0), follow(1)) == (True, True)
    for source in sources:
        change(on, source, "unfreeze", "operator")
    assert (follow(1), follow(0)) == (True, False)


def test_a_class_of_the_same_chain_is_shown_without_a_proof() -> None:
    on = World.founded("wenchang", "zunyi")
    on.define("wenchang")
    on.mint("wenchang")
    on.define(
        "wenchang", LICENCE, requires=[Requirement(chain_id="wenchang", class_id=DIPLOMA, max_age_ms=1, follow=True)]
    )
    held = ShownCertificate(certificate=on.certificate("wenchang"), shown=None)
    forged = replace(held, certificate=replace(held.certificate, uri="other"))
    with on["wenchang"].refuses("certificate-unknown", DIPLOMA, token(1)):
        on["wenchang"].call("platform", "ddc721", "mintRequired", on.licence_arguments("wenchang", forged))
    on.call("wenchang", "platform", "ddc721", "mintRequired", on.licence_arguments("wenchang", held))
    change(on, "wenchang", "revoke", "platform")
    held = ShownCertificate(certificate=on.certificate("wenchang"), shown=None)
    given = FollowRequirement(class_id=LICENCE, token=token(7), index=0, held=held)
    on.call("wenchang", "relayer", "crosschain", "followRequirement", given)
    assert on.certificate("wenchang", 7, LICENCE).suspended


def test_a_school_a_diploma_a_licence_and_a_post_stand_and_fall_together_across_four_chains() -> None:
    line = (("wenchang", "school"), ("taian", "diploma"), ("zunyi", "licence"), ("yanan", "post"))
    on = World.founded(*(chain for chain, _ in line))
    on.define("wenchang", "school")
    on.mint("wenchang", 1, "school")
    for (source, below), (target, above) in pairwise(line):
        on.define(target, above, requires=[Requirement(chain_id=source, class_id=below, max_age_ms=10**6, follow=True)])
        shown = on.shown_certificate(source, target, 1, below)
        given = MintRequired(class_id=above, item=item(on[target].address("alice"), 1), held=(shown,))
        on.call(target, "platform", "ddc721", "mintRequired", given)
    change(on, "wenchang", "freeze", "operator", "school")
    for suspended, method in ((True, "unfreeze"), (False, None)):
        for (source, below), (target, above) in pairwise(line):
            held = on.shown_certificate(source, target, 1, below)
            given = FollowRequirement(class_id=above, token=token(1), index=0, held=held)
            on.call(target, "relayer", "crosschain", "followRequirement", given)
            assert on.certificate(target, 1, above).suspended == suspended
        if method:
            change(on, "wenchang", method, "operator", "school")


def test_what_follows_others_or_is_suspended_does_not_move_and_a_class_that_asks_takes_no_moves() -> None:
    on = world_to_require()
    on.license("wenchang", "zunyi")
    on.let_move("zunyi", "wenchang", LICENCE)
    for code in ("certificate-follows-others", "certificate-suspended"):
        with pytest.raises(ContractReverted, match=code):
            on.open_move("zunyi", "wenchang", 7, class_id=LICENCE)
        change(on, "wenchang", "freeze", "operator") if code == "certificate-follows-others" else None
        on.follow("wenchang", "zunyi") if code == "certificate-follows-others" else None
