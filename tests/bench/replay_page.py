"""Measures the technicians' page as a browser meets it, on a store as large as after months.

    make bench-replay            (or: python tests/bench/replay_page.py --events 5000 --windows 100000)

The real `wheeltapper replay`, over HTTP on this machine; the store is made first, every file in it real. What
is measured, each address `--times` times, in milliseconds: median and worst, and the page's own CPU for one
(the page is niced: on a busy machine it waits, and only the CPU says what it costs):

    list_*       a page of 50 events as JSON and as HTML: the first, one in the middle, filtered ones
    event_*      one event with all that belongs to it, as JSON and as HTML
    similar_*    earlier events that looked alike: for the first time, and again
    thumbnail_*  one error map, small: drawn, and from the cache
    sheet_*      all pictures of a clip of 20 s at 48 kHz: drawn, and one of them from the cache
    band         2 to 3 kHz of the clip
    crowd        50 connections that all ask for pages, bands and exports at once, some of which nobody reads
                 on: how many were answered, and how many were told to come back (503)
    peak_mb      the most memory that the process ever had (VmHWM), after all that

The last line is one JSON document; `broken` names the promises that do not hold, and the exit code says so.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fixtures_mosquitto import free_port
from large_store import make_large_store

ROOT = Path(__file__).resolve().parents[2]

PROMISES = {
    "list_json": 200.0,
    "list_html": 200.0,
    "list_deep": 200.0,
    "list_by_kind": 200.0,
    "list_by_label": 200.0,
    "event_json": 300.0,
    "event_html": 300.0,
}
"""Milliseconds, in the worst of all requests."""
PEAK_MB = 120.0
CROWD = 50
EXPORT_PARTS = 160
"""Of 64 KiB: what one of a crowd takes of an export, 10 MB."""
UNREAD_S = 2.0
"""So long an export stands still that nobody reads on."""


class Page:
    """The page's own process."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        config = folder / "config.yaml"
        config.write_text(
            f"state_dir: {folder / 'state'}\nsources: [{{id: machine0, kind: simulated}}]\n"
            f"replay: {{port: {port}}}\n"
        )
        self.log = folder / "page.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "monitor", "replay", "--config", str(config)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
            )
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60.0)
        self._wait()

    def _wait(self) -> None:
        for _ in range(300):
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.client.get("/static/page.css")
            except httpx.TransportError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(self.log.read_text())

    def cpu_ms(self) -> float:
        """Return the CPU time that the process has used."""
        return sum(psutil.Process(self.process.pid).cpu_times()[:2]) * 1000

    def spread_of(self, paths: Sequence[str]) -> dict[str, float]:
        """Ask for each path once; return how long they took."""
        before_ms = self.cpu_ms()
        taken_ms = [timed_ms(partial(self.get, path)) for path in paths]
        return {
            "median_ms": round(float(np.median(taken_ms)), 1),
            "worst_ms": round(max(taken_ms), 1),
            "cpu_ms": round((self.cpu_ms() - before_ms) / len(paths), 1),
        }

    def get(self, path: str) -> httpx.Response:
        """Return what stands at an address; it must be there."""
        answer = self.client.get(path)
        assert answer.status_code == 200, f"{path}: {answer.status_code} {answer.text[:300]}"
        return answer

    def peak_mb(self) -> float:
        """Return the most memory that the process ever had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024 / 1e6

    def stop(self) -> None:
        """End it."""
        self.client.close()
        self.process.terminate()
        self.process.wait(20)


def timed_ms(act: Callable[[], object]) -> float:
    """Return how long something took."""
    started_s = time.perf_counter()
    act()
    return (time.perf_counter() - started_s) * 1000


def measure(folder: Path, *, events: int, windows: int, times: int) -> dict[str, object]:
    """Make the store, ask for everything, and return the figures."""
    made_ms = timed_ms(lambda: make_large_store(folder / "state", events=events, windows=windows))
    page = Page(folder)
    try:
        start_mb = page.peak_mb()
        figures = _addresses(page, times) | _pictures(page, times)
        alone_mb = page.peak_mb()
        crowd = _crowd(page)
        peak_mb = page.peak_mb()
    finally:
        page.stop()
    broken = [name for name, most_ms in PROMISES.items() if figures[name]["worst_ms"] >= most_ms]
    broken += ["peak_mb"] if peak_mb >= PEAK_MB else []
    return {
        "events": events,
        "windows": windows,
        "store_made_s": round(made_ms / 1000, 1),
        **figures,
        "crowd": crowd,
        "start_mb": round(start_mb, 1),
        "alone_mb": round(alone_mb, 1),
        "peak_mb": round(peak_mb, 1),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "broken": broken,
    }


def _addresses(page: Page, times: int) -> dict[str, dict[str, float]]:
    listed = page.get("/api/v1/events?limit=200&order=newest").json()
    assert listed["total"] > listed["unreviewed"] > 0
    ids = [event["event_id"] for event in listed["events"]]
    addresses = {
        "list_json": "/api/v1/events",
        "list_html": "/events",
        "list_deep": f"/api/v1/events?order=newest&cursor=n.{listed['total'] // 2}",
        "list_by_kind": "/api/v1/events?kind=clipping&source=machine3",
        "list_by_label": "/api/v1/events?label=unsure&fault_code=bearing&state=normal",
    }
    figures = {name: page.spread_of([address] * times) for name, address in addresses.items()}
    for name, pattern in {"event_json": "/api/v1/events/{}", "event_html": "/events/{}"}.items():
        figures[name] = page.spread_of([pattern.format(event_id) for event_id in ids[:times]])
    similar = f"/api/v1/events/{ids[0]}/similar"
    figures["similar_first"] = page.spread_of([similar])
    figures["similar_again"] = page.spread_of([similar] * times)
    return figures


def _pictures(page: Page, times: int) -> dict[str, dict[str, float]]:
    ids = [event["event_id"] for event in page.get("/api/v1/events?limit=200").json()["events"]][:times]
    clips = [page.get(f"/api/v1/events/{event_id}").json()["clips"][0]["clip_id"] for event_id in ids]
    thumbnails = [f"/api/v1/events/{event_id}/thumbnail.png" for event_id in ids]
    return {
        "thumbnail_drawn": page.spread_of(thumbnails),
        "thumbnail_kept": page.spread_of(thumbnails),
        "sheet_drawn": page.spread_of([f"/api/v1/clips/{clip_id}/axes" for clip_id in clips]),
        "sheet_kept": page.spread_of(
            [f"/api/v1/clips/{clip_id}/pictures/error_map.png" for clip_id in clips]
        ),
        "band": page.spread_of(
            [f"/api/v1/clips/{clip_id}/audio?low_hz=2000&high_hz=3000" for clip_id in clips]
        ),
    }


def _crowd(page: Page) -> dict[str, int]:
    """Let CROWD connections ask for the heaviest there is, all at once; count the answers by status."""
    ids = [event["event_id"] for event in page.get("/api/v1/events?limit=200").json()["events"]][:CROWD]
    clips = [page.get(f"/api/v1/events/{event_id}").json()["clips"][0]["clip_id"] for event_id in ids]
    with ThreadPoolExecutor(CROWD) as people:
        told = people.map(partial(_visit, page), ids, clips, range(CROWD))
        statuses = Counter(status for visit in told for status in visit)
    assert set(statuses) <= {200, 503}, statuses
    return {"answered": statuses[200], "told_to_come_back": statuses[503]}


def _visit(page: Page, event_id: str, clip_id: str, number: int) -> list[int]:
    """Go through pages and bands as one of many, and take a part of an export; every fifth reads no more."""
    low_hz = 500 + 50 * number
    addresses = (
        "/events",
        f"/events/{event_id}",
        f"/api/v1/clips/{clip_id}/audio?low_hz={low_hz}&high_hz={low_hz + 1000}",
        f"/api/v1/clips/{clip_id}/audio?format=wav",
        f"/api/v1/events/{event_id}/similar",
    )
    with httpx.Client(base_url=page.client.base_url, timeout=120.0) as client:
        statuses = [client.get(address).status_code for address in addresses]
        with client.stream("GET", "/api/v1/export") as export:
            statuses.append(export.status_code)
            for taken, _ in enumerate(export.iter_bytes(64 * 1024)):
                if taken >= EXPORT_PARTS:
                    break
            time.sleep(0.0 if number % 5 else UNREAD_S)
    return statuses


def main() -> int:
    """Measure and print; 1 if a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--windows", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(
            Path(folder), events=arguments.events, windows=arguments.windows, times=arguments.times
        )
    print(json.dumps(figures))  # noqa: T201 - the last line is the result
    return 1 if figures["broken"] else 0


if __name__ == "__main__":
    sys.exit(main())
