"""A daemon, its page, and fifty impatient browsers: what the daemon's ear has lost by them."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import eventually

HOP_S = 32 * 512 / 16_000
"""From one window to the next, by default: a window judged later than this after its end is late."""
CONNECTIONS = 50
SOURCES = ("pump-1", "pump-2", "pump-3", "pump-4")


@dataclass(frozen=True, slots=True)
class Strain:
    """What happened within one stretch of time."""

    seconds: float
    """How long it was."""
    requests_per_s: float
    """That the page answered."""
    refused: int
    """Answers that were neither 2xx nor 3xx."""
    windows: int
    """That the daemon judged, of all sources."""
    expected_windows: int
    """That it should have judged in that time."""
    lost_samples: int
    """At the devices' rate."""
    dropped_windows: int
    """Given up because the engine could not keep up."""
    late_windows: int
    """Judged more than a hop after their sound had ended; seen twice a second."""
    lag_max_s: float
    """From the end of a window's sound to its score, seen twice a second."""


def load_config(port: int) -> dict[str, Any]:
    """Return the sections of a daemon with several pumps, of which one soon breaks, and a page at `port`."""
    faults = [{"kind": "bearing", "start_s": 2, "duration_s": 4}]
    sources: list[dict[str, Any]] = [
        {"id": name, "kind": "simulated", "seed": n} for n, name in enumerate(SOURCES, 1)
    ]
    sources[0] |= {"faults": faults, "repeat_every_s": 12}
    store = {"pre_roll_s": 1.0, "post_roll_s": 1.0, "max_clip_s": 5.0}
    alarm = {"off_delay_s": 0.0}
    return {
        "mqtt": {"enabled": False},
        "sources": sources,
        "replay": {"port": port},
        "store": store,
        "alarm": alarm,
    }


@contextlib.contextmanager
def page_of(daemon: DaemonProcess, port: int) -> Iterator[str]:
    """Serve a daemon's page in a process of its own, and give its address."""
    url = f"http://127.0.0.1:{port}"
    with (daemon.folder / "page.log").open("wb") as log:
        page = subprocess.Popen(
            [sys.executable, "-m", "monitor", "replay", "--config", str(daemon.config_path)],
            stdout=log,
            stderr=log,
            cwd=ROOT,
        )
    try:
        eventually(lambda: _answers(f"{url}/static/page.css"), 30.0, "the page")
        yield url
    finally:
        page.terminate()
        page.wait(15)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30.0).status_code == 200
    except httpx.TransportError:
        return False


def paths_of(url: str, timeout_s: float = 40.0) -> Sequence[str]:
    """Wait for an event with sound, and return every kind of address that a browser asks for."""
    found: list[str] = []

    def whole() -> bool:
        events = httpx.get(f"{url}/api/v1/events", timeout=30.0).json()["events"]
        for event in events:
            document = httpx.get(f"{url}/api/v1/events/{event['event_id']}", timeout=30.0).json()
            if document["clips"] and document["windows"]:
                clip = document["clips"][0]["clip_id"]
                found[:] = [
                    "/",
                    "/events",
                    f"/events/{event['event_id']}",
                    "/api/v1/now",
                    "/api/v1/events?limit=50",
                    f"/api/v1/events/{event['event_id']}/thumbnail.png",
                    f"/api/v1/clips/{clip}/pictures/logmel.png",
                    f"/api/v1/clips/{clip}/audio",
                    f"/api/v1/clips/{clip}/audio?low_hz=2000&high_hz=3000",
                    "/static/main.js",
                ]
        return bool(found)

    eventually(whole, timeout_s, "an event with its sound")
    return found


def strain(daemon: DaemonProcess, url: str, paths: Sequence[str], seconds: float) -> Strain:
    """Ask for `paths` over CONNECTIONS connections as fast as they are answered; none: only wait."""
    script = daemon.folder / "paths.lua"
    listed = ", ".join(f'"{path}"' for path in paths)
    script.write_text(
        f"local paths = {{{listed}}}\nlocal i = 0\n"
        'request = function() i = i % #paths + 1 return wrk.format("GET", paths[i]) end\n',
        encoding="utf-8",
    )
    before, began_s = _totals(daemon), time.monotonic()
    wrk = _wrk(script, url, seconds) if paths else None
    lags: list[float] = []
    while (wrk is not None and wrk.poll() is None) or time.monotonic() - began_s < seconds:
        status = daemon.status()
        assert status is not None
        lags += [source["lag_s"] for source in status["sources"] if source["lag_s"] is not None]
        time.sleep(0.5)
    took_s = time.monotonic() - began_s
    after = _totals(daemon)
    said = "" if wrk is None or wrk.stdout is None else wrk.stdout.read()
    if wrk is not None and wrk.stdout is not None:
        wrk.stdout.close()
    return Strain(
        seconds=round(took_s, 1),
        requests_per_s=float(_number(r"Requests/sec:\s+([\d.]+)", said)),
        refused=int(_number(r"Non-2xx or 3xx responses: (\d+)", said)),
        windows=after[0] - before[0],
        expected_windows=int(len(SOURCES) * took_s / HOP_S),
        lost_samples=after[1] - before[1],
        dropped_windows=after[2] - before[2],
        late_windows=sum(lag > HOP_S for lag in lags),
        lag_max_s=round(max(lags), 3),
    )


def wrk_missing() -> bool:
    """Say whether there is nothing to make the load with."""
    return shutil.which("wrk") is None


def _wrk(script: Path, url: str, seconds: float) -> subprocess.Popen[str]:
    # the browsers are not on this box in life: what makes the load must not take the daemon's time
    command = ["nice", "-n", "19", "wrk", "-t", "1", "-c", str(CONNECTIONS), "-d", f"{seconds:g}s"]
    command += ["--timeout", "10s", "-s", str(script), url]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "LC_ALL": "C"})


def _totals(daemon: DaemonProcess) -> tuple[int, int, int]:
    """Return windows, lost samples and dropped windows of all sources since the start."""
    status = daemon.status()
    assert status is not None
    sources = status["sources"]
    return (
        sum(source["windows"] for source in sources),
        sum(source["capture"]["lost_samples"] for source in sources),
        sum(source["dropped_windows"] for source in sources),
    )


def _number(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    return found.group(1) if found else "0"
