"""Duties follow from what is heard, whatever its order, and are put off with a pause that doubles."""

from relayer.duties import (
    PAUSE_MS,
    PAUSE_MS_MAX,
    Changed,
    Deliver,
    Duties,
    Follow,
    Mirrored,
    Moving,
    PacketClosed,
    PacketReceived,
    PacketSent,
    Refresh,
    Relied,
    Settle,
    TellFate,
)

TOKEN = bytes(16)
DIPLOMA = ("wenchang", "diploma", TOKEN)
CHAINS = frozenset({"wenchang", "zunyi", "yanan"})


def duties_of(*heard: object, chains: frozenset[str] = CHAINS) -> list[object]:
    """What is to be done after all that was heard."""
    duties = Duties(chains)
    for event in heard:
        duties.heard(event)  # type: ignore[arg-type]
    return duties.due(0, most=100)


def test_a_packet_is_delivered_then_settled_then_forgotten() -> None:
    sent = PacketSent("wenchang", "zunyi", 3)
    received = PacketReceived("zunyi", "wenchang", 3)
    closed = PacketClosed("wenchang", "zunyi", 3)
    assert duties_of(sent) == [Deliver("wenchang", "zunyi", 3)]
    assert duties_of(sent, received) == [Settle("wenchang", "zunyi", 3)]
    assert duties_of(sent, received, closed) == []
    assert duties_of(sent, sent, sent) == [Deliver("wenchang", "zunyi", 3)]


def test_what_is_mirrored_is_refreshed_when_it_changes() -> None:
    mirrored = Mirrored("yanan", DIPLOMA), Mirrored("zunyi", DIPLOMA)
    duties = Duties(CHAINS)
    for event in mirrored:
        duties.heard(event)
    for duty in duties.due(0, most=100):
        duties.begin(duty)
        duties.done(duty)
    assert duties.due(0, most=100) == []
    duties.heard(Changed(("wenchang", "diploma", bytes(15) + b"\1")))
    assert duties.due(0, most=100) == []
    duties.heard(Changed(DIPLOMA))
    assert set(duties.due(0, most=100)) == {Refresh(DIPLOMA, "yanan"), Refresh(DIPLOMA, "zunyi")}


def test_what_others_stand_on_is_followed() -> None:
    relied = Relied("zunyi", "licence", TOKEN, DIPLOMA)
    assert duties_of(relied) == [Follow(DIPLOMA, "zunyi", "licence", TOKEN)]
    assert duties_of(relied, Changed(DIPLOMA)) == [Follow(DIPLOMA, "zunyi", "licence", TOKEN)]


def test_the_fate_of_what_moves_is_told() -> None:
    moving = Moving(DIPLOMA, b"\7" * 32)
    assert duties_of(moving) == []
    assert duties_of(moving, Changed(DIPLOMA)) == [TellFate("wenchang", b"\7" * 32)]


def test_chains_that_are_not_served_are_left_to_others() -> None:
    served = frozenset({"wenchang"})
    assert duties_of(PacketSent("wenchang", "zunyi", 0), chains=served) == []
    assert duties_of(Mirrored("zunyi", DIPLOMA), chains=served) == []


def test_what_could_not_be_done_waits_twice_as_long_each_time_up_to_a_minute() -> None:
    duties, duty, now = Duties(CHAINS), Deliver("wenchang", "zunyi", 0), 1_000
    duties.heard(PacketSent("wenchang", "zunyi", 0))
    pauses = []
    for _ in range(12):
        assert duties.due(now, most=1) == [duty]
        duties.begin(duty)
        duties.put_off(duty, now)
        due = duties.next_due_ms()
        assert due is not None
        assert duties.due(due - 1, most=1) == []
        pauses.append(due - now)
        now = due
    assert pauses[:4] == [PAUSE_MS, 2 * PAUSE_MS, 4 * PAUSE_MS, 8 * PAUSE_MS]
    assert pauses[-1] == PAUSE_MS_MAX == max(pauses)


def test_what_is_heard_while_somebody_looks_asks_for_another_look() -> None:
    duties = Duties(CHAINS)
    duties.heard(Mirrored("zunyi", DIPLOMA))
    (duty,) = duties.due(0, most=1)
    duties.begin(duty)
    duties.heard(Changed(DIPLOMA))
    duties.done(duty)
    assert duties.due(0, most=1) == [duty]
    duties.begin(duty)
    duties.heard(Changed(DIPLOMA))
    duties.put_off(duty, 10**6)
    assert duties.due(0, most=1) == [duty]


def test_those_that_wait_longest_come_first_and_no_more_than_asked_for() -> None:
    duties = Duties(CHAINS)
    for sequence in range(5):
        duties.heard(PacketSent("wenchang", "zunyi", sequence))
    first = Deliver("wenchang", "zunyi", 0)
    duties.begin(first)
    duties.put_off(first, 0)
    found = duties.due(PAUSE_MS, most=3)
    assert found == [Deliver("wenchang", "zunyi", sequence) for sequence in (1, 2, 3)]
    assert len(duties) == 5


def test_nothing_to_do_is_never_due() -> None:
    assert Duties(CHAINS).next_due_ms() is None
