"""What a bundle finds of labelled events that it never heard, beside the live one, level and chance."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from engines.bundle import Bundle
from engines.runtime import open_engine
from monitor.bundles.choice import folder_of
from monitor.calibration import Calibration, load_calibration
from monitor.config import Config, SourceConfig
from monitor.errors import CalibrationError, LibraryError
from monitor.listening import Ear, open_ear
from monitor.machine import calibration_of
from monitor.recordings import inferences_of_file
from monitor.score import Scorer
from training.anomalies import ANOMALY
from training.retrain.material import HeldPiece

SEEN, UNSEEN, NORMAL = "kinds that it learned", "kinds that it never heard", "no anomaly"
WEEK_S = 604_800.0
FLOOR = 1e-9

Levels = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Found:
    """How many events of a group reach a limit."""

    group: str
    """SEEN, UNSEEN or NORMAL."""
    events: int
    """All of them."""
    new: int
    """By the new bundle."""
    live: int | None
    """By the bundle that judges now; None: there is none that can be asked."""
    level: int
    """By being louder than all normal sound that sets the limit."""
    chance: float
    """By windows picked at random, as often as both promise to alarm falsely: expected."""


def found_in(
    held: Sequence[HeldPiece], folder: Path, unseen_kinds: Collection[str], judges: Judges
) -> list[Found]:
    """Return what is found of events, groups without any left out; `folder` has their sound.

    An event is found when a window of its flagged sound reaches the limit.

    Raises:
        CodedError: A file cannot be read.
    """
    groups: dict[str, dict[str, list[Path]]] = {SEEN: {}, UNSEEN: {}, NORMAL: {}}
    for piece in held:
        group = NORMAL if piece.rating != ANOMALY else UNSEEN if piece.kind in unseen_kinds else SEEN
        groups[group].setdefault(piece.event_id, []).append(folder / piece.file)
    return [judges.found(group, list(events.values())) for group, events in groups.items() if events]


class Judges:
    """The new bundle, the live one, and what any bundle must beat."""

    def __init__(
        self, bundle: Bundle, calibrate: Sequence[Path], config: Config, source: SourceConfig
    ) -> None:
        """Open both; `calibrate`: the normal sound that sets the limit.

        Raises:
            CodedError: A bundle cannot be opened, or a file cannot be read.
        """
        self._ear = ear = open_ear(bundle.folder, config.window, config.input_quality)
        budget = config.alarm_for(source).false_alarms_per_week
        limit = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
        self._new, self._live = _Finder(ear, limit, budget), _live(config, source, budget)
        self._loudest = max(levels_of_file(path, ear).max(initial=-np.inf) for path in calibrate)
        self._rate = budget * ear.hop_s / WEEK_S

    def found(self, group: str, events: Sequence[Sequence[Path]]) -> Found:
        """Return how many events, each with the files of its sound, reach whose limit."""
        levels = [np.concatenate([levels_of_file(path, self._ear) for path in paths]) for paths in events]
        return Found(
            group=group,
            events=len(events),
            new=sum(self._new.finds(paths) for paths in events),
            live=None if self._live is None else sum(self._live.finds(paths) for paths in events),
            level=sum(bool((one > self._loudest).any()) for one in levels),
            chance=sum(1.0 - (1.0 - self._rate) ** len(one) for one in levels),
        )


class _Finder:
    """A bundle with its limit."""

    def __init__(self, ear: Ear, calibration: Calibration, budget: float) -> None:
        self._ear, self._engine = ear, open_engine(ear.bundle, backend="onnxruntime")
        self._scorer = Scorer(calibration, false_alarms_per_week=budget)

    def finds(self, paths: Sequence[Path]) -> bool:
        """Say whether a window of any of the files reaches the limit."""
        return any(
            (self._scorer.score_from_inference(answer).value or 0.0) >= 1.0
            for path in paths
            for _, answer in inferences_of_file(path, self._ear, self._engine)
            if answer is not None
        )


def _live(config: Config, source: SourceConfig, budget: float) -> _Finder | None:
    """Return the bundle that judges now; None: the source is managed, and no version is live."""
    try:
        ear = open_ear(folder_of(source, config), config.window, config.input_quality)
        return _Finder(ear, calibration_of(source, ear, config), budget)
    except (LibraryError, CalibrationError):
        return None


def levels_of_file(path: Path, ear: Ear) -> Levels:
    """Return the level of each window of a file in dBFS, shape (windows,)."""
    samples, rate_hz = soundfile.read(str(path), dtype="float32", always_2d=True)
    power = np.concatenate([[0.0], np.cumsum(np.square(samples[:, 0], dtype=np.float64))])
    length = round(ear.grid.window_samples / ear.grid.sample_rate_hz * rate_hz)
    starts = np.arange(0, len(samples) - length + 1, max(1, round(ear.hop_s * rate_hz)))
    levels: Levels = 10.0 * np.log10((power[starts + length] - power[starts]) / length + FLOOR)
    return levels
