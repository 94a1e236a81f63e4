"""The metrics of each source, and of the engines that judge them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict

from monitor.health import SourceFacts
from monitor.messages import AlarmState, CaptureState, Quality, SignalState
from monitor.metrics.metric import Kind, Metric, Sample
from monitor.metrics.of_box import one_of
from monitor.metrics.scene import Scene

CAPTURE_STATES = tuple(state.value for state in CaptureState)
ALARM_STATES = tuple(state.value for state in AlarmState)
QUALITIES = tuple(quality.value for quality in Quality)
SHARES = (0.5, 0.9, 0.99, 1.0)


def _each(name: str, kind: Kind, meaning: str, number: Callable[[SourceFacts], float | None]) -> Metric:
    """Return a metric of which each source has one number; None: not known."""

    def read(scene: Scene) -> Iterator[Sample]:
        for facts in scene.report.sources:
            value = number(facts)
            if value is not None:
                yield (facts.capture.source_id,), float(value)

    return Metric(name, kind, meaning, ("source",), read)


def _info(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        judges = facts.bundle_id or "", facts.backend or ""
        yield (facts.capture.source_id, facts.capture.device, *judges), 1.0


def _capture_states(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        yield from one_of((facts.capture.source_id,), CAPTURE_STATES, facts.capture.state.value)


def _alarm_states(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        yield from one_of((facts.capture.source_id,), ALARM_STATES, facts.alarm.value)


def _qualities(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        if facts.quality is not None:
            yield from one_of((facts.capture.source_id,), QUALITIES, facts.quality.value)


def _ledger(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        if facts.ledger is not None:
            for place, samples in asdict(facts.ledger).items():
                yield (facts.capture.source_id, place), float(samples)


def _hours(scene: Scene) -> Iterator[Sample]:
    for source_id, steps in scene.trends.items():
        values = sorted(value for value in ([] if steps is None else steps.value) if value is not None)
        if values:
            yield (source_id,), {share: _quantile(values, share) for share in SHARES}


def _quantile(ordered: Sequence[float], share: float) -> float:
    """Return the smallest of the values that at least `share` of all do not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


SOURCE_METRICS = (
    Metric(
        "wheeltapper_source_info",
        "gauge",
        "What is listened to, and which bundle judges it on which library (empty: it waits for its first); "
        "always 1.",
        ("source", "device", "bundle", "backend"),
        _info,
    ),
    Metric(
        "wheeltapper_capture_state",
        "gauge",
        "1 for the state of the source's capture, 0 for the others.",
        ("source", "state"),
        _capture_states,
    ),
    _each(
        "wheeltapper_samples_received_total",
        "counter",
        "Samples that arrived, at the device's rate.",
        lambda facts: facts.capture.received_samples,
    ),
    _each(
        "wheeltapper_samples_lost_total",
        "counter",
        "Samples that did not arrive, at the device's rate.",
        lambda facts: facts.capture.lost_samples,
    ),
    _each(
        "wheeltapper_capture_overflows_total",
        "counter",
        "Times that the device said it had lost samples.",
        lambda facts: facts.capture.overflows,
    ),
    _each(
        "wheeltapper_capture_restarts_total",
        "counter",
        "Times that the source was opened again after a failure.",
        lambda facts: facts.capture.restarts,
    ),
    Metric(
        "wheeltapper_ledger_samples",
        "gauge",
        "Where every sample went, at the model's rate: received + lost = windowed + skipped + pending.",
        ("source", "place"),
        _ledger,
    ),
    _each(
        "wheeltapper_ledger_balanced",
        "gauge",
        "1: no sample is unaccounted for. 0 is a fault of this software.",
        lambda facts: None if facts.ledger is None else facts.ledger.balances,
    ),
    Metric(
        "wheeltapper_input_quality",
        "gauge",
        "1 for the quality of the last window's input, 0 for the others; absent before the first.",
        ("source", "quality"),
        _qualities,
    ),
    _each(
        "wheeltapper_level_dbfs",
        "gauge",
        "RMS level of the last window; absent when no sample came, or all were zero.",
        lambda facts: facts.level_dbfs,
    ),
    _each(
        "wheeltapper_windows_total",
        "counter",
        "Windows that were looked at, those with input too bad to be judged too.",
        lambda facts: facts.windows,
    ),
    _each(
        "wheeltapper_windows_dropped_total",
        "counter",
        "Windows given up because the engine could not keep up.",
        lambda facts: facts.dropped_windows,
    ),
    _each(
        "wheeltapper_keeps_up",
        "gauge",
        "0: windows of this source were given up within the last minute, or the engine does not come back.",
        lambda facts: facts.keeps_up,
    ),
    _each(
        "wheeltapper_windows_dropped_share",
        "gauge",
        "Of the windows of the last minute, the share that was given up; 0 to 1.",
        lambda facts: facts.lately.dropped_share,
    ),
    Metric(
        "wheeltapper_lag_seconds",
        "histogram",
        "From the end of a window's sound to its score.",
        ("source",),
        lambda scene: (((source_id,), counts) for source_id, counts in scene.lags.items()),
    ),
    _each(
        "wheeltapper_score",
        "gauge",
        "Score of the last window: high means unusual, 1 is the calibrated alarm limit; absent: not judged.",
        lambda facts: facts.value,
    ),
    Metric(
        "wheeltapper_score_last_hour",
        "summary",
        "Of the highest score in each ten seconds of the last hour; absent: nothing was judged.",
        ("source",),
        _hours,
    ),
    _each(
        "wheeltapper_score_expected_false_alarms_per_day",
        "gauge",
        "How many false alarms a day a limit at the last score would raise; absent: not judged.",
        lambda facts: facts.expected_per_day,
    ),
    _each(
        "wheeltapper_alarm_limit",
        "gauge",
        "What the score is held against, in the same unit: 1, or what an operator has set.",
        lambda facts: None if facts.limits is None else facts.limits.limit,
    ),
    _each(
        "wheeltapper_alarm_warning_limit",
        "gauge",
        "Where the warning begins, in the same unit.",
        lambda facts: None if facts.limits is None else facts.limits.warning_value,
    ),
    Metric(
        "wheeltapper_alarm_state",
        "gauge",
        "1 for the ISA-18.2 state of the source's alarm, 0 for the others.",
        ("source", "state"),
        _alarm_states,
    ),
    _each(
        "wheeltapper_alarm_uncertain",
        "gauge",
        "1: the input cannot be judged, or too little of it was lately: trust no `normal`.",
        lambda facts: facts.uncertain,
    ),
    _each(
        "wheeltapper_machine_off",
        "gauge",
        "1: the machine is off, nothing is judged, and the alarm is suppressed by design.",
        lambda facts: facts.machine.off is not None,
    ),
    _each(
        "wheeltapper_machine_signal_missing",
        "gauge",
        "1: the plant's signal cannot be relied on, so that the machine counts as running; absent: none.",
        lambda facts: (
            None if facts.machine.signal is None else float(facts.machine.signal is SignalState.MISSING)
        ),
    ),
)
_ENGINE = ("bundle", "backend")
ENGINE_METRICS = (
    Metric(
        "wheeltapper_engine_call_seconds",
        "histogram",
        "How long an engine took for a batch of windows.",
        _ENGINE,
        lambda scene: (((e.bundle_id, e.backend), e.call_times) for e in scene.engines),
    ),
    Metric(
        "wheeltapper_engine_windows_total",
        "counter",
        "Windows that an engine has answered, its golden windows at the start too.",
        _ENGINE,
        lambda scene: (((e.bundle_id, e.backend), float(e.windows)) for e in scene.engines),
    ),
    Metric(
        "wheeltapper_engine_fell_back",
        "gauge",
        "1: engine.backend auto had to pass over a better library; status says why.",
        _ENGINE,
        lambda scene: (((e.bundle_id, e.backend), float(e.fell_back)) for e in scene.engines),
    ),
)
