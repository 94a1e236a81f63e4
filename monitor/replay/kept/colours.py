"""Values as colours that everybody can tell apart: cividis stays ordered for colour-blind eyes and in grey.

(Nunez, Anderton, Renslow 2018, PLoS ONE 13(7), e0199239.) Row 0 of a map is its lowest band and is drawn
lowest. What is not known is NaN and stays transparent.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from monitor.messages import Float32

ANCHORS = (
    (0, 32, 76), (0, 42, 102), (0, 52, 110), (39, 63, 108), (60, 74, 107), (76, 85, 107), (91, 95, 109),
    (104, 106, 112), (117, 117, 117), (131, 129, 120), (146, 140, 120), (161, 152, 118), (176, 165, 114),
    (192, 177, 109), (209, 191, 102), (225, 204, 92), (243, 219, 79), (255, 233, 69),
)  # fmt: skip
"""Cividis at equal steps, red, green and blue in 0 to 255; between them it is close to straight."""
STEPS = 255
BLANK = 255
"""The one colour of a palette that is transparent."""
WAVE = (74, 128, 196)
"""Stands out from white and from black."""

UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the ends of a picture's colours mean."""

    low: float
    """The darkest colour, and all below."""
    high: float
    """The brightest colour, and all above; more than `low`."""
    unit: str
    """`dB`, `sd` (standard deviations of the band in normal sound) or `fs` (full scale)."""


def palette() -> UInt8:
    """Return the colours, shape (256, 3): STEPS of cividis, then the one that is transparent."""
    at = np.linspace(0.0, len(ANCHORS) - 1.0, STEPS)
    anchors = np.array(ANCHORS, np.float64)
    colours = [np.interp(at, np.arange(len(ANCHORS)), anchors[:, part]) for part in range(3)]
    return np.vstack([np.rint(np.stack(colours, axis=1)), np.zeros((1, 3))]).astype(np.uint8)


def png_of_map(values: Float32, scale: Scale) -> bytes:
    """Return a map, shape (bands, columns), as a PNG of one pixel a cell; NaN is transparent."""
    share = (values.astype(np.float64) - scale.low) / (scale.high - scale.low)
    known = np.isfinite(share)
    cells = np.rint(np.clip(np.where(known, share, 0.0), 0.0, 1.0) * (STEPS - 1))
    return _png(np.where(known, cells, BLANK).astype(np.uint8), palette())


def png_of_wave(low: Float32, high: Float32, *, height_px: int, reach: float) -> bytes:
    """Return the range of a sound in each column, shapes (columns,), from -reach to +reach, on no ground."""
    top = np.floor((reach - high) / (2.0 * reach) * (height_px - 1))
    bottom = np.ceil((reach - low) / (2.0 * reach) * (height_px - 1))
    rows = np.arange(height_px)[::-1, None]  # _png turns it over
    drawn = (rows >= top) & (rows <= bottom)
    colours = np.zeros((256, 3), np.uint8)
    colours[0] = WAVE
    return _png(np.where(drawn, 0, BLANK).astype(np.uint8), colours)


def _png(cells: UInt8, colours: UInt8) -> bytes:
    upright = np.ascontiguousarray(cells[::-1])
    image = Image.frombytes("P", (upright.shape[1], upright.shape[0]), upright.tobytes())
    image.putpalette(colours.tobytes())
    file = io.BytesIO()
    image.save(file, format="PNG", transparency=BLANK)
    return file.getvalue()
