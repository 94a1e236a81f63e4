"""Scores kept sound with one of the two bundles, opened when it is first needed; remembers what it scored."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.runtime import Engine, open_engine
from monitor.config import Config, SourceConfig
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, Ear, inferences_from_logmels, open_ear
from monitor.machine import calibration_of
from monitor.messages import AudioBlock, Float32, Quality, Window, read_only
from monitor.promotion.document import FOLDER, keep_file
from monitor.promotion.rehearsed import Value
from monitor.promotion.sides import Side
from monitor.score import Scorer

SCHEMA = 1
MAX_FILE_BYTES = 50_000_000
BATCH = 32
"""Windows that go to the engine together."""
DIGITS = 5

Row = tuple[float, float, float | None, str]
"""Start and end of a window from the sound's start, its value, the quality of the sound."""


@dataclass(frozen=True, slots=True)
class Sound:
    """A piece of kept sound."""

    samples: Float32
    """Shape (n,), in [-1, 1], read-only."""
    sample_rate_hz: int
    """Of the samples."""
    start_s: float
    """Stream time; windows lie on the stream's grid, as when it was first heard. 0: it has no stream."""
    start_utc_s: float
    """UTC of start_s."""


class Patience:
    """How long scoring may go on."""

    def __init__(self, patience_s: float | None) -> None:
        """None: as long as it takes."""
        self._end_s = math.inf if patience_s is None else time.monotonic() + patience_s

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be scored now."""
        return time.monotonic() >= self._end_s


class Listener:
    """One bundle with its limit. Belongs to one thread; `close` it."""

    def __init__(self, config: Config, source: SourceConfig, side: Side, patience: Patience) -> None:
        """Open nothing yet but what was scored before."""
        self._config, self._source, self._side, self._patience = config, source, side, patience
        self._opened: tuple[Ear, Engine, Scorer] | None = None
        self._path = config.state_dir / FOLDER / source.id / f"{side.version}.json"
        self._settings = {
            "schema": SCHEMA,
            "budget": config.alarm_for(source).false_alarms_per_week,
            "hop_frames": config.window.hop_frames,
            "input_quality": config.input_quality.model_dump(mode="json"),
        }
        self._known = _known(self._path, self._settings)
        self._asked: dict[str, list[Row]] = {}
        self._has_news = False

    def values(self, key: str, sound: Callable[[], Sound | None]) -> Sequence[Row] | None:
        """Return what the bundle says of each window of a sound; None: there is no time to find out.

        `key` names the sound for good. Empty: there is no such sound any more, or it is too short.

        Raises:
            CodedError: The bundle cannot be opened.
        """
        if key in self._asked:
            return self._asked[key]
        rows = self._known.get(key)
        if rows is None:
            if self._patience.is_over:
                return None
            heard = sound()
            rows = [] if heard is None else self._scored(heard)
            self._has_news = True
        self._asked[key] = rows
        return rows

    def close(self) -> None:
        """Let go of the engine, and keep what was scored where the state directory may be written."""
        if self._opened is not None:
            self._opened[1].close()
            self._opened = None
        if self._has_news:
            tree = {"settings": self._settings, "values": self._asked}
            keep_file(self._config.state_dir, self._source.id, self._path.name, json.dumps(tree))
            self._has_news = False

    def _scored(self, sound: Sound) -> list[Row]:
        ear, engine, scorer = self._open()
        skipped_s = math.ceil(sound.start_s / ear.hop_s - 1e-9) * ear.hop_s - sound.start_s
        skip = round(skipped_s * sound.sample_rate_hz)
        windows = _windows_of(ear, sound.samples[skip:], sound.sample_rate_hz)
        frontend = StreamFrontend(ear.frontend)
        rows: list[Row] = []
        for first in range(0, len(windows), BATCH):
            batch = windows[first : first + BATCH]
            good = [frontend.logmel_from_window(one) for one in batch if one.span.quality is Quality.OK]
            answers = iter(inferences_from_logmels(engine, good) if good else [])
            for window in batch:
                span, value = window.span, None
                if span.quality is Quality.OK:
                    value = scorer.score_from_inference(next(answers)).value
                rows.append(
                    (
                        round(skipped_s + span.start_s, DIGITS),
                        round(skipped_s + span.end_s, DIGITS),
                        None if value is None else round(value, DIGITS),
                        span.quality.value,
                    )
                )
        return rows

    def _open(self) -> tuple[Ear, Engine, Scorer]:
        if self._opened is None:
            ear = open_ear(self._side.folder, self._config.window, self._config.input_quality)
            calibration = calibration_of(self._source, ear, self._config)
            budget = self._config.alarm_for(self._source).false_alarms_per_week
            scorer = Scorer(calibration, false_alarms_per_week=budget)
            self._opened = ear, open_engine(ear.bundle, backend="onnxruntime"), scorer
        return self._opened


def values_of_rows(rows: Sequence[Row], sound_start_s: float, sound_start_utc_s: float) -> list[Value]:
    """Return rows as values of the stream that the sound was cut from."""
    return [
        Value(
            sound_start_s + start_s,
            sound_start_s + end_s,
            sound_start_utc_s + start_s,
            value,
            Quality(quality),
        )
        for start_s, end_s, value, quality in rows
    ]


def _windows_of(ear: Ear, samples: Float32, sample_rate_hz: int) -> list[Window]:
    cut = BlockWindows("kept", ear)
    block = AudioBlock("kept", read_only(samples.copy()), sample_rate_hz, 0, 0, 0.0)
    return cut.add(block) + cut.finish()


def _known(path: Path, settings: dict[str, object]) -> dict[str, list[Row]]:
    """Return what was scored under the same settings; nothing where that cannot be read."""
    try:
        with path.open("rb") as file:
            tree = json.loads(file.read(MAX_FILE_BYTES))
        if tree["settings"] != settings:
            return {}
        return {
            str(key): [
                (float(a), float(b), None if v is None else float(v), Quality(q).value) for a, b, v, q in rows
            ]
            for key, rows in tree["values"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
