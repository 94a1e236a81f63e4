"""What a technician does on the page, for tests: come in, wait until it is ready, hear it complain."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import eventually, free_port
from playwright.sync_api import ConsoleMessage, Page

from monitor.replay.gate.access import Role

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
        self._process.wait(60)


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


def log_in(page: Page, name: str) -> None:
    """Log in through the form."""
    page.goto("/login")
    fill_login(page, name, PASSWORD)
    page.wait_for_url(re.compile(r"^(?!.*/login)"))


def fill_login(page: Page, name: str, password: str) -> None:
    page.get_by_label("User").fill(name)
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
