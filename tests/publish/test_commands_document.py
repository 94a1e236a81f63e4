from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.wording import ELSE
from monitor.errors import CommandError
from monitor.publish.commands import MAX_COMMAND_BYTES, Command, command_id, parse_command

BASE = {"id": "c-1", "action": "acknowledge", "actor": "anna"}


def encoded(**changes: object) -> bytes:
    return json.dumps({**BASE, **changes}).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"note": "heard it", "event_id": "e1"},
        {"action": "shelve", "duration_s": 600},
        {"action": "shelve", "one_shot": True},
        {"action": "unshelve"},
        {"action": "out_of_service"},
        {"action": "in_service"},
        {"action": "label", "event_id": "e1", "rating": "anomaly", "fault_code": "B12"},
        {"action": "label", "event_id": "e1", "rating": "none", "note": "a truck"},
        {"action": "set_limits", "limit": 1.2, "deadband": 0},
        {"action": "set_limits", "reset": True},
        {"action": "lock", "event_id": "e1"},
        {"action": "unlock", "event_id": "e1", "note": "settled"},
        {"action": "reload"},
        {"schema": "command/1", "time": "2026-01-31T12:00:00.000Z", "source": "pump", "bundle": None},
    ],
)
def test_every_action_is_understood(changes: dict[str, object]) -> None:
    command = parse_command(encoded(**changes))
    assert {**BASE, **changes}["action"] == command.action
    assert command.id == "c-1"


def test_ack_is_acknowledge() -> None:
    assert parse_command(encoded(action="ack")).action == "acknowledge"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"action": "explode"}, "action"),
        ({"action": None}, "action"),
        ({"action": ["ack"]}, "action"),
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": 7}, "id"),
        ({"actor": ""}, "actor"),
        ({"actor": "x" * 101}, "actor"),
        ({"action": "shelve"}, "shelve needs an end"),
        ({"action": "shelve", "duration_s": 0}, "duration_s"),
        ({"action": "shelve", "duration_s": -5}, "duration_s"),
        ({"action": "shelve", "duration_s": "600"}, "duration_s"),
        ({"action": "shelve", "duration_s": float("nan")}, "duration_s"),
        ({"action": "shelve", "duration_s": float("inf")}, "duration_s"),
        ({"duration_s": 600}, "belong to shelve"),
        ({"action": "label"}, "label needs event_id and rating"),
        ({"action": "label", "event_id": "e", "rating": "bad"}, "rating"),
        ({"rating": "anomaly"}, "belong to label"),
        ({"action": "label", "event_id": "e", "rating": "none", "fault_code": "B1"}, "no fault_code"),
        ({"deadband": 0.0}, "belong to set_limits, not to acknowledge"),
        ({"action": "unlock"}, "unlock needs event_id"),
        ({"action": "reload", "reset": True}, "belong to set_limits, not to reload"),
        ({"action": "set_limits"}, "set_limits needs one of limit"),
        ({"action": "set_limits", "limit": 1.1, "reset": True}, "and none of them"),
        ({"action": "set_limits", "limit": True}, "limit"),
        ({"action": "set_limits", "limit": float("nan")}, "limit"),
        ({"note": "x" * 1001}, "note"),
        ({"surprise": 1}, "surprise"),
        ({"schema": "command/2"}, "schema"),
    ],
)
def test_what_is_no_command_is_refused_with_the_key_in_the_sentence(
    changes: dict[str, object], complaint: str
) -> None:
    with pytest.raises(CommandError, match=complaint):
        parse_command(encoded(**changes))


@pytest.mark.parametrize("more", [b', "action": "unshelve"', b', "id": "c-1"', b', "\\u0069d": "c-2"'])
def test_a_key_that_stands_twice_is_refused(more: bytes) -> None:
    with pytest.raises(CommandError, match="stands twice"):
        parse_command(encoded()[:-1] + more + b"}")


def test_arguments_are_what_was_given_beside_who_what_and_when() -> None:
    command = parse_command(encoded(action="set_limits", limit=1.2, note="windy", source="pump"))
    assert {"limit": 1.2, "note": "windy"} == command.arguments
    assert {"limit": 1.2} == command.limits


def test_a_fault_code_is_one_line_and_an_empty_one_is_none() -> None:
    label = {"action": "label", "event_id": "e1", "rating": "anomaly"}
    with pytest.raises(CommandError, match="fault_code: must be one line, without control characters"):
        parse_command(encoded(**label, fault_code="a\nb\0"))
    assert parse_command(encoded(**label, fault_code="")).fault_code is None


def test_a_refusal_does_not_repeat_what_was_sent() -> None:
    with pytest.raises(CommandError) as refusal:
        parse_command(encoded(action="EVIL" * 100))
    assert "EVIL" not in str(refusal.value)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"17",
        b"{",
        b"\xff\xfe{}",
        b'{"id": "\xed\xa0\x80"}',
        b"[" * 16_000,
        b'{"a":' * 3000,
        b"\x00" * 100,
        encoded(note="x" * MAX_COMMAND_BYTES),
    ],
)
def test_hostile_bytes_are_a_command_error_and_nothing_else(payload: bytes) -> None:
    with pytest.raises(CommandError):
        parse_command(payload)
    assert command_id(payload) is None


@settings(deadline=None)  # shared machines are slow at times
@given(st.binary(max_size=400))
def test_any_bytes_are_a_command_or_a_command_error(payload: bytes) -> None:
    try:
        assert isinstance(parse_command(payload), Command)
    except CommandError:
        command_id(payload)


def test_the_id_of_a_refused_command_is_found_for_the_reply() -> None:
    assert command_id(encoded(action="explode")) == "c-1"
    assert command_id(encoded(id="x" * 65)) is None


FOREIGN: tuple[object, ...] = (None, True, 0, -1, 1e9, "", "#", "x" * 2000, "word", [], [1], {}, {"x": 1})
"""A value beyond each constraint of a command's keys, and some of every type that JSON has."""
PHRASES = ("Input", "should", "valid", "Field required", "Extra inputs", "Unable", ELSE)


@pytest.mark.parametrize("key", [*Command.model_fields, "before", "schema"])
def test_what_a_key_must_be_is_said_in_our_words(key: str) -> None:
    refusals = []
    for value in FOREIGN:
        try:
            parse_command(encoded(**{key: value}))
        except CommandError as error:
            refusals.append(str(error))
    assert refusals
    assert [] == [sentence for sentence in refusals for phrase in PHRASES if phrase in sentence]
