"""Which raw score is an alarm: the tail of a machine's normal scores, fitted, kept and questioned."""

from __future__ import annotations

from monitor.calibration.file import (
    calibration_from_tree,
    load_calibration,
    save_calibration,
    tree_of_calibration,
)
from monitor.calibration.fit import FitSettings, Scores, fit_calibration
from monitor.calibration.record import Calibration
from monitor.calibration.tail import Tail

__all__ = [
    "Calibration",
    "FitSettings",
    "Scores",
    "Tail",
    "calibration_from_tree",
    "fit_calibration",
    "load_calibration",
    "save_calibration",
    "tree_of_calibration",
]
