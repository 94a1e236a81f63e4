"""On a disk that is full, pictures, scores and sound go in this order, alarms never; then all comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_disk import DiskOf, fill, read_only

from monitor.config import StoreConfig
from monitor.errors import StoreFullError
from monitor.housekeeping import Housekeeping
from monitor.messages import AlarmChange, Score
from monitor.replay.kept.cache import Cache
from monitor.store import ClipJob, Label, Store, open_store
from monitor.store.measures import kept_bytes
from monitor.store.reserve import RESERVE_BYTES, ROOM_TIMES
from monitor.testing import CapturedLog
from monitor.unsaved import Step, Unsaved, say_nothing

RaiseEvent = Callable[[Store, str], None]
ClipOf = Callable[..., ClipJob]
MEGABYTE = 1024 * 1024
NOW_UTC_S = 1_700_000_000.0


def step(change: AlarmChange, event_id: str) -> Step:
    noted = replace(change, event_id=event_id, note="x" * 1000)
    return Step((noted,), {"last": event_id}, "mae-1", None, say_nothing)


def test_alarms_have_the_room_that_was_held_back_then_wait_and_none_is_lost(
    disk_of: DiskOf, raised: AlarmChange
) -> None:
    disk = disk_of((ROOM_TIMES + 2) * RESERVE_BYTES)
    state_dir, ballast = disk / "state", disk / "ballast"
    store, log = open_store(state_dir), CapturedLog()
    assert store.reserve.make()
    assert store.reserve.size_bytes == RESERVE_BYTES
    fill(ballast)
    with pytest.raises(StoreFullError):
        store.apply([raised] * 1000, snapshot={}, bundle_id=None)
    unsaved, asked = Unsaved(store, log), list[str]()
    while not len(unsaved):
        asked.append(f"e{len(asked)}")
        unsaved.add(step(raised, asked[-1]))
    assert len(asked) > 1000, "alarms that found room on a full disk"
    assert (store.reserve.size_bytes, unsaved.given_up) == (0, 0)
    assert "no space left" in str(unsaved.error)
    for _ in range(5):
        asked.append(f"e{len(asked)}")
        unsaved.add(step(raised, asked[-1]))
    assert len(unsaved) == 6
    assert not store.reserve.make(), "as long as the disk is full"
    ballast.unlink()
    unsaved.save()
    assert (len(unsaved), unsaved.error) == (0, None)
    assert store.reserve.make()
    assert [event.event_id for event in reversed(store.events(10_000))] == asked
    assert [record.body["event_id"] for record in store.pending(10_000)] == asked
    store.close()


def test_a_box_starts_on_a_full_disk_with_the_room_that_was_held_back(
    disk_of: DiskOf, raised: AlarmChange
) -> None:
    disk = disk_of((ROOM_TIMES + 1) * RESERVE_BYTES)
    store = open_store(disk / "state")
    store.apply([raised], snapshot={}, bundle_id=None)
    store.reserve.make()
    store.close()
    fill(disk / "ballast")
    said: list[str] = []
    store = open_store(disk / "state", say=said.append)
    assert said == ["the disk is full; the store has the room that was held back for alarms"]
    store.apply([replace(raised, event_id="e2")], snapshot={}, bundle_id=None)
    assert len(store.events(9)) == 2
    store.close()


def test_pictures_go_first_then_scores_then_sound_and_never_what_is_locked_or_an_alarm(
    disk_of: DiskOf,
    raise_event: RaiseEvent,
    raised: AlarmChange,
    clip_of: ClipOf,
    score_of: Callable[..., Score],
) -> None:
    disk, now_s = disk_of(24 * MEGABYTE), 0.0
    store = open_store(disk / "state")
    cache = Cache(disk / "cache", MEGABYTE, keep_free_bytes=6 * MEGABYTE)
    config = StoreConfig(min_free_bytes=4 * MEGABYTE, min_events_per_source=2, max_age_days=9999)
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S))
        store.add_offline_score(score_of(0.5, 60.0 * number), every_s=60.0, limit_rows=1000)
        cache.put(f"{number:032x}.logmel", lambda out: out.write(bytes(100_000))).close()
    store.set_lock("e0", "anna", NOW_UTC_S)
    store.add_label(Label("e1", "anomaly", who="anna", at_utc_s=NOW_UTC_S))
    housekeeping = Housekeeping(store, config, CapturedLog(), monotonic=lambda: now_s)
    seen: list[tuple[bool, bool, tuple[str, ...]]] = []
    raised_later = 0
    for leave_bytes in range(20 * MEGABYTE, -1, -MEGABYTE // 4):
        fill(disk / "ballast", leave_bytes)
        now_s += 100.0
        cache.make_room()
        housekeeping.tend()
        heard = tuple(
            event.event_id
            for event in reversed(store.events(100))
            if any(clip.gone is None for clip in store.clips(event.event_id))
        )
        scores = any(record.kind == "score" for record in store.pending(1000))
        if seen[-1:] != [(cache.size_bytes > 0, scores, heard)]:
            seen.append((cache.size_bytes > 0, scores, heard))
        if leave_bytes:
            store.apply([replace(raised, event_id=f"late{raised_later}")], snapshot={}, bundle_id=None)
            raised_later += 1
    everything = tuple(f"e{number}" for number in range(9))
    assert seen[:2] == [(True, True, everything), (False, True, everything)]
    assert all(seen_then[:2] == (False, False) for seen_then in seen[2:])
    kept = [heard for _, _, heard in seen[2:]]
    assert kept == sorted(kept, key=len, reverse=True)
    assert [one for one in kept if "e1" not in one] == [("e0", "e7", "e8")], "labelled last"
    assert kept[-1] == ("e0", "e7", "e8"), "locked, and the newest of the source"
    assert "0.1 MB in 1 locked events" in housekeeping.facts.line
    assert raised_later == len(store.events(1000)) - 9 > 70
    assert not housekeeping.has_room()

    (disk / "ballast").unlink()
    now_s += 100.0
    assert housekeeping.has_room()
    housekeeping.tend()
    assert housekeeping.facts.short_bytes == 0
    with cache.put("f" * 32 + ".logmel", lambda out: out.write(b"x")) as file:
        assert file.read() == b"x"
    assert cache.size_bytes == 1
    store.close()


def test_a_disk_that_may_not_be_written_is_told_and_used_again_when_it_may(
    state_dir: Path, raise_event: RaiseEvent, raised: AlarmChange, clip_of: ClipOf
) -> None:
    store, log, now_s = open_store(state_dir), CapturedLog(), 0.0
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S))
    config = StoreConfig(max_bytes=1_000_000, min_events_per_source=0, min_free_bytes=0, max_age_days=9999)
    housekeeping = Housekeeping(store, config, log, monotonic=lambda: now_s)
    unsaved, before = Unsaved(store, log), kept_bytes(store)
    with read_only(state_dir / "clips"):
        housekeeping.tend()
        assert "Read-only file system; mount the disk" in housekeeping.facts.line
        for _ in range(3):
            now_s += 70.0
            housekeeping.tend()
        assert [event for _, event, _ in log.lines].count("retention failed") == 1
        # what SQLite says of a file on such a disk
        store.database.rows("PRAGMA query_only = ON")
        unsaved.add(step(raised, "late"))
        assert "readonly database" in str(unsaved.error)
    assert kept_bytes(store) == before
    store.database.rows("PRAGMA query_only = OFF")
    unsaved.save()
    assert (len(unsaved), store.events(1)[0].event_id) == (0, "late")
    now_s += 70.0
    housekeeping.tend()
    assert kept_bytes(store) < 1_000_000
    assert housekeeping.facts.removed_files["space"] == 2
    assert sum(path.stat().st_size for path in state_dir.glob("clips/*/*/*")) == kept_bytes(store)
    store.close()
