"""A portrait as JSON of less than 8 kB, without loss.

Numbers of one kind are written as their bytes in base 85; a course takes half a byte for a step.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.describe.bands import Bands
from monitor.describe.baseline import PACKED, Reference
from monitor.describe.portrait import TOP, Portrait, Sums, Times, ring_frames
from monitor.describe.unheard import Stretch, Unheard

VERSION = 1
"""Of this form; portraits of another version are not read."""


def tree_of_portrait(portrait: Portrait, maker: str) -> dict[str, object]:
    """Return a portrait as JSON; `maker` names the front end and model that it was made with."""
    sums, reference = portrait.sums, portrait.reference
    course = portrait.course
    even = np.pad(course, ((0, 0), (0, course.shape[1] % 2)))
    return {
        "version": VERSION,
        "maker": maker,
        "reference": {name: _text(array) for name, array in reference.packed().items()},
        "level_dbfs": _number(reference.level_dbfs),
        "power": _text(sums.power),
        "excess": _text(sums.excess),
        "peaks": _text(sums.peaks),
        "marked": _text(sums.marked),
        "lowered": _text(sums.lowered),
        "errors": _text(portrait.errors),
        "counts": [sums.unusual, sums.frames, portrait.windows, course.shape[1]],
        "course": _text((even[:, ::2] << 4 | even[:, 1::2]).astype(np.uint8)),
        "risen": _text(np.stack([portrait.risen.first_s, portrait.risen.last_s])),
        "fallen": _text(np.stack([portrait.fallen.first_s, portrait.fallen.last_s])),
        "utc_s": [portrait.start_utc_s, portrait.end_utc_s, portrait.heard_until_utc_s],
        "unheard": [_of_stretch(portrait.unheard.breaks), _of_stretch(portrait.unheard.clipped)],
    }


def without_course(tree: Mapping[str, object]) -> dict[str, object] | None:
    """Return a portrait's JSON without its course in time; None: it is not of this version.

    It can be read all the same: its event goes on with an empty course.
    """
    counts = tree.get("counts")
    if tree.get("version") != VERSION or not isinstance(counts, list):
        return None
    return {**tree, "counts": [*counts[:3], 0], "course": ""}


def portrait_of_tree(tree: Mapping[str, object], bands: Bands, maker: str) -> Portrait | None:
    """Return the portrait of a tree; None where it is not one of this version and maker."""
    if tree.get("version") != VERSION or tree.get("maker") != maker:
        return None
    try:
        portrait = _portrait(dict(tree), bands)
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    times = (portrait.start_utc_s, portrait.end_utc_s, portrait.heard_until_utc_s)
    return portrait if all(map(math.isfinite, times)) and times[0] <= times[1] else None


def _portrait(tree: dict[str, Any], bands: Bands) -> Portrait:
    mel, groups = (bands.count,), (bands.groups,)
    unusual, frames, windows, length = (int(count) for count in tree["counts"])
    if not 0 <= length <= ring_frames(bands):
        raise ValueError(f"a course of {length} frames")
    pairs = _array(tree["course"], np.uint8, (bands.groups, (length + 1) // 2))
    course = np.stack([pairs >> 4, pairs & TOP], axis=2).reshape(bands.groups, -1)[:, :length]
    shapes = {name: (np.dtype(kind), (2, *groups) if wide else mel) for name, (kind, wide) in PACKED.items()}
    packed = {name: _array(tree["reference"][name], *shapes[name]) for name in PACKED}
    level_dbfs = tree["level_dbfs"]
    breaks, clipped = (_stretch(part) for part in tree["unheard"])
    start, end, until = (float(time) for time in tree["utc_s"])
    return Portrait(
        bands=bands,
        reference=Reference.unpacked(packed, math.nan if level_dbfs is None else float(level_dbfs)),
        sums=Sums(
            power=_array(tree["power"], np.float32, mel),
            excess=_array(tree["excess"], np.float32, mel),
            peaks=_array(tree["peaks"], np.uint16, mel),
            marked=_array(tree["marked"], np.float32, groups),
            lowered=_array(tree["lowered"], np.float32, groups),
            unusual=unusual,
            frames=frames,
        ),
        course=course,
        risen=Times(*_array(tree["risen"], np.float64, (2, *groups))),
        fallen=Times(*_array(tree["fallen"], np.float64, (2, *groups))),
        start_utc_s=start,
        end_utc_s=end,
        heard_until_utc_s=until,
        unheard=Unheard(breaks, clipped),
        errors=_array(tree["errors"], np.float32, groups),
        windows=windows,
    )


def _text(array: NDArray[Any]) -> str:
    return base64.b85encode(array.tobytes()).decode("ascii")


def _array(text: str, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:  # noqa: ANN401 - a NumPy type
    return np.frombuffer(base64.b85decode(text), kind).reshape(shape).copy()


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _of_stretch(stretch: Stretch) -> list[float] | None:
    if not stretch.windows:
        return None
    return [stretch.start_utc_s, stretch.end_utc_s, stretch.windows, stretch.level_dbfs]


def _stretch(part: list[float] | None) -> Stretch:
    if part is None:
        return Stretch()
    start_utc_s, end_utc_s, windows, level_dbfs = part
    return Stretch(start_utc_s, end_utc_s, int(windows), level_dbfs)
