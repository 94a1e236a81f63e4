"""One row of streams for a control: the level, or one Gaussian on the mean log-mel. Nothing is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from monitor.config import InputQualityConfig, WindowConfig
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, Ear, open_ear
from monitor.messages import Float32, Quality, Score, Window, read_only
from training.benchmark.judging import judge_scores
from training.benchmark.methods import Places
from training.benchmark.plan import GAUSSIAN, Job
from training.benchmark.rows import Row, circumstances
from training.benchmark.scoring import write_scores
from training.benchmark.sound_sets import files_to_score
from training.evaluation.simple_controls import LIMIT_QUANTILE, Controls, Float64, Scale, fit_controls
from training.sound import blocks_of_recording, recording_of_file

HeardWindow = tuple[Window, Float32 | None]
"""A window and its log-mel, shape (mel, frames); None where the input is bad."""


def row_of_control(job: Job, places: Places) -> Row:
    """Measure a control on a set of streams; see _fitted for its limit."""
    ear = open_ear(
        None, WindowConfig(), InputQualityConfig()
    )  # the embedded bundle has the default front end
    controls = _fitted(ear, places.streams)
    scorer = partial(_scores, ear, controls, job.method.kind)
    cost = write_scores(places.scores, files_to_score(places.streams), places.streams, scorer)
    judged = judge_scores(places.judge, places.streams, places.scores, has_limit=True)
    return Row(
        method=job.method.name,
        kind=job.method.kind,
        set=job.set,
        seed=job.seed,
        figures=judged.figures,
        groups=judged.groups,
        costs={"score_cpu_s_per_hour": cost.cpu_s_per_hour},
        no_limit_because="a control states no false alarms",
        made=circumstances(),
    )


def _fitted(ear: Ear, streams: Path) -> Controls:
    """Fit on the role train; value 1 is the .99 quantile of what they say of the role calibrate."""
    controls = fit_controls(*_means_and_levels(ear, streams / "train"))
    means, levels = _means_and_levels(ear, streams / "calibrate")
    distances = controls.gaussian.distance(np.stack(means, axis=1))
    return replace(controls, gaussian_scale=_scale(distances), level_scale=_scale(np.array(levels)))


def _scale(values: Float64) -> Scale:
    return Scale(float(np.median(values)), float(np.quantile(values, LIMIT_QUANTILE)))


def _means_and_levels(ear: Ear, folder: Path) -> tuple[list[Float32], list[float]]:
    """Return the mean log-mel, shape (mel,), and the level of all windows of good input."""
    means, levels = [], []
    for path in sorted(folder.glob("*.flac")):
        for window, logmel in _heard(ear, path):
            if logmel is not None and window.span.level_dbfs is not None:
                means.append(logmel.mean(axis=1))
                levels.append(window.span.level_dbfs)
    return means, levels


def _heard(ear: Ear, path: Path) -> Iterator[HeardWindow]:
    windows, frontend = BlockWindows("file", ear), StreamFrontend(ear.frontend)
    for block in blocks_of_recording(recording_of_file(path)):
        yield from _with_logmel(windows.add(block), frontend)
    yield from _with_logmel(windows.finish(), frontend)


def _with_logmel(windows: Iterable[Window], frontend: StreamFrontend) -> Iterator[HeardWindow]:
    for window in windows:
        good = window.span.quality is Quality.OK
        yield window, frontend.logmel_from_window(window).values if good else None


def _scores(ear: Ear, controls: Controls, kind: str, path: Path) -> Iterator[Score]:
    for window, logmel in _heard(ear, path):
        raw, value, profile = None, None, None
        if logmel is not None and kind == GAUSSIAN:
            (raw,) = map(float, controls.gaussian.distance(logmel.mean(axis=1, keepdims=True)))
            value = controls.gaussian_scale.value(raw)
            profile = read_only(controls.gaussian.distance(logmel).astype("float32"))
        elif logmel is not None and window.span.level_dbfs is not None:
            raw = window.span.level_dbfs
            value = controls.level_scale.value(raw)
        yield Score(
            span=window.span,
            value=value,
            expected_per_day=None,
            raw=raw,
            profile=profile,
            bundle_id=f"control-{kind}",
        )
