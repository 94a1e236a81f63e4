"""The metrics of candidates that judge beside live bundles; a source without one has none of them."""

from __future__ import annotations

from functools import partial

from monitor.health import SourceFacts
from monitor.metrics.of_part import number_of, state_of
from monitor.shadow.facts import ShadowFacts, ShadowState

STATES = tuple(state.value for state in ShadowState)


def _candidate_of(facts: SourceFacts) -> ShadowFacts | None:
    return facts.shadow


_each = partial(number_of, _candidate_of)

CANDIDATE_METRICS = (
    state_of(
        _candidate_of,
        "wheeltapper_candidate_state",
        "1 for the state of the source's candidate, 0 for the others; absent: it has none.",
        STATES,
        lambda facts: facts.state.value,
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
        "Times that one alarmed and the other did not, since the run began.",
        lambda facts: facts.disputes,
    ),
    _each(
        "wheeltapper_candidate_seconds_total",
        "counter",
        "Seconds of a CPU core that the candidate has taken since the start.",
        lambda facts: facts.cpu_s,
    ),
)
