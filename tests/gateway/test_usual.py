"""What is usual: the median of the newest, kind by kind, in bounded memory."""

from gateway.usual import KINDS_MAX, RECENT, Usual


def test_the_median_is_of_the_newest_of_a_kind() -> None:
    usual = Usual()
    assert usual.of("move") == (None, 0)
    for ms in [1_000] * RECENT + [10] * RECENT:
        usual.add("move", ms)
    usual.add("other", 5.4)
    assert usual.of("move") == (10, RECENT)
    assert usual.of("other") == (5, 1)


def test_it_does_not_grow_without_end() -> None:
    usual = Usual()
    for kind in range(KINDS_MAX + 10):
        usual.add(kind, 1)
    assert usual.of(KINDS_MAX - 1) == (1, 1)
    assert usual.of(KINDS_MAX) == (None, 0)
