"""The reader chooses in which language the page speaks, and the browser remembers it."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Mapping

import pytest
from replay_rig import Browser, Plant, Served, add_people, browser_at, replay_config, served_page

Open = Callable[..., Browser]
LINK = re.compile(r'<a href="([^"]+)" hreflang="(\w+)" lang="(\w+)"><span class="name">([^<]+)</span>')
GERMAN = {"Accept-Language": "de"}
ENGLISH = {"Accept-Language": "en"}


def language_of(browser: Browser, path: str, headers: Mapping[str, str] = ENGLISH) -> str:
    """Return the language of a page, which its markup and its head name alike."""
    answer = browser.get(path, headers=headers)
    found = re.search(r'<html lang="(\w+)">', answer.text)
    assert found is not None
    assert found.group(1) == answer.headers["content-language"]
    return found.group(1)


def offered(browser: Browser, path: str, headers: Mapping[str, str] = ENGLISH) -> tuple[str, str]:
    """Return where the link to the other language leads, and what it says."""
    ((address, hreflang, lang, name),) = LINK.findall(browser.get(path, headers=headers).text)
    assert hreflang == lang
    return html.unescape(address), name


def test_a_link_leads_to_the_other_language_and_back_to_the_same_page(open_browser: Open) -> None:
    browser = open_browser("anna")
    there, name = offered(browser, "/events?label=none&kind=hiss")
    assert "Deutsch" == name
    answer = browser.get(there)
    assert (303, "/events?label=none&kind=hiss") == (answer.status_code, answer.headers["location"])
    assert "no-store" == answer.headers["cache-control"]
    for path in ("/", "/events", "/learn", "/events/none", "/now/cards"):
        assert "de" == browser.get(path, headers=ENGLISH).headers["content-language"], path
    back, name = offered(browser, "/events")
    assert "English" == name
    browser.get(back)
    assert "en" == language_of(browser, "/events", GERMAN), "chosen, whatever the browser is set to"


def test_the_choice_is_remembered_by_a_cookie_that_opens_nothing(open_browser: Open, page: Served) -> None:
    answer = open_browser().get("/language/de?next=/login")
    assert f"wheeltapper-language-{page.port}=de" in answer.headers["set-cookie"]
    said = answer.headers["set-cookie"].lower()
    for word in ("httponly", "samesite=lax", "path=/", f"max-age={400 * 86_400}"):
        assert word in said, word
    cookies = {f"wheeltapper-language-{page.port}": "de"}
    with browser_at(page.url, cookies=cookies) as later:
        assert "de" == language_of(later, "/login")
        assert 401 == later.get("/api/v1/now").status_code


def test_over_https_the_choice_is_one_of_this_very_host(plant: Plant) -> None:
    add_people(plant.config.state_dir)
    config = replay_config(
        plant.config.state_dir, trusted_proxies="[127.0.0.1]", allowed_hosts="[page.example]"
    )
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "Host": "page.example"}
    with served_page(config) as page, browser_at(page.url) as browser:
        (cookie,) = browser.get("/language/de", headers=headers).headers.get_list("set-cookie")
        assert cookie.startswith("__Host-wheeltapper-language-")
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= {
            part.strip() for part in cookie.split(";")
        }
        chosen = {**headers, "Cookie": cookie.partition(";")[0]}
        assert "de" == language_of(browser, "/login", {**ENGLISH, **chosen})


def test_one_chooses_before_the_login_and_still_comes_to_where_one_wanted(open_browser: Open) -> None:
    browser = open_browser()
    there, _ = offered(browser, "/login?next=/events%3Flabel%3Dnone")
    location = browser.get(there).headers["location"]
    assert "Anmelden" in browser.get(location, headers=ENGLISH).text
    assert 'name="next" value="/events?label=none"' in browser.get(location).text


def test_a_refused_login_offers_the_language_of_the_form(open_browser: Open) -> None:
    refused = open_browser().login("anna", "wrong", next="/learn")
    ((address, _, _, _),) = LINK.findall(refused.text)
    assert "/language/de?next=/login%3Fnext%3D/learn" == address


def test_without_a_choice_the_configuration_decides_and_then_the_browser(plant: Plant) -> None:
    with served_page(plant.config) as auto, browser_at(auto.url) as browser:
        assert ["de", "en"] == [language_of(browser, "/", said) for said in (GERMAN, ENGLISH)]
    config = replay_config(plant.config.state_dir, language="de")
    with served_page(config) as fixed, browser_at(fixed.url) as browser:
        assert "de" == language_of(browser, "/", ENGLISH)
        browser.get("/language/en")
        assert "en" == language_of(browser, "/", GERMAN), "a reader's own choice goes before"


@pytest.mark.parametrize(
    "back", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nX: y"]
)
def test_the_choice_leads_nowhere_else(open_browser: Open, back: str) -> None:
    answer = open_browser().client.get("/language/de", params={"next": back})
    assert (303, "/") == (answer.status_code, answer.headers["location"])


def test_another_site_cannot_choose_and_a_language_we_lack_is_none(open_browser: Open) -> None:
    browser = open_browser("anna")
    answer = browser.get("/language/de", headers={"Sec-Fetch-Site": "cross-site"})
    assert (303, None) == (answer.status_code, answer.headers.get("set-cookie"))
    for unknown in ("fr", "%2e%2e", "DE"):
        assert 404 == browser.get(f"/language/{unknown}").status_code, unknown
    assert "en" == language_of(browser, "/events")


def test_a_cookie_with_nonsense_in_it_chooses_nothing(page: Served) -> None:
    for nonsense in ("xx", "../../de", "de en", ""):
        with browser_at(page.url, cookies={f"wheeltapper-language-{page.port}": nonsense}) as browser:
            assert "en" == language_of(browser, "/login"), nonsense


def test_caches_are_told_that_a_page_depends_on_the_choice(open_browser: Open) -> None:
    browser = open_browser("anna")
    for path in ("/", "/events", "/now/cards", "/events/none"):
        answer = browser.get(path)
        assert ("Accept-Language, Cookie", "no-store") == (
            answer.headers["vary"],
            answer.headers["cache-control"],
        )


def test_where_nothing_can_be_read_again_the_link_leads_to_the_start(open_browser: Open) -> None:
    browser = open_browser("anna")
    assert "/language/de?next=/" == offered(browser, "/language/fr")[0]
