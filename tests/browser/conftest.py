"""The page as a technician meets it: a real daemon, a real page, a real Chromium."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from evening import make_evening
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import eventually, free_port
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from monitor.replay.access import Role
from monitor.replay.users import UserBook

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
USERS = {"anna": Role.TECHNICIAN, "ben": Role.TECHNICIAN, "vera": Role.VIEWER}
PASSWORD = "correct horse battery"  # noqa: S105 - of users who exist in a test only
FAULT_CODES = ["bearing", "air leak"]


class Served:
    """A page in a process of its own, over a state directory with a daemon in it."""

    def __init__(self, folder: Path, daemon: DaemonProcess, changes: Mapping[str, Any]) -> None:
        folder.mkdir()
        self._folder = folder
        self.config_path = folder / "config.yaml"
        tree = yaml.safe_load(daemon.config_path.read_text(encoding="utf-8"))
        replay = {"port": free_port(), "fault_codes": FAULT_CODES, **changes}
        self.config_path.write_text(yaml.safe_dump({**tree, "replay": replay}), encoding="utf-8")
        self.address = f"http://127.0.0.1:{replay['port']}"

    def start(self) -> None:
        """Start it and wait until it prints its address."""
        log_path = self._folder / "replay.log"
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "replay", "--config", str(self.config_path)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        eventually(lambda: self.address.encode() in log_path.read_bytes(), 30.0, "the page")

    def stop(self) -> None:
        """End it as systemd does."""
        self._process.terminate()
        self._process.wait(15)


@pytest.fixture(scope="session")
def night_daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon over an evening's events: one machine that runs well, and one microphone that is not there."""
    folder = tmp_path_factory.mktemp("browser")
    config: dict[str, Any] = {
        "site": "plant",
        "box": "box1",
        "mqtt": {"enabled": False},
        "sources": [
            {"id": "pump-1", "kind": "simulated", "machine": "pump"},
            {"id": "hall", "kind": "microphone", "device": "usb-path:9-9.9"},
        ],
    }
    daemon = DaemonProcess(folder, config)
    make_evening(daemon.state_dir)
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


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
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
        contexts[-1].set_default_timeout(10_000)
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


def watch(page: Page) -> list[str]:
    """Return a list to which all is added that a browser complains of: errors, and what the CSP stopped."""
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not re.search(r"status of (4\d\d|503)", message.text):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return complaints


def started(page: Page, name: str) -> None:
    """Wait until the scripts of a page have begun: `now`, `events` or `event`."""
    page.wait_for_function("name => document.documentElement.dataset.started === name", arg=name)


def ready(page: Page) -> None:
    """Wait until an event can be heard and seen."""
    started(page, "event")
    page.locator(".listening[data-ready]").wait_for(state="attached")
    page.locator(".lanes[data-loaded]").wait_for(state="attached")


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


def log_in(page: Page, name: str) -> None:
    """Log in through the form."""
    page.goto("/login")
    fill_login(page, name, PASSWORD)
    page.wait_for_url(re.compile(r"^(?!.*/login)"))


def fill_login(page: Page, name: str, password: str) -> None:
    page.get_by_label("User").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
