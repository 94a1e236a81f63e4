"""Saying what an event was: one key, the next one plays, and it can be taken back."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from pathlib import Path

from evening import HOSTILE
from playwright.sync_api import BrowserContext, Page, expect
from technician import PASSWORD, Served, fill_login, log_in, ready, started

from training.anomalies import gather_anomalies

COUNTING = "[data-history] [data-counts]"
TAPS = """
async () => {
  const tap = () => document.querySelector('[data-rating="anomaly"]').click();
  const first = location.pathname;
  while (location.pathname === first) {
    tap();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  tap();
}
"""


def test_one_key_labels_the_next_one_plays_and_z_takes_it_back(opened: Page) -> None:
    opened.goto("/events?kind=other")
    started(opened, "events")
    opened.get_by_role("link", name="pump-1").first.click()
    ready(opened)
    opened.get_by_label("Fault code").select_option("air leak")
    opened.get_by_label("Note", exact=True).fill("valve 3")
    opened.keyboard.press("Escape")
    opened.keyboard.press("a")
    opened.wait_for_url("**/events/pump-1-next?kind=other")
    ready(opened)
    opened.wait_for_function("() => document.getElementById('sound').currentTime > 3.2")
    expect(opened.get_by_role("status")).to_contain_text(": Anomaly.")
    expect(opened.get_by_label("Note", exact=True)).to_have_value("")
    opened.keyboard.press("z")
    opened.wait_for_url("**/events/pump-1-first?kind=other")
    expect(opened.get_by_role("status")).to_contain_text("the label was taken back")
    history = opened.locator("[data-history] li")
    expect(history).to_have_count(2)
    expect(history.nth(0)).to_contain_text("taken back")
    expect(history.nth(1)).to_contain_text("air leak")
    expect(history.nth(1)).to_contain_text("valve 3")
    expect(opened.locator(COUNTING)).to_have_attribute("data-counts", "")


def test_an_event_is_locked_and_unlocked_and_the_list_marks_it(opened: Page) -> None:
    opened.goto("/events/hall-not-tapped")
    ready(opened)
    opened.get_by_role("button", name="Lock it").click()
    expect(opened.get_by_role("status")).to_contain_text("nothing of this event is removed")
    expect(opened.locator("[data-part=lock]")).to_contain_text("Locked by")
    opened.keyboard.press("e")
    started(opened, "events")
    expect(opened.locator("li[data-event=hall-not-tapped]")).to_contain_text("locked")
    opened.goto("/events/hall-not-tapped")
    opened.get_by_role("button", name="Unlock").click()
    expect(opened.locator("[data-part=lock]")).to_contain_text("its sound may go")
    expect(opened.get_by_role("button", name="Lock it")).to_be_enabled()


def test_a_double_tap_labels_one_event_and_z_takes_back_that_one_not_what_another_said_of_the_next(
    visitor: Callable[[str], Page],
) -> None:
    anna, ben = visitor("anna"), visitor("ben")
    anna.goto("/events/hall-not-tapped?kind=clipping")
    ready(anna)
    ben.goto("/events/hall-tapped-twice")
    ready(ben)
    ben.get_by_label("Then play the next one").uncheck()
    ben.keyboard.press("n")
    expect(ben.locator(COUNTING)).to_have_attribute("data-counts", "no_anomaly")
    anna.evaluate(TAPS)
    expect(anna.get_by_role("status")).to_contain_text(": Anomaly.")
    anna.keyboard.press("z")
    anna.wait_for_url("**/events/hall-not-tapped?kind=clipping")
    expect(anna.locator("[data-history] li")).to_have_count(2)
    ben.get_by_role("button", name="Take back the label of this event").click()
    expect(ben.locator("[data-history] li")).to_have_count(2)


def test_what_was_selected_is_labelled_together(opened: Page) -> None:
    opened.goto("/events?kind=tone")
    started(opened, "events")
    opened.get_by_label("Select all on this page").check()
    expect(opened.get_by_text("2 selected")).to_be_visible()
    opened.get_by_label("Select all on this page").blur()
    opened.keyboard.press("n")
    expect(opened.get_by_role("status")).to_contain_text("2 events: No anomaly.")
    expect(opened.locator(".event .badge.no_anomaly")).to_have_count(2)
    expect(opened.locator(".event.unreviewed")).to_have_count(0)


def test_what_people_write_stays_text(opened: Page) -> None:
    opened.goto("/events/pump-1-labelled")
    ready(opened)
    expect(opened.locator("[data-history]")).to_contain_text(HOSTILE)
    assert "broken" not in opened.title()
    opened.goto("/events?label=anomaly")
    expect(opened.locator(".event .tags").first).to_contain_text(HOSTILE)
    opened.goto("/events/hostile")
    started(opened, "event")
    expect(opened.get_by_role("heading", level=1)).to_contain_text(HOSTILE)
    expect(opened.get_by_text("No sound of this event was stored")).to_be_visible()
    assert "broken" not in opened.title().removeprefix(HOSTILE)


def test_two_technicians_see_what_the_other_said_and_the_last_word_counts(
    visitor: Callable[[str], Page],
) -> None:
    pages = {name: visitor(name) for name in ("anna", "ben")}
    for page in pages.values():
        page.clock.install()
        page.goto("/events/pump-1-shared")
        ready(page)
        page.get_by_label("Then play the next one").uncheck()
    pages["anna"].keyboard.press("a")
    expect(pages["anna"].locator(COUNTING)).to_have_attribute("data-counts", "anomaly")
    pages["ben"].clock.run_for(11_000)
    expect(pages["ben"].get_by_role("status")).to_contain_text("anna has just labelled this event too")
    pages["ben"].keyboard.press("u")
    expect(pages["ben"].locator(COUNTING)).to_have_attribute("data-counts", "unsure")
    pages["anna"].clock.run_for(11_000)
    expect(pages["anna"].locator(COUNTING)).to_have_attribute("data-counts", "unsure")
    pages["anna"].keyboard.press("z")
    expect(pages["anna"].get_by_role("status")).to_contain_text("was labelled by ben")
    pages["anna"].get_by_role("button", name="Take it back").click()
    expect(pages["anna"].locator(COUNTING)).to_have_attribute("data-counts", "")
    pages["anna"].keyboard.press("z")
    expect(pages["anna"].get_by_role("status")).to_contain_text("There is nothing to take back")
    expect(pages["anna"].locator("[data-history] li")).to_have_count(3)


def test_a_viewer_can_listen_and_not_label(visitor: Callable[[str], Page]) -> None:
    page = visitor("vera")
    page.goto("/events/pump-1-looked-at")
    ready(page)
    expect(page.get_by_role("button", name="Anomaly")).to_have_count(0)
    expect(page.get_by_text("You may look and listen")).to_be_visible()
    page.keyboard.press("a")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.getElementById('sound').currentTime > 3.1")
    status = page.evaluate(
        """async () => (await fetch('/api/v1/events/pump-1-looked-at/labels', { method: 'POST',
        headers: { 'Content-Type': 'application/json',
          'X-CSRF-Token': document.querySelector('meta[name=csrf-token]').content },
        body: JSON.stringify({ rating: 'anomaly' }) })).status"""
    )
    assert 403 == status
    page.goto("/events")
    expect(page.locator(".pick")).to_have_count(0)


def test_a_label_after_the_session_ended_is_not_lost_silently(visitor: Callable[[str], Page]) -> None:
    page = visitor("ben")
    page.goto("/events/pump-1-expired")
    ready(page)
    page.context.clear_cookies()
    page.keyboard.press("a")
    expect(page.get_by_role("status")).to_contain_text("You were signed out")
    page.get_by_role("status").get_by_role("button", name="Sign in").click()
    fill_login(page, "ben", PASSWORD)
    page.wait_for_url("**/events/pump-1-expired")
    expect(page.get_by_text("Nobody has said anything yet")).to_be_visible()


def test_a_page_goes_on_labelling_after_another_person_has_logged_in_beside_it(
    guarded: Served, new_context: Callable[..., BrowserContext]
) -> None:
    context = new_context(base_url=guarded.address)
    page = context.new_page()
    log_in(page, "anna")
    page.goto("/events/hall-not-tapped?kind=knock")
    ready(page)
    beside = context.new_page()
    beside.goto("/events")
    beside.get_by_role("button", name="Sign out").click()
    fill_login(beside, "ben", PASSWORD)
    expect(beside.locator(".who")).to_contain_text("ben")
    page.keyboard.press("j")
    page.wait_for_url("**/events/hall-knock?kind=knock")
    expect(page.locator(".who")).to_contain_text("ben")
    page.keyboard.press("u")
    expect(page.locator("[data-history] .badge.unsure")).to_have_count(1)
    page.get_by_role("button", name="Keys").click()
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_labelled_sound_is_exported_as_training_reads_it(opened: Page, tmp_path: Path) -> None:
    opened.goto("/events?label=anomaly&source=pump-1")
    with opened.expect_download() as download:
        opened.get_by_role("link", name="Export labelled sound").click()
    content = Path(download.value.path()).read_bytes()
    folder = tmp_path / "export"
    zipfile.ZipFile(io.BytesIO(content)).extractall(folder)
    with (folder / "index.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert "pump-1-labelled" in {row["event_id"] for row in rows}
    stretches = gather_anomalies([folder])
    assert len(rows) == len(stretches)
