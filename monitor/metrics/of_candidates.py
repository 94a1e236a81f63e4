"""The metrics of candidates that judge beside live bundles; a source without one has none of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from monitor.metrics.metric import Kind, Metric, Sample
from monitor.metrics.of_box import one_of
from monitor.metrics.scene import Scene
from monitor.shadow.facts import ShadowFacts, ShadowState

STATES = tuple(state.value for state in ShadowState)


def _each(name: str, kind: Kind, meaning: str, number: Callable[[ShadowFacts], float]) -> Metric:
    """Return a metric of which each source with a candidate has one number."""

    def read(scene: Scene) -> Iterator[Sample]:
        for facts in scene.report.sources:
            if facts.shadow is not None:
                yield (facts.capture.source_id,), float(number(facts.shadow))

    return Metric(name, kind, meaning, ("source",), read)


def _states(scene: Scene) -> Iterator[Sample]:
    for facts in scene.report.sources:
        if facts.shadow is not None:
            yield from one_of((facts.capture.source_id,), STATES, facts.shadow.state.value)


CANDIDATE_METRICS = (
    Metric(
        "wheeltapper_candidate_state",
        "gauge",
        "1 for the state of the source's candidate, 0 for the others; absent: it has none.",
        ("source", "state"),
        _states,
    ),
    _each(
        "wheeltapper_candidate_judged_seconds",
        "gauge",
        "Sound that the candidate and the live bundle have both judged, restarts included.",
        lambda facts: facts.heard_s,
    ),
    _each(
        "wheeltapper_candidate_skipped_share",
        "gauge",
        "Of all windows since then the share that the candidate was not given; 0 to 1.",
        lambda facts: facts.skipped_share,
    ),
    _each(
        "wheeltapper_candidate_disputes",
        "gauge",
        "Times that one alarmed and the other did not, of those that are kept.",
        lambda facts: facts.disputes,
    ),
    _each(
        "wheeltapper_candidate_seconds_total",
        "counter",
        "Seconds of a CPU core that the candidate has taken since the start.",
        lambda facts: facts.cpu_s,
    ),
)
