"""The checker of histories itself: it takes what is right and finds every kind of lie."""

from math import inf

from tests.e2e.history import Operation, heights_that_went_back, is_linearizable

A, B = ("a", "active"), ("b", "active")


def op(kind, called, answered=inf, **others) -> Operation:
    return Operation(certificate="one", kind=kind, called=called, answered=answered, **others)


def test_reads_see_what_was_minted_before_them() -> None:
    mint = op("mint", 1, 2, done=True, root="a")
    assert is_linearizable([mint, op("read", 3, 4, seen=A)])
    assert not is_linearizable([mint, op("read", 3, 4, seen=None)])
    assert not is_linearizable([mint, op("read", 3, 4, seen=B)])


def test_a_read_beside_a_mint_may_see_either() -> None:
    mint = op("mint", 1, 5, done=True, root="a")
    assert is_linearizable([mint, op("read", 2, 3, seen=None), op("read", 3.5, 4, seen=A)])
    assert not is_linearizable([mint, op("read", 2, 3, seen=A), op("read", 3.5, 4, seen=None)])


def test_of_two_mints_one_wins_and_the_other_is_refused() -> None:
    first, second = op("mint", 1, 4, done=True, root="a"), op("mint", 2, 3, done=False, root="b")
    assert is_linearizable([first, second, op("read", 5, 6, seen=A)])
    assert not is_linearizable([first, op("mint", 2, 3, done=True, root="b")])
    assert not is_linearizable([op("mint", 1, 2, done=False, root="a")])


def test_what_has_no_answer_may_have_happened_late_or_never() -> None:
    lost = op("mint", 1, root="a")
    assert is_linearizable([lost])
    assert is_linearizable([lost, op("read", 2, 3, seen=None), op("read", 4, 5, seen=A)])
    assert is_linearizable([lost, op("mint", 2, 3, done=True, root="b"), op("read", 4, 5, seen=B)])
    assert not is_linearizable([lost, op("read", 2, 3, seen=A), op("read", 4, 5, seen=None)])
    assert not is_linearizable([op("mint", 6, root="a"), op("read", 2, 3, seen=A)])


def test_a_revocation_is_seen_and_happens_once() -> None:
    mint, gone = op("mint", 1, 2, done=True, root="a"), ("a", "revoked")
    revoke = op("revoke", 3, 4, done=True)
    assert is_linearizable([mint, revoke, op("read", 5, 6, seen=gone), op("revoke", 7, 8, done=False)])
    assert not is_linearizable([mint, revoke, op("read", 5, 6, seen=A)])
    assert not is_linearizable([mint, revoke, op("revoke", 5, 6, done=True)])


def test_certificates_are_apart_from_each_other() -> None:
    other = Operation(certificate="two", kind="read", called=3, answered=4, seen=None)
    assert is_linearizable([op("mint", 1, 2, done=True, root="a"), other])


def test_a_height_that_goes_back_is_found() -> None:
    reads = [op("read", 1, 2, height=7), op("read", 3, 4, height=6), op("read", 1.5, 5, height=5)]
    assert heights_that_went_back(reads) == [(reads[0], reads[1])]
    assert heights_that_went_back(reads[:1] + reads[2:]) == []
