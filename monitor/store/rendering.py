"""Bodies of records as JSON text: what is not known is null, and what is not a number is refused."""

from __future__ import annotations

import enum
import json
from collections.abc import Mapping
from dataclasses import fields

import numpy as np

from monitor.errors import StoreRefusedError
from monitor.explanation import Explanation, tree_from_explanation
from monitor.messages import AlarmChange, Score


def json_text(body: Mapping[str, object]) -> str:
    """Render a body, enums by value and NumPy's numbers as numbers.

    Raises:
        StoreRefusedError: A number is not finite, or a value has no form in JSON.
    """
    try:
        return json.dumps(body, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except (ValueError, TypeError) as error:
        raise StoreRefusedError(
            f"cannot be stored: {error}; a value that is not known must be None"
        ) from error


def json_tree(text: str) -> dict[str, object]:
    """Return the body that json_text rendered."""
    tree: dict[str, object] = json.loads(text)
    return tree


def change_body(change: AlarmChange, bundle_id: str | None) -> dict[str, object]:
    """Return every field of a change by its name, and the bundle that heard it."""
    body = {item.name: _by_value(getattr(change, item.name)) for item in fields(change)}
    return {**body, "bundle_id": bundle_id}


def score_body(score: Score) -> dict[str, object]:
    """Return a score without its profile, which would be most of the bytes of a day's backlog."""
    span = score.span
    return {
        "source_id": span.source_id,
        "start_s": span.start_s,
        "end_s": span.end_s,
        "start_utc_s": span.start_utc_s,
        "end_utc_s": span.end_utc_s,
        "quality": span.quality.value,
        "level_dbfs": span.level_dbfs,
        "value": score.value,
        "expected_per_day": score.expected_per_day,
        "raw": score.raw,
        "profile": None,
        "bundle_id": score.bundle_id,
        "engine": score.engine,
    }


def _by_value(value: object) -> object:
    if isinstance(value, Explanation):
        return tree_from_explanation(value)
    return value.value if isinstance(value, enum.Enum) else value


def _plain(value: object) -> object:
    """Convert what json does not know."""
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return value.tolist()
    raise TypeError(f"{value!r} has no form in JSON")
