"""Turns a model's raw score into one that an operator can read: 1.0 is the alarm limit, high is unusual."""

from __future__ import annotations

import numpy as np

from monitor.calibration import Calibration
from monitor.errors import CalibrationMismatchError
from monitor.messages import Inference, Quality, Score, Span, read_only


class Scorer:
    """Judges one machine's windows by its calibration. Threads may share it."""

    def __init__(self, calibration: Calibration, *, false_alarms_per_week: float) -> None:
        self.calibration = calibration
        self.limit_raw = calibration.limit_raw(false_alarms_per_week)
        """The raw score that becomes 1.0; may be set anew when the budget changes."""

    def score_from_inference(self, inference: Inference) -> Score:
        """Return the score of a window; unjudged if its input was bad, whatever the model said.

        Raises:
            CalibrationMismatchError: Another bundle made the inference than the one calibrated.
        """
        if inference.bundle_id != self.calibration.bundle_id:
            raise CalibrationMismatchError(
                f"a score of bundle {inference.bundle_id} cannot be judged by the calibration of "
                f"{self.calibration.bundle_id}; fit one for it with `wheeltapper calibrate`"
            )
        if inference.span.quality is not Quality.OK:
            return self.unjudged_score(inference.span, inference.bundle_id)
        return Score(
            span=inference.span,
            value=self.calibration.value(inference.raw, self.limit_raw),
            expected_per_day=self.calibration.expected_per_day(inference.raw),
            raw=inference.raw,
            profile=read_only(np.add.reduce(inference.error_map, axis=0) / len(inference.error_map)),
            bundle_id=inference.bundle_id,
            engine=inference.engine,
        )

    def unjudged_score(self, span: Span, bundle_id: str | None = None) -> Score:
        """Return the score of a window that cannot be judged: None throughout, never 0.

        `bundle_id` is that of the calibration unless given.
        """
        return unjudged_score(span, bundle_id or self.calibration.bundle_id)


def unjudged_score(span: Span, bundle_id: str | None) -> Score:
    """Return the score of a window that nobody judged: None throughout; `bundle_id` None: nobody could."""
    return Score(span=span, value=None, expected_per_day=None, raw=None, profile=None, bundle_id=bundle_id)
