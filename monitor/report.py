"""One report of how everything is, from which systemd, status.json, MQTT and /metrics are told alike."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor.health import BoxFacts, SourceFacts, status_line

STATUS_FILE = "status.json"
STALE_S = 10.0
"""A daemon that is well writes its status every half second."""


@dataclass(frozen=True, slots=True)
class Report:
    """How everything was at one moment: what is told everywhere until the next one."""

    at_utc_s: float
    """When the facts were put together."""
    line: str
    """One line for systemd and the terminal."""
    box: BoxFacts
    """The daemon as a whole."""
    sources: Sequence[SourceFacts]
    """In the order of the configuration."""


def report_of(box: BoxFacts, facts: Sequence[SourceFacts], *, line: str | None = None) -> Report:
    """Return the report of this moment; `line` stands in for the status line."""
    return Report(time.time(), status_line(box, facts) if line is None else line, box, facts)


def write_status(state_dir: Path, report: Report) -> None:
    """Replace status.json, which `wheeltapper status` reads.

    Raises:
        OSError: It cannot be written; health is told elsewhere too.
    """
    tree = {
        "updated_utc_s": report.at_utc_s,
        "line": report.line,
        "box": report.box,
        "sources": report.sources,
    }
    part = state_dir / (STATUS_FILE + ".part")
    part.write_text(json.dumps(tree, default=_plain), encoding="utf-8")
    part.replace(state_dir / STATUS_FILE)


def _plain(value: object) -> object:
    """Return what JSON has a form for: of a record its fields. Not `asdict`, which copies every value."""
    if isinstance(value, Mapping):
        return dict(value)
    return {name: getattr(value, name) for name in type(value).__slots__}  # type: ignore[attr-defined]


def is_alive(tree: Mapping[str, Any]) -> bool:
    """Say whether the daemon that wrote this status.json runs and is still writing it."""
    try:
        os.kill(int(tree["box"]["pid"]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, as another user
    return time.time() - float(tree["updated_utc_s"]) < STALE_S
