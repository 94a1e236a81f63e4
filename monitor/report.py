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
STATUS_EVERY_S = 2.0
"""Figures that change with every window are written so often; what somebody may have to act on at once."""
STALE_S = 10.0
"""The status of a daemon that is well is never so old."""


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


class StatusFile:
    """Keeps status.json up to date; belongs to one thread."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._told: object = None
        self._due_s = float("-inf")

    def keep(self, report: Report, now_s: float, *, at_once: bool = False) -> None:
        """Write it if it has news, if it is time at monotonic `now_s`, or in any case `at_once`.

        Raises:
            OSError: As of write_status; the next call tries again.
        """
        told = _told(report)
        if at_once or told != self._told or now_s >= self._due_s:
            write_status(self._state_dir, report)
            self._told, self._due_s = told, now_s + STATUS_EVERY_S


def _told(report: Report) -> object:
    """Return what of a report is news when it changes: all but figures that change as long as all is well."""
    box = report.box
    return (
        report.line,
        (box.broker, box.broker_error, box.sparkplug, box.sparkplug_error, box.clock_set),
        (box.store_error, box.clips_error, box.retention.line, box.restarted_threads, box.refused_commands),
        box.counts,
        [
            (
                fact.capture.state,
                fact.capture.reason,
                fact.capture.received_samples > 0,
                fact.windows > 0,
                fact.bundle_id,
                fact.backend,
                fact.quality,
                fact.alarm,
                fact.uncertain,
                fact.machine,
                fact.limits,
                fact.keeps_up,
                fact.stands_still,
                fact.drift,
                None
                if fact.shadow is None
                else (fact.shadow.candidate, fact.shadow.state, fact.shadow.verdict),
            )
            for fact in report.sources
        ],
    )


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
