"""Sound and maps of flagged windows reach the disk, or are counted; a full disk is not searched for each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from machine_rig import Audience, machine, windows

from monitor.config import StoreConfig
from monitor.errors import StoreError
from monitor.housekeeping import SHORT_EVERY_S
from monitor.keeper import LOOK_EVERY_S, QUEUE_WINDOWS, Keeper
from monitor.machine import Machine
from monitor.pipeline import FlaggedWindow, Pipeline
from monitor.roster import Roster
from monitor.store import RetentionReport, Store, open_store, prune
from monitor.testing import CapturedLog


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with closing(open_store(tmp_path)) as opened:
        yield opened


def flagged_windows(store: Store, pump: Machine, count: int) -> list[FlaggedWindow]:
    audience = Audience()
    Pipeline(Roster([pump]), store, audience, audience.keep, CapturedLog(), say=lambda _: None).hear(
        windows("pump", count)
    )
    return audience.kept


def test_a_flagged_window_is_kept_with_its_maps(store: Store) -> None:
    pump = machine("pump", [1.2])
    keeper = Keeper([pump], store, StoreConfig(min_free_bytes=0), CapturedLog())
    (flagged,) = flagged_windows(store, pump, 1)
    keeper.keep_window(flagged)
    keeper.finish()
    (kept,) = store.windows(flagged.event_id)
    assert (store.state_dir / kept.path).is_file()
    assert 0 == keeper.dropped


def test_without_room_windows_are_counted_and_the_files_searched_once_a_minute(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump, log, now_s = machine("pump", [1.2] * 9), CapturedLog(), 0.0
    searched: list[float] = []

    def counted(*asked: Any, **keys: Any) -> RetentionReport:  # noqa: ANN401 - as prune
        searched.append(now_s)
        return prune(*asked, **keys)

    monkeypatch.setattr("monitor.housekeeping.prune", counted)
    keeper = Keeper([pump], store, StoreConfig(min_free_bytes=2**62), log, monotonic=lambda: now_s)
    for flagged in flagged_windows(store, pump, 9):
        keeper.keep_window(flagged)
        keeper.run_once(0.0)
    assert (9, [0.0]) == (keeper.dropped, searched)
    assert "bytes are free" in str(keeper.error)
    assert "store.min_free_bytes is" in keeper.retention.line
    assert ["retention", "clips and maps are not written"] == [event for _, event, _ in log.lines]
    for later_s in (SHORT_EVERY_S, SHORT_EVERY_S + 1.0):
        now_s = later_s
        keeper.keep_window(flagged)
        keeper.run_once(0.0)
    assert [0.0, SHORT_EVERY_S] == searched


def test_a_disk_that_fills_and_empties_is_told_without_anything_to_write(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    log, now_s, room = CapturedLog(), 0.0, False
    keeper = Keeper([], store, StoreConfig(min_free_bytes=0), log, monotonic=lambda: now_s)
    monkeypatch.setattr("monitor.housekeeping.Housekeeping.has_room", lambda _: room)
    keeper.run_once(0.0)
    assert keeper.error is None
    for turn in (1, 2):
        now_s = turn * LOOK_EVERY_S
        keeper.run_once(0.0)
        assert (True, 0) == ("bytes are free" in str(keeper.error), keeper.dropped)
    now_s, room = 3 * LOOK_EVERY_S, True
    keeper.run_once(0.0)
    assert keeper.error is None
    told = [event for _, event, _ in log.lines if event != "retention"]
    assert ["clips and maps are not written", "clips and maps are written again"] == told


def test_a_disk_that_refuses_each_file_by_name_is_logged_once(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    pump, log = machine("pump", [1.2] * 3), CapturedLog()
    keeper = Keeper([pump], store, StoreConfig(min_free_bytes=0), log)
    names = iter("abc")

    def refuse(*_details: object) -> None:
        raise StoreError(f"{next(names)}.npz: Read-only file system")

    monkeypatch.setattr(keeper.guard, "keep_map", refuse)
    for flagged in flagged_windows(store, pump, 3):
        keeper.keep_window(flagged)
        keeper.run_once(0.0)
    assert ("c.npz: Read-only file system", 3) == (keeper.error, keeper.dropped)
    assert 1 == [event for _, event, _ in log.lines].count("clips and maps are not written")


def test_of_too_many_windows_the_oldest_go_and_are_counted(store: Store) -> None:
    pump = machine("pump", [1.2])
    keeper = Keeper([pump], store, StoreConfig(min_free_bytes=0, maps_per_event=10_000), CapturedLog())
    (flagged,) = flagged_windows(store, pump, 1)
    for _ in range(QUEUE_WINDOWS + 3):
        keeper.keep_window(flagged)
    assert 3 == keeper.dropped
