"""Measures what fifty impatient browsers cost the daemon: with nobody at the page, and with them.

    make bench-page-load         (or: python tests/bench/page_under_load.py --seconds 60)

Four simulated pumps in real time, one of which breaks again and again; wrk over 50 connections asks for every
kind of address in turn: pages, lists, an event, pictures, sound, a band of it. The last line is one JSON
document; the exit code is 1 when a sample was lost, a window dropped, or judged later than a hop.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import free_port
from page_load import Strain, load_config, page_of, paths_of, strain


def measure(folder: Path, seconds: float) -> tuple[Strain, Strain]:
    """Return what happened without the browsers, and with them."""
    port = free_port()
    daemon = DaemonProcess(folder, load_config(port))
    daemon.start()
    try:
        daemon.wait_listening()
        with page_of(daemon, port) as url:
            paths = paths_of(url)
            return strain(daemon, url, (), seconds), strain(daemon, url, paths, seconds)
    finally:
        daemon.stop()


def main() -> int:
    """Measure, print, and say whether the daemon kept its promise."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="of each of the two stretches; default: 60"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        alone, under = measure(Path(folder), arguments.seconds)
    found = {"alone": dataclasses.asdict(alone), "under_load": dataclasses.asdict(under)}
    print(json.dumps({**found, "cores": os.cpu_count(), "load_average": os.getloadavg()[0]}))  # noqa: T201 - for a person
    return 1 if under.lost_samples or under.dropped_windows or under.late_windows else 0


if __name__ == "__main__":
    sys.exit(main())
