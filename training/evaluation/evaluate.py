"""Judges a bundle on labelled sound: hears it as the daemon would, with two controls on the same windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engines.runtime import Engine
from monitor.commands.score import line_of_score
from monitor.errors import SourceError
from monitor.frontend import StreamFrontend
from monitor.listening import Ear, inferences_from_logmels
from monitor.messages import Float32, Quality, Window
from monitor.score import Scorer
from training.evaluation.false_alarms import FalseAlarms, false_alarms_of_values
from training.evaluation.figures import Figures, figures_of_windows
from training.evaluation.gallery import Gallery
from training.evaluation.scored_windows import ScoredWindow, values_where_clear
from training.evaluation.simple_controls import Controls, fit_controls
from training.evaluation.truth import Event, LabelledFile
from training.sound import windows_of_file

BATCH = 64
BUNDLE, LEVEL, GAUSSIAN = "bundle", "level", "gaussian"


@dataclass(frozen=True, slots=True)
class Listener:
    """What hears and judges; for one thread."""

    ear: Ear
    engine: Engine
    scorer: Scorer
    budget_per_week: float
    """The false alarms a week that set the scorer's value 1."""
    sink: Callable[[Mapping[str, object]], object]
    """Takes every window of the data as `wheeltapper score` would write it, at once."""
    channel: int = 1
    """Of the files, from 1."""


HeardWindow = Mapping[str, ScoredWindow]
"""One window by detector; a control has no value where the bundle has none."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Everything that the report shows."""

    bundle_id: str
    files: tuple[LabelledFile, ...]
    events: Mapping[str, Sequence[Event]]
    """Of every file, also of those without any."""
    heard: tuple[HeardWindow, ...]
    figures: Mapping[str, Figures]
    """By detector, the bundle first."""
    false_alarms: FalseAlarms | None
    """None without clear sound."""
    gallery: Gallery
    unreadable: Mapping[str, str]
    """What was wrong with files that could not be read, or not to their end."""
    hop_s: float
    normal_windows: int | None
    """Windows that the Gaussian control was fitted on; None where it is left out."""

    def windows(self, detector: str) -> list[ScoredWindow]:
        """Return what one detector said, in order."""
        return [window[detector] for window in self.heard]


def evaluate(
    files: Sequence[LabelledFile],
    events: Mapping[str, Sequence[Event]],
    listener: Listener,
    controls: Controls | None,
) -> Evaluation:
    """Hear all files and judge; one that cannot be read is kept in `unreadable` and stops nothing."""
    heard: list[HeardWindow] = []
    gallery = Gallery()
    unreadable = {}
    for file in files:
        try:
            heard.extend(_heard_of_file(file, listener, controls, gallery))
        except SourceError as error:
            unreadable[file.name] = str(error)
    detectors = {BUNDLE: True, LEVEL: controls is not None}
    if controls is not None:
        detectors[GAUSSIAN] = True
    read = {
        name: found
        for name, found in events.items()
        if name not in unreadable or any(window[BUNDLE].file == name for window in heard)
    }
    return Evaluation(
        bundle_id=listener.ear.bundle.bundle_id,
        files=tuple(files),
        events=read,
        heard=tuple(heard),
        figures={
            name: figures_of_windows([w[name] for w in heard], read, has_limit=has_limit)
            for name, has_limit in detectors.items()
        },
        false_alarms=_false_alarms(heard, read, listener),
        gallery=gallery,
        unreadable=unreadable,
        hop_s=listener.ear.hop_s,
        normal_windows=None if controls is None else controls.windows,
    )


def controls_of_files(
    files: Sequence[LabelledFile], listener: Listener
) -> tuple[Controls, Mapping[str, str]]:
    """Fit the controls on normal sound; also return what was wrong with files that could not be read.

    Raises:
        NoSoundError: Too few windows can be judged.
    """
    means, levels, unreadable = [], [], {}
    for file in files:
        frontend = StreamFrontend(listener.ear.frontend)
        try:
            for window in windows_of_file(file.path, listener.ear, channel=listener.channel):
                if window.span.quality is Quality.OK and window.span.level_dbfs is not None:
                    means.append(frontend.logmel_from_window(window).values.mean(axis=1))
                    levels.append(window.span.level_dbfs)
        except SourceError as error:
            unreadable[file.name] = str(error)
    return fit_controls(means, levels), unreadable


def _heard_of_file(
    file: LabelledFile, listener: Listener, controls: Controls | None, gallery: Gallery
) -> Iterator[HeardWindow]:
    """Yield the file's windows in order; those before a damage are yielded before it is raised."""
    frontend = StreamFrontend(listener.ear.frontend)
    waiting: list[Window] = []
    damage: SourceError | None = None
    try:
        for window in windows_of_file(file.path, listener.ear, channel=listener.channel):
            waiting.append(window)
            if len(waiting) == BATCH:
                yield from _judged(file, waiting, frontend, (listener, controls, gallery))
                waiting.clear()
    except SourceError as error:
        damage = error
    yield from _judged(file, waiting, frontend, (listener, controls, gallery))
    if damage is not None:
        raise damage


def _judged(
    file: LabelledFile,
    windows: Sequence[Window],
    frontend: StreamFrontend,
    judges: tuple[Listener, Controls | None, Gallery],
) -> Iterator[HeardWindow]:
    listener, controls, gallery = judges
    logmels = [frontend.logmel_from_window(w) for w in windows if w.span.quality is Quality.OK]
    answers = iter(inferences_from_logmels(listener.engine, logmels) if logmels else [])
    inputs = iter(logmels)
    for window in windows:
        if window.span.quality is not Quality.OK:
            score, logmel = listener.scorer.unjudged_score(window.span), None
        else:
            logmel, inference = next(inputs).values, next(answers)
            score = listener.scorer.score_from_inference(inference)
            gallery.offer(file.name, score, logmel, inference.error_map)
        line = line_of_score(file.name, score)
        listener.sink(line)
        # as rounded as it is written, so that the file of scores gives the same figures
        heard = {BUNDLE: window_of_line(line)}
        yield heard | _controls_of_window(heard[BUNDLE], window.span.level_dbfs, logmel, controls)


def _controls_of_window(
    window: ScoredWindow, level: float | None, logmel: Float32 | None, controls: Controls | None
) -> dict[str, ScoredWindow]:
    place = (window.file, window.start_s, window.end_s)
    if logmel is None or level is None:
        names = [LEVEL] if controls is None else [LEVEL, GAUSSIAN]
        return {name: ScoredWindow(*place, None) for name in names}
    if controls is None:
        return {LEVEL: ScoredWindow(*place, level)}
    (whole,) = controls.gaussian.distance(logmel.mean(axis=1, keepdims=True))
    profile = controls.gaussian.distance(logmel)
    return {
        LEVEL: ScoredWindow(*place, controls.level_scale.value(level)),
        GAUSSIAN: ScoredWindow(*place, controls.gaussian_scale.value(float(whole)), profile),
    }


def window_of_line(line: Mapping[str, object]) -> ScoredWindow:
    """Return a line of `wheeltapper score` as a scored window."""
    value, profile = line["value"], line.get("profile")
    return ScoredWindow(
        file=str(line["file"]),
        start_s=float(str(line["start_s"])),
        end_s=float(str(line["end_s"])),
        value=None if value is None else float(str(value)),
        profile=None if profile is None else np.asarray(profile, dtype=np.float64),
    )


def _false_alarms(
    heard: Sequence[HeardWindow], events: Mapping[str, Sequence[Event]], listener: Listener
) -> FalseAlarms | None:
    return false_alarms_of_values(
        values_where_clear([window[BUNDLE] for window in heard], events),
        listener.scorer.calibration,
        hop_s=listener.ear.hop_s,
        budget_per_week=listener.budget_per_week,
    )
