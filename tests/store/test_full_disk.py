from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_disk import fill

from monitor.errors import StoreError, StoreFullError
from monitor.messages import AlarmChange, Inference, LogMel, Score
from monitor.store import ClipJob, Store, open_store
from monitor.store.database import sqlite_errors

RaiseEvent = Callable[[Store, str], None]
ClipOf = Callable[..., ClipJob]
MapsOf = Callable[..., tuple[Score, Inference, LogMel]]


def apply_until_full(store: Store, change: AlarmChange, limit: int = 5000) -> list[str]:
    """Raise events until the store is full; return those that were acknowledged."""
    kept: list[str] = []
    for number in range(len(store.events(10_000)), limit):
        event_id = f"e{number}"
        try:
            store.apply([replace(change, event_id=event_id)], snapshot={"last": event_id}, bundle_id=None)
        except StoreFullError:
            return kept
        kept.append(event_id)
    pytest.fail("the disk never became full")


def test_a_full_disk_loses_nothing_that_was_kept_and_goes_on_when_space_is_freed(
    small_disk: Path, raised: AlarmChange, clip_of: ClipOf, maps_of: MapsOf
) -> None:
    state_dir, ballast = small_disk / "state", small_disk / "ballast"
    store = open_store(state_dir)
    store.apply([raised], snapshot={}, bundle_id=None)
    fill(ballast)
    kept = ["e1", *apply_until_full(store, raised)]
    failed = replace(raised, event_id="late")
    for _ in range(3):
        with pytest.raises(StoreFullError, match="no space left"):
            store.apply([failed, failed], snapshot={}, bundle_id=None)
    with pytest.raises(StoreFullError, match="no space left"):
        store.add_clip(clip_of("e1"))
    with pytest.raises(StoreFullError, match="no space left"):
        store.add_map("e1", *maps_of(1.0), maps_per_event=100)
    # what is there can still be read, and sent
    assert sorted(event.event_id for event in store.events(10_000)) == sorted(kept)
    assert list(state_dir.rglob("*.part")) == []
    ballast.unlink()
    store.apply([failed], snapshot={"last": "late"}, bundle_id=None)
    store.add_clip(clip_of("e1"))
    store.close()

    store = open_store(state_dir)
    assert store.recovered_from is None
    assert sorted(event.event_id for event in store.events(10_000)) == sorted([*kept, "late"])
    assert sorted(str(r.body["event_id"]) for r in store.pending(10_000)) == sorted([*kept, "late"])
    assert store.database.rows("PRAGMA integrity_check")[0][0] == "ok"
    assert store.alarm_snapshots() == {"pump1": {"last": "late"}}
    assert (store.tidied.unlisted_files, store.tidied.missing_files) == (0, 0)
    store.close()


def test_a_disk_that_is_full_from_the_start_is_said_and_not_taken_for_damage(
    small_disk: Path, raised: AlarmChange
) -> None:
    state_dir, ballast = small_disk / "state", small_disk / "ballast"
    fill(ballast)
    with pytest.raises(StoreFullError, match="no space left"):
        open_store(state_dir)
    ballast.unlink()
    store = open_store(state_dir)
    store.apply([raised], snapshot={}, bundle_id=None)
    store.close()
    fill(ballast)
    with pytest.raises(StoreFullError, match="no space left"):
        open_store(state_dir)
    ballast.unlink()
    store = open_store(state_dir)
    assert [event.event_id for event in store.events(10)] == ["e1"]
    store.close()
    assert not list(state_dir.glob("*.corrupt*"))


def test_a_database_that_may_not_grow_is_full_until_it_may(
    store: Store, raised: AlarmChange, score_of: Callable[..., Score]
) -> None:
    """The same without root: SQLite's own limit raises the same error as a full disk."""
    pages = store.database.rows("PRAGMA page_count")[0][0]
    store.database.rows(f"PRAGMA max_page_count = {pages + 4}")
    kept = apply_until_full(store, raised)
    depth = store.outbox_depth()
    with pytest.raises(StoreFullError):
        store.apply([raised] * 100, snapshot={}, bundle_id=None)
    assert store.outbox_depth() == depth == len(kept)
    # a score is not worth an error, only a count
    for minute in range(200):
        store.add_offline_score(score_of(0.5, 60.0 * minute), every_s=60.0, limit_rows=1000)
    assert store.dropped_scores == 199 - (store.outbox_depth() - depth) > 0
    depth = store.outbox_depth()
    store.database.rows("PRAGMA max_page_count = 100000")
    store.apply([raised], snapshot={}, bundle_id=None)
    assert store.outbox_depth() == depth + 1


@pytest.mark.parametrize(
    ("number", "expected"),
    [(errno.ENOSPC, StoreFullError), (errno.EDQUOT, StoreFullError), (errno.EIO, StoreError)],
)
def test_a_file_that_the_disk_refuses_leaves_nothing(  # noqa: PLR0917 - fixtures
    store: Store,
    state_dir: Path,
    raise_event: RaiseEvent,
    clip_of: ClipOf,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    expected: type[StoreError],
) -> None:
    raise_event(store, "e1")

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(StoreError) as caught:
            store.add_clip(clip_of("e1"))
    assert caught.type is expected
    assert [path for path in (state_dir / "clips").rglob("*") if path.is_file()] == []
    assert store.clips("e1") == []


def test_a_disk_that_is_gone_altogether_is_a_store_error_too(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="disk I/O error"), sqlite_errors(tmp_path / "gone" / "store.sqlite"):
        raise sqlite3.OperationalError("disk I/O error")
