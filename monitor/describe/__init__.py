"""Describes flagged windows in words, on the box: what kind of sound, when, in which band, how much.

    LogMel + Inference -> frames -> portrait -> findings -> Explanation -> sentence

NumPy only; no clock, no files but the catalogues, no threads. One Describer belongs to one source and to the
thread that judges its windows.
"""

from __future__ import annotations

from monitor.describe.catalogue import languages
from monitor.describe.describer import Describer
from monitor.describe.sentence import sentence

__all__ = ["Describer", "languages", "sentence"]
