"""What a shadow run costs: CPU seconds of the daemon for an hour of sound, with and without candidates.

    python tests/bench/shadow_cost.py --sources 20 --seconds 60

The same simulated sources twice, in the daemon as systemd starts it. CPU seconds of the process are counted,
so that what else runs hardly matters; the load is printed beside them.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "shadow")]

from fixtures_daemon import DaemonProcess  # noqa: E402 - found by the line above
from fixtures_live import DEMO, simulated  # noqa: E402
from shadow_rig import library_with  # noqa: E402

SETTLE_S = 20.0
"""Engines are opened, and every source has been heard."""


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that a process has taken so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measured(folder: Path, sources: int, seconds: float, *, shadow: bool) -> tuple[float, int, int]:
    """Return CPU seconds for an hour of sound, and how many windows candidates judged and skipped."""
    folder.mkdir()
    names = [f"pump-{i}" for i in range(sources)]
    daemon = DaemonProcess(
        folder,
        {
            "sources": [{**simulated(name, seed=i), "bundle": "managed"} for i, name in enumerate(names)],
            "mqtt": {"enabled": False},
            "replay": {"enabled": False},
            "engine": {"backend": "onnxruntime"},
            "shadow": {"enabled": shadow, "cpu_share": 1.0},
        },
    )
    for name in names:
        library_with(daemon.state_dir, DEMO / "mae", DEMO / "ae", source_id=name)
    daemon.start()
    try:
        daemon.wait_listening(120.0)
        time.sleep(SETTLE_S)
        assert daemon.process is not None
        began_s, spent_s = time.monotonic(), cpu_s(daemon.process.pid)
        time.sleep(seconds)
        spent_s = cpu_s(daemon.process.pid) - spent_s
        hours = sources * (time.monotonic() - began_s) / 3600
        told = [daemon.source(name)["shadow"] or {} for name in names]
    finally:
        daemon.stop()
    judged = sum(one.get("judged_windows", 0) for one in told)
    return spent_s / hours, judged, sum(one.get("skipped_windows", 0) for one in told)


def main() -> None:
    """Print both, and the difference."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        found = {}
        for shadow in (False, True):
            folder = Path(name) / ("with" if shadow else "without")
            cost, judged, skipped = measured(folder, arguments.sources, arguments.seconds, shadow=shadow)
            found[shadow] = cost
            words = "with candidates" if shadow else "without       "
            load = os.getloadavg()[0]
            sys.stdout.write(
                f"{words}: {cost:.1f} CPU s per hour of sound; {judged} windows of candidates judged, "
                f"{skipped} skipped; load {load:.1f}\n"
            )
        sys.stdout.write(f"a shadow run: {found[True] - found[False]:.1f} CPU s per hour of sound more\n")


if __name__ == "__main__":
    main()
