"""What a bundle says it has learned from, so that none of it counts as proof: its labels.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

LABELS = "labels.json"
"""In a bundle: from which events it has learned, and when its normal sound was recorded.

One without the file has learned from no event, and nobody knows from when its sound is.
"""
MAX_FILE_BYTES = 10_000_000

Spans = tuple[tuple[float, float], ...]
"""From when to when, in UTC."""


def learned_from(folder: Path) -> frozenset[str]:
    """Return the ids of the events from which a bundle has learned.

    Raises:
        ValueError: The file is there, and is not what this software reads.
        OSError: It cannot be read.
    """
    return frozenset(str(one) for one in _tree(folder).get("used", ()))


def recorded_in(folder: Path) -> Spans:
    """Return from when to when the sound was recorded that a bundle has learned as normal, so far as it says.

    Raises as `learned_from` does.
    """
    try:
        return tuple((float(start), float(end)) for start, end in _tree(folder).get("recorded", ()))
    except TypeError as error:
        raise ValueError(f"{folder / LABELS}: its spans of recorded sound are none ({error})") from error


def _tree(folder: Path) -> Mapping[str, list[Any]]:
    try:
        with (folder / LABELS).open("rb") as file:
            tree = json.loads(file.read(MAX_FILE_BYTES))
    except FileNotFoundError:
        return {}
    lists = [] if not isinstance(tree, dict) else [tree.get("used"), tree.get("recorded", [])]
    if not lists or tree.get("schema") != 1 or not all(isinstance(one, list) for one in lists):
        raise ValueError(f"{folder / LABELS}: is not a list of labels with schema 1")
    return {"used": lists[0], "recorded": lists[1]}
