from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from publish_rig import LIMITS, SQUEAL, VOICE, change_to, inference_at, score_at, span_at
from sparkplug_oracle import pysparkplug

from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import (
    AlarmChange,
    AlarmState,
    CaptureHealth,
    CaptureState,
    ChangeReason,
    Quality,
    read_only,
)
from monitor.publish.commands import ReplyPayload
from monitor.publish.documents import Progress, alarm_payload, health_payload
from monitor.publish.limits import limits_document
from monitor.publish.sparkplug.actions import Publish
from monitor.publish.sparkplug.command_tags import NODE_COMMAND_TAGS, RUNNING_TAG
from monitor.publish.sparkplug.commands import reply_readings
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.metrics import BOX_TAGS, DEVICE_TAGS, MAX_TEXT, NODE_TAGS, STATE_CODES
from monitor.publish.sparkplug.payload import TagQuality
from monitor.publish.sparkplug.readings import (
    BoxCondition,
    Readings,
    alarm_readings,
    box_readings,
    health_readings,
    limit_readings,
    map_readings,
    score_readings,
)
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings
from monitor.publish.sparkplug.tags import TagSet
from monitor.publish.sparkplug.topics import EdgeNode

EDGES_HZ = band_edges_hz(FrontendParameters())
HEALTH = CaptureHealth("pump", CaptureState.RECOVERING, "unplugged", "usb-path:1-1.2", 16_000, 512, 1, 3)
PROGRESS = Progress(Quality.OK, "onnxruntime 1.20.1 cpu fp32", "no GPU", 2, lag_s=0.04123456)
BOX = BoxCondition("0.1.0", 1.75e9, None, "disk full", 3, None, 1, 7)

REPLY = ReplyPayload(
    time="2026-01-31T12:00:00.000Z",
    bundle=None,
    source="pump",
    id="hmi3-000871",
    action="acknowledge",
    result="refused",
    reason="there is nothing to acknowledge",
    state=None,
)


def told_of(change: AlarmChange) -> Readings:
    alarm = alarm_payload(change, bundle_id="demo-1", voice=VOICE, limits=LIMITS)
    return alarm_readings(alarm, alarm.state)


def device_readings() -> Readings:
    change = replace(change_to(AlarmState.UNACKNOWLEDGED), actor="anna", note="bearing", uncertain=True)
    return {
        **limit_readings(limits_document(LIMITS)),
        **score_readings(score_at(3, value=1.31)),
        **told_of(replace(change, explanation=SQUEAL)),
        **map_readings(inference_at(3), (32, 16), EDGES_HZ),
        **health_readings(health_payload(HEALTH, PROGRESS, at_utc_s=1.75e9, bundle_id="demo-1")),
        **reply_readings(REPLY),
    }


def test_every_tag_of_the_table_has_a_reading_and_every_reading_a_tag() -> None:
    commands = {tag.name for tag in DEVICE_TAGS if tag.writable and tag is not RUNNING_TAG}
    assert {tag.name for tag in DEVICE_TAGS} - commands == set(device_readings())
    assert {tag.name for tag in BOX_TAGS} == set(box_readings(BOX))


def test_every_reading_is_of_its_tags_type() -> None:
    TagSet(DEVICE_TAGS, 0, {}).check(device_readings())
    TagSet(BOX_TAGS, 0, {}).check(box_readings(BOX))


def test_an_independent_host_reads_the_birth_of_a_whole_device() -> None:
    class Zero:
        def next(self) -> int:
            return 0

    session = Session(
        SessionSettings(EdgeNode("mill", "box1")), (*BOX_TAGS, *NODE_COMMAND_TAGS), Zero(), Now(0, 0.0)
    )
    session.device_appeared("pump", DEVICE_TAGS, device_readings(), Now(5, 0.0))
    session.changed(Sample(None, box_readings(BOX), 5), Now(5, 0.0))
    session.connecting(Now(6, 0.0))
    _, nbirth, dbirth = session.connected(Now(7, 0.0))
    assert isinstance(nbirth, Publish)
    assert isinstance(dbirth, Publish)
    node, device = pysparkplug.NBirth.decode(nbirth.payload), pysparkplug.DBirth.decode(dbirth.payload)
    assert {tag.name for tag in NODE_TAGS} == {metric.name for metric in node.metrics}
    told = {metric.name: metric.value for metric in device.metrics}
    assert (1.31, 1.0, 0.7) == (told["Score"], told["Limit"], told["WarningLimit"])
    assert (1, "unacknowledged", True) == (
        told["Alarm/State"],
        told["Alarm/StateText"],
        told["Alarm/Active"],
    )
    assert ("pump-20250615-1", 1.75, "tone in 2") == (
        told["Alarm/EventId"],
        told["Alarm/Peak"],
        told["Alarm/Explanation"],
    )
    assert told["Error/MapRows"] * told["Error/MapColumns"] == len(told["Error/Map"]) == 512
    assert len(told["Error/BandEdgesHz"]) == len(told["Error/Bands"]) + 1 == 9
    assert len(told["Error/MapEdgesHz"]) == 33
    assert ("recovering", "unplugged", 512) == (
        told["Input/State"],
        told["Input/Reason"],
        told["Input/LostSamples"],
    )
    assert len(dbirth.payload) < 16_384


def test_a_window_that_cannot_be_judged_has_a_bad_null_score_and_not_a_normal_one() -> None:
    told = score_readings(score_at(3, value=None))
    assert (None, TagQuality.BAD) == (told["Score"].value, told["Score"].quality)
    assert (None, TagQuality.BAD) == (told["ExpectedPerDay"].value, told["ExpectedPerDay"].quality)
    assert ("gap", TagQuality.GOOD) == (told["Input/Quality"].value, told["Input/Quality"].quality)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_score_that_is_no_number_is_null_and_bad(value: float) -> None:
    told = score_readings(replace(score_at(3), value=value))
    assert (None, TagQuality.BAD) == (told["Score"].value, told["Score"].quality)


def test_a_level_that_is_not_known_is_null() -> None:
    score = replace(score_at(3, value=None), span=span_at(3, quality=Quality.ABSENT))
    assert score_readings(score)["Input/LevelDbfs"].value is None


@pytest.mark.parametrize(("in_doubt", "quality"), [(False, TagQuality.GOOD), (True, TagQuality.BAD)])
def test_that_a_machine_is_off_is_no_fault_and_that_nobody_knows_is_one(
    *, in_doubt: bool, quality: TagQuality
) -> None:
    score = replace(score_at(3, value=None), span=span_at(3, quality=Quality.OFF))
    told = score_readings(score, in_doubt=in_doubt)
    assert (None, quality) == (told["Score"].value, told["Score"].quality)
    assert (None, quality) == (told["ExpectedPerDay"].value, told["ExpectedPerDay"].quality)


def _state(state: AlarmState, *, event_id: str | None = "e1") -> Readings:
    return told_of(replace(change_to(state), event_id=event_id))


@pytest.mark.parametrize(
    ("state", "event_id", "acked"),
    [
        (AlarmState.NORMAL, None, True),
        (AlarmState.NORMAL, "e1", True),
        (AlarmState.UNACKNOWLEDGED, "e1", False),
        (AlarmState.ACKNOWLEDGED, "e1", True),
        (AlarmState.RETURNED, "e1", False),
        (AlarmState.SHELVED, None, True),
        (AlarmState.SHELVED, "e1", None),
        (AlarmState.OUT_OF_SERVICE, "e1", None),
    ],
)
def test_acked_is_what_is_known_of_it_where_an_earlier_version_did_not_note_it(
    state: AlarmState, event_id: str | None, *, acked: bool | None
) -> None:
    assert acked is _state(state, event_id=event_id)["Alarm/Acked"].value


@pytest.mark.parametrize("state", [AlarmState.SHELVED, AlarmState.OUT_OF_SERVICE, AlarmState.SUPPRESSED])
@pytest.mark.parametrize("acked", [False, True])
def test_what_is_set_aside_does_not_hide_whether_it_was_acknowledged(
    state: AlarmState, *, acked: bool
) -> None:
    assert acked is told_of(replace(change_to(state), acknowledged=acked))["Alarm/Acked"].value


@pytest.mark.parametrize("state", list(AlarmState))
def test_every_state_has_a_number_of_its_own_and_the_table_says_which(state: AlarmState) -> None:
    told = _state(state)
    assert (STATE_CODES[state], state.value) == (told["Alarm/State"].value, told["Alarm/StateText"].value)
    (row,) = [tag for tag in DEVICE_TAGS if tag.name == "Alarm/State"]
    assert f"{STATE_CODES[state]} {state.value.replace('_', ' ')}" in row.description
    assert len(set(STATE_CODES.values())) == len(AlarmState)


def test_shelved_says_until_when_in_milliseconds() -> None:
    told = told_of(replace(change_to(AlarmState.SHELVED), shelved_until_utc_s=1.75e9 + 0.25))
    assert (True, 1_750_000_000_250) == (told["Alarm/Shelved"].value, told["Alarm/ShelvedUntil"].value)


def test_shelved_goes_on_while_it_is_out_of_service() -> None:
    told = told_of(replace(change_to(AlarmState.OUT_OF_SERVICE), shelved_until_utc_s=1.75e9))
    assert (True, True) == (told["Alarm/Shelved"].value, told["Alarm/OutOfService"].value)
    assert told["Alarm/ShelvedUntil"].value is not None


def test_shelved_until_it_returns_has_no_end() -> None:
    told = told_of(change_to(AlarmState.SHELVED))
    assert (True, None) == (told["Alarm/Shelved"].value, told["Alarm/ShelvedUntil"].value)


def test_no_event_is_null_and_not_empty() -> None:
    quiet = AlarmChange(
        "pump",
        None,
        AlarmState.NORMAL,
        AlarmState.NORMAL,
        ChangeReason.CERTAIN,
        1.75e9,
        None,
        None,
        warning=False,
        uncertain=False,
        active=False,
    )
    told = told_of(quiet)
    names = ("EventId", "EventStart", "Peak", "Actor", "Note", "Explanation", "ShelvedUntil")
    assert [None] * 7 == [told[f"Alarm/{name}"].value for name in names]


def test_the_bands_are_the_means_of_the_map_and_the_map_keeps_its_mean() -> None:
    inference = inference_at(4)
    told = map_readings(inference, (32, 16), EDGES_HZ)
    mean = float(inference.error_map.mean())
    for name in ("Error/Map", "Error/Bands"):
        assert np.mean(told[name].value) == pytest.approx(mean, rel=1e-5)  # type: ignore[arg-type]
    assert inference.error_map[:16].mean() == pytest.approx(told["Error/Bands"].value[0], rel=1e-5)  # type: ignore[index]


def test_a_map_with_something_that_is_no_number_is_null_and_bad() -> None:
    errors = inference_at(4).error_map.copy()
    errors[3, 3] = np.nan
    told = map_readings(replace(inference_at(4), error_map=read_only(errors)), (32, 16), EDGES_HZ)
    assert {None} == {reading.value for reading in told.values()}
    assert {TagQuality.BAD} == {reading.quality for reading in told.values()}


def test_texts_are_cut_and_what_utf8_cannot_hold_is_replaced() -> None:
    health = replace(HEALTH, reason="x" * 5_000, device="mic\udcff")
    told = health_readings(health_payload(health, PROGRESS, at_utc_s=1.75e9, bundle_id=None))
    assert MAX_TEXT == len(str(told["Input/Reason"].value))
    assert "mic?" == told["Input/Device"].value
    assert told["Engine/Bundle"].value is None
    TagSet(DEVICE_TAGS, 0, {}).check(told)


def test_the_table_is_fit_to_be_read() -> None:
    for tag in (*DEVICE_TAGS, *NODE_TAGS):
        assert re.fullmatch(r"(Node Control/)?[A-Za-z]+(/[A-Za-z]+)?", tag.name)
        assert tag.description.endswith(".")
        assert tag.datatype not in {DataType.INT8, DataType.INT16, DataType.UINT32}, "hosts disagree on them"
    folders = {tag.name.partition("/")[0] for tag in DEVICE_TAGS if "/" in tag.name}
    assert not folders & {tag.name for tag in DEVICE_TAGS}, "a folder remains a folder"


def test_the_core_runs_without_paho() -> None:
    code = (
        "import sys, monitor.publish.sparkplug.session, monitor.publish.sparkplug.readings, "
        "monitor.publish.sparkplug.inbound; sys.exit(any(name.startswith('paho') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
