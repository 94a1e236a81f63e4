"""Which part of a clip was flagged, and which sound before it was normal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from past import WINDOW_S, Past, noise, past_in

from monitor.explanation import SoundKind
from monitor.replay.kept.flagged import Reference, flagged_in_clip


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Past]:
    with past_in(tmp_path / "state") as past:
        yield past


def flagged(past: Past, event_id: str) -> tuple[float, float]:
    whole = past.library.event(event_id)
    return flagged_in_clip(whole.event, whole.clips[0], whole.windows)


def reference(past: Past, event_id: str) -> Reference | None:
    return past.library.reference(past.library.event(event_id).event)


def test_a_clip_is_flagged_from_the_first_window_to_the_last_one_known(past: Past) -> None:
    past.add_event("e", start_s=3.0)
    past.add_clip("e", noise(12.0), start_s=0.0)
    past.add_window("e", start_s=3.0)
    past.add_window("e", start_s=5.0)
    past.end_event("e", at_s=11.0)  # the alarm clears later than the sound
    assert pytest.approx((3.0, 5.0 + WINDOW_S)) == flagged(past, "e")


def test_windows_that_were_not_kept_still_count_if_they_were_described(past: Past) -> None:
    past.add_event("e", start_s=3.0, kind=SoundKind.TONE)  # described up to 4 s later
    past.add_clip("e", noise(12.0), start_s=0.0)
    past.add_window("e", start_s=3.0)
    assert pytest.approx((3.0, 7.0)) == flagged(past, "e")


def test_a_later_clip_of_a_long_event_is_flagged_from_its_start(past: Past) -> None:
    past.add_event("e", start_s=3.0)
    past.add_clip("e", noise(5.0), start_s=300.0)
    assert pytest.approx((0.0, 5.0)) == flagged(past, "e")  # it goes on


def test_a_clip_of_another_clock_is_flagged_nowhere(past: Past) -> None:
    past.add_event("e", start_s=3.0, kind=SoundKind.TONE)
    past.add_clip("e", noise(5.0), start_s=5000.0)  # the clock was set in between
    assert (0.0, 0.0) == flagged(past, "e")


def test_normal_sound_is_the_pre_roll(past: Past) -> None:
    past.add_event("e", start_s=3.0)
    clip_id = past.add_clip("e", noise(12.0), start_s=0.0)
    assert Reference(clip_id, "e", 0.0, 3.0) == reference(past, "e")


def test_sound_of_which_another_event_went_on_is_not_normal(past: Past) -> None:
    past.add_event("a", start_s=0.0)
    past.end_event("a", at_s=101.5)
    past.add_event("b", start_s=103.0)
    clip_id = past.add_clip("b", noise(12.0), start_s=100.0)
    assert Reference(clip_id, "b", 1.5, 3.0) == reference(past, "b")


def test_without_a_pre_roll_of_its_own_an_earlier_events_of_the_same_source_is_taken(past: Past) -> None:
    past.add_event("a", start_s=3.0)
    clip_id = past.add_clip("a", noise(8.0), start_s=0.0)
    past.end_event("a", at_s=50.0)
    past.add_event("other", source_id="fan", start_s=93.0)
    past.add_clip("other", noise(8.0), start_s=90.0, source_id="fan")
    past.end_event("other", source_id="fan", at_s=95.0)
    past.add_event("b", start_s=103.0)
    past.add_clip("b", noise(12.0), start_s=102.5)
    assert Reference(clip_id, "a", 0.0, 3.0) == reference(past, "b")


def test_a_clip_that_was_pruned_is_no_reference(past: Past) -> None:
    past.add_event("e", start_s=3.0)
    past.add_clip("e", noise(12.0), start_s=0.0)
    with past.store.database.transaction() as connection:
        connection.execute("UPDATE clips SET gone = 'age'")
    assert None is reference(past, "e")


def test_an_earlier_event_that_never_ended_leaves_nothing_normal(past: Past) -> None:
    past.add_event("a", start_s=0.0)
    past.add_event("b", start_s=103.0)
    past.add_clip("b", noise(12.0), start_s=100.0)
    assert None is reference(past, "b")
