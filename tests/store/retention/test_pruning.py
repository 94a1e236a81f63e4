from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from monitor.config import StoreConfig
from monitor.errors import StoreError
from monitor.messages import AlarmChange, Inference, LogMel, Score
from monitor.store import ClipJob, Label, Store, prune
from monitor.store.retention.choice import FLOOR_SHARE, QUOTA_SHARE, SURE_CLIPS

RaiseEvent = Callable[[Store, str], None]
ClipOf = Callable[..., ClipJob]
MapsOf = Callable[..., tuple[Score, Inference, LogMel]]
NOW_UTC_S = 1_700_000_000.0
DAY_S = 86_400.0
CLIP_BYTES = 135_000


def present(store: Store) -> list[str]:
    """The events whose clip is still there, in order, once for each clip."""
    events = reversed(store.events(1000))
    return [event.event_id for event in events for clip in store.clips(event.event_id) if clip.gone is None]


def on_disk(state_dir: Path) -> int:
    return sum(path.stat().st_size for path in state_dir.glob("*/*/*/*"))


def test_what_is_too_old_goes_unless_labelled(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf, maps_of: MapsOf
) -> None:
    for event_id, age_days in (("old", 11), ("labelled", 11), ("young", 9), ("edge", 10)):
        raise_event(store, event_id)
        start_utc_s = NOW_UTC_S - age_days * DAY_S
        store.add_clip(clip_of(event_id, 0.0, start_utc_s))
        store.add_map(event_id, *maps_of(1.0, 0.0, start_utc_s), maps_per_event=9)
    store.add_label(Label("labelled", "anomaly", who="anna", at_utc_s=NOW_UTC_S))
    before = on_disk(state_dir)
    report = prune(store, StoreConfig(max_age_days=10), NOW_UTC_S)
    assert present(store) == ["labelled", "young", "edge"]
    assert [window.gone for window in store.windows("old")] == ["age"]
    assert (report.removed_for_age, report.removed_for_space, report.notes) == (2, 0, [])
    assert report.kept_bytes == on_disk(state_dir) == before - report.removed_bytes
    assert len(store.events(10)) == 4


def test_for_space_the_oldest_unlabelled_event_goes_first_and_labelled_ones_last(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    config = StoreConfig(max_bytes=1_000_000, min_events_per_source=0)
    events = [f"e{number}" for number in range(9)]
    for number, event_id in enumerate(events):
        raise_event(store, event_id)
        # the clock jumps back to 1970 in the middle: order is by insertion all the same
        store.add_clip(clip_of(event_id, float(number), 5.0 if number % 2 else NOW_UTC_S))
    for event_id in ("e0", "e3"):
        store.add_label(Label(event_id, "unsure", who="anna", at_utc_s=NOW_UTC_S))
    report = prune(store, config, NOW_UTC_S)
    assert present(store) == ["e0", "e3", "e4", "e5", "e6", "e7", "e8"]
    assert store.clips("e1")[0].gone == "space"
    assert report.kept_bytes == on_disk(state_dir) <= 1_000_000
    assert report.kept_bytes > QUOTA_SHARE * 1_000_000 - CLIP_BYTES
    # nothing more to do
    assert prune(store, config, NOW_UTC_S).removed_bytes == 0
    for event_id in ("e4", "e5", "e6", "e7", "e8"):
        store.add_label(Label(event_id, "unsure", who="anna", at_utc_s=NOW_UTC_S))
    raise_event(store, "e9")
    for number in range(3):
        store.add_clip(clip_of("e9", 10.0 + number, NOW_UTC_S))
    prune(store, config, NOW_UTC_S)
    assert present(store) == ["e0", "e3", "e4", "e5", "e6", "e7", "e8"]
    for number in range(7):
        store.add_clip(clip_of("e8", 20.0 + number, NOW_UTC_S))
    prune(store, config, NOW_UTC_S)  # only labelled ones are left: the oldest of them
    assert present(store)[0] == "e8"
    assert len(present(store)) == 7
    assert len(store.events(100)) == 10


def test_of_an_event_the_oldest_clips_go_first(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    for number in range(9):
        store.add_clip(clip_of("e1", float(number), NOW_UTC_S))
    prune(store, StoreConfig(max_bytes=1_000_000, min_events_per_source=0), NOW_UTC_S)
    assert [clip.gone for clip in store.clips("e1")] == ["space", "space", *[None] * 7]


def test_a_clock_that_is_not_set_removes_nothing_for_age(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    store.add_clip(clip_of("e1", 0.0, 60.0))  # recorded before the box was told the time
    report = prune(store, StoreConfig(max_age_days=1), NOW_UTC_S)
    assert (report.removed_for_age, present(store)) == (0, ["e1"])
    report = prune(store, StoreConfig(max_age_days=1), 10 * DAY_S)
    assert (report.removed_for_age, report.notes) == (
        0,
        ["the clock of the box is not set: nothing is removed for its age"],
    )


def test_a_file_that_cannot_be_removed_is_named_and_blocks_no_other(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S - 100 * DAY_S))
    stubborn = store.clips("e0")[0].path
    (state_dir / stubborn).unlink()
    (state_dir / stubborn).mkdir()  # what unlink refuses, for root too
    report = prune(
        store, StoreConfig(max_bytes=1_000_000, min_events_per_source=0, max_age_days=1000), NOW_UTC_S
    )
    assert report.failures == {stubborn: "Is a directory"}
    assert present(store) == ["e0", "e3", "e4", "e5", "e6", "e7", "e8"]
    assert report.notes == []
    report = prune(store, StoreConfig(max_age_days=1), NOW_UTC_S)
    assert present(store) == ["e0"]
    assert (report.removed_for_age, list(report.failures)) == (6, [stubborn])


def test_it_says_when_the_limit_cannot_be_kept(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    for number in range(8):
        store.add_clip(clip_of("e1", float(number), NOW_UTC_S))
    for clip in store.clips("e1"):
        (state_dir / clip.path).unlink()
        (state_dir / clip.path).mkdir()
    report = prune(store, StoreConfig(max_bytes=1_000_000, min_events_per_source=0), NOW_UTC_S)
    (note,) = report.notes
    assert "store.max_bytes is 1000000: 8 files cannot be removed (Is a directory)" in note
    assert report.short_bytes == report.staying_bytes["not_removable"] - 1_000_000


def test_a_file_that_somebody_removed_is_marked_missing(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    store.add_clip(clip_of("e1", 0.0, NOW_UTC_S - 100 * DAY_S))
    (state_dir / store.clips("e1")[0].path).unlink()
    report = prune(store, StoreConfig(max_age_days=1), NOW_UTC_S)
    assert (store.clips("e1")[0].gone, report.removed_bytes, report.kept_bytes) == ("missing", 0, 0)


def test_locked_events_and_the_newest_of_each_source_stay_and_it_is_said(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S - 100 * DAY_S))
    store.set_lock("e1", "anna", NOW_UTC_S)
    config = StoreConfig(max_bytes=1_000_000, min_events_per_source=8, max_age_days=1000)
    report = prune(store, config, NOW_UTC_S)
    assert present(store) == [f"e{number}" for number in range(1, 9)]
    (note,) = report.notes
    assert "store.max_bytes is 1000000: 0.1 MB in 1 locked events, 0.9 MB in the newest 8 events" in note
    assert set(report.staying_bytes) == {"locked", "newest"}
    assert report.short_bytes == report.kept_bytes - 1_000_000 > 0
    # age is a promise: only what is locked outlives it
    prune(store, StoreConfig(max_age_days=10, min_events_per_source=8), NOW_UTC_S)
    assert present(store) == ["e1"]
    store.set_lock("e1", None, NOW_UTC_S)
    prune(store, StoreConfig(max_age_days=10, min_events_per_source=8), NOW_UTC_S)
    assert present(store) == []
    assert [path for kind in ("clips", "maps") for path in (state_dir / kind).glob("*/*")] == [], "empty days"


def test_of_an_event_without_an_end_only_the_first_clips_are_sure(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    for number in range(SURE_CLIPS + 3):
        store.add_clip(clip_of("e1", float(number), NOW_UTC_S))
    prune(store, StoreConfig(max_bytes=1_000_000, min_events_per_source=1), NOW_UTC_S)
    gone = [clip.gone for clip in store.clips("e1")]
    assert gone == [*[None] * SURE_CLIPS, "space", "space", "space"]


def test_it_aims_at_the_free_space_that_is_wanted_and_somewhat_beyond(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(9):
        raise_event(store, f"e{number}")
        store.add_clip(clip_of(f"e{number}", float(number), NOW_UTC_S))
    floor = 1_000_000
    disk_bytes = floor - 10_000 + on_disk(store.state_dir)
    monkeypatch.setattr(
        "monitor.store.retention.pruning.free_bytes", lambda folder: disk_bytes - on_disk(folder)
    )
    config = StoreConfig(min_free_bytes=floor, min_events_per_source=0)
    report = prune(store, config, NOW_UTC_S)
    assert report.free_bytes >= FLOOR_SHARE * floor
    assert report.free_bytes - CLIP_BYTES < FLOOR_SHARE * floor
    assert (present(store)[0], report.short_bytes, report.notes) == ("e1", 0, [])
    assert prune(store, config, NOW_UTC_S).removed_for_space == 0


def test_what_waits_of_the_score_history_goes_before_any_sound_when_the_disk_is_short(
    store: Store, raise_event: RaiseEvent, clip_of: ClipOf, score_of: Callable[..., Score]
) -> None:
    raise_event(store, "e1")
    store.add_clip(clip_of("e1"))
    for minute in range(5):
        store.add_offline_score(score_of(0.5, 60.0 * minute), every_s=60.0, limit_rows=1000)
    report = prune(store, StoreConfig(min_free_bytes=0), NOW_UTC_S)
    assert (report.removed_scores, store.outbox_depth()) == (0, 5)
    report = prune(store, StoreConfig(min_free_bytes=2**62), NOW_UTC_S)
    assert (report.removed_scores, store.dropped_scores) == (4, 4)
    assert [record.kind for record in store.pending(9)] == ["event"], "alarms stay"
    assert present(store) == ["e1"], "the newest of a source stays"
    assert "store.min_free_bytes is" in report.line


def test_changes_without_an_event_are_bounded_and_those_of_events_are_not(
    store: Store, raised: AlarmChange
) -> None:
    old, new = NOW_UTC_S - 1000 * DAY_S, NOW_UTC_S - DAY_S
    for at_utc_s in (5.0, old, *[new] * 200):
        shelved = replace(raised, event_id=None, at_utc_s=at_utc_s)
        store.apply([shelved, replace(raised, at_utc_s=at_utc_s)], snapshot={}, bundle_id=None)
    assert prune(store, StoreConfig(audit_max_days=999), NOW_UTC_S).removed_transitions == 1
    assert prune(store, StoreConfig(audit_max_days=999), 5.0).removed_transitions == 0
    assert prune(store, StoreConfig(audit_max_rows=100), NOW_UTC_S).removed_transitions == 101
    assert len(store.transitions("e1")) == 202
    with pytest.raises(StoreError, match="append-only"), store.database.transaction() as connection:
        connection.execute("DELETE FROM transitions")
