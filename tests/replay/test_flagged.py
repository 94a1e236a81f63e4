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


def flagged(past: Past, event_id: str, clip: int = 0) -> list[tuple[float, float]]:
    whole = past.library.event(event_id)
    return [(stretch.start_s, stretch.end_s) for stretch in flagged_in_clip(whole.clips[clip], whole.windows)]


def reference(past: Past, event_id: str) -> Reference | None:
    return past.library.reference(past.library.event(event_id).event)


def test_a_clip_is_flagged_where_windows_at_the_limit_lie_and_not_until_the_alarm_clears(
    past: Past,
) -> None:
    past.add_event("e", start_s=3.0, kind=SoundKind.TONE)
    past.add_clip("e", noise(12.0), start_s=0.0)
    for start_s, value in ((3.0, 1.0), (3.0 + WINDOW_S / 2, 1.2), (6.0, 0.99), (8.0, 0.2)):
        past.add_window("e", start_s=start_s, value=value)
    past.end_event("e", at_s=11.0)
    assert [pytest.approx((3.0, 3.0 + 1.5 * WINDOW_S), abs=1e-4)] == flagged(past, "e")


def test_each_alarm_of_an_event_that_nobody_acknowledged_is_a_stretch_of_its_own(past: Past) -> None:
    past.add_event("e", start_s=3.0, kind=SoundKind.TONE)
    for clip_s in (0.0, 60.0, 120.0):
        past.add_clip("e", noise(20.0), start_s=clip_s)
        for start_s in (4.0, 4.5, 5.0):
            past.add_window("e", start_s=clip_s + start_s)
    past.add_window("e", start_s=72.0)
    first = pytest.approx((4.0, 5.0 + WINDOW_S), abs=1e-4)
    again = pytest.approx((12.0, 12.0 + WINDOW_S), abs=1e-4)
    assert [[first], [first, again], [first]] == [flagged(past, "e", clip) for clip in range(3)]


def test_a_window_that_reaches_over_the_ends_of_a_clip_is_cut(past: Past) -> None:
    past.add_event("e", start_s=3.0)
    past.add_clip("e", noise(1.0), start_s=0.0)
    past.add_window("e", start_s=0.5)
    past.add_window("e", start_s=-0.25)
    assert [(0.0, 1.0)] == flagged(past, "e")


def test_a_clip_whose_windows_were_not_kept_is_flagged_nowhere(past: Past) -> None:
    past.add_event("e", start_s=3.0, kind=SoundKind.TONE)
    past.add_clip("e", noise(5.0), start_s=300.0)
    assert [] == flagged(past, "e")


def test_a_window_of_another_stream_is_no_part_of_a_clip(past: Past) -> None:
    past.add_event("e", start_s=3.0)
    past.add_clip("e", noise(5.0), start_s=0.0)
    past.add_window("e", start_s=1.0, restarted_s=4000.0)
    assert [] == flagged(past, "e")


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
