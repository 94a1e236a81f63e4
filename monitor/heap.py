"""One heap for all threads of a process, and what is freed in it goes back to the kernel."""

from __future__ import annotations

import contextlib
import ctypes
from collections.abc import Callable

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
"""Of mallopt(3), in glibc."""
MAPPED_BYTES = 512 * 1024
"""A piece so large gets pages of its own, and leaves no hole: a clip, a picture, a batch of many windows."""
SPARE_BYTES = 4 * 1024 * 1024
"""So much stays free at the heap's end, for the next window."""
GIVE_BACK_EVERY_S = 10.0
"""Between two looks for empty pages, of a millisecond each."""


def share_heap() -> None:
    """Let all threads that begin from now on take their memory from one heap, where that can be said.

    glibc gives each thread a heap of its own, and each keeps what its largest picture or batch took: a
    quarter more memory for a page whose threads draw one after the other anyway, and for a daemon of
    sixteen sources memory that goes on rising for hours. And once a large piece was freed it cuts the next
    one of that size out of the heap, among all that is small: the largest clip so far would leave its hole.
    """
    with contextlib.suppress(AttributeError, OSError):  # another C library
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, MAPPED_BYTES)
        mallopt(M_TRIM_THRESHOLD, SPARE_BYTES)


class FreedMemory:
    """Gives the kernel back, now and then, the pages in which nothing is left.

    glibc does so by itself only at the heap's end: what was freed below anything that lives on stays in the
    process, and the worst coincidence of alarms so far is what it takes for good. Belongs to one thread.
    """

    def __init__(self) -> None:
        self._trim: Callable[[int], int] | None = None
        with contextlib.suppress(AttributeError, OSError):  # another C library
            self._trim = ctypes.CDLL(None).malloc_trim
        self._next_s = float("-inf")

    def tend(self, now_s: float) -> bool:
        """Give it back if it is time, and say whether it was; `now_s` is monotonic."""
        if self._trim is None or now_s < self._next_s:
            return False
        self._next_s = now_s + GIVE_BACK_EVERY_S
        self._trim(0)
        return True
