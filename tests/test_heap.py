"""What is freed goes back to the kernel, also where something lives on above it."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

from monitor.heap import GIVE_BACK_EVERY_S, FreedMemory

PIECE_BYTES = 20_000
"""Of several pages, and too small for glibc to map by itself."""
PIECES = 2_000

try:
    HAS_GLIBC = hasattr(ctypes.CDLL(None), "malloc_trim")
except OSError:  # pragma: no cover - no C library to be asked
    HAS_GLIBC = False


def anonymous_bytes() -> int:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    (value,) = [line.split()[1] for line in lines if line.startswith("RssAnon:")]
    return int(value) * 1024


@pytest.mark.skipif(not HAS_GLIBC, reason="glibc alone can be told")
def test_holes_below_what_lives_on_go_back_and_no_more_often_than_need_be() -> None:
    freed = FreedMemory()
    pieces = [bytearray(b"x" * PIECE_BYTES) for _ in range(PIECES)]
    kept = pieces[:: PIECES // 20] + pieces[-1:]
    full = anonymous_bytes()
    del pieces
    assert freed.tend(100.0)
    assert anonymous_bytes() < full - 0.6 * PIECES * PIECE_BYTES
    assert not freed.tend(100.0 + 0.9 * GIVE_BACK_EVERY_S)
    assert freed.tend(100.0 + GIVE_BACK_EVERY_S)
    assert all(piece == b"x" * PIECE_BYTES for piece in kept)
