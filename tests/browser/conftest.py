"""The page as a technician meets it: a real daemon, a real page, a real Chromium."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from evening import make_evening
from fixtures_daemon import DaemonProcess
from learn_rig import waiting_to_be_heard
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from technician import CHROMIUM, PASSWORD, USERS, Served, log_in, watch
from versions import MANAGED, NAMED, begin_with_versions

from monitor.replay.gate.users import UserBook

PATIENCE_MS = 30_000
"""What a page does, it may take so long over: a browser is the first to wait on a box that builds."""
expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="session")
def night_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon over an evening's events: two machines that run well, and one microphone that is not there."""
    folder = tmp_path_factory.mktemp("browser")
    config: dict[str, Any] = {
        "site": "plant",
        "box": "box1",
        "mqtt": {"enabled": False},
        "sources": [
            {"id": "pump-1", "kind": "simulated", "machine": "pump", "alarm": {"shelve_max_s": 3600.0}},
            {"id": "hall", "kind": "microphone", "device": "usb-path:9-9.9"},
            MANAGED,
            NAMED,
        ],
        "drift": {"max_total": 1.01},
    }
    daemon = DaemonProcess(folder, config)
    make_evening(daemon.state_dir)
    begin_with_versions(daemon.state_dir, folder)
    waiting_to_be_heard(daemon.state_dir, "pump-1", minutes=2)
    daemon.environment = {"OMP_NUM_THREADS": "1"}
    daemon.start()
    daemon.wait_listening()
    yield daemon
    daemon.kill()


@pytest.fixture(scope="session")
def served(night_daemon: DaemonProcess) -> Iterator[Served]:
    """The page without users: everybody on this machine may do everything."""
    page = Served(night_daemon.folder / "open", night_daemon, {})
    page.start()
    yield page
    page.stop()


@pytest.fixture(scope="session")
def guarded(night_daemon: DaemonProcess) -> Iterator[Served]:
    """The page with users."""
    folder = night_daemon.folder / "guarded"
    page = Served(folder, night_daemon, {"users_file": str(folder / "users.json")})
    book = UserBook(folder / "users.json")
    for name, role in USERS.items():
        book.add(name, role, PASSWORD)
    page.start()
    yield page
    page.stop()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A Chromium for one file of tests: while Playwright runs, no other test may run an event loop."""
    if CHROMIUM is None:
        pytest.skip("no Chromium here: the system-test target installs it")
    # as root there is no sandbox to be had; sound may begin only after a touch, as on a tablet
    arguments = ["--autoplay-policy=document-user-activation-required", "--mute-audio"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def new_context(browser: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """A function that opens a browser of one's own: cookies, language, colours, size."""
    contexts: list[BrowserContext] = []

    def new(**choices: Any) -> BrowserContext:  # noqa: ANN401 - as Playwright takes them
        contexts.append(browser.new_context(**{"locale": "en", **choices}))
        contexts[-1].set_default_timeout(PATIENCE_MS)
        return contexts[-1]

    yield new
    for context in contexts:
        context.close()


@pytest.fixture
def opened(served: Served, new_context: Callable[..., BrowserContext]) -> Iterator[Page]:
    """A page of the browser that may go anywhere on the page without users; it must not complain."""
    page = new_context(base_url=served.address).new_page()
    complaints = watch(page)
    yield page
    assert [] == complaints


@pytest.fixture(scope="session")
def sessions() -> dict[str, Any]:
    """The cookies of who has logged in: a password takes a fifth of a second to check, on purpose."""
    return {}


@pytest.fixture
def visitor(
    guarded: Served, new_context: Callable[..., BrowserContext], sessions: dict[str, Any]
) -> Iterator[Callable[[str], Page]]:
    """A function that opens a page as a user, in a browser of their own; it must not complain."""
    complaints = []

    def visit(name: str) -> Page:
        context = new_context(base_url=guarded.address, storage_state=sessions.get(name))
        page = context.new_page()
        complaints.append(watch(page))
        if name not in sessions:
            log_in(page, name)
            sessions[name] = context.storage_state()
        return page

    yield visit
    assert [[]] * len(complaints) == complaints
