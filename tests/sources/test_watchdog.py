from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from monitor.messages import CaptureState
from monitor.sources.watchdog import Order, RateMeter, Watchdog, WatchdogSettings

SETTINGS = WatchdogSettings()


def started(now_s: float = 0.0, settings: WatchdogSettings = SETTINGS) -> Watchdog:
    watchdog = Watchdog(settings, now_s)
    assert Order.START is watchdog.order(now_s)
    return watchdog


def state_of(watchdog: Watchdog) -> CaptureState:
    return watchdog.state


def sounding(now_s: float = 0.1) -> Watchdog:
    watchdog = started()
    watchdog.heard(now_s, 0.1, flat=False)
    assert watchdog.state is CaptureState.HEALTHY
    return watchdog


def ticks(start_s: float, end_s: float) -> Iterator[float]:
    """Tenths of a second after start_s up to end_s, without accumulated rounding."""
    yield from (tick / 10 for tick in range(round(start_s * 10) + 1, round(end_s * 10) + 1))


def test_it_starts_at_once_and_is_recovering_until_sound_comes() -> None:
    watchdog = started()
    assert (CaptureState.RECOVERING, "starting") == (watchdog.state, watchdog.reason)
    assert not watchdog.sounding
    watchdog.heard(0.3, 0.1, flat=False)
    assert (CaptureState.HEALTHY, "") == (watchdog.state, watchdog.reason)
    assert watchdog.sounding


def test_quiet_alarms_exactly_after_quiet_s() -> None:
    watchdog = sounding(0.1)
    assert 0.1 + SETTINGS.quiet_s == watchdog.due_s()
    assert Order.NOTHING is watchdog.order(2.0999)
    assert Order.STOP is watchdog.order(2.1)
    assert (CaptureState.ALARMED, "no sound for 2 s") == (watchdog.state, watchdog.reason)
    assert not watchdog.sounding


def test_a_start_without_sound_alarms_exactly_after_start_s() -> None:
    watchdog = started()
    assert Order.NOTHING is watchdog.order(9.999)
    assert Order.STOP is watchdog.order(10.0)
    assert "no sound within 10 s of starting" == watchdog.reason


def test_restarts_come_after_growing_pauses_for_ever() -> None:
    watchdog = started()
    now_s, pauses, states = 0.0, [], []
    for _ in range(8):
        watchdog.broke(now_s, "unplugged")
        states.append(watchdog.state)
        pause_s = watchdog.due_s() - now_s
        pauses.append(pause_s)
        assert Order.NOTHING is watchdog.order(now_s + pause_s - 1e-6)
        now_s += pause_s
        assert Order.START is watchdog.order(now_s)
    assert [0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 30.0, 30.0] == pytest.approx(pauses)
    assert [CaptureState.ALARMED] * 4 + [CaptureState.FAILED] * 4 == states
    assert 8 == watchdog.restarts


def test_the_reason_is_kept_while_it_recovers() -> None:
    watchdog = sounding()
    watchdog.broke(1.0, "unplugged")
    assert Order.START is watchdog.order(1.5)
    assert (CaptureState.RECOVERING, "unplugged") == (watchdog.state, watchdog.reason)


def test_sound_heals_a_failed_input_but_pauses_stay_long_until_it_has_settled() -> None:
    watchdog = started()
    now_s = 0.0
    for _ in range(5):
        watchdog.broke(now_s, "unplugged")
        now_s = watchdog.due_s()
        watchdog.order(now_s)
    assert CaptureState.FAILED == state_of(watchdog)
    watchdog.heard(now_s, 0.1, flat=False)
    assert CaptureState.HEALTHY == state_of(watchdog)
    for tick_s in ticks(now_s, now_s + SETTINGS.settle_s - 1.0):
        watchdog.heard(tick_s, 0.1, flat=False)
    watchdog.broke(now_s + 59.0, "unplugged again")
    assert 30.0 == pytest.approx(watchdog.due_s() - now_s - 59.0)


def test_a_settled_input_starts_with_the_shortest_pause_again() -> None:
    watchdog = sounding()
    watchdog.broke(1.0, "unplugged")
    watchdog.order(1.5)
    for tick_s in ticks(1.5, 1.6 + SETTINGS.settle_s + 0.1):
        watchdog.heard(tick_s, 0.1, flat=False)
    now_s = 62.0
    watchdog.broke(now_s, "unplugged again")
    assert 0.5 == pytest.approx(watchdog.due_s() - now_s)


def test_a_flat_line_alarms_after_flat_s_and_goes_on_until_the_restart_is_due() -> None:
    watchdog = sounding(0.1)
    for tick_s in ticks(0.1, 5.0):
        watchdog.heard(tick_s, 0.1, flat=True)
        assert Order.NOTHING is watchdog.order(tick_s)
    assert CaptureState.HEALTHY == state_of(watchdog)
    watchdog.heard(5.2, 0.1, flat=True)
    assert (CaptureState.ALARMED, "the samples have stood still for 5.1 s") == (
        watchdog.state,
        watchdog.reason,
    )
    assert watchdog.sounding
    assert Order.NOTHING is watchdog.order(5.6)
    assert Order.START is watchdog.order(5.7)


def test_sound_before_the_restart_heals_a_flat_line() -> None:
    watchdog = sounding(0.1)
    for tick_s in ticks(0.1, 5.3):
        watchdog.heard(tick_s, 0.1, flat=True)
    assert CaptureState.ALARMED == state_of(watchdog)
    watchdog.heard(5.4, 0.1, flat=False)
    assert CaptureState.HEALTHY == state_of(watchdog)
    assert Order.NOTHING is watchdog.order(5.9)


def test_a_device_that_is_truly_silent_is_restarted_ever_more_rarely() -> None:
    watchdog = started()
    starts, now_s = [], 0.0
    for now_s in ticks(0.0, 300.0):
        watchdog.heard(now_s, 0.1, flat=True)
        if watchdog.order(now_s) is Order.START:
            starts.append(now_s)
    assert 0 < len(starts) <= 12
    assert CaptureState.FAILED == state_of(watchdog)
    gaps = [b - a for a, b in pairwise(starts)]
    assert all(b >= a - 0.1 for a, b in pairwise(gaps))
    assert 35.0 == pytest.approx(gaps[-1], abs=0.3)


def test_zeros_after_an_unplug_do_not_count_as_recovered() -> None:
    watchdog = sounding()
    watchdog.broke(1.0, "unplugged")
    watchdog.order(1.5)
    watchdog.heard(1.7, 0.1, flat=True)
    assert CaptureState.RECOVERING == state_of(watchdog)


def test_sound_that_comes_too_slowly_stops_the_input_and_says_how_much_is_missing() -> None:
    watchdog = sounding(0.1)
    for tick in range(1, 101):
        watchdog.heard(0.1 + tick / 10, 0.094, flat=False)
    assert CaptureState.ALARMED == state_of(watchdog)
    assert "0.6 s of sound missing against the clock" == watchdog.reason
    assert 0.6 == pytest.approx(watchdog.missing_s)
    assert not watchdog.running


def meter_faults(
    share: float, seconds: int, settings: WatchdogSettings = SETTINGS, first: float = 1.0
) -> list[float]:
    meter = RateMeter(settings)
    meter.fault(0.0, 0.1)
    faults = [
        meter.fault(tick / 10, 0.1 * (first if tick <= 100 else share)) for tick in range(1, seconds * 10 + 1)
    ]
    return [round(fault, 3) for fault in faults if fault]


def test_four_percent_over_one_stretch_is_no_fault_but_adds_up() -> None:
    assert [] == meter_faults(0.96, 20, first=0.96)
    assert 1.2 == meter_faults(0.96, 30, first=0.96)[0]


def test_a_crystals_drift_is_never_a_fault() -> None:
    assert [] == meter_faults(0.999, 3600, first=0.999)


def test_six_percent_too_much_is_a_fault_unless_the_input_may_catch_up() -> None:
    assert -0.6 == meter_faults(1.06, 20)[0]
    assert [] == meter_faults(1.06, 20, WatchdogSettings(may_run_ahead=True))


def test_what_a_device_had_buffered_before_the_start_is_no_fault() -> None:
    assert [] == meter_faults(1.0, 60, first=1.3)
