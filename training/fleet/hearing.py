"""How a machine's recordings are heard with its bundle: ear, engine and limit, opened together."""

from __future__ import annotations

from dataclasses import dataclass

from engines.bundle import Bundle
from engines.runtime import Engine, open_engine
from monitor.calibration import load_calibration
from monitor.config import InputQualityConfig, WindowConfig
from monitor.errors import CalibrationError
from monitor.listening import Ear, open_ear
from monitor.score import Scorer


@dataclass(frozen=True, slots=True)
class Hearing:
    """The words of `wheeltapper score` that decide a value."""

    hop_frames: int
    """From window to window."""
    channel: int
    """Of the files, from 1."""
    false_alarms_per_week: float
    """The budget that sets value 1."""

    def opened(self, bundle: Bundle, *, threads: int) -> tuple[Ear, Engine, Scorer]:
        """Return what hears, runs and judges.

        Raises:
            CodedError: The bundle, its calibration or the hop cannot be used.
        """
        window = WindowConfig().model_copy(update={"hop_frames": self.hop_frames})
        ear = open_ear(bundle.folder, window, InputQualityConfig())
        if not bundle.calibration_path.is_file():
            raise CalibrationError(
                f"{bundle.bundle_id}: no calibration; leave no-calibration out of its recipe, or calibrate: "
                f"wheeltapper calibrate {bundle.folder} FILES"
            )
        calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
        scorer = Scorer(calibration, false_alarms_per_week=self.false_alarms_per_week)
        return ear, open_engine(ear.bundle, threads=threads), scorer
