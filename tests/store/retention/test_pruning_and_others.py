"""What people, clocks and other names of a file do to a pruning."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from monitor.config import StoreConfig
from monitor.store import ClipJob, Label, Store, prune
from monitor.store.database import Database
from monitor.store.retention import kept
from monitor.store.retention.choice import SURE_CLIPS, KeptEvent, KeptFile
from monitor.store.retention.kept import kept_events

RaiseEvent = Callable[[Store, str], None]
ClipOf = Callable[..., ClipJob]
NOW_UTC_S = 1_700_000_000.0
DAY_S = 86_400.0
YEAR_S = 365 * DAY_S


def present(store: Store) -> list[str]:
    events = reversed(store.events(1000))
    return [event.event_id for event in events for clip in store.clips(event.event_id) if clip.gone is None]


@contextlib.contextmanager
def at_the_first_file(do: Callable[[], None]) -> Iterator[None]:
    """Have another thread's work done when the first pruning has looked at the first file."""
    done: list[bool] = []

    def claims_on(database: Database, event_id: str) -> tuple[bool, bool]:
        found = kept.claims_on(database, event_id)
        if not done:
            done.append(True)
            do()
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("monitor.store.retention.pruning.claims_on", claims_on)
        yield


def test_what_is_locked_while_a_pruning_runs_stays_from_then_on(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    for event_id in ("e0", "e1"):
        raise_event(store, event_id)
        for number in range(3):
            store.add_clip(clip_of(event_id, float(number), NOW_UTC_S - 100 * DAY_S))

    def lock() -> None:
        for event_id in ("e0", "e1"):
            store.set_lock(event_id, "anna", NOW_UTC_S)

    with at_the_first_file(lock):
        report = prune(store, StoreConfig(max_age_days=1, min_free_bytes=2**62), NOW_UTC_S)
    assert present(store) == ["e0", "e0", "e1", "e1", "e1"], "one file was at its end already"
    assert "in 2 locked events" in report.line


def test_what_is_labelled_while_a_pruning_runs_keeps_its_place_among_the_labelled(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", 0.0, NOW_UTC_S - 100 * DAY_S))

    def label() -> None:
        store.add_label(Label("e1", "anomaly", who="anna", at_utc_s=NOW_UTC_S))

    config = StoreConfig(max_bytes=1_000_000, min_events_per_source=0, min_free_bytes=0, max_age_days=999)
    with at_the_first_file(label):
        prune(store, config, NOW_UTC_S)
    assert present(store) == ["e1", *(f"e{number}" for number in range(3, 9))]


def test_an_event_that_outlives_a_restart_loses_its_oldest_sound_first(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    # the time of a stream begins anew with the process
    for number, start_s in enumerate((1000.0, 1300.0, 1600.0, 1900.0, *range(0, 3000, 300))):
        store.add_clip(clip_of("e1", start_s, NOW_UTC_S + 300.0 * number))
    prune(store, StoreConfig(max_bytes=1_000_000, min_events_per_source=1), NOW_UTC_S)
    assert [clip.gone for clip in store.clips("e1")] == [*[None] * SURE_CLIPS, "space", "space"]
    prune(store, StoreConfig(max_bytes=1_000_000, min_events_per_source=0), NOW_UTC_S)
    assert [clip.gone for clip in store.clips("e1")] == [*["space"] * 5, *[None] * 7, "space", "space"]


def test_what_is_dated_ahead_goes_with_the_next_that_is_too_old(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    for event_id, start_utc_s in (
        ("ahead", NOW_UTC_S + 10 * YEAR_S),
        ("right", NOW_UTC_S),
        ("ahead again", NOW_UTC_S + 10 * YEAR_S),
    ):
        raise_event(store, event_id)
        store.add_clip(clip_of(event_id, 0.0, start_utc_s))
    config = StoreConfig(max_age_days=30, min_free_bytes=0)
    prune(store, config, NOW_UTC_S + 29 * DAY_S)
    assert present(store) == ["ahead", "right", "ahead again"]
    prune(store, config, NOW_UTC_S + 31 * DAY_S)
    assert present(store) == ["ahead again"]
    raise_event(store, "later")
    store.add_clip(clip_of("later", 0.0, NOW_UTC_S + 31 * DAY_S))
    prune(store, config, NOW_UTC_S + 62 * DAY_S)
    assert present(store) == []


def test_a_link_in_a_store_that_was_put_aside_goes_with_the_file(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S))
    aside = state_dir / "clips.schema-9-20260101T000000Z"
    shutil.copytree(state_dir / "clips", aside, copy_function=os.link)
    (aside / "pump1" / "of-the-newer.flac").write_bytes(b"sound")
    prune(store, StoreConfig(max_bytes=1_000_000, min_events_per_source=0), NOW_UTC_S)
    assert len(present(store)) == 7
    links = [path.stat().st_nlink for path in aside.rglob("*.flac")]
    assert sorted(links) == [1, *[2] * 7], "what is not ours as well stays"


def test_the_floor_costs_a_probe_and_no_more_where_removing_frees_nothing(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S))
    monkeypatch.setattr("monitor.store.retention.pruning.free_bytes", lambda _folder: 10**9 - 5)
    report = prune(store, StoreConfig(min_free_bytes=10**9, min_events_per_source=0), NOW_UTC_S)
    assert report.in_vain
    assert report.removed_for_space == 8, "a megabyte"
    assert "did not make the disk any freer (a snapshot, or a program that has it open" in report.line
    # the quota is kept all the same
    config = StoreConfig(min_free_bytes=10**9, max_bytes=1_000_000, min_events_per_source=0)
    assert prune(store, config, NOW_UTC_S).kept_bytes <= 1_000_000


def test_events_are_read_some_at_a_time_so_that_alarms_come_in_between(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        raise_event(store, f"e{number}")
        if number != 4:
            store.add_clip(clip_of(f"e{number}", float(number), 5.0 if number == 1 else NOW_UTC_S + number))
    store.set_lock("e2", "anna", NOW_UTC_S)
    store.add_label(Label("e3", "anomaly", who="anna", at_utc_s=NOW_UTC_S))
    at_once, ask = kept_events(store.database), store.database.rows
    asked: list[int] = []

    def rows(query: str, parameters: tuple[object, ...] = ()) -> list[object]:
        found = ask(query, parameters)
        asked.append(len(found))
        return list(found)

    monkeypatch.setattr(kept, "CHUNK_EVENTS", 2)
    monkeypatch.setattr(store.database, "rows", rows)
    assert kept_events(store.database) == at_once
    assert asked == [1, 2, 2, 1, 1]
    assert [event.event_id for event in at_once] == ["e0", "e1", "e2", "e3", "e5", "e6"]
    assert [(event.clips, event.first_utc_s) for event in at_once[:3]] == [
        (1, NOW_UTC_S),
        (1, None),
        (1, NOW_UTC_S + 2),
    ]
    assert [event.event_id for event in at_once if event.is_locked] == ["e2"]
    assert [event.event_id for event in at_once if event.is_labelled] == ["e3"]


def test_the_files_of_an_event_that_is_all_sure_are_not_searched(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S))
    asked: list[str] = []

    def files_of(_database: Database, event: KeptEvent) -> list[KeptFile]:
        asked.append(event.event_id)
        return []

    monkeypatch.setattr("monitor.store.retention.pruning.files_of", files_of)
    report = prune(store, StoreConfig(min_free_bytes=2**62, min_events_per_source=3), NOW_UTC_S)
    assert (asked, report.short_bytes > 0) == ([], True)
