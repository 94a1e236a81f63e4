"""Clips and maps are pruned every hour, within seconds when room is short, not again and again in vain."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from monitor.config import StoreConfig
from monitor.errors import StoreError
from monitor.housekeeping import (
    LONG_SHORT_EVERY_S,
    LOOK_EVERY_S,
    PRESSED_EVERY_S,
    PRUNE_EVERY_S,
    SHORT_EVERY_S,
    Housekeeping,
)
from monitor.messages import AlarmChange, AlarmState, ChangeReason
from monitor.store import ClipJob, RetentionReport, Store, open_store
from monitor.store.measures import kept_bytes
from monitor.store.retention.age_clock import DOUBT_S, KEEP_EVERY_S
from monitor.store.retention.pruning import PROBE_BYTES, _Pruning
from monitor.testing import CapturedLog

NOISE = np.random.default_rng(1).uniform(-1, 1, 60_000).astype(np.float32)  # 180 kB as FLAC


class House:
    """A store with a housekeeping whose clock stands still."""

    def __init__(self, store: Store, **bounds: int) -> None:
        self.store, self.log, self.now_s = store, CapturedLog(), 0.0
        self.clips = 0
        bounds = {"max_bytes": 1_000_000, "min_free_bytes": 0, "min_events_per_source": 0, **bounds}
        config = StoreConfig(max_age_days=99_999, **bounds)  # type: ignore[arg-type]
        self.housekeeping = Housekeeping(store, config, self.log, monotonic=lambda: self.now_s)

    def write(self, count: int) -> None:
        for _ in range(count):
            self.clips += 1
            event_id = f"e{self.clips}"
            raised = AlarmChange(
                source_id="pump",
                event_id=event_id,
                old_state=AlarmState.NORMAL,
                new_state=AlarmState.UNACKNOWLEDGED,
                reason=ChangeReason.LIMIT,
                at_utc_s=1.7e9,
                event_start_utc_s=1.7e9,
                peak=1.5,
                warning=True,
                uncertain=False,
                active=True,
            )
            self.store.apply([raised], snapshot={}, bundle_id=None)
            self.store.add_clip(ClipJob("pump", event_id, NOISE, 44_100, 0.0, 1.7e9, 0))
        self.housekeeping.note_written()

    def tend_after(self, seconds: float) -> int:
        """Let time pass, tend, and return how many prunings were logged since."""
        self.log.lines.clear()
        self.now_s += seconds
        self.housekeeping.tend()
        return len(self.log.lines)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path / "state")) as store:
        yield store


@pytest.fixture
def house_of(store: Store) -> Callable[..., House]:
    return lambda **bounds: House(store, **bounds)


def test_the_quota_is_kept_within_seconds_of_a_clip_too_many(house_of: Callable[..., House]) -> None:
    house = house_of()
    assert house.tend_after(0.0) == 1, "at the start"
    house.write(5)
    assert house.tend_after(LOOK_EVERY_S) == 0, "there is room"
    house.write(2)
    assert house.tend_after(LOOK_EVERY_S) == 0, "the last pruning was just now"
    assert house.tend_after(PRESSED_EVERY_S) == 1
    assert kept_bytes(house.store) < 1_000_000
    assert house.housekeeping.facts.removed_files == {"age": 0, "space": 2}
    assert house.housekeeping.facts.line.startswith("removed 2 files for space (0.4 MB), 0.9 MB of clips")
    assert house.tend_after(PRESSED_EVERY_S) == 0
    assert house.tend_after(PRUNE_EVERY_S) == 1, "hourly"
    assert house.housekeeping.facts.removed_files == {"age": 0, "space": 2}


def test_what_may_not_go_is_told_once_and_not_searched_for_at_each_look(
    house_of: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(min_events_per_source=10)
    house.write(7)
    assert house.tend_after(0.0) == 1
    level, event, fields = house.log.lines[0]
    assert (level, event) == ("warning", "retention")
    assert "in the newest 10 events of each source" in str(fields["notes"])
    assert house.housekeeping.facts.short_bytes > 0
    searched: list[object] = []

    def run(pruning: _Pruning) -> RetentionReport:
        searched.append(pruning)
        return RetentionReport()

    monkeypatch.setattr(_Pruning, "run", run)
    for _ in range(int(SHORT_EVERY_S / LOOK_EVERY_S) - 1):
        house.tend_after(LOOK_EVERY_S)
    assert not searched
    house.tend_after(LOOK_EVERY_S)
    assert len(searched) == 1


def test_a_clock_that_goes_ahead_by_years_costs_nothing_for_a_day(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead_s = 0.0
    house = House(store)
    monkeypatch.setattr(time, "time", lambda: 1.7e9 + 86_400.0 + house.now_s + ahead_s)
    config = StoreConfig(max_age_days=30, min_free_bytes=0)
    house.housekeeping = Housekeeping(store, config, house.log, monotonic=lambda: house.now_s)
    house.write(1)
    house.tend_after(0.0)
    ahead_s = 10 * 365 * 86_400.0
    house.tend_after(PRUNE_EVERY_S)
    assert "jumped by more than a week" in house.housekeeping.facts.line
    house.tend_after(DOUBT_S / 2)
    house.housekeeping = Housekeeping(store, config, house.log, monotonic=lambda: house.now_s)
    house.tend_after(0.0)
    assert "jumped by more than a week" in house.housekeeping.facts.line, "after a restart"
    house.tend_after(DOUBT_S / 2 - KEEP_EVERY_S)
    assert kept_bytes(store) > 0
    house.tend_after(PRUNE_EVERY_S)
    assert kept_bytes(store) == 0


def test_what_may_not_go_is_looked_for_less_and_less_often_until_something_changes(
    house_of: Callable[..., House],
) -> None:
    house = house_of(min_events_per_source=10)
    house.write(7)
    prunings: list[float] = []
    config = house.housekeeping._config

    def counted(*_: object, **_keys: object) -> RetentionReport:
        prunings.append(house.now_s)
        return RetentionReport(short_bytes=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.housekeeping.prune", counted)
        for _ in range(int(PRUNE_EVERY_S / LOOK_EVERY_S) - 1):
            house.tend_after(LOOK_EVERY_S)
        pauses = [after - before for before, after in itertools.pairwise(prunings)]
        longest = [LONG_SHORT_EVERY_S] * (len(pauses) - 4)
        assert pauses == [SHORT_EVERY_S, 2 * SHORT_EVERY_S, 4 * SHORT_EVERY_S, 8 * SHORT_EVERY_S, *longest]
        assert len(longest) >= 3
        house.housekeeping.reconfigure(config)
        house.tend_after(0.0)
        house.tend_after(SHORT_EVERY_S)
        assert prunings[-1] - prunings[-2] == SHORT_EVERY_S, "new bounds"


def test_where_removing_frees_nothing_it_is_tried_once_an_hour(
    house_of: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of(max_bytes=10**9, min_free_bytes=1)
    monkeypatch.setattr("monitor.housekeeping.free_bytes", lambda _folder: 0)
    monkeypatch.setattr("monitor.store.retention.pruning.free_bytes", lambda _folder: 0)
    monkeypatch.setattr("monitor.store.retention.choice.FLOOR_SHARE", 10**9)
    house.write(30)
    house.tend_after(0.0)
    gone = house.housekeeping.facts.removed_files["space"]
    assert gone == PROBE_BYTES // (kept_bytes(house.store) // (30 - gone)) + 1
    assert "did not make the disk any freer" in house.housekeeping.facts.line
    for _ in range(int(PRUNE_EVERY_S / LOOK_EVERY_S) - 1):
        house.tend_after(LOOK_EVERY_S)
        assert not house.housekeeping.has_room()
    assert house.housekeeping.facts.removed_files["space"] == gone
    house.tend_after(LOOK_EVERY_S)
    assert house.housekeeping.facts.removed_files["space"] == 2 * gone


def test_that_there_is_room_again_is_told_within_seconds(
    house_of: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    free_bytes = 0
    for module in ("housekeeping", "store.retention.pruning"):
        monkeypatch.setattr(f"monitor.{module}.free_bytes", lambda _folder: free_bytes)
    house = house_of(min_free_bytes=1000)
    house.tend_after(0.0)
    assert house.housekeeping.facts.short_bytes == 1000
    free_bytes = 2000
    assert house.tend_after(LOOK_EVERY_S) == 1
    assert house.housekeeping.facts.short_bytes == 0
    assert house.housekeeping.facts.line == "removed nothing, 0.0 MB of clips and maps are kept"
    assert house.tend_after(LOOK_EVERY_S) == 0


def test_new_bounds_are_pruned_to_at_the_next_turn(house_of: Callable[..., House]) -> None:
    house = house_of(max_bytes=10_000_000)
    house.write(7)
    house.tend_after(0.0)
    house.housekeeping.reconfigure(
        StoreConfig(max_bytes=1_000_000, min_events_per_source=0, max_age_days=99_999)
    )
    assert house.tend_after(0.0) == 1
    assert kept_bytes(house.store) < 1_000_000


def test_a_store_that_does_not_answer_is_told_and_asked_again(
    house_of: Callable[..., House], monkeypatch: pytest.MonkeyPatch
) -> None:
    house = house_of()
    with monkeypatch.context() as patch:

        def refuse(*_: object, **_keys: object) -> None:
            raise StoreError("it is on fire")

        patch.setattr("monitor.housekeeping.prune", refuse)
        assert house.tend_after(0.0) == 1
        assert house.housekeeping.facts.line == "nothing can be removed: it is on fire"
    assert house.tend_after(PRUNE_EVERY_S) == 1
    assert "it is on fire" not in house.housekeeping.facts.line
