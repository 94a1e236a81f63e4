"""What an administrator decides of one source: another limit, who judges, and back again."""

from __future__ import annotations

import re
from collections.abc import Callable

from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import eventually
from playwright.sync_api import BrowserContext, Page, expect
from technician import Served, started
from test_visiting import CONTRASTS
from versions import MANAGED, NAMED

from monitor.bundles.library import Library
from monitor.bundles.roles import Roles

SOURCE = MANAGED["id"]
OPENED_MS = 60_000
"""Both are compared and an engine is opened before the page says that it is done."""


def roles(daemon: DaemonProcess) -> Roles:
    return Library(daemon.state_dir, SOURCE).roles()


def test_a_limit_that_goes_too_far_is_accepted_with_a_reason_alone(
    night_daemon: DaemonProcess, opened: Page
) -> None:
    def is_proposed() -> bool:
        opened.goto(f"/drift/{SOURCE}")
        return opened.locator("[data-accept]").count() > 0

    eventually(is_proposed, 60.0, "a proposal")
    started(opened, "drift")
    before = roles(night_daemon).live
    accept = opened.get_by_role("button", name="Accept this limit")
    for too_little in ("", "x"):
        opened.get_by_label("Why (kept with it)").fill(too_little)
        accept.click()
        expect(opened.locator("input[name=note]:invalid")).to_have_count(1)
    assert before == roles(night_daemon).live, "without a reason nothing is sent"
    opened.get_by_label("Why (kept with it)").fill("summer, heard it")
    accept.click()
    expect(opened.locator("#said")).to_contain_text("the new limit judges", timeout=OPENED_MS)
    expect(opened.get_by_text("No other limit is proposed.")).to_be_visible()
    last = roles(night_daemon).changes[-1]
    assert ("recalibrate", before) == (last.action, last.version_from)
    assert "despite drift.max_total: summer, heard it" == last.by.note


def test_a_technician_declines_a_limit_saying_why_and_everybody_reads_it(
    visitor: Callable[[str], Page],
) -> None:
    anna = visitor("anna")

    def is_proposed() -> bool:
        anna.goto(f"/drift/{NAMED['id']}")
        return anna.locator("[data-decline]").count() > 0

    eventually(is_proposed, 60.0, "a proposal")
    started(anna, "drift")
    expect(anna.get_by_role("button", name="Accept this limit")).to_have_count(0)
    sent: list[str] = []
    anna.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    decline, why = anna.get_by_role("button", name="Decline: the limit stays"), anna.get_by_label("Why not")
    for too_little in ("", "x", "    "):
        why.fill(too_little)
        decline.click()
        expect(anna.locator("input[name=why-not]:invalid")).to_have_count(1)
    assert [] == sent, "without a reason nothing is sent"
    why.fill("the bearing is worn")
    decline.click()
    expect(anna.locator("#said")).to_contain_text("declined, and the limit stays as it is", timeout=OPENED_MS)
    vera = visitor("vera")
    vera.goto(f"/drift/{NAMED['id']}")
    for page in (anna, vera):
        expect(page.get_by_text("Declined by anna on")).to_contain_text(": the bearing is worn")
        expect(page.locator("[data-decline]")).to_have_count(0)
        expect(page.get_by_text("No other limit is proposed.")).to_be_visible()


def test_the_picture_of_normal_sound_is_read_by_eye_by_touch_and_by_ear(opened: Page) -> None:
    opened.goto(f"/drift/{NAMED['id']}")
    picture = opened.get_by_role("img", name=re.compile("Median of normal scores: 0.0. on 20.*, 0.5. on 20"))
    expect(picture).to_be_visible()
    box = picture.bounding_box()
    assert box is not None
    limit = opened.get_by_text("limit 1.0").bounding_box()
    assert limit is not None
    assert box["y"] < limit["y"] + limit["height"] / 2 < box["y"] + box["height"] / 3, "beside its line"
    days = opened.locator("rect.day")
    expect(days).to_have_count(28)
    assert re.match(r"20[-\d]{8}: median 0\.0\d, one in a hundred above 0\.", days.first.text_content() or "")
    rows = opened.get_by_role("row")
    expect(rows).to_have_count(0)
    opened.get_by_text("These days as a table").click()
    expect(rows).to_have_count(29)


def test_a_candidate_is_compared_let_judge_and_taken_back(night_daemon: DaemonProcess, opened: Page) -> None:
    live, candidate = roles(night_daemon).live, roles(night_daemon).candidate
    opened.goto(f"/compare/{SOURCE}")
    started(opened, "compare")
    expect(opened.get_by_role("heading", name="Not compared yet")).to_be_visible()
    opened.get_by_label("Why").fill("half a sen")
    opened.get_by_role("button", name="Compare them now").click()
    verdict = opened.locator("#verdict-title .badge")
    expect(verdict).to_have_text(re.compile("It is too early to tell"), timeout=OPENED_MS)
    expect(opened.get_by_role("button", name="Compare them anew")).to_be_enabled()
    expect(opened.get_by_label("Why")).to_have_value("half a sen")
    opened.get_by_label("Why").fill("half a sentence")
    opened.get_by_role("button", name="Let the candidate judge").click()
    facts = opened.locator(".keyfacts dd")
    expect(facts).to_have_text([str(candidate), "none", str(live)], timeout=OPENED_MS)
    expect(opened.get_by_label("Why")).to_have_value("")  # what is said next is said of something else
    opened.get_by_label("Why").fill("it hears the compressor")
    opened.get_by_role("button", name="Back to the one before").click()
    opened.get_by_role("button", name="Yes").click()
    expect(facts).to_have_text([str(live), "none", "none"], timeout=OPENED_MS)
    notice = opened.locator(".notice").filter(has_text="went back on")
    expect(notice).to_contain_text(": it hears the compressor.")
    expect(notice).to_contain_text(f"wheeltapper bundle install {SOURCE} ")
    version = Library(night_daemon.state_dir, SOURCE).version_folder(str(candidate))
    expect(notice.locator("code")).to_contain_text(str(version))
    assert ["promote", "rollback"] == [change.action for change in roles(night_daemon).changes[-2:]]


def test_the_pages_of_versions_and_of_normal_sound_fit_a_phone(
    served: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=served.address).new_page()
    for width in (820, 360):
        page.set_viewport_size({"width": width, "height": 1180})
        for path, name in ((f"/compare/{SOURCE}", "compare"), (f"/drift/{SOURCE}", "drift")):
            page.goto(path)
            started(page, name)
            for scheme in ("light", "dark"):
                page.emulate_media(color_scheme=scheme)
                assert [] == page.evaluate(CONTRASTS), (path, scheme)
            assert page.evaluate("() => document.documentElement.scrollWidth") <= width, path
