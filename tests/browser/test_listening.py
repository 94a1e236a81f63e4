"""The sound and the pictures of an event: one time for both."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import ready
from playwright.sync_api import Page

CURSOR = """
() => {
  const sound = document.getElementById('sound');
  const face = document.querySelector('.lane[data-lane="logmel"] .face').getBoundingClientRect();
  const x = document.querySelector('.cursor').getBoundingClientRect().x - face.x;
  return { soundS: sound.currentTime, shownS: x / face.width * 8, paused: sound.paused };
}
"""
FRAMES = """
async () => {
  const cursor = %s;
  const pairs = [];
  for (let frame = 0; frame < 60; frame += 1) {
    await new Promise(requestAnimationFrame);
    pairs.push(cursor());
  }
  return pairs;
}
""" % CURSOR.strip()  # noqa: UP031 - braces of JavaScript


def at(page: Page) -> dict[str, Any]:
    found: dict[str, Any] = page.evaluate(CURSOR)
    return found


@pytest.fixture
def event_page(opened: Page) -> Page:
    opened.goto("/events/pump-1-e")
    ready(opened)
    return opened


def test_play_lets_the_sound_advance_and_pause_holds_it(event_page: Page) -> None:
    event_page.get_by_role("button", name="Play").click()
    before = at(event_page)["soundS"]
    event_page.wait_for_timeout(1000)
    after = at(event_page)
    assert 0.4 < after["soundS"] - before < 3.0
    event_page.get_by_role("button", name="Pause").click()
    held = at(event_page)
    event_page.wait_for_timeout(200)
    assert held == at(event_page)
    assert held["paused"]


def test_a_page_begins_a_little_before_the_worst_moment(event_page: Page) -> None:
    assert 3.0 == pytest.approx(at(event_page)["soundS"], abs=0.1)


def test_the_cursor_is_never_50_ms_from_the_sound(event_page: Page) -> None:
    event_page.keyboard.press("Space")
    pairs = event_page.evaluate(FRAMES)
    assert pairs[-1]["soundS"] - pairs[0]["soundS"] > 0.5
    assert max(abs(pair["soundS"] - pair["shownS"]) for pair in pairs) < 0.05
