"""Sound that is still being recorded is told as that, with the time by which it is there, and not as lost."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import replace

import pytest
from past import T0, Past, noise
from replay_rig import Browser, Plant

from monitor.config import StoreConfig
from monitor.messages import AlarmState
from monitor.promotion.records import Disagreement
from monitor.replay.pages import awaited, shown
from monitor.replay.pages.words import clock
from monitor.store import Event, StoredClip, StoredWindow

Open = Callable[..., Browser]
CLIP = StoredClip("c1", "e1", "pump", 0.0, 1000.0, 10.0, 16000, 0, "clips/c1.flac", 1, None)
WINDOW = StoredWindow("w1", "e1", "pump", 3.0, 5.0, 1003.0, 2.0, 0.1, "ok", "b", "maps/w1.npz", 1, None)
RULES = StoreConfig(pre_roll_s=3.0, post_roll_s=3.0, max_clip_s=30.0, clip_every_s=300.0)
OPEN = Event(1, "e1", "pump", 1003.0, None, 2.0, AlarmState.UNACKNOWLEDGED, None, None, None)
OVER = replace(OPEN, end_utc_s=1009.0, state=AlarmState.RETURNED)
NEVER = RULES.model_copy(update={"audio": "never"})


@pytest.mark.parametrize(
    ("event", "rules", "now_utc_s", "due_utc_s"),
    [
        (OPEN, RULES, 1005.0, 1063.0),  # the longest clip, and half a minute to write it
        (OVER, RULES, 1010.0, 1042.0),
        (OVER, RULES, 1043.0, None),
        (OPEN, RULES, 1064.0, None),
        (OPEN, NEVER, 1005.0, None),
    ],
)
def test_sound_that_is_still_being_recorded_is_told_with_its_time(
    event: Event, rules: StoreConfig, now_utc_s: float, due_utc_s: float | None
) -> None:
    assert due_utc_s == awaited.sound_due(event, [], rules, now_utc_s)
    found = awaited.windows_due(event, [WINDOW], [], rules, now_utc_s)
    assert found == ({} if due_utc_s is None else {"w1": due_utc_s})
    assert awaited.sound_due(event, [CLIP], rules, now_utc_s) is None
    assert {} == awaited.windows_due(event, [WINDOW], [replace(CLIP, gone="never")], rules, now_utc_s)


def test_between_two_clips_of_an_event_nothing_comes_any_more() -> None:
    late = replace(WINDOW, window_id="w2", start_utc_s=1299.0)
    later = replace(WINDOW, window_id="w3", start_utc_s=1301.0)
    found = awaited.windows_due(OPEN, [WINDOW, late, later], [CLIP], RULES, 1302.0)
    assert {"w3": 1361.0} == found
    rows = shown.shown_windows([WINDOW, late, later], [CLIP], CLIP, "", found)
    assert [None, None, 1361.0] == [row.due_utc_s for row in rows]


def test_sound_of_a_disagreement_is_due_unless_another_one_has_it() -> None:
    told = Disagreement("dispute-2", 1000.0, 1004.0, "candidate", 0.4, 1.5, None)

    def due(one: Disagreement, *others: Disagreement, rules: StoreConfig = RULES) -> float | None:
        return awaited.dispute_due(one, [one, *others], rules, 1010.0)

    assert 1037.0 == due(told)
    assert due(told, rules=NEVER) is None
    before = replace(told, dispute_id="dispute-1", start_utc_s=800.0, clip_id="c1")
    assert due(told, before) is None, "one within clip_every_s is kept"
    assert 1037.0 == due(told, replace(before, start_utc_s=600.0))
    assert due(replace(told, clip_id="c2")) is None
    live = replace(told, alarmed="live")
    assert due(live) is None, "of what no event was raised for there is no sound"
    assert 1037.0 == due(replace(live, event_id="e1"))


def test_the_page_of_an_event_says_by_when_its_sound_is_there_and_takes_it_up(
    plant: Plant, open_browser: Open
) -> None:
    past, vera = Past(plant.config.state_dir, plant.store), open_browser("vera")
    began_s = time.time() - T0
    past.add_event("late", start_s=began_s)
    past.add_window("late", start_s=began_s)
    by = clock(T0 + began_s + plant.config.store.max_clip_s + awaited.WRITTEN_S)
    text = vera.get("/events/late").text
    assert f"The sound of this event is still being recorded: it is to be here by {by}." in text
    assert "data-awaited" in text
    assert f'<span class="soft">comes by {by}</span>' in text
    assert "not recorded" not in text
    german = vera.get("/events/late", headers={"Accept-Language": "de"}).text
    assert f"wird noch aufgenommen: Er soll bis {by} hier sein." in german
    past.add_clip("late", noise(4.0), start_s=began_s - 1.0)
    heard = vera.get("/events/late").text
    assert ("comes by", False) == ("comes by", "comes by" in heard)
    assert re.search(r'<p class="notice" data-part="unheard" hidden></p>', heard)
    past.add_window("late", start_s=began_s + 301.0, value=9.0)
    again = vera.get("/events/late").text
    assert "The worst moment, " in again
    assert "is still being recorded: it is to be here by " in again


def test_sound_that_never_came_is_not_awaited_for_ever(plant: Plant, open_browser: Open) -> None:
    past, vera = Past(plant.config.state_dir, plant.store), open_browser("vera")
    past.add_event("old", start_s=time.time() - T0 - 3600.0)
    text = vera.get("/events/old").text
    assert "No sound of this event was stored." in text
    assert "is to be here by" not in text
