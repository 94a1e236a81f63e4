"""`wheeltapper engine bench BUNDLE`: how fast each engine of this machine answers, beside plain torch."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.bundle import open_bundle
from monitor.commands.engine_options import add_plan_options, plans_from_arguments
from monitor.errors import ConfigError
from monitor.rivals import TORCH, open_rivals, report_of_rivals


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of the bundle")
    parser.add_argument(
        "--batch", type=batches_of_text, default=(1, 4, 16), metavar="N,N,...",
        help="windows in one call (1,4,16)",
    )  # fmt: skip
    parser.add_argument("--seconds", type=float, default=3.0, help="for each engine and batch size (3)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads of each engine (1)")
    add_plan_options(parser)
    parser.add_argument("--json", action="store_true", help="print the JSON line only")


def batches_of_text(text: str) -> tuple[int, ...]:
    """Return batch sizes from `1,4,16`.

    Raises:
        ValueError: A part is no number from 1.
    """
    sizes = tuple(int(part) for part in text.split(","))
    if min(sizes) < 1:
        raise ValueError(text)
    return sizes


batches_of_text.__name__ = "list of numbers from 1 with commas between"  # argparse: "invalid ... value: 'x'"


def run(arguments: argparse.Namespace) -> int:
    """Time all that can answer, print a table and last JSON; 0 when an engine of the box answered, else 1."""
    if not arguments.seconds > 0:
        raise ConfigError(f"--seconds {arguments.seconds:g} is not above 0; leave it out for 3")
    if arguments.threads < 1:
        raise ConfigError(f"--threads {arguments.threads} is below 1; leave it out for 1")
    plans = replace(plans_from_arguments(arguments, build=True), say=_say)
    rivals = open_rivals(open_bundle(arguments.bundle), threads=arguments.threads, plans=plans)
    try:
        report = report_of_rivals(rivals, arguments.batch, seconds=arguments.seconds)
    finally:
        rivals.close()
    if not arguments.json:
        print(table_of_report(report))
    print(json.dumps(report, allow_nan=False))
    return 0 if any(row["engine"] != TORCH for row in report["rows"]) else 1


def _say(words: str) -> None:
    """Tell the person what takes long, apart from what programs read."""
    print(words, file=sys.stderr)


def table_of_report(report: Mapping[str, Any]) -> str:
    """Return the report as text for a person; `-` where there is nothing to say."""
    width = 2 + max((len(row["backend"]) for row in report["rows"]), default=len("engine"))
    columns = ("windows/s", "p50 ms", "p99 ms", "CPU ms", "GFLOP/s", "of peak", "x torch")
    widths = f"{report['bytes_in_per_window']} bytes in, {report['bytes_out_per_window']} out"
    lines = [
        f"{report['bundle']}: {widths}, {_shown(report['multiply_adds_per_window'])} multiply-adds a window",
        f"CPU threads {report['threads']}; peak of a core {report['peak_gflops_per_core']:g} GFLOP/s (sgemm)",
        f"{'engine':<{width}}{'batch':>6}{''.join(f'{name:>10}' for name in columns)}",
    ]
    lines += [_line_of_row(row, width) for row in report["rows"]]
    lines += [f"not here: {name}: {reason}" for name, reason in report["missing"].items()]
    return "\n".join(lines)


def _line_of_row(row: Mapping[str, Any], width: int) -> str:
    share, latency = row["share_of_peak"], row["latency_ms"]
    cells = (
        _shown(row["windows_per_s"]),
        _shown(latency["p50"]),
        _shown(latency["p99"]),
        _shown(row["cpu_ms_per_window"]),
        _shown(row["gflops_per_core"]),
        "-" if share is None else f"{share:.0%}",
        _shown(row["times_torch"]),
    )
    return f"{row['backend']:<{width}}{row['batch']:>6}{''.join(f'{cell:>10}' for cell in cells)}"


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.10g}"
