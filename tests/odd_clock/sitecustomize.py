"""Shifts the wall clock of a Python process by the seconds in the file that ODD_CLOCK names.

Python imports this by itself when its folder is on PYTHONPATH. The monotonic clock stays as it is, as on a
box whose NTP sets the time. (libfaketime makes Python's own sleep hang.)
"""

from __future__ import annotations

import os
import time
from pathlib import Path

_real_time = time.time
_offset_s = Path(os.environ["ODD_CLOCK"])


def _shifted_time() -> float:
    return _real_time() + float(_offset_s.read_text())


time.time = _shifted_time
