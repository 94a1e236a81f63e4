"""Whoever is logged in and follows a link from another site is not asked to log in again."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import BrowserContext, Page
from technician import Served


@pytest.fixture
def elsewhere(guarded: Served) -> Iterator[str]:
    """A page of another site (localhost is not 127.0.0.1), with a link to our list of events."""

    class Portal(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(f'<!doctype html><a href="{guarded.address}/events">events</a>'.encode())

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Portal) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()
        thread.join()


def test_a_link_from_another_site_opens_the_page_for_who_is_logged_in(
    visitor: Callable[[str], Page], elsewhere: str, guarded: Served
) -> None:
    page = visitor("anna")
    page.goto(elsewhere)
    page.get_by_role("link", name="events").click()
    page.get_by_role("heading", name="Events").first.wait_for()
    assert f"{guarded.address}/events" == page.url


def test_a_link_from_another_site_leads_strangers_to_the_login(
    new_context: Callable[..., BrowserContext], elsewhere: str, guarded: Served
) -> None:
    page = new_context().new_page()
    page.goto(elsewhere)
    page.get_by_role("link", name="events").click()
    page.wait_for_url(f"{guarded.address}/login?next=/events")
