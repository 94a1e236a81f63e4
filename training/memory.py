"""Keeps memory that a training step has freed for the next step, instead of giving it back to the kernel.

A step frees and asks again for the same large tensors. glibc maps each anew, and the kernel fills every page
with zeros: in the recipe a tenth of the CPU time.
"""

from __future__ import annotations

import ctypes

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""malloc.h of glibc; see mallopt(3)."""
KEPT_BYTES = 2**31 - 1
"""The most that an int can say: freed memory up to this stays in the process."""


def keep_freed_memory() -> bool:
    """Tell the C library to keep what is freed; False where it cannot be told (no glibc)."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    return bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, KEPT_BYTES))
