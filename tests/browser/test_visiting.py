"""Coming in and finding one's way: with a mouse, with keys alone, without scripts, in German."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from evening import NIGHTS
from playwright.sync_api import BrowserContext, Page, expect
from technician import PASSWORD, Served, fill_login, ready, started, watch

CONTRASTS = """
() => {
  const canvas = document.createElement('canvas');
  const pen = canvas.getContext('2d', { willReadFrequently: true });
  const light = (text) => {
    pen.fillStyle = text; pen.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3).map((part) => {
      const share = part / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const groundOf = (element) => {
    for (let up = element; up !== null; up = up.parentElement) {
      const ground = getComputedStyle(up).backgroundColor;
      if (!/rgba\\(.*, 0\\)|transparent/.test(ground)) return ground;
    }
    return 'white';
  };
  const poor = [];
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    if (!own || element.closest('noscript, dialog, script') || element.checkVisibility() === false) continue;
    if (element.closest(':disabled') !== null) continue;
    const [a, b] = [light(getComputedStyle(element).color), light(groundOf(element))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName}.${element.className} ${ratio.toFixed(2)}`);
  }
  return poor;
}
"""


def test_a_wrong_password_is_told_and_the_right_one_leads_where_one_wanted_to(
    guarded: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=guarded.address).new_page()
    complaints = watch(page)
    page.goto("/events/pump-1-looked-at?kind=hiss")
    page.wait_for_url(re.compile("/login"))
    expect(page.get_by_role("alert")).to_have_count(0)
    fill_login(page, "anna", "wrong")
    expect(page.get_by_role("alert")).to_contain_text("The name or the password is wrong")
    fill_login(page, "anna", PASSWORD)
    page.wait_for_url("**/events/pump-1-looked-at?kind=hiss")
    ready(page)
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(re.compile("/login"))
    page.goto("/events")
    page.wait_for_url(re.compile("/login"))
    assert [] == complaints


def test_now_shows_a_deaf_microphone_as_deaf_and_old_news_as_old(visitor: Callable[[str], Page]) -> None:
    page = visitor("anna")
    page.goto("/")
    started(page, "now")
    deaf, well = (page.get_by_role("article", name=name) for name in ("hall", "pump-1"))
    expect(deaf).to_have_class(re.compile("deaf"))
    expect(deaf.get_by_text("Deaf", exact=True)).to_be_visible()
    expect(deaf.locator(".value")).to_have_text("not judged")
    expect(well).not_to_have_class(re.compile("deaf"))
    expect(well.locator(".meter .number")).to_contain_text("dBFS")
    expect(well.get_by_role("button", name="Take out of service")).to_have_count(0)
    page.context.clear_cookies()
    expect(page.get_by_role("alert")).to_contain_text("What you see here is old")


def test_an_alarm_is_shelved_from_now_and_taken_back(opened: Page) -> None:
    opened.goto("/")
    started(opened, "now")
    card = opened.get_by_role("article", name="pump-1")
    card.get_by_role("button", name="Shelve").click()
    until = opened.get_by_label("Until")
    expect(until).to_have_value("3600")
    assert until.locator("option:not([hidden])").all_inner_texts() == [
        "15 minutes from now",
        "1 hour from now",
        "the sound is back to normal",
    ]  # not the 8 hours that this source's alarm refuses
    until.select_option("the sound is back to normal")
    opened.get_by_label("Note, kept with it").fill("being painted")
    opened.get_by_role("button", name="Do it").click()
    expect(card.get_by_text("Shelved until the sound is back to normal.")).to_be_visible()
    card.get_by_role("button", name="Unshelve").click()
    opened.get_by_role("button", name="Do it").click()
    expect(card.get_by_role("button", name="Shelve", exact=True)).to_be_visible()


def test_now_goes_on_where_a_technician_can_do_nothing_any_more(
    opened: Page, visitor: Callable[[str], Page]
) -> None:
    page = visitor("anna")
    pages = (opened, page)
    for one in pages:
        one.goto("/")
        started(one, "now")
    admins, annas = (one.get_by_role("article", name="pump-1") for one in pages)
    offered = annas.get_by_role("button", name="Shelve")
    for button, state, count in (
        ("Take out of service", "Out of service", 0),
        ("Put back in service", "Normal", 1),
    ):
        admins.get_by_role("button", name=button).click()
        opened.get_by_role("button", name="Do it").click()
        expect(annas.locator("header .badge")).to_have_text(state)
        expect(offered).to_have_count(count)


def test_the_list_narrows_at_once_and_opens_what_is_chosen(opened: Page) -> None:
    opened.goto("/events")
    started(opened, "events")
    expect(opened.locator(".event")).to_have_count(len(NIGHTS))
    opened.get_by_label("Source").select_option("hall")
    opened.wait_for_url("**/events?source=hall")
    expect(opened.locator(".event")).to_have_count(sum(night.source_id == "hall" for night in NIGHTS))
    opened.go_back()
    expect(opened.locator(".event")).to_have_count(len(NIGHTS))
    opened.goto("/events?kind=loud")
    expect(opened.get_by_role("alert")).to_contain_text("kind: 'loud' is not one of")


def test_everything_is_reached_by_keys_alone(opened: Page) -> None:
    opened.goto("/events?kind=rhythm")
    started(opened, "events")
    opened.keyboard.press("j")
    expect(opened.get_by_role("link", name="hall")).to_be_focused()
    opened.keyboard.press("o")
    opened.wait_for_url("**/events/hall-keyboard?kind=rhythm")
    ready(opened)
    opened.keyboard.press("?")
    keys = opened.get_by_role("dialog", name="Keys")
    expect(keys).to_contain_text("Compare with normal sound")
    opened.keyboard.press("Escape")
    opened.keyboard.press("f")
    expect(opened.get_by_label("Fault code")).to_be_focused()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Escape")
    opened.keyboard.press("u")
    expect(opened.locator("[data-history] .badge.unsure")).to_have_count(1)
    expect(opened.locator("[data-history]")).to_contain_text("bearing")
    opened.get_by_label("Position in the clip").focus()
    opened.keyboard.press("Home")
    assert opened.evaluate("() => document.getElementById('sound').currentTime") < 0.05
    opened.keyboard.press("Space")
    expect(opened.get_by_role("button", name="Play")).to_be_visible()
    expect(opened.get_by_label("Position in the clip")).to_be_focused()
    opened.keyboard.press("e")
    opened.wait_for_url("**/events?kind=rhythm")


def test_the_keys_are_back_after_the_mouse_has_set_the_slider_or_the_speed(opened: Page) -> None:
    opened.goto("/events/hall-keyboard")
    ready(opened)
    for name in ("Position in the clip", "Speed"):
        opened.get_by_label(name).click()
        if name == "Speed":  # its list is open
            opened.keyboard.press("ArrowDown")
            opened.keyboard.press("Enter")
        expect(opened.get_by_label(name)).not_to_be_focused()
    opened.keyboard.press("e")
    opened.wait_for_url("**/events")


def test_the_list_and_the_sound_are_there_without_scripts(
    served: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=served.address, java_script_enabled=False).new_page()
    page.goto("/events")
    page.get_by_label("Source").select_option("hall")
    page.get_by_role("button", name="Show").click()
    expect(page.locator(".event")).to_have_count(sum(night.source_id == "hall" for night in NIGHTS))
    page.get_by_role("link", name="hall").last.click()
    expect(page.locator("noscript audio[controls]")).to_be_visible()
    expect(page.locator(".panel noscript p")).to_be_visible()
    dead = page.locator("canvas:visible, button:not([type=submit]):visible, input[type=range]:visible")
    expect(dead).to_have_count(0)
    page.goto("/")
    expect(dead).to_have_count(0)
    expect(page.locator("noscript .notice")).to_be_visible()


@pytest.mark.parametrize("scripts", ["with scripts", "without"])
def test_the_language_is_chosen_by_keys_alone_and_stays_chosen(
    guarded: Served, new_context: Callable[..., BrowserContext], scripts: str
) -> None:
    has_scripts = scripts == "with scripts"
    context = new_context(base_url=guarded.address, locale="en", java_script_enabled=has_scripts)
    page = context.new_page()
    complaints = watch(page)
    page.goto("/login?next=/events%3Fkind%3Dhiss")
    german = page.get_by_role("navigation", name="Language").get_by_role("link", name="Deutsch")
    expect(german).to_have_attribute("hreflang", "de")
    german.focus()
    page.keyboard.press("Enter")
    page.get_by_label("Benutzer").fill("anna")
    page.get_by_label("Passwort").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/events?kind=hiss")
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.get_by_role("heading", level=1)).to_have_text("Ereignisse")
    page.get_by_role("link", name="English").click()
    page.wait_for_url("**/events?kind=hiss")
    expect(page.get_by_role("heading", level=1)).to_have_text("Events")
    other = context.new_page()
    other.goto("/learn")
    expect(other.locator("html")).to_have_attribute("lang", "en")
    assert [] == complaints


def test_a_page_that_is_opened_in_place_is_opened_anew_where_another_language_was_chosen_meanwhile(
    opened: Page,
) -> None:
    opened.goto("/events/hall-keyboard")
    ready(opened)
    opened.context.request.get("/language/de")
    opened.keyboard.press("e")
    expect(opened.locator("html")).to_have_attribute("lang", "de")
    started(opened, "events")
    opened.keyboard.press("?")
    expect(opened.get_by_role("dialog", name="Tasten")).to_contain_text("Nächstes Ereignis der Liste")


def test_it_speaks_german_to_who_asks_for_it(
    served: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=served.address, locale="de-AT").new_page()
    page.goto("/events/pump-1-looked-at")
    ready(page)
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(page.locator(".words")).to_have_text(
        "Zischen oder Rasseln zwischen 2,0 und 4,0 kHz, 14 dB über normal."
    )
    page.keyboard.press("Space")
    expect(page.get_by_role("button", name="Anhalten")).to_be_visible()
    expect(page.locator("[data-clock]")).to_contain_text(re.compile(r"\d,\d / 8,0 s"))


def test_texts_stand_out_from_their_ground_in_daylight_and_in_the_dark_on_a_phone_without_overflow(
    served: Served, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_context(base_url=served.address, viewport={"width": 360, "height": 740}).new_page()
    for path, name in (("/", "now"), ("/events", "events"), ("/events/pump-1-looked-at", "event")):
        page.goto(path)
        started(page, name)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            assert [] == page.evaluate(CONTRASTS), (path, scheme)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= 360, path
