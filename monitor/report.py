"""One report of how everything is, from which systemd, status.json, MQTT and /metrics are told alike."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from monitor.health import BoxFacts, SourceFacts, status_line

STATUS_FILE = "status.json"


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
        "box": asdict(report.box),
        "sources": [asdict(fact) for fact in report.sources],
    }
    part = state_dir / (STATUS_FILE + ".part")
    part.write_text(json.dumps(tree), encoding="utf-8")
    part.replace(state_dir / STATUS_FILE)
