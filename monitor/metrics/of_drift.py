"""The metrics of normal sound: has it moved since the limit was made, and how old is that limit."""

from __future__ import annotations

from functools import partial

from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import DriftState
from monitor.health import SourceFacts
from monitor.metrics.of_part import number_of, state_of

STATES = tuple(state.value for state in DriftState)


def _drift_of(facts: SourceFacts) -> DriftFacts | None:
    return facts.drift


_each = partial(number_of, _drift_of)

DRIFT_METRICS = (
    state_of(
        _drift_of,
        "wheeltapper_drift_state",
        "1 for what is known of the source's normal sound, 0 for the others; absent: not looked into yet.",
        STATES,
        lambda facts: facts.state.value,
    ),
    _each(
        "wheeltapper_drift_psi",
        "gauge",
        "Population stability index of the recent days' normal scores; absent: too few days.",
        lambda facts: facts.psi,
    ),
    _each(
        "wheeltapper_drift_median",
        "gauge",
        "Median score of the recent days' normal windows, in units of the limit; absent: too few days.",
        lambda facts: facts.median,
    ),
    _each(
        "wheeltapper_drift_proposed",
        "gauge",
        "1: another limit is proposed and waits for somebody (wheeltapper drift SOURCE).",
        lambda facts: facts.proposal is not None,
    ),
    _each(
        "wheeltapper_drift_declined",
        "gauge",
        "1: somebody declined the limit that would be proposed now (wheeltapper drift SOURCE).",
        lambda facts: facts.declined_by is not None,
    ),
    _each(
        "wheeltapper_limit_age_seconds",
        "gauge",
        "Since the limit in force was made, looked at once a day; absent: the clock was not set then.",
        lambda facts: None if facts.evidence_age_days is None else 86_400.0 * facts.evidence_age_days,
    ),
    _each(
        "wheeltapper_limit_old",
        "gauge",
        "1: the limit in force is older than drift.evidence_max_days.",
        lambda facts: facts.evidence_old,
    ),
    _each(
        "wheeltapper_limit_steps",
        "gauge",
        "Limits that were accepted since one was learned, each in the place of the one before.",
        lambda facts: facts.limit_steps,
    ),
    _each(
        "wheeltapper_limit_of_first",
        "gauge",
        "The limit in force, in units of the one that was learned; absent: not known.",
        lambda facts: facts.limit_of_first,
    ),
)
