"""From scores, maps and the documents of JSON to readings of tags. What is not known is null, never 0.

Alarm and health come from the same documents that the JSON topics carry, so that both say the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import AlarmState, Inference, Quality, Score, SignalState
from monitor.publish.documents import known, text
from monitor.publish.drift import DriftDocument
from monitor.publish.error_map import area_mean, row_edges_hz
from monitor.publish.fields import ms_from_rfc3339
from monitor.publish.limits import LimitsDocument
from monitor.publish.payloads import AlarmDocument, HealthPayload
from monitor.publish.shadow import ShadowDocument
from monitor.publish.sparkplug.followed_tags import DRIFT_TAGS, SHADOW_TAGS
from monitor.publish.sparkplug.metrics import BANDS, MAX_TEXT, STATE_CODES
from monitor.publish.sparkplug.payload import TagQuality
from monitor.publish.sparkplug.tags import Reading

Readings = dict[str, Reading]
SET_ASIDE = {AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED}
_BAD = Reading(None, TagQuality.BAD)
_RUNNING = {SignalState.RUNNING: True, SignalState.OFF: False, SignalState.MISSING: None, None: None}


@dataclass(frozen=True, slots=True)
class BoxCondition:
    """How the box is, as the daemon's health knows it."""

    version: str
    """Of the installed package."""
    started_utc_s: float
    """When the process began."""
    store_error: str | None
    """Why alarms cannot be stored at present; None: they are."""
    clips_error: str | None
    """Why no clips and maps are written at present; None: they are."""
    unsaved_changes: int
    """Alarm changes that wait for the store."""
    outbox_records: int | None
    """Records that wait to be sent; None: the store does not answer."""
    restarted_threads: int
    """Times that the supervisor had to start a thread again."""
    losses: int
    """Messages, clips and commands given up."""
    clock_set: bool = True
    """Whether the box knows the time."""


def ms_from_utc_s(utc_s: float) -> int:
    """Return seconds since 1970 as whole milliseconds, rounded; 0 for anything before."""
    return max(0, round(utc_s * 1000))


def score_readings(score: Score, *, in_doubt: bool = False) -> Readings:
    """Return what a window's score says; what is true of it is so at the window's end.

    A window that could not be judged has a null score of bad quality; that a machine is off is no fault.
    `in_doubt`: it is too quiet to be judged, and does not count as off.
    """
    judged = score.span.quality is Quality.OK
    none = Reading(None) if score.span.quality is Quality.OFF and not in_doubt else _BAD
    return {
        "Score": _number(score.value) if judged else none,
        "ExpectedPerDay": _number(score.expected_per_day, 4) if judged else none,
        "Input/LevelDbfs": Reading(known(score.span.level_dbfs, 4)),
        "Input/Quality": Reading(score.span.quality.value),
        "Engine/Bundle": text_reading(score.bundle_id),
    }


def limit_readings(limits: LimitsDocument) -> Readings:
    """Return what scores are held against."""
    return {
        "Limit": Reading(known(limits.limit)),
        "WarningLimit": Reading(known(limits.warning_value)),
        "Alarm/Deadband": Reading(known(limits.deadband)),
        "Alarm/OnDelaySeconds": Reading(known(limits.on_delay_s)),
        "Alarm/OffDelaySeconds": Reading(known(limits.off_delay_s)),
        "Alarm/LimitsBy": text_reading(limits.set_by),
    }


def alarm_readings(alarm: AlarmDocument, state: AlarmState) -> Readings:
    """Return what an alarm is, or was after an event; `state` is the new one."""
    return {
        "Alarm/State": Reading(STATE_CODES[state]),
        "Alarm/StateText": Reading(state.value),
        "Alarm/Active": Reading(alarm.active),
        "Alarm/Acked": Reading(_acked(alarm, state)),
        "Alarm/Warning": Reading(alarm.warning),
        "Alarm/Uncertain": Reading(alarm.uncertain),
        # out of service hides it in the state, and it goes on
        "Alarm/Shelved": Reading(state is AlarmState.SHELVED or alarm.shelved_until is not None),
        "Alarm/ShelvedUntil": _time(alarm.shelved_until),
        "Alarm/OutOfService": Reading(state is AlarmState.OUT_OF_SERVICE),
        # shelved or out of service hides it in the state, and it goes on
        "Alarm/Suppressed": Reading(
            state is AlarmState.SUPPRESSED or alarm.off_reason is not None or alarm.bundle is None
        ),
        "Alarm/EventId": text_reading(alarm.event_id),
        "Alarm/EventStart": _time(alarm.event_start),
        "Alarm/Peak": Reading(alarm.peak),
        "Alarm/Reason": text_reading(None if alarm.reason is None else alarm.reason.value),
        "Alarm/Actor": text_reading(alarm.actor),
        "Alarm/Note": text_reading(alarm.note),
        "Alarm/Explanation": text_reading(None if alarm.explanation is None else alarm.explanation.text),
    }


def map_readings(
    inference: Inference, shape: tuple[int, int], band_edges_hz: NDArray[np.float64]
) -> Readings:
    """Return the error map of a window at `shape` (rows, columns), and its bands.

    `band_edges_hz`, shape (mel + 2,), is that of the front end: band b peaks at b + 1. A map with values that
    are no numbers is null and bad.
    """
    if not np.isfinite(inference.error_map).all():
        return {"Error/Bands": _BAD, "Error/Map": _BAD}
    cells = area_mean(inference.error_map, shape)
    bands = area_mean(inference.error_map, (BANDS, 1))
    rows, columns = cells.shape
    return {
        "Error/Bands": _floats(bands),
        "Error/BandEdgesHz": _floats(np.array(row_edges_hz(band_edges_hz, bands.shape[0]))),
        "Error/Map": _floats(cells),
        "Error/MapRows": Reading(rows),
        "Error/MapColumns": Reading(columns),
        "Error/MapEdgesHz": _floats(np.array(row_edges_hz(band_edges_hz, rows))),
        "Error/MapSeconds": Reading(known(inference.span.end_s - inference.span.start_s)),
    }


def health_readings(health: HealthPayload) -> Readings:
    """Return how a source is doing."""
    return {
        "Input/State": Reading(health.state.value),
        "Input/Reason": text_reading(health.reason or None),
        "Input/Device": text_reading(health.device),
        "Input/LostSamples": Reading(health.lost_samples),
        "Input/Restarts": Reading(health.restarts),
        "Engine/Bundle": text_reading(health.bundle),
        "Engine/Backend": text_reading(health.backend),
        "Engine/Fallback": text_reading(health.fallback),
        "Engine/DroppedWindows": Reading(health.dropped_windows),
        "Engine/KeepsUp": Reading(health.keeps_up),
        "Engine/DroppedShare": Reading(health.dropped_share),
        "Engine/LagSeconds": Reading(health.lag_s),
        "Machine/Off": Reading(health.machine == "off"),
        "Machine/OffReason": text_reading(health.off_reason),
        "Machine/Running": Reading(_RUNNING[health.off_signal]),
        "Machine/SignalMissing": text_reading(health.off_signal_missing),
        **_shadow_readings(health.shadow),
        **_drift_readings(health.drift),
    }


def _shadow_readings(shadow: ShadowDocument | None) -> Readings:
    """Return how a source's candidate is getting on; all null where it has none."""
    if shadow is None:
        return {tag.name: Reading(None) for tag in SHADOW_TAGS}
    return {
        "Shadow/Candidate": text_reading(shadow.candidate),
        "Shadow/CandidateBundle": text_reading(shadow.candidate_bundle),
        "Shadow/State": Reading(shadow.state.value),
        "Shadow/Reason": text_reading(shadow.reason),
        "Shadow/Disputes": Reading(shadow.disputes),
        "Shadow/Verdict": text_reading(shadow.verdict),
    }


def _drift_readings(drift: DriftDocument | None) -> Readings:
    """Return whether normal sound has moved; all null while nothing was looked into."""
    if drift is None:
        return {tag.name: Reading(None) for tag in DRIFT_TAGS}
    return {
        "Drift/State": Reading(drift.state.value),
        "Drift/Words": text_reading(drift.words),
        "Drift/Proposal": text_reading(drift.proposal),
        "Drift/Withheld": text_reading(drift.withheld),
        "Drift/DeclinedBy": text_reading(drift.declined_by),
        "Drift/DeclinedAt": _time(drift.declined_at),
        "Drift/DeclinedWhy": text_reading(drift.declined_why),
        "Drift/LimitOld": Reading(drift.limit_old),
        "Drift/LimitSteps": Reading(drift.limit_steps),
        "Drift/LimitOfFirst": Reading(known(drift.limit_of_first)),
    }


def box_readings(box: BoxCondition) -> Readings:
    """Return how the box is, for the tags of the node."""
    return {
        "Box/Version": text_reading(box.version),
        "Box/Started": Reading(ms_from_utc_s(box.started_utc_s)),
        "Box/ClockSet": Reading(box.clock_set),
        "Box/StoreError": text_reading(box.store_error),
        "Box/ClipsError": text_reading(box.clips_error),
        "Box/UnsavedChanges": Reading(box.unsaved_changes),
        "Box/OutboxRecords": Reading(box.outbox_records),
        "Box/RestartedThreads": Reading(box.restarted_threads),
        "Box/Losses": Reading(box.losses),
    }


def text_reading(words: str | None) -> Reading:
    """Return words as a reading, cut to MAX_TEXT letters; None: null."""
    if words is None:
        return Reading(None)
    cut = words if len(words) <= MAX_TEXT else words[: MAX_TEXT - 1] + "…"
    return Reading(text(cut))


def _acked(alarm: AlarmDocument, state: AlarmState) -> bool | None:
    if alarm.acknowledged is not None or alarm.event_id is None:
        return alarm.acknowledged is not False
    # recorded by a version that did not say, where what was set aside hides it: better not known than wrong
    return None if state in SET_ASIDE else state in {AlarmState.NORMAL, AlarmState.ACKNOWLEDGED}


def _time(time: str | None) -> Reading:
    return Reading(None if time is None else ms_from_rfc3339(time))


def _number(value: float | None, digits: int = 6) -> Reading:
    rounded = known(value, digits)
    return _BAD if rounded is None else Reading(rounded)


def _floats(values: NDArray[np.float64]) -> Reading:
    narrow = values.astype(np.float32).ravel()
    return Reading(tuple(float(value) for value in narrow)) if np.isfinite(narrow).all() else _BAD
