"""One heap for all threads of the page."""

from __future__ import annotations

import contextlib
import ctypes

M_ARENA_MAX = -8
"""Of mallopt(3), in glibc."""


def share_heap() -> None:
    """Let all threads that begin from now on take their memory from one heap, where that can be said.

    glibc gives each thread a heap of its own, and each keeps what its largest picture took: a quarter more
    memory for threads that draw one after the other anyway.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
