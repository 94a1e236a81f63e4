"""What a host writes becomes the command that JSON would have sent; sent again it is the same command."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sparkplug_oracle import pysparkplug

from monitor.errors import CommandError
from monitor.publish.commands import Command, ReplyPayload, parse_command
from monitor.publish.sparkplug.command_tags import COMMAND_TAGS, DOCUMENT_TAG, NODE_COMMAND_TAGS
from monitor.publish.sparkplug.commands import (
    ARGUMENTS,
    REMARKS,
    SWITCHES,
    commands_from_metrics,
    reply_readings,
)
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.inbound import Written, message_from_bytes
from monitor.publish.sparkplug.metrics import MAX_TEXT
from monitor.publish.sparkplug.payload import Metric
from monitor.publish.sparkplug.tags import REBIRTH, TagSet
from monitor.publish.sparkplug.topics import EdgeNode

TAGS = {tag.name: tag for tag in (*COMMAND_TAGS, *NODE_COMMAND_TAGS)}
Values = dict[str, Any]


def metric(name: str, value: object) -> Metric:
    return Metric(name, TAGS[name].datatype, value)  # type: ignore[arg-type]  # a test may write anything


def asked(
    values: Values, *, device_id: str | None = "pump", at_ms: int = 5, host_id: str | None = None
) -> list[Command]:
    metrics = [metric(name, value) for name, value in values.items()]
    documents = commands_from_metrics(device_id, metrics, timestamp_ms=at_ms, host_id=host_id)
    return [parse_command(document) for document in documents]


@pytest.mark.parametrize(
    ("values", "action", "arguments"),
    [
        ({"Command/Acknowledge": True}, "acknowledge", {}),
        ({"Command/ShelveSeconds": 600.0}, "shelve", {"duration_s": 600.0}),
        ({"Command/ShelveOnce": True}, "shelve", {"one_shot": True}),
        ({"Command/Unshelve": True}, "unshelve", {}),
        ({"Command/OutOfService": True}, "out_of_service", {}),
        ({"Command/OutOfService": False}, "in_service", {}),
        ({"Command/AlarmLimit": 1.2}, "set_limits", {"limit": 1.2}),
        (
            {"Command/WarningLimit": 0.5, "Command/Deadband": 0.0, "Command/OnDelaySeconds": 3.0},
            "set_limits",
            {"warning_value": 0.5, "deadband": 0.0, "on_delay_s": 3.0},
        ),
        ({"Command/OffDelaySeconds": 0.0}, "set_limits", {"off_delay_s": 0.0}),
        ({"Command/ResetLimits": True}, "set_limits", {"reset": True}),
    ],
)
def test_a_written_tag_asks_for_what_json_can_ask(
    values: Values, action: str, arguments: dict[str, object]
) -> None:
    (command,) = asked(values)
    assert (action, arguments, "sparkplug") == (command.action, command.arguments, command.actor)


def test_the_node_is_asked_to_reload() -> None:
    (command,) = asked({"Node Control/Reload": True}, device_id=None)
    assert "reload" == command.action


@pytest.mark.parametrize(
    "name", ["Command/Acknowledge", "Command/Unshelve", "Command/ShelveOnce", "Command/ResetLimits"]
)
def test_false_asks_for_nothing_where_it_has_no_meaning_of_its_own(name: str) -> None:
    assert [] == asked({name: False})


def test_every_writable_tag_but_rebirth_is_one_of_those_above() -> None:
    spoken = {*SWITCHES, *REMARKS, DOCUMENT_TAG.name, *(tag for keys in ARGUMENTS.values() for tag in keys)}
    assert {tag.name for tag in TAGS.values() if tag.writable} == spoken


def test_who_acts_is_whom_the_message_names_else_the_host() -> None:
    written = {"Command/Acknowledge": True}
    assert ["scada"] == [command.actor for command in asked(written, host_id="scada")]
    named = {**written, "Command/Actor": "anna", "Command/Note": "heard it"}
    (command,) = asked(named, host_id="scada")
    assert ("anna", "heard it") == (command.actor, command.note)


def test_a_document_goes_as_it_was_written_beside_other_tags() -> None:
    document = '{"id": "x1", "action": "label", "actor": "bo", "event_id": "e", "rating": "anomaly"}'
    first, second = asked({"Command/Acknowledge": True, "Command/Document": document})
    assert ("acknowledge", "label", "x1") == (first.action, second.action, second.id)
    for device_id in ("pump", None):
        (told,) = commands_from_metrics(device_id, [metric("Command/Document", "no JSON ö")], timestamp_ms=5)
        assert "no JSON ö".encode() == told


def test_the_same_message_is_the_same_command_and_any_other_is_not() -> None:
    def ids(
        values: Values, *, device_id: str = "pump", at_ms: int = 5, host_id: str | None = None
    ) -> list[str]:
        commands = asked(values, device_id=device_id, at_ms=at_ms, host_id=host_id)
        return [command.id for command in commands]

    limit: Values = {"Command/AlarmLimit": 1.2}
    assert ids(limit) == ids(dict(limit))
    others = [
        ids(limit, at_ms=6),
        ids(limit, device_id="fan"),
        ids({"Command/AlarmLimit": 1.3}),
        ids({**limit, "Command/Note": "n"}),
        ids(limit, host_id="scada"),
        ids({"Command/WarningLimit": 1.2}),
    ]
    both = ids({"Command/Acknowledge": True, "Command/OutOfService": True})
    assert 9 == len({*ids(limit), *(one for other in others for one in other), *both})


@pytest.mark.parametrize(
    ("metrics", "sentence"),
    [
        ([metric("Command/LastId", "x")], "'Command/LastId' is no tag that can be written"),
        ([Metric("Alarm/State", DataType.INT32, 0)], "'Alarm/State' is no tag that can be written"),
        ([Metric("command/acknowledge", DataType.BOOLEAN, value=True)], "is no tag that can be written"),
        ([Metric(REBIRTH, DataType.BOOLEAN, value=True)], "is no tag that can be written"),
        ([Metric("Node Control/Reload", DataType.BOOLEAN, value=True)], "is no tag that can be written"),
        ([Metric(None, DataType.BOOLEAN, value=True, alias=7)], "alias 7 is no tag"),
        (
            [Metric("Command/Acknowledge", DataType.INT32, 1)],
            "^Command/Acknowledge: comes as Int32, not as Boolean",
        ),
        ([Metric("Command/AlarmLimit", DataType.STRING, "1.2")], "comes as String, not as Double"),
        (
            [Metric("Command/Acknowledge", None, "yes", wire_field="string_value")],
            "^Command/Acknowledge: Boolean must come as boolean_value",
        ),
        ([metric("Command/Acknowledge", None)], "Command/Acknowledge is null"),
        ([metric("Command/Unshelve", True)] * 2, "Command/Unshelve stands twice"),
        ([metric("Command/Actor", "anna")], "Command/Actor alone ask for nothing"),
        (
            [Metric("Command/Unshelve", DataType.BOOLEAN, value=True, is_historical=True)],
            "is marked as historical",
        ),
    ],
)
def test_what_cannot_be_written_is_refused_with_all_that_came_beside_it(
    metrics: list[Metric], sentence: str
) -> None:
    beside = metric("Command/OutOfService", True)
    with pytest.raises(CommandError, match=sentence):
        commands_from_metrics("pump", metrics, timestamp_ms=5)
    if "alone" not in sentence:
        with pytest.raises(CommandError, match=sentence):
            commands_from_metrics("pump", [beside, *metrics], timestamp_ms=5)


def test_without_a_timestamp_nothing_is_done() -> None:
    with pytest.raises(CommandError, match="no timestamp"):
        commands_from_metrics("pump", [metric("Command/Acknowledge", True)], timestamp_ms=None)


def test_a_rebirth_request_is_no_command_and_hinders_none() -> None:
    rebirth = Metric(REBIRTH, DataType.BOOLEAN, value=True)
    assert () == commands_from_metrics(None, [rebirth], timestamp_ms=None)
    both = commands_from_metrics(None, [rebirth, metric("Node Control/Reload", True)], timestamp_ms=5)
    assert ["reload"] == [json.loads(document)["action"] for document in both]


def test_an_alias_is_read_as_its_name() -> None:
    aliases = TagSet(COMMAND_TAGS, 0, {"Command/Unshelve": 4})
    metrics = [Metric(None, DataType.BOOLEAN, value=True, alias=4)]
    (document,) = commands_from_metrics("pump", metrics, timestamp_ms=5, name_of=aliases.name_of)
    assert "unshelve" == json.loads(document)["action"]


def test_the_dcmd_of_an_independent_implementation_is_understood() -> None:
    written = [
        pysparkplug.Metric(
            timestamp=5, name="Command/AlarmLimit", datatype=pysparkplug.DataType.DOUBLE, value=1.25
        ),
        pysparkplug.Metric(
            timestamp=5, name="Command/Actor", datatype=pysparkplug.DataType.STRING, value="anna"
        ),
    ]
    payload = pysparkplug.DCmd(timestamp=7, metrics=tuple(written)).encode(include_dtypes=True)
    read = message_from_bytes(EdgeNode("mill", "box1"), None, "spBv1.0/mill/DCMD/box1/pump", payload)
    assert isinstance(read, Written)
    (document,) = commands_from_metrics(read.device_id, read.metrics, timestamp_ms=read.timestamp_ms)
    command = parse_command(document)
    assert ("set_limits", {"limit": 1.25}, "anna") == (command.action, command.arguments, command.actor)


def test_the_answer_stands_in_tags_of_their_type() -> None:
    reply = ReplyPayload(
        time="2026-01-31T12:00:00.000Z",
        bundle=None,
        source="pump",
        id="x1",
        action=None,
        result="refused",
        reason="x" * 5000,
        state=None,
    )
    told = reply_readings(reply)
    for tags in (COMMAND_TAGS, NODE_COMMAND_TAGS):
        TagSet(tags, 0, {}).check(told)
    assert ("x1", None, "refused", MAX_TEXT) == (
        told["Command/LastId"].value,
        told["Command/LastAction"].value,
        told["Command/LastResult"].value,
        len(str(told["Command/LastReason"].value)),
    )


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 2**64 - 1),
    st.floats(),
    st.text(max_size=20),
    st.binary(max_size=9),
)


@given(
    st.lists(
        st.builds(
            Metric,
            st.one_of(st.none(), st.sampled_from(sorted(TAGS)), st.text(max_size=9)),
            st.one_of(st.none(), st.sampled_from(DataType)),
            VALUES,
            alias=st.one_of(st.none(), st.integers(0, 9)),
            wire_field=st.sampled_from(["", "int_value", "double_value", "boolean_value", "string_value"]),
        ),
        max_size=4,
    ),
    st.one_of(st.none(), st.just("pump")),
)
def test_any_metrics_are_documents_or_a_command_error(metrics: list[Metric], device_id: str | None) -> None:
    try:
        documents = commands_from_metrics(device_id, metrics, timestamp_ms=5)
    except CommandError:
        return
    for document in documents:
        with contextlib.suppress(CommandError):
            parse_command(document)
