"""By what time age is judged: a clock that went far is doubted for a day in which the box runs."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.messages import AlarmChange
from monitor.store import Store
from monitor.store.retention.age_clock import BELIEVED_FILE, DOUBT_S, FAR_S, KEEP_EVERY_S, AgeClock

T0 = 1_700_000_000.0
HOUR_S, DAY_S = 3600.0, 86_400.0
YEARS_S = 10 * 365 * DAY_S


class Box:
    """A box whose clocks the test turns."""

    def __init__(self, store: Store, patch: pytest.MonkeyPatch) -> None:
        self.store, self.utc_s, self.run_s = store, T0, 0.0
        patch.setattr(time, "time", lambda: self.utc_s)
        self.start()

    def start(self) -> None:
        self.clock = AgeClock(self.store, monotonic=lambda: self.run_s)

    def hours(self, count: float) -> list[float | None]:
        """Run for so long, looking every ten minutes."""
        found = []
        for _ in range(round(count * HOUR_S / KEEP_EVERY_S)):
            found.append(self.clock.look())
            self.run_s += KEEP_EVERY_S
            self.utc_s += KEEP_EVERY_S
        return found


@pytest.fixture
def box(store: Store, monkeypatch: pytest.MonkeyPatch) -> Box:
    return Box(store, monkeypatch)


@pytest.mark.parametrize("by_s", [YEARS_S, FAR_S + HOUR_S, -YEARS_S / 5])
def test_a_clock_that_went_far_is_believed_after_a_day_of_running_whatever_restarts(
    box: Box, by_s: float
) -> None:
    assert None not in box.hours(5)
    box.utc_s += by_s
    doubted = 0.0
    while box.clock.look() is None:
        box.hours(6)
        box.utc_s += 18 * HOUR_S  # switched off until the next day
        box.start()
        doubted += 6 * HOUR_S
    assert DOUBT_S <= doubted <= DOUBT_S + 6 * HOUR_S
    assert box.clock.look() == box.utc_s


def test_a_clock_that_comes_back_is_believed_at_once(box: Box) -> None:
    box.hours(1)
    box.utc_s += YEARS_S
    assert set(box.hours(20)) == {None}
    box.utc_s -= YEARS_S
    assert box.clock.look() == box.utc_s
    box.utc_s += YEARS_S
    assert set(box.hours(20)) == {None}, "and doubted anew, as long"


def test_a_box_that_starts_in_1970_each_morning_is_believed_when_it_is_told_the_time(box: Box) -> None:
    for day in range(1, 4):
        box.utc_s = 60.0
        box.start()
        assert box.hours(0.5) == [60.0, 60.0 + KEEP_EVERY_S, 60.0 + 2 * KEEP_EVERY_S], "says it is not set"
        box.utc_s = T0 + day * DAY_S
        assert None not in box.hours(16)


@pytest.mark.parametrize("content", [None, b"", b"[1]", b'{"believed_utc_s": null, "doubted_s": 0}'])
def test_without_the_file_the_newest_event_says_about_what_time_it_is(
    box: Box, state_dir: Path, raised: AlarmChange, content: bytes | None
) -> None:
    (state_dir / BELIEVED_FILE).unlink(missing_ok=True)
    if content is not None:
        (state_dir / BELIEVED_FILE).write_bytes(content)
    box.start()
    assert box.clock.look() == T0, "there is none"
    (state_dir / BELIEVED_FILE).unlink()
    box.store.apply([replace(raised, event_start_utc_s=T0 - HOUR_S)], snapshot={}, bundle_id=None)
    box.start()
    assert box.clock.look() == T0
    (state_dir / BELIEVED_FILE).unlink()
    box.utc_s += YEARS_S
    box.start()
    assert box.clock.look() is None


def test_a_disk_without_room_for_the_file_costs_no_answer(box: Box, state_dir: Path) -> None:
    (state_dir / (BELIEVED_FILE + ".part")).mkdir()
    assert None not in box.hours(1)
    assert not (state_dir / BELIEVED_FILE).exists()
