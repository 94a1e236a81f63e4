"""Pictures of matrices as PNG, with nothing but zlib."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

ANCHORS = "440154 472d7b 3b528b 2c728e 21918c 28ae80 5ec962 addc30 fde725"
"""Nine equidistant colours of viridis (van der Walt and Smith, 2015, CC0); between them linear."""
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def viridis() -> NDArray[np.uint8]:
    """Return 256 colours from dark violet to yellow, shape (256, 3), of even steps to the eye."""
    anchors = np.array([list(bytes.fromhex(colour)) for colour in ANCHORS.split()])
    at = np.linspace(0.0, 1.0, len(anchors))
    steps = np.linspace(0.0, 1.0, 256)
    columns = [np.interp(steps, at, anchors[:, channel]) for channel in range(3)]
    return np.asarray(np.rint(np.stack(columns, axis=1)), dtype=np.uint8)


def png_of_matrix(values: NDArray[np.float32], *, low: float, high: float) -> bytes:
    """Return a PNG of shape (rows, columns) in viridis, the first row at the bottom.

    `low` and below is dark, `high` and above is bright.
    """
    share = (values[::-1].astype(np.float64) - low) / max(high - low, 1e-12)
    indices = np.rint(255.0 * np.clip(share, 0.0, 1.0)).astype(np.uint8)
    rows, columns = indices.shape
    # every row begins with its filter: 0, none
    raw = np.concatenate([np.zeros((rows, 1), np.uint8), indices], axis=1).tobytes()
    header = struct.pack(">IIBBBBB", columns, rows, 8, 3, 0, 0, 0)
    return SIGNATURE + b"".join(
        [
            _chunk(b"IHDR", header),
            _chunk(b"PLTE", viridis().tobytes()),
            _chunk(b"IDAT", zlib.compress(raw, 9)),
            _chunk(b"IEND", b""),
        ]
    )


def data_uri_of_png(png: bytes) -> str:
    """Return the picture as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
