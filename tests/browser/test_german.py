"""A reader of German meets no English: on no page, and not when something is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from technician import Served, ready, started, watch

ENGLISH = re.compile(
    r"\b(the|is|are|of|and|with|has|have|from|by|cannot|there|this|that|which|be|its|it|no|for|to)\b",
    re.IGNORECASE,
)
"""Words that are English and no others."""
SAID = """
() => {
  const said = [document.title];
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const within = walk.currentNode.parentElement;
    // why nothing faster computes is what a library says, word for word
    if (within.closest('script, noscript, [lang=en], [data-part=fallback]') !== null) continue;
    said.push(walk.currentNode.data);
  }
  for (const name of ['aria-label', 'title', 'placeholder', 'alt']) {
    for (const element of document.querySelectorAll(`[${name}]`)) said.push(element.getAttribute(name));
  }
  return said;
}
"""
VIEWS = (
    "/",
    "/events",
    "/events?kind=loud",
    "/events/pump-1-looked-at",
    "/events/hall-keyboard",
    "/events/none",
    "/compare/pump-2",
    "/compare/pump-1",
    "/drift/pump-2",
    "/drift/pump-1",
    "/learn",
    "/learn/pump-1",
    "/learn/pump-2",
    "/learn/hall",
    "/nothing",
)


@pytest.fixture
def german(served: Served, new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    """A page in the browser of somebody who reads German; it must not complain."""
    page = new_context(base_url=served.address, locale="de").new_page()
    complaints = watch(page)
    yield page
    assert [] == complaints


def english_on(page: Page) -> list[str]:
    """Return what is said in English, whatever shows it."""
    return [text.strip() for text in page.evaluate(SAID) if ENGLISH.search(text)]


@pytest.mark.parametrize("address", VIEWS)
def test_a_page_in_german_is_german_whole(german: Page, address: str) -> None:
    german.goto(address)
    expect(german.locator("h1").first).to_be_visible()
    german.wait_for_load_state("networkidle")
    assert "de" == german.locator("html").get_attribute("lang")
    assert [] == english_on(german)


def test_the_keys_and_what_a_technician_is_asked_are_german(german: Page) -> None:
    german.goto("/")
    started(german, "now")
    german.keyboard.press("?")
    assert [] == english_on(german)
    german.keyboard.press("Escape")
    german.get_by_role("article", name="pump-1").get_by_role("button", name="Zurückstellen").click()
    expect(german.get_by_role("dialog")).to_be_visible()
    assert [] == english_on(german)


def test_a_refusal_is_read_in_german(german: Page) -> None:
    german.goto("/events/hall-keyboard")
    ready(german)
    path = "/api/v1/events/hall-keyboard"
    change = """
      async ([path, token]) => (await fetch(path, {
        method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json', 'X-CSRF-Token': token },
      })).status
    """
    token = german.locator('meta[name="csrf-token"]').get_attribute("content")
    assert 200 == german.evaluate(change, [f"{path}/lock", token]), "somebody else is quicker"
    german.get_by_role("button", name="Schützen").click()
    said = german.get_by_role("status")
    expect(said).to_have_text("Ereignis hall-keyboard ist schon geschützt, von local")
    german.get_by_role("button", name="Schutz aufheben").click()
    expect(said).to_contain_text("Schutz aufgehoben.")
