"""When recordings were made, by their names: `wheeltapper record` names a file by when it began.

What was recorded otherwise carries no time. A package of material lacks the list of what was set aside, by
which parts of recordings know when they began: so it says itself when its sound was recorded (RECORDED).
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from monitor.errors import RecordError
from monitor.recording.given import given_files
from monitor.recording.material import ODD, ODD_INDEX, SHORTEST_S

STARTED = re.compile(r"-(\d{8}T\d{6})Z(?:-\d+)?$")
PART = re.compile(r"^\d{5}(?:-(\d{2}))?-(?=.*\d{8}T\d{6}Z)")
"""Before a recording's name in a folder of material, with the number of the part where it was cut."""
RECORDED = "recorded.json"
"""In a package: from when to when its sound was recorded."""
JOINED_S = 3.0
"""Recordings follow each other, and names tell whole seconds: less than this between two is no gap."""


def recorded_spans(material: Path) -> list[tuple[float, float]]:
    """Return from when to when, in UTC, the sound of a folder of material was recorded.

    What was set aside is not in it, nor sound that carries no time: labelled clips, and files that came from
    elsewhere.

    Raises:
        RecordError: It is no such folder.
    """
    known = [(began(file.path), file.seconds) for file in given_files([material])]
    joined: list[tuple[float, float]] = []
    for start_utc_s, seconds in sorted((start, seconds) for start, seconds in known if start is not None):
        end_utc_s = start_utc_s + seconds
        if joined and start_utc_s - joined[-1][1] < JOINED_S:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_utc_s))
        else:
            joined.append((start_utc_s, end_utc_s))
    return joined


def text_of_spans(spans: Sequence[tuple[float, float]]) -> str:
    """Return what RECORDED holds."""
    return json.dumps({"schema": 1, "recorded": spans}) + "\n"


def packed_spans(package: Path) -> list[tuple[float, float]]:
    """Return from when to when the sound of an unpacked package was recorded; none where it does not say.

    Raises:
        RecordError: What it says cannot be read.
    """
    path = package / RECORDED
    try:
        return _spans_from(json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RecordError(f"{path}: cannot be read ({error!r}); unpack the package anew") from error


def _spans_from(tree: Mapping[str, Any]) -> list[tuple[float, float]]:
    if tree["schema"] != 1:
        raise ValueError(f"is of schema {tree['schema']!r}")
    return [(float(start), float(end)) for start, end in tree["recorded"]]


def began(path: Path) -> float | None:
    """Return the UTC at which a recording or a part of one begins, by its name; None: nobody knows."""
    named = STARTED.search(path.stem)
    if named is None:
        return None
    start = datetime.strptime(named.group(1), "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
    part = PART.match(path.stem)
    if part is None or part.group(1) is None:
        return start.timestamp()
    offset_s = _offset(path.parent / ODD / ODD_INDEX, path.stem[part.end() :], int(part.group(1)))
    return None if offset_s is None else start.timestamp() + offset_s


def _offset(index: Path, stem: str, number: int) -> float | None:
    """Return where part `number` of a recording begins in it: the parts lie between what was set aside."""
    try:
        with index.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if Path(row["of"]).stem == stem]
        odd = [(float(row["start_s"]), float(row["end_s"])) for row in rows]
    except (OSError, KeyError, ValueError):
        return None
    starts, at_s = [], 0.0
    for start_s, end_s in odd:
        if start_s - at_s >= SHORTEST_S:
            starts.append(at_s)
        at_s = max(at_s, end_s)
    starts.append(at_s)
    return starts[number] if number < len(starts) else None
