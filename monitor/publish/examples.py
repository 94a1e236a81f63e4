"""One example of each document, for docs/mqtt.md: made by the functions that make the real ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from monitor.explanation import Explanation, Finding, SoundKind
from monitor.messages import (
    AlarmChange,
    AlarmState,
    CaptureHealth,
    CaptureState,
    ChangeReason,
    Inference,
    Quality,
    Record,
    Score,
    Span,
    read_only,
)
from monitor.operators import Limits
from monitor.publish.commands import Command
from monitor.publish.documents import (
    Progress,
    alarm_fields,
    alarm_payload,
    health_payload,
    map_payload,
    score_payload,
    status_payload,
)
from monitor.publish.explained import Voice
from monitor.publish.payloads import EventPayload, Payload
from monitor.publish.records import body_from_reply, reply_payload

NOON_UTC_S = 1_769_860_800.0
"""2026-01-31, 12:00 UTC."""
BUNDLE = "pump-ae-3f9c2a"
ENGINE = "onnxruntime 1.20.1 cpu fp32"
MEL, FRAMES = 8, 6
EXPLANATION = Explanation(
    findings=(
        Finding(
            kind=SoundKind.RHYTHM,
            low_hz=4010.0,
            high_hz=6120.0,
            start_utc_s=NOON_UTC_S + 61.7,
            end_utc_s=NOON_UTC_S + 63.3,
            change_db=14.2,
            period_s=0.4,
        ),
    ),
    start_utc_s=NOON_UTC_S + 61.44,
    end_utc_s=NOON_UTC_S + 63.488,
    windows=1,
)
VOICE = Voice("en", lambda _explanation: "Knocks every 0.40 s between 4.0 and 6.1 kHz, 14 dB above normal.")
"""What the English catalogue makes of it; a test compares."""


def _span() -> Span:
    return Span(
        source_id="pump",
        first_sample=983_040,
        start_s=61.44,
        end_s=63.488,
        start_utc_s=NOON_UTC_S + 61.44,
        quality=Quality.OK,
        level_dbfs=-27.4,
    )


def _errors() -> np.ndarray[Any, np.dtype[np.float32]]:
    """A knock in the fourth frame, strongest in the upper bands."""
    bands, frames = np.mgrid[0:MEL, 0:FRAMES]
    return np.asarray(0.5 + 8.0 * np.exp(-((frames - 3.0) ** 2)) * bands / MEL, dtype=np.float32)


def _change() -> AlarmChange:
    return AlarmChange(
        source_id="pump",
        event_id="pump-20260131T120101",
        old_state=AlarmState.NORMAL,
        new_state=AlarmState.UNACKNOWLEDGED,
        reason=ChangeReason.LIMIT,
        at_utc_s=NOON_UTC_S + 63.488,
        event_start_utc_s=NOON_UTC_S + 61.44,
        peak=1.31,
        warning=True,
        uncertain=False,
        active=True,
        explanation=EXPLANATION,
        acknowledged=False,
    )


def _status() -> Payload:
    return status_payload("online", at_utc_s=NOON_UTC_S, source_ids=("pump", "fan"), version="0.1.0")


def _health() -> Payload:
    capture = CaptureHealth(
        source_id="pump",
        state=CaptureState.HEALTHY,
        reason="",
        device="usb-path:1-1.2",
        received_samples=3_047_424,
    )
    progress = Progress(quality=Quality.OK, backend=ENGINE, lag_s=0.041)
    return health_payload(capture, progress, at_utc_s=NOON_UTC_S + 63.488, bundle_id=BUNDLE)


def _score() -> Payload:
    profile = read_only(_errors().mean(axis=0))
    return score_payload(Score(_span(), 1.31, 0.0042, 3.27, profile, BUNDLE, ENGINE))


def _map() -> Payload:
    errors = read_only(_errors())
    edges_hz = np.linspace(0.0, 8000.0, MEL + 2)
    return map_payload(Inference(_span(), 3.27, errors, errors, BUNDLE), (4, 3), edges_hz)


def _alarm() -> Payload:
    limits = Limits(1.2, 0.7, 0.1, 0.0, 5.0, "anna", NOON_UTC_S - 3600.0)
    return alarm_payload(_change(), bundle_id=BUNDLE, voice=VOICE, limits=limits)


def _event() -> Payload:
    change = _change()
    fields = alarm_fields(change, BUNDLE, VOICE)
    return EventPayload(**fields, seq=118, old_state=change.old_state, new_state=change.new_state)


def _command() -> Command:
    return Command(id="hmi3-000871", action="acknowledge", actor="anna", note="bearing ordered")


def _reply() -> Payload:
    body = body_from_reply("pump", _command(), at_utc_s=NOON_UTC_S + 95.2, state=AlarmState.ACKNOWLEDGED)
    return reply_payload(Record(119, "reply", "pump", NOON_UTC_S + 95.2, body), VOICE)


def _command_document() -> dict[str, Any]:
    tree: dict[str, Any] = _command().model_dump(mode="json", by_alias=True, exclude_defaults=True)
    return tree


ACTION_EXAMPLES: tuple[tuple[dict[str, Any], str], ...] = (
    (
        {"action": "acknowledge", "event_id": "pump-20260131T120101"},
        "Somebody has seen the open event. With `event_id` it is refused if another one is open by now.",
    ),
    ({"action": "shelve", "duration_s": 1800}, "Set the alarm aside for a time; it is still evaluated."),
    ({"action": "shelve", "one_shot": True}, "Set it aside until it returns to normal."),
    ({"action": "unshelve"}, "End that now."),
    ({"action": "out_of_service", "note": "new bearing"}, "Set it aside until it is put back by hand."),
    ({"action": "in_service"}, "Put it back."),
    (
        {"action": "label", "event_id": "pump-20260131T120101", "rating": "anomaly", "fault_code": "B1"},
        "Say what an event was. A labelled event's sound is kept as long as there is room.",
    ),
    (
        {"action": "label", "event_id": "pump-20260131T120101", "rating": "none"},
        "Withdraw that; what was said before stays on record.",
    ),
    (
        {"action": "lock", "event_id": "pump-20260131T120101", "note": "for the insurance"},
        "Keep this event's sound and maps for good: neither age nor a full disk removes them.",
    ),
    ({"action": "unlock", "event_id": "pump-20260131T120101"}, "No longer."),
    (
        {"action": "set_limits", "limit": 1.3, "warning_value": 0.9},
        "Hold this source's scores against other limits; what is not given stays. Kept over restarts.",
    ),
    ({"action": "set_limits", "reset": True}, "All limits as in the configuration again."),
    (
        {"action": "compare"},
        "Compare this source's candidate bundle with the live one; the answer says what was found.",
    ),
    (
        {"action": "promote", "note": "heard beside the old one for a week"},
        "Let this source's candidate bundle judge from now on; no sample is lost.",
    ),
    (
        {"action": "promote", "despite": "the pump is new, its labels are of the old one"},
        "The same of a candidate that does not prove to be better; the reason is kept.",
    ),
    (
        {"action": "rollback", "note": "it takes the compressor next door for a fault"},
        "Let the bundle before the last promotion judge again; why is kept.",
    ),
    (
        {"action": "recalibrate", "proposal": "399cda1670da", "note": "summer; heard it, it is well"},
        "Let the limit judge that was proposed and shown under this id; refused if it is outdated.",
    ),
    (
        {
            "action": "decline",
            "proposal": "399cda1670da",
            "note": "the bearing is worn, the new one comes on Friday",
        },
        "Withdraw that limit, and say why: it is not proposed again unless normal sound moves further.",
    ),
    (
        {"action": "learn", "learn": "start", "hours": 60},
        "Record so much normal sound, to learn from; by MQTT only with `learn.by_mqtt`.",
    ),
    (
        {"action": "reload"},
        "Read config.yaml again, to `command` of the box. All that changed is applied, or nothing is.",
    ),
)
"""A command for each thing that can be asked, without who asks, and what it does."""


def action_documents() -> list[tuple[dict[str, Any], str]]:
    """Return ACTION_EXAMPLES as whole documents, as they would be sent."""
    return [
        ({"id": f"hmi3-{number:06d}", "actor": "anna", **action}, meaning)
        for number, (action, meaning) in enumerate(ACTION_EXAMPLES, 872)
    ]


def _document(payload: Callable[[], Payload]) -> Callable[[], dict[str, Any]]:
    return lambda: dict(json.loads(payload().encode()))


EXAMPLES: dict[str, Callable[[], dict[str, Any]]] = {
    "status": _document(_status),
    "health": _document(_health),
    "score": _document(_score),
    "map": _document(_map),
    "alarm": _document(_alarm),
    "event": _document(_event),
    "command": _command_document,
    "reply": _document(_reply),
}
"""Kind of topic -> what makes its example."""
