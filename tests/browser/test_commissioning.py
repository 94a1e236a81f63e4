"""Guided commissioning in a browser: heard and judged by keys, started and ended by whoever may."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from pathlib import Path

from fixtures_daemon import DaemonProcess
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect
from technician import Served, started
from test_visiting import CONTRASTS

from monitor.bundles.library import Library
from monitor.learning.plan import Step, learn_place, read_plan
from monitor.listening import DEMO_BUNDLE


def test_what_is_odd_is_heard_and_judged_with_one_key_each(
    night_daemon: DaemonProcess, opened: Page, visitor: Callable[[str], Page]
) -> None:
    opened.goto("/learn")
    started(opened, "learn")
    opened.get_by_role("link", name="pump-1").click()
    started(opened, "learning")
    rows = opened.locator(".stretches > li")
    expect(rows).to_have_count(2)
    opened.keyboard.press("j")
    opened.keyboard.press("Space")
    opened.wait_for_function("() => document.getElementById('sound').currentTime > 0.2")
    opened.keyboard.press("n")
    expect(rows.first.locator(".badge")).to_have_text("normal")
    expect(rows.nth(1)).to_have_attribute("aria-current", "")
    opened.keyboard.press("a")
    expect(rows.nth(1).locator(".badge")).to_have_text("set aside")
    plan = read_plan(learn_place(night_daemon.state_dir, "pump-1"))
    assert plan is not None
    assert (1, Step.LISTEN) == (len(plan.kept), plan.step), "no key of these begins to learn"
    vera = visitor("vera")
    vera.goto("/learn/pump-1")
    started(vera, "learning")
    expect(vera.locator(".stretches > li")).to_have_count(2)
    expect(vera.locator("[data-judge], [data-learn], form.start:visible")).to_have_count(0)


def test_who_has_not_seen_what_another_said_of_a_stretch_is_told_before_it_is_overruled(
    visitor: Callable[[str], Page],
) -> None:
    anna, ben = visitor("anna"), visitor("ben")

    def held(_route: Route) -> None:
        """Answer nothing: his page is not renewed for a while."""

    def first(page: Page) -> Locator:
        return page.locator(".stretches > li").first

    def come(page: Page) -> None:
        page.goto("/learn/pump-1")
        started(page, "learning")
        page.keyboard.press("j")

    come(anna)
    anna.keyboard.press("a")
    expect(first(anna).locator("[data-judged]")).to_contain_text("judged by anna, ")
    ben.route("**/learn-parts/**", held)
    come(ben)
    expect(first(ben).locator(".badge")).to_have_text("set aside")
    anna.keyboard.press("k")
    anna.keyboard.press("n")
    expect(first(anna).locator(".badge")).to_have_text("normal")
    ben.keyboard.press("a")
    expect(ben.locator("#said")).to_contain_text("anna has judged it meanwhile: it is normal")
    ben.unroute_all()
    expect(first(ben).locator(".badge")).to_have_text("normal")
    expect(first(ben).locator("[data-judged]")).to_contain_text("judged by anna, ")
    ben.keyboard.press("a")
    for page in (ben, anna):
        expect(first(page).locator(".badge")).to_have_text("set aside")
        expect(first(page).locator("[data-judged]")).to_contain_text("judged by ben, ")


def test_a_recording_is_begun_and_ended_by_hand(night_daemon: DaemonProcess, opened: Page) -> None:
    opened.goto("/learn/hall")
    started(opened, "learning")
    opened.get_by_label("Hours of normal sound in all").fill("0.1")
    opened.get_by_role("button", name="Check the microphone and begin").click()
    place = learn_place(night_daemon.state_dir, "hall")
    assert read_plan(place) is None, "too few hours are refused before they are sent"
    opened.get_by_label("Hours of normal sound in all").fill("2")
    opened.get_by_role("button", name="Check the microphone and begin").click()
    headline = opened.locator(".standing .words")
    expect(headline).to_contain_text("he microphone is checked")
    opened.get_by_role("button", name="Pause").click()
    expect(headline).to_contain_text("Paused:")
    opened.get_by_role("button", name="Cancel, keep the sound").click()
    opened.get_by_role("button", name="Yes").click()
    expect(headline).to_have_text("Nothing was recorded of this source yet.")
    assert read_plan(place) is None


def test_a_bundle_that_was_learned_elsewhere_is_brought_by_hand(
    night_daemon: DaemonProcess, opened: Page, visitor: Callable[[str], Page], tmp_path: Path
) -> None:
    parcel = tmp_path / "pump-1.tar"
    with tarfile.open(parcel, "w") as tar:
        tar.add(DEMO_BUNDLE.parent / "ae", arcname=".")
    opened.goto("/learn/pump-1")
    started(opened, "learning")
    opened.get_by_label("File").set_input_files(parcel)
    opened.get_by_role("button", name="Bring it in as the candidate").click()
    expect(opened.locator("#said")).to_contain_text("is the candidate of pump-1")
    library = Library(night_daemon.state_dir, "pump-1")
    assert str(library.roles().candidate).startswith("ae-")
    vera = visitor("vera")
    vera.goto("/learn/pump-1")
    started(vera, "learning")
    expect(vera.locator("form.bring")).to_have_count(0)


def test_it_fits_a_tablet_and_a_phone_in_daylight_and_in_the_dark(
    served: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=served.address).new_page()
    for width in (820, 360):
        page.set_viewport_size({"width": width, "height": 1180})
        for path, name in (("/learn", "learn"), ("/learn/pump-1", "learning")):
            page.goto(path)
            started(page, name)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert [] == page.evaluate(CONTRASTS), (path, scheme)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, path
