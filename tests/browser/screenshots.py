"""Makes a picture of every view of the page over a simulated pump that breaks: `make screenshots`.

Two minutes of the simulated pump, a real daemon with the embedded model, a real page, a real Chromium. All
pictures go to out/screenshots; those that the documents show are also made small and put into docs/images.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from fixtures_daemon import ROOT, DaemonProcess
from learn_rig import waiting_to_be_heard
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from technician import CHROMIUM, Served, log_in, ready, started

from monitor.replay.gate.access import Role
from monitor.replay.gate.users import UserBook

OUT = ROOT / "out" / "screenshots"
KEPT = {
    "now": "replay-now",
    "events": "replay-events",
    "event": "replay-event",
    "event-phone": "replay-phone",
    "learn": "replay-learn",
}
IMAGES = ROOT / "docs" / "images"
LISTEN_S = 125.0
CONFIG: dict[str, Any] = {
    "site": "plant-2",
    "box": "hall-3",
    "mqtt": {"enabled": False},
    "alarm": {"off_delay_s": 4.0, "acknowledge_required": False},
    "store": {"pre_roll_s": 3.0, "post_roll_s": 2.0},
    "sources": [
        {
            "id": "pump-1",
            "kind": "simulated",
            "machine": "pump",
            "faults": [
                {"kind": "bearing", "start_s": 15, "duration_s": 5},
                {"kind": "air_leak", "start_s": 38, "duration_s": 5},
                {"kind": "belt_squeal", "start_s": 60, "duration_s": 5},
                {"kind": "bearing", "start_s": 82, "duration_s": 5},
                {"kind": "cavitation", "start_s": 104, "duration_s": 30},
            ],
        },
        {"id": "pump-2", "kind": "simulated", "machine": "pump", "seed": 7},
        {"id": "fan-4", "kind": "microphone", "device": "usb-path:1-1.2"},
    ],
}
WIDTH_PX = 900
"""Of the pictures in the documents, at most."""
TALL = {"width": 1280, "height": 1330}
DESK, PHONE = {"width": 1280, "height": 860}, {"width": 390, "height": 844}


def main() -> int:
    """Make all pictures; 0."""
    OUT.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as driver:
        folder = Path(name)
        daemon = DaemonProcess(folder, CONFIG)
        waiting_to_be_heard(daemon.state_dir, "pump-2", minutes=3)
        daemon.start()
        codes = ["bearing, drive end", "air leak", "belt", "cavitation"]
        users = folder / "users.json"
        page = Served(folder / "page", daemon, {"users_file": str(users), "fault_codes": codes})
        UserBook(users).add("anna", Role.ADMIN, "correct horse battery")
        arguments = ["--no-sandbox", "--mute-audio", "--hide-scrollbars"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=arguments)
        try:
            daemon.wait_listening()
            page.start()
            time.sleep(LISTEN_S)
            take_all(browser, page.address)
        finally:
            browser.close()
            page.stop()
            daemon.kill()
    keep_small()
    return 0


def keep_small() -> None:
    """Put what the documents show into docs/images, below 150 kB each."""
    for view, kept in KEPT.items():
        image = Image.open(OUT / f"{view}.png").convert("RGB")
        if image.width > WIDTH_PX:
            size = (WIDTH_PX, round(image.height * WIDTH_PX / image.width))
            image = image.resize(size, Image.Resampling.LANCZOS)
        # by octree: the median cut drops the few red pixels of the cursor
        small = image.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        small.save(IMAGES / f"{kept}.png", optimize=True)


def take_all(browser: Browser, address: str) -> None:
    """Visit every view and take its picture."""
    context = browser.new_context(base_url=address, viewport=DESK, locale="en")  # type: ignore[arg-type]
    page = context.new_page()
    page.goto("/login")
    take(page, "login")
    log_in(page, "anna")
    page.goto("/")
    started(page, "now")
    page.wait_for_timeout(800)
    take(page, "now")
    page.goto("/events?order=newest")
    addresses = page.locator(".event h2 a").evaluate_all("links => links.map((link) => link.href)")
    label(page, addresses[-1], "a", "bearing, drive end")
    label(page, addresses[-2], "n", "")
    page.goto("/events")
    started(page, "events")
    page.wait_for_load_state("networkidle")
    take(page, "events")
    page.evaluate("() => localStorage.clear()")
    bearing = addresses[1]
    page.set_viewport_size(TALL)  # type: ignore[arg-type]
    page.goto(bearing)
    ready(page)
    page.wait_for_load_state("networkidle")
    take(page, "event")
    page.set_viewport_size(DESK)  # type: ignore[arg-type]
    page.keyboard.press("x")
    take(page, "event-zoomed")
    page.keyboard.press("?")
    take(page, "keys")
    page.goto("/events/none")
    take(page, "error")
    take_learning(page)
    state = context.storage_state()
    for view, look in {
        "event-dark-german": {"viewport": DESK, "color_scheme": "dark", "locale": "de"},
        "event-phone": {"viewport": PHONE, "locale": "en"},
        "event-phone-dark": {"viewport": PHONE, "locale": "de", "color_scheme": "dark"},
    }.items():
        other = browser.new_context(base_url=address, storage_state=state, **look).new_page()  # type: ignore[arg-type]
        other.goto(bearing)
        ready(other)
        take(other, view)
        other.goto("/")
        started(other, "now")
        other.wait_for_timeout(800)
        take(other, view.replace("event", "now"))
        other.goto("/events")
        started(other, "events")
        other.wait_for_load_state("networkidle")
        take(other, view.replace("event", "events"))


def take_learning(page: Page) -> None:
    """Take the picture of a source that waits for somebody to hear what is odd."""
    page.goto("/learn/pump-2")
    started(page, "learning")
    for key in ("j", "n"):
        page.keyboard.press(key)
        page.wait_for_timeout(1500)
    take(page, "learn")


def label(page: Page, address: str, key: str, fault: str) -> None:
    """Say what an event was."""
    page.goto(address)
    ready(page)
    page.get_by_label("Then play the next one").uncheck()
    page.get_by_label("Fault code").select_option(fault)
    page.evaluate("() => document.activeElement.blur()")
    page.keyboard.press(key)
    page.locator("[data-history] .badge").first.wait_for()


def take(page: Page, view: str) -> None:
    """Write the picture of what a page shows now."""
    page.screenshot(path=OUT / f"{view}.png")


if __name__ == "__main__":
    sys.exit(main())
