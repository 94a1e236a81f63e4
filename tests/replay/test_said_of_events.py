"""What several people said of an event is told as it stands, and what is no fault code is not taken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from past import T0, Past
from replay_rig import Browser, Plant

from monitor.store import Label

Open = Callable[..., Browser]
BADGE = '<span class="badge warn">people do not agree</span>'


def test_an_event_of_which_people_disagree_is_marked_until_they_agree(
    plant: Plant, open_browser: Open
) -> None:
    path = f"/api/v1/events/{plant.event_id}/labels"
    browsers = {name: open_browser(name) for name in ("anna", "tom")}
    pages = ("/events", f"/events/{plant.event_id}", f"/events/{plant.event_id}/history")

    def say(name: str, rating: str) -> None:
        assert 200 == browsers[name].change(path, {"rating": rating}).status_code

    def marked() -> list[bool]:
        return [BADGE in browsers["tom"].get(page).text for page in pages]

    say("anna", "anomaly")
    assert [False, False, False] == marked()
    say("tom", "no_anomaly")
    assert [True, True, True] == marked()
    german = browsers["tom"].get(pages[1], headers={"Accept-Language": "de"}).text
    assert "Niemand lernt daraus, und es beweist nichts, bis sie sich einig sind." in german
    say("tom", "anomaly")
    assert [False, False, False] == marked()


@pytest.mark.parametrize("code", ["", "a\nb", "a\x00", "a\x7f"])
def test_a_fault_code_is_a_line_of_text(plant: Plant, open_browser: Open, code: str) -> None:
    said = {"rating": "anomaly", "fault_code": code}
    answer = open_browser("anna").change(f"/api/v1/events/{plant.event_id}/labels", said)
    assert (422, True) == (answer.status_code, answer.json()["error"].startswith("fault_code: "))
    assert [] == plant.store.labels(plant.event_id)


def test_whoever_guesses_the_address_of_now_is_led_to_it(open_browser: Open) -> None:
    answer = open_browser("vera").get("/now")
    assert (308, "/") == (answer.status_code, answer.headers["location"])


def test_the_cards_come_with_the_news_of_the_box(open_browser: Open) -> None:
    vera = open_browser("vera")
    for path in ("/", "/now/cards"):
        text = vera.get(path).text
        assert (1, True) == (text.count('data-part="box"'), 'data-source="pump"' in text), path


def test_a_page_of_events_asks_the_store_once_of_which_people_disagree(tmp_path: Path) -> None:
    asked: list[str] = []
    with closing(Past(tmp_path)) as past:
        names = [f"e{number}" for number in range(50)]
        for number, name in enumerate(names):
            past.add_event(name, start_s=float(number))
            past.store.add_label(Label(name, "anomaly", "anna", T0, None))
            past.store.add_label(Label(name, "anomaly" if number % 2 else "no_anomaly", "tom", T0, None))
        past.store.add_label(Label("e4", "none", "tom", T0, None))
        listed = [one.event.event_id for one in past.library.events(limit=50).events]
        connection = past.library._store.database._connection  # every statement goes through it
        connection.set_trace_callback(asked.append)
        found = past.library.disagreed(listed)
        connection.set_trace_callback(None)
        assert frozenset(names[0::2]) - {"e4"} == found
    assert 1 == len(asked), asked
