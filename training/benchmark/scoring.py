"""Scores of all test files, heard and written as `wheeltapper score` does, with what that costs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.bundle import Bundle
from engines.runtime import open_engine
from monitor.calibration import load_calibration
from monitor.commands.score import line_of_score
from monitor.config import AlarmConfig, InputQualityConfig, WindowConfig
from monitor.listening import open_ear
from monitor.messages import Inference, Score, Span, read_only
from monitor.recordings import inferences_of_file
from monitor.score import Scorer

FileScorer = Callable[[Path], Iterable[Score]]
"""Hears a file: one score a window, in order."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What scoring took."""

    cpu_s: float
    """Of this process, with one thread of the engine; decoding, front end and writing are in it."""
    hours: float
    """Of sound."""

    @property
    def cpu_s_per_hour(self) -> float:
        """CPU seconds for an hour of sound."""
        return self.cpu_s / self.hours


def write_scores(out: Path, files: Sequence[Path], root: Path, scorer: FileScorer) -> Cost:
    """Score the files into `out`, one JSON line a window, named relative to `root`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(out.name + ".part")
    seconds = 0.0
    started_s = time.process_time()
    with part.open("w", encoding="utf-8") as sink:
        for path in files:
            end_s = 0.0
            for score in scorer(path):
                sink.write(json.dumps(line_of_score(str(path.relative_to(root)), score)) + "\n")
                end_s = score.span.end_s
            seconds += end_s
    cpu_s = time.process_time() - started_s
    part.replace(out)
    return Cost(cpu_s, seconds / 3600.0)


def scorer_of_bundle(bundle: Bundle, *, calibrated: bool) -> FileScorer:
    """Return what `wheeltapper score` does with a file; without a calibration a value is the raw score."""
    ear = open_ear(bundle.folder, WindowConfig(), InputQualityConfig())
    engine = open_engine(ear.bundle, threads=1)
    scorer = None
    if calibrated:
        calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
        scorer = Scorer(calibration, false_alarms_per_week=AlarmConfig().false_alarms_per_week)

    def scores(path: Path) -> Iterator[Score]:
        for span, answer in inferences_of_file(path, ear, engine):
            if scorer is None:
                yield _raw_score(span, answer, bundle.bundle_id)
            elif answer is None:
                yield scorer.unjudged_score(span)
            else:
                yield scorer.score_from_inference(answer)

    return scores


def _raw_score(span: Span, answer: Inference | None, bundle_id: str) -> Score:
    profile = None if answer is None else read_only(answer.error_map.mean(axis=0))
    raw = None if answer is None else answer.raw
    return Score(span=span, value=raw, expected_per_day=None, raw=raw, profile=profile, bundle_id=bundle_id)
