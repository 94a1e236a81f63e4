"""Evidence of a shadow run is read as it was written, goes on after a restart, and stays bounded."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from monitor.clock import ClockReading
from monitor.messages import Quality
from monitor.store import Store, open_store
from monitor.store.clocks import correct_times, note_clock
from monitor.store.retention.shadow_rows import prune_windows
from monitor.store.shadow import (
    PAGE_ROWS,
    RunKey,
    ShadowTally,
    ShadowWindow,
    add_shadow,
    shadow_runs,
    shadow_windows,
)

T0 = 1_790_000_000.0
DAY_S = 86_400.0
PUMP = RunKey("pump1", "mae-1", "ae-2-ffff0000")


def windows(key: RunKey, count: int, *, since_s: float = 0.0, t0: float = T0) -> list[ShadowWindow]:
    return [
        ShadowWindow(
            source_id=key.source_id,
            live_bundle_id=key.live_bundle_id,
            candidate=key.candidate,
            start_utc_s=t0 + since_s + i,
            end_utc_s=t0 + since_s + i + 2.0,
            start_s=since_s + i,
            live=None if i == 1 else 0.5 + i,
            candidate_value=None if i == 1 else 0.25,
            quality=Quality.SILENT if i == 1 else Quality.OK,
        )
        for i in range(count)
    ]


def add(store: Store, key: RunKey, rows: list[ShadowWindow], *, skipped: int = 0) -> None:
    tally = ShadowTally(at_utc_s=rows[0].start_utc_s, hop_s=1.0, windows=rows, skipped=skipped)
    add_shadow(store.database, {key: tally})


def test_windows_are_read_as_they_were_written_by_source_candidate_and_time(store: Store) -> None:
    fan, other = RunKey("fan", "mae-1", "ae-2-ffff0000"), RunKey("pump1", "mae-1", "ae-3")
    written = windows(PUMP, 3)
    add(store, PUMP, written)
    add(store, fan, windows(fan, 2))
    add(store, other, windows(other, 1, since_s=50.0))
    read = store.database
    assert written == list(shadow_windows(read, "pump1", candidate="ae-2-ffff0000"))
    assert [*written, *windows(other, 1, since_s=50.0)] == list(shadow_windows(read, "pump1"))
    assert written[2:] == list(shadow_windows(read, "pump1", candidate=PUMP.candidate, since_utc_s=T0 + 2.0))
    assert [] == list(shadow_windows(read, "pump1", live_bundle_id="mae-2"))


def test_more_windows_than_a_page_are_read_once_each(store: Store) -> None:
    add(store, PUMP, windows(PUMP, PAGE_ROWS + 3))
    starts = [window.start_s for window in shadow_windows(store.database, "pump1")]
    assert [float(i) for i in range(PAGE_ROWS + 3)] == starts


def test_a_row_takes_about_seventy_bytes(store: Store) -> None:
    def size_bytes() -> int:
        (pages,), (size,) = (store.database.rows(f"PRAGMA page_{one}")[0] for one in ("count", "size"))
        return int(pages) * int(size)

    before = size_bytes()
    rows = [
        replace(one, start_s=one.start_s / 3, start_utc_s=one.start_utc_s / 3, live=0.1, candidate_value=0.3)
        for one in windows(PUMP, 20_000)  # no whole numbers, which SQLite makes small
    ]
    add(store, PUMP, rows)
    assert 60 < (size_bytes() - before) / 20_000 < 80


def test_a_run_goes_on_after_a_restart_and_says_what_was_skipped(state_dir: Path) -> None:
    with closing(open_store(state_dir)) as store:
        add(store, PUMP, windows(PUMP, 3), skipped=1)
    with closing(open_store(state_dir)) as store:
        add(store, PUMP, windows(PUMP, 3, since_s=60.0), skipped=1)
    with closing(open_store(state_dir, read_only=True)) as store:
        (run,) = shadow_runs(store.database, "pump1", candidate=PUMP.candidate)
        assert (PUMP, T0, 4, 2) == (run.key, run.began_utc_s, run.judged_windows, run.skipped_windows)
        assert (4 / 3600, 2 / 6) == (run.heard_hours, run.skipped_share), "what nobody could judge is neither"
        assert 6 == len(list(shadow_windows(store.database, "pump1")))


def test_of_a_source_the_newest_rows_stay_whatever_run_they_are_of(store: Store) -> None:
    newer = RunKey("pump1", "mae-1", "ae-3")
    add(store, PUMP, windows(PUMP, 10))
    add(store, newer, windows(newer, 4, since_s=100.0))
    assert 8 == prune_windows(store.database, now_utc_s=None, max_age_s=DAY_S, max_windows=6)
    starts = [window.start_s for window in shadow_windows(store.database, "pump1")]
    assert [8.0, 9.0, 100.0, 101.0, 102.0, 103.0] == starts
    assert [9, 3] == [run.judged_windows for run in shadow_runs(store.database, "pump1")]
    assert 2 == prune_windows(store.database, now_utc_s=None, max_age_s=DAY_S, max_windows=4)
    assert [newer] == [run.key for run in shadow_runs(store.database, "pump1")], "nothing was left of it"


def test_a_run_that_was_given_nothing_yet_stays_with_what_it_was_not_given(store: Store) -> None:
    add_shadow(store.database, {PUMP: ShadowTally(T0, 1.0, skipped=9)})
    prune_windows(store.database, now_utc_s=T0 + 60.0, max_age_s=DAY_S, max_windows=6)
    assert [9] == [run.skipped_windows for run in shadow_runs(store.database, "pump1")]
    prune_windows(store.database, now_utc_s=T0 + 2 * DAY_S, max_age_s=DAY_S, max_windows=6)
    assert [] == shadow_runs(store.database, "pump1")


def test_rows_that_are_too_old_go_and_those_before_them_that_nobody_can_date(store: Store) -> None:
    add(store, PUMP, windows(PUMP, 2, t0=60.0))
    add(store, PUMP, windows(PUMP, 3))
    add(store, PUMP, windows(PUMP, 2, since_s=2 * DAY_S))

    def prune(now_utc_s: float | None) -> int:
        return prune_windows(store.database, now_utc_s=now_utc_s, max_age_s=DAY_S, max_windows=100)

    assert 0 == prune(None)
    assert 0 == prune(T0 + DAY_S / 2), "a clock of 1970 says nothing of the age"
    assert 5 == prune(T0 + 2 * DAY_S)
    assert 2 == len(list(shadow_windows(store.database, "pump1")))


def test_what_was_heard_before_the_clock_was_set_is_dated_right_once_it_is(store: Store) -> None:
    assert note_clock(store.database, ClockReading("boot-1", 0.0, is_set=False, up_s=10.0))
    add(store, PUMP, windows(PUMP, 2, t0=100.0))
    assert note_clock(store.database, ClockReading("boot-1", T0, is_set=True, up_s=1000.0))
    assert 3 == sum(correct_times(store.database)), "the run and two windows"
    assert [T0 + 100.0, T0 + 101.0] == [one.start_utc_s for one in shadow_windows(store.database, "pump1")]
    assert T0 + 100.0 == shadow_runs(store.database, "pump1")[0].began_utc_s
