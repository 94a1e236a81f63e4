from __future__ import annotations

import base64
import json
from dataclasses import replace

import numpy as np
import pytest
from publish_rig import LIMITS, SQUEAL, VOICE, change_to, inference_at, score_at, span_at

from monitor.errors import CommandError, PublishError
from monitor.explanation import tree_from_explanation
from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import AlarmState, CaptureHealth, CaptureState, ChangeReason, Quality, Record
from monitor.publish.commands import parse_command
from monitor.publish.documents import Progress, alarm_payload, health_payload, map_payload, score_payload
from monitor.publish.error_map import area_mean
from monitor.publish.explained import Voice
from monitor.publish.fields import ms_from_rfc3339, rfc3339_from_utc_s
from monitor.publish.records import (
    UNSENT_KEYS,
    body_from_refusal,
    body_from_reply,
    event_payload,
    payload_from_record,
)
from monitor.store.rendering import change_body, json_text, json_tree, score_body


@pytest.mark.parametrize(
    ("utc_s", "expected"),
    [
        (0.0, "1970-01-01T00:00:00.000Z"),
        (1_700_000_000.0004, "2023-11-14T22:13:20.000Z"),
        (1_700_000_000.9996, "2023-11-14T22:13:21.000Z"),
        (1_700_000_000.289, "2023-11-14T22:13:20.289Z"),
    ],
)
def test_times_are_rounded_to_the_millisecond_and_end_in_z(utc_s: float, expected: str) -> None:
    assert expected == rfc3339_from_utc_s(utc_s)
    assert round(utc_s * 1000) == ms_from_rfc3339(expected)


def test_a_score_says_what_the_message_says() -> None:
    document = json.loads(score_payload(score_at(2)).encode())
    assert next(iter(document)) == "schema"
    profile = document.pop("profile")
    assert document == {
        "schema": "score/1",
        "time": "2025-06-15T15:06:44.096Z",
        "source": "pump",
        "bundle": "demo-1",
        "engine": "onnxruntime 1.20.1 cpu fp32",
        "start_s": 2.048,
        "end_s": 4.096,
        "start_utc": "2025-06-15T15:06:42.048Z",
        "end_utc": "2025-06-15T15:06:44.096Z",
        "value": 0.5,
        "expected_per_day": 12.5,
        "raw": 33.125,
        "quality": "ok",
        "level_dbfs": -31.25,
        "historical": False,
    }
    np.testing.assert_allclose(score_at(2).profile, profile, rtol=5e-4)  # type: ignore[arg-type]
    assert all(len(repr(error).replace(".", "").lstrip("0")) <= 4 for error in profile)


def test_what_was_not_judged_is_null_and_not_zero_and_the_key_stays() -> None:
    document = json.loads(score_payload(score_at(0, value=None)).encode())
    for key in ("value", "expected_per_day", "raw", "profile"):
        assert document[key] is None
    assert document["quality"] == "gap"


def test_values_that_json_cannot_hold_become_null() -> None:
    score = replace(
        score_at(0),
        span=replace(span_at(0), level_dbfs=-np.inf, quality=Quality.SILENT),
        expected_per_day=np.inf,
        profile=np.array([1.0, np.nan], np.float32),
    )
    document = json.loads(score_payload(score).encode())
    assert document["level_dbfs"] is None
    assert document["expected_per_day"] is None
    assert document["profile"] == [1.0, None]


def test_a_reader_can_rebuild_the_map_from_the_document_alone() -> None:
    inference = inference_at(1)
    document = json.loads(map_payload(inference, (32, 16), band_edges_hz(FrontendParameters())).encode())
    cells = np.frombuffer(base64.b64decode(document["data"]), document["dtype"]).reshape(document["shape"])
    np.testing.assert_allclose(
        area_mean(inference.error_map, (32, 16)), cells * document["scale"], atol=document["scale"]
    )
    assert len(document["band_edges_hz"]) == 33
    assert len(document["frame_edges_s"]) == 17
    assert document["frame_edges_s"][0] == document["start_s"]
    assert document["frame_edges_s"][-1] == document["end_s"]


def test_a_map_is_never_finer_than_what_the_model_gave() -> None:
    inference = replace(inference_at(1), error_map=np.ones((8, 4), np.float32))
    edges = band_edges_hz(FrontendParameters(mel_bands=8))
    assert map_payload(inference, (32, 16), edges).shape == (8, 4)


def test_a_map_that_holds_no_numbers_is_a_publish_error() -> None:
    inference = replace(inference_at(1), error_map=np.full((8, 4), np.nan, np.float32))
    with pytest.raises(PublishError, match="pump: the error map holds values that are not numbers"):
        map_payload(inference, (4, 4), band_edges_hz(FrontendParameters(mel_bands=8)))


def test_a_path_that_is_no_utf8_does_not_stop_the_health_document() -> None:
    capture = CaptureHealth("pump", CaptureState.FAILED, "no \udcff", "/recordings/\udcff.wav")
    document = json.loads(
        health_payload(capture, Progress(), at_utc_s=1.75e9, bundle_id=None).encode().decode("utf-8")
    )
    assert document["device"] == "/recordings/?.wav"
    assert document["lag_s"] is None
    assert document["quality"] is None


def test_an_event_survives_the_store_as_json_with_every_field() -> None:
    change = replace(
        change_to(AlarmState.SHELVED),
        reason=ChangeReason.SHELVED,
        shelved_until_utc_s=1.75e9 + 3600,
        actor="anna",
        note="bearing ordered",
        explanation=SQUEAL,
        acknowledged=False,
    )
    body = json_tree(json_text(change_body(change, "demo-1")))
    document = json.loads(event_payload(Record(7, "event", "pump", 0.0, body), VOICE).encode())
    assert document == {
        "schema": "event/1",
        "time": "2025-06-15T15:06:40.000Z",
        "source": "pump",
        "bundle": "demo-1",
        "active": True,
        "warning": True,
        "uncertain": False,
        "event_id": "pump-20250615-1",
        "event_start": "2025-06-15T15:06:37.000Z",
        "peak": 1.75,
        "shelved_until": "2025-06-15T16:06:40.000Z",
        "reason": "shelved",
        "actor": "anna",
        "note": "bearing ordered",
        "off_reason": None,
        "acknowledged": False,
        "explanation": {
            "text": "tone in 2",
            "language": "en",
            "findings": [
                {
                    "kind": "tone",
                    "low_hz": 3012.3,
                    "high_hz": 3398.7,
                    "start": "2025-06-15T15:06:37.500Z",
                    "end": "2025-06-15T15:06:39.500Z",
                    "change_db": 17.3,
                    "period_s": None,
                },
                {
                    "kind": "rhythm",
                    "low_hz": 900.0,
                    "high_hz": 1800.0,
                    "start": "2025-06-15T15:06:38.000Z",
                    "end": "2025-06-15T15:06:39.750Z",
                    "change_db": 6.0,
                    "period_s": 0.4001,
                },
            ],
            "windows": 2,
            "start": "2025-06-15T15:06:37.000Z",
            "end": "2025-06-15T15:06:40.000Z",
        },
        "seq": 7,
        "old_state": "normal",
        "new_state": "shelved",
    }


def event_with(explanation: object, voice: Voice) -> dict[str, object]:
    """The event's document when its row holds `explanation`."""
    body = {**change_body(change_to(AlarmState.UNACKNOWLEDGED), "demo-1"), "explanation": explanation}
    record = Record(7, "event", "pump", 0.0, json_tree(json_text(body)))
    return dict(json.loads(event_payload(record, voice).encode()))


def test_a_row_holds_no_words_they_are_made_when_it_is_sent() -> None:
    tree = tree_from_explanation(SQUEAL)
    assert "text" not in tree
    german = event_with(tree, Voice("de", lambda _: "Ein Ton"))["explanation"]
    assert isinstance(german, dict)
    assert ("Ein Ton", "de") == (german["text"], german["language"])


def test_an_event_without_words_is_sent_with_its_values() -> None:
    wordless = event_with(tree_from_explanation(SQUEAL), Voice("en", lambda _: None))["explanation"]
    assert isinstance(wordless, dict)
    assert (None, 2) == (wordless["text"], wordless["windows"])


@pytest.mark.parametrize(
    "tree",
    [
        None,
        {},
        "a tone",
        {**tree_from_explanation(SQUEAL), "windows": None},
        {**tree_from_explanation(SQUEAL), "findings": [{"kind": "a kind of the next version"}]},
    ],
)
def test_an_event_whose_explanation_cannot_be_read_is_sent_all_the_same(tree: object) -> None:
    document = event_with(tree, VOICE)
    assert document["explanation"] is None
    assert "pump-20250615-1" == document["event_id"]


def test_an_event_that_an_earlier_version_stored_has_no_explanation_and_is_sent() -> None:
    body = change_body(change_to(AlarmState.UNACKNOWLEDGED), "demo-1")
    del body["explanation"]
    document = event_payload(Record(7, "event", "pump", 0.0, json_tree(json_text(body))), VOICE)
    assert document.explanation is None


def test_the_alarm_document_is_the_state_after_the_change() -> None:
    document = json.loads(
        alarm_payload(
            change_to(AlarmState.UNACKNOWLEDGED), bundle_id=None, voice=VOICE, limits=LIMITS
        ).encode()
    )
    assert document["state"] == "unacknowledged"
    assert document["bundle"] is None


def test_a_kept_score_is_marked_as_historical_and_otherwise_what_the_store_keeps_of_it() -> None:
    score = score_at(4)
    record = Record(9, "score", "pump", 0.0, {**json_tree(json_text(score_body(score))), "seq": 9})
    assert score_payload(replace(score, profile=None), historical=True) == payload_from_record(record, VOICE)


def test_replies_come_back_from_the_store_as_they_were_made() -> None:
    command = parse_command(b'{"id": "c1", "action": "unshelve", "actor": "anna"}')
    done = body_from_reply("pump", command, at_utc_s=1.75e9, state=AlarmState.NORMAL)
    refused = body_from_refusal("pump", b'{"id": "c2"}', CommandError("no"), at_utc_s=1.75e9)
    for body, reply_id in ((done, "c1"), (refused, "c2")):
        kept = {**json_tree(json_text(body)), "command_id": reply_id, "seq": 5}
        document = json.loads(payload_from_record(Record(5, "reply", "pump", 0.0, kept), VOICE).encode())
        assert document == {key: value for key, value in body.items() if key not in UNSENT_KEYS}
        assert (document["id"], document["code"]) == (reply_id, body["code"])
    assert ("command", None) == (refused["code"], done["code"])


@pytest.mark.parametrize(
    ("kind", "body"),
    [("event", {}), ("event", {"source_id": 3}), ("score", {"value": 1}), ("reply", {}), ("postcard", {})],
)
def test_a_row_that_is_no_document_is_an_error_that_names_it(kind: str, body: dict[str, object]) -> None:
    with pytest.raises(PublishError, match="record 11"):
        payload_from_record(Record(11, kind, "pump", 0.0, body), VOICE)
