"""What `make bench` prints, and docs/bench.md: the same figures, with what they were measured on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Any

KINDS = ("ae", "mae")
VERSIONS = ("wheeltapper", "numpy", "onnxruntime", "paho-mqtt", "soundfile", "soxr")
COMMAND = 'make bench BENCH="--write docs/bench.md"'
HOUR = "CPU s per hour of sound"
PAGE = """# How much one core carries

Written by `{command}`; do not edit. Run it on a quiet box: CPU seconds grow when others use the same caches.

{tables}

A window of 2.048 s every 1.024 s, one core. How each is measured stands at the head of
`tests/bench/scale.py` and of the modules that it uses. Sources are files at 16 kHz, all started at once, and
hand over {block_ms:g} ms of sound at a time where no other length is named. A microphone has a child process
of its own on top, as the one source has that latency is measured with, and hands over 100 ms unless
`block_ms` says otherwise. Peers score only: they have no capture, no queue, no alarm, no store and no MQTT.
"""


def box() -> dict[str, Any]:
    """Return what it was measured on: machine, versions, date."""
    return {
        "date": f"{datetime.now(tz=timezone.utc):%Y-%m-%d %H:%M} UTC",
        "machine": f"{_processor()}, {os.cpu_count()} cores",
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in VERSIONS},
    }


def spread(values: Sequence[float]) -> str:
    """Return the median of repetitions with their range."""
    if len(values) == 1:
        return f"{values[0]:.2f}"
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f}, n = {len(values)})"


def goals(result: Mapping[str, Any]) -> dict[str, bool]:
    """Return which goals are met; one whose peer was left out is not in it."""
    ae = statistics.median(result["crowd"]["ae"]["cpu_s_per_hour"])
    found = {
        "default AE below 5 CPU s per hour of sound": ae < 5.0,
        "AE whole process at most 1.5 times the bare cost": result["ratio_to_bare"]["ae"] <= 1.5,
    }
    wanted = {"torch-ae": (2.0, "a torch loop of the same net"), "audio-anomaly": (4.0, "audio-anomaly")}
    for peer, (times, name) in wanted.items():
        costs = result["peers"].get(peer, {}).get("cpu_s_per_hour")
        if costs:
            found[f"AE at least {times:g} times less than {name}"] = statistics.median(costs) >= times * ae
    return found


def lines_of(result: Mapping[str, Any]) -> list[str]:
    """Return the tables as Markdown, which is how they are printed too."""
    rows = [("what", "figure"), ("---", "---")]
    for kind in result["crowd"]:
        rows += _rows_of_kind(kind.upper(), result, kind)
    rows.append(_row_of_short_blocks(result["short_blocks"], next(iter(result["crowd"]))))
    for name, peer in result["peers"].items():
        told = f"left out: {peer['left_out']}" if "left_out" in peer else spread(peer["cpu_s_per_hour"])
        rows.append((f"{HOUR}, {name} ({peer.get('version', 'not installed')})", told))
    rows += _rows_of_one(result["microphone"])
    met = [(goal, "yes" if met else "no") for goal, met in result["goals"].items()]
    tables = [*rows, None, ("goal", "met"), ("---", "---"), *met]
    return [_measured_on(result), "", *("" if row is None else f"| {row[0]} | {row[1]} |" for row in tables)]


def write_page(path: Path, result: Mapping[str, Any]) -> None:
    """Write docs/bench.md."""
    lines = lines_of(result)
    path.write_text(
        PAGE.format(
            command=COMMAND,
            tables="\n".join(lines),
            block_ms=next(iter(result["crowd"].values()))["block_ms"],
        ),
        encoding="utf-8",
    )


def _measured_on(result: Mapping[str, Any]) -> str:
    place, (before, after) = result["box"], result["load_average"]
    versions = ", ".join(f"{name} {version}" for name, version in place["versions"].items())
    return (
        f"Measured {place['date']} on {place['machine']}; Python {place['python']}, {versions}. Load average "
        f"{before} before and {after} after, this benchmark's own load in the latter. Each figure is the "
        "median of the repetitions, with their range. CPU is user and system."
    )


def _rows_of_kind(name: str, result: Mapping[str, Any], kind: str) -> list[tuple[str, str]]:
    crowd, scale = result["crowd"][kind], result["carried"][kind]
    return [
        (f"16 kHz sources on one core, default {name}, no lost window", _carried(scale)),
        (f"the same from the CPU of {crowd['sources']} sources", f"{scale['extrapolated']} (extrapolated)"),
        (f"{HOUR}, daemon with {crowd['sources']} sources, {name}", spread(crowd["cpu_s_per_hour"])),
        (f"{HOUR}, the same FFTs and engine calls alone, {name}", spread(result["bare"][kind])),
        (f"the daemon against that, {name}", f"{result['ratio_to_bare'][kind]} times"),
    ]


def _row_of_short_blocks(short: Mapping[str, Any], kind: str) -> tuple[str, str]:
    what = f"daemon with {short['sources']} sources, {kind.upper()}, blocks of {short['block_ms']:g} ms"
    return f"{HOUR}, {what}", spread(short["cpu_s_per_hour"])


def _rows_of_one(one: Mapping[str, Any]) -> list[tuple[str, str]]:
    late = one["latency_ms"]
    return [
        (
            f"last sample of a window to its score at an MQTT subscriber, one {one['source']} source",
            f"p50 {late['p50']} ms, p99 {late['p99']} ms, {one['windows']} windows",
        ),
        ("start to READY, that source", f"{one['ready_s']} s"),
        (
            "memory of that daemon: resident; with its child, shared pages counted once",
            f"{one['rss_mb']} MB; {round(sum(one['pss_mb'].values()), 1)} MB",
        ),
        ("CPU of a core, that daemon and its child", f"{one['cpu_percent']} %"),
    ]


def _carried(scale: Mapping[str, Any]) -> str:
    tried = ", ".join(f"{one['sources']} {'yes' if one['carried'] else 'no'}" for one in scale["trials"])
    return f"{scale['sources']} (tried: {tried})" if tried else "not tried"


def _processor() -> str:
    names = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        if line.startswith("model name")
    ]
    return names[0] if names else platform.machine()
