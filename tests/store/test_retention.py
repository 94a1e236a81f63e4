from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from monitor.config import StoreConfig
from monitor.messages import Inference, LogMel, Score
from monitor.store import ClipJob, Label, Store, prune

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
    config = StoreConfig(max_bytes=1_000_000)
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
    assert report.kept_bytes > 1_000_000 - CLIP_BYTES
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
    prune(store, StoreConfig(max_bytes=1_000_000), NOW_UTC_S)
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
    report = prune(store, StoreConfig(max_bytes=1_000_000, max_age_days=1000), NOW_UTC_S)
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
    report = prune(store, StoreConfig(max_bytes=1_000_000), NOW_UTC_S)
    (note,) = report.notes
    assert "store.max_bytes is 1000000: 8 files cannot be removed" in note


def test_a_file_that_somebody_removed_is_marked_missing(
    store: Store, state_dir: Path, raise_event: RaiseEvent, clip_of: ClipOf
) -> None:
    raise_event(store, "e1")
    store.add_clip(clip_of("e1", 0.0, NOW_UTC_S - 100 * DAY_S))
    (state_dir / store.clips("e1")[0].path).unlink()
    report = prune(store, StoreConfig(max_age_days=1), NOW_UTC_S)
    assert (store.clips("e1")[0].gone, report.removed_bytes, report.kept_bytes) == ("missing", 0, 0)


@pytest.mark.parametrize(("min_free_bytes", "room"), [(0, True), (10**18, False)])
def test_there_is_room_while_the_disk_has_min_free_bytes(
    store: Store, min_free_bytes: int, *, room: bool
) -> None:
    assert store.has_room(StoreConfig(min_free_bytes=min_free_bytes)) is room
