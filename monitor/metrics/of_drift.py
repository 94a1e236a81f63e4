"""The metrics of normal sound: has it moved since the limit was made, and how old is that limit."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import DriftState
from monitor.metrics.metric import Metric, Sample
from monitor.metrics.of_box import one_of
from monitor.metrics.scene import Scene

STATES = tuple(state.value for state in DriftState)


def _each(name: str, meaning: str, number: Callable[[DriftFacts], float | None]) -> Metric:
    """Return a gauge of which each source that was looked into has one number; None: not known."""

    def read(scene: Scene) -> Iterator[Sample]:
        for facts in scene.report.sources:
            value = None if facts.drift is None else number(facts.drift)
            if value is not None:
                yield (facts.capture.source_id,), float(value)

    return Metric(name, "gauge", meaning, ("source",), read)


def _states(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        if facts.drift is not None:
            yield from one_of((facts.capture.source_id,), STATES, facts.drift.state.value)


DRIFT_METRICS = (
    Metric(
        "wheeltapper_drift_state",
        "gauge",
        "1 for what is known of the source's normal sound, 0 for the others; absent: not looked into yet.",
        ("source", "state"),
        _states,
    ),
    _each(
        "wheeltapper_drift_psi",
        "Population stability index of the recent days' normal scores; absent: too few days.",
        lambda facts: facts.psi,
    ),
    _each(
        "wheeltapper_drift_median",
        "Median score of the recent days' normal windows, in units of the limit; absent: too few days.",
        lambda facts: facts.median,
    ),
    _each(
        "wheeltapper_drift_proposed",
        "1: another limit is proposed and waits for somebody (wheeltapper drift SOURCE).",
        lambda facts: facts.proposal is not None,
    ),
    _each(
        "wheeltapper_limit_age_seconds",
        "Since the limit in force was made, looked at once a day; absent: the clock was not set then.",
        lambda facts: None if facts.evidence_age_days is None else 86_400.0 * facts.evidence_age_days,
    ),
    _each(
        "wheeltapper_limit_old",
        "1: the limit in force is older than drift.evidence_max_days.",
        lambda facts: facts.evidence_old,
    ),
)
