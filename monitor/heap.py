"""One heap for all threads of a process."""

from __future__ import annotations

import contextlib
import ctypes

M_ARENA_MAX = -8
"""Of mallopt(3), in glibc."""


def share_heap() -> None:
    """Let all threads that begin from now on take their memory from one heap, where that can be said.

    glibc gives each thread a heap of its own, and each keeps what its largest picture or batch took: a
    quarter more memory for a page whose threads draw one after the other anyway, and for a daemon of
    sixteen sources memory that goes on rising for hours.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        ctypes.CDLL(None).mallopt(M_ARENA_MAX, 1)
