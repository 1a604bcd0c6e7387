"""Virtual time."""

from simulation.clock import Clock, LocalClock


def test_things_happen_in_the_order_of_their_time_and_then_of_their_making() -> None:
    clock, seen = Clock(), []
    clock.after(20, lambda: seen.append("late"))
    clock.after(10, lambda: seen.append("first"))
    clock.after(10, lambda: seen.append("second"))
    clock.run(100)
    assert seen == ["first", "second", "late"]
    assert clock.now_us == 100


def test_what_is_due_after_the_end_waits() -> None:
    clock, seen = Clock(), []
    clock.after(50, lambda: seen.append(clock.now_us))
    clock.run(49)
    assert seen == []
    clock.run(50)
    assert seen == [50]


def test_a_run_stops_when_it_is_told_to() -> None:
    clock, seen = Clock(), []
    for delay in (1, 2, 3):
        clock.after(delay, lambda: seen.append(clock.now_us))
    assert clock.run(10, lambda: len(seen) == 2)
    assert seen == [1, 2]
    assert not clock.run(10, lambda: False)


def test_a_machines_clock_is_off_drifts_and_jumps() -> None:
    clock = Clock()
    local = LocalClock(clock, start_ms=1_000, offset_ms=50, drift_ppm=1_000)
    assert local.now_ms() == 1_050
    clock.run(10_000_000)
    assert local.now_ms() == 1_000 + 10_000 + 50 + 10
    local.jump(-5_000)
    assert local.now_ms() == 6_060
    assert local.latest_ms == 11_060
