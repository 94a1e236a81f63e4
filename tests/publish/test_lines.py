from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from publish_rig import LIMITS, SQUEAL, VOICE, change_to, score_at

from monitor.explanation import Explanation
from monitor.messages import AlarmChange, AlarmState, Record
from monitor.publish.documents import alarm_payload, score_payload
from monitor.publish.lines import BLOCKS, LineWriter, bar, blocks
from monitor.publish.payloads import Payload
from monitor.publish.records import event_payload
from monitor.publish.topics import TOPICS
from monitor.store.rendering import change_body


def tree(payload: Payload) -> Mapping[str, object]:
    document = json.loads(payload.encode())
    assert isinstance(document, dict)
    return document


def record_of(change: AlarmChange) -> Record:
    return Record(1, "event", "pump", 0.0, change_body(change, "demo-1"))


def event(state: AlarmState) -> Mapping[str, object]:
    return tree(event_payload(record_of(change_to(state)), VOICE))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "··········│··········"),
        (0.0, "··········│··········"),
        (0.5, "█████·····│··········"),
        (1.0, "██████████│··········"),
        (1.5, "██████████│█████·····"),
        (99.0, "██████████│██████████"),
        (-1.0, "··········│··········"),
    ],
)
def test_the_bar_has_the_limit_in_its_middle(value: float | None, expected: str) -> None:
    assert expected == bar(value)


def test_blocks_have_eight_levels_and_show_the_highest_error_of_each_cell() -> None:
    assert BLOCKS == blocks([1, 2, 3, 4, 5, 6, 7, 8], 8.0)
    assert blocks([0.0] * 63 + [8.0], 8.0) == BLOCKS[0] * 31 + BLOCKS[7]
    assert blocks([0.0, 0.0], 0.0) == BLOCKS[0] * 2


def test_a_score_line_holds_value_limit_rate_quality_and_profile() -> None:
    line = LineWriter(colours=False).line("score", "pump", tree(score_payload(score_at(0))))
    assert line is not None
    assert re.search(r"pump +0\.50  █{5}·{5}│·{10} +12/day  ok +[▁-█]{32}$", line)


def test_a_score_that_was_not_judged_says_why_and_shows_no_number() -> None:
    line = LineWriter(colours=False).line("score", "pump", tree(score_payload(score_at(0, value=None))))
    assert line is not None
    assert line.endswith("not judged: gap")
    assert "0.00" not in line


def test_a_late_score_is_marked() -> None:
    line = LineWriter(colours=False).line("score", "p", tree(score_payload(score_at(0), historical=True)))
    assert line is not None
    assert line.endswith(" late")


def test_profiles_of_one_source_share_a_scale() -> None:
    writer = LineWriter(colours=False)
    loud = writer.line("score", "pump", {"value": 2.0, "profile": [80.0] * 4})
    quiet = writer.line("score", "pump", {"value": 0.1, "profile": [10.0] * 4})
    other = writer.line("score", "fan", {"value": 0.1, "profile": [10.0] * 4})
    assert str(loud).endswith("█" * 4)
    assert str(quiet).endswith(BLOCKS[1] * 4)
    assert str(other).endswith("█" * 4)


def test_alarms_are_red_only_when_colours_are_wanted() -> None:
    document = event(AlarmState.UNACKNOWLEDGED)
    assert "\x1b[1;31mALARM normal -> unacknowledged" in str(
        LineWriter(colours=True).line("event", "pump", document)
    )
    assert "\x1b" not in str(LineWriter(colours=False).line("event", "pump", document))


def test_under_an_alarm_stands_what_it_sounded_like() -> None:
    change = replace(change_to(AlarmState.UNACKNOWLEDGED), explanation=SQUEAL)
    writer = LineWriter(colours=False)
    raised = tree(event_payload(record_of(change), VOICE))
    first, second = writer.lines("event", "pump", raised)
    assert first == writer.line("event", "pump", raised)
    assert " " * first.index("ALARM") + "tone in 2" == second
    retained = tree(alarm_payload(change, bundle_id=None, voice=VOICE, limits=LIMITS))
    assert ["tone in 2"] == [line.strip() for line in writer.lines("alarm", "p", retained, retained=True)[1:]]
    assert [] == writer.lines("alarm", "pump", retained)
    warning = {**raised, "old_state": "unacknowledged", "new_state": "unacknowledged"}
    assert 1 == len(writer.lines("event", "pump", warning)), "the alarm is as it was"
    unexplained = {**raised, "explanation": None}
    assert 1 == len(writer.lines("event", "pump", unexplained))


def test_an_event_that_turns_out_to_be_another_sound_is_told_again() -> None:
    change = replace(change_to(AlarmState.UNACKNOWLEDGED), explanation=SQUEAL)
    writer = LineWriter(colours=False)

    def grown(explanation: Explanation) -> list[str]:
        alarm = alarm_payload(
            replace(change, explanation=explanation), bundle_id=None, voice=VOICE, limits=LIMITS
        )
        return writer.lines("alarm", "pump", tree(alarm))

    assert [] == grown(SQUEAL), "a newcomer is told what is retained, and with the next event"
    writer.lines("event", "pump", tree(event_payload(record_of(change), VOICE)))
    assert [] == grown(replace(SQUEAL, windows=3)), "more of the same"
    (line,) = grown(replace(SQUEAL, findings=SQUEAL.findings[1:], windows=4))
    assert line.endswith("pump             heard so far: rhythm in 4")
    assert [] == grown(replace(SQUEAL, findings=SQUEAL.findings[1:], windows=5))
    change = replace(change, event_id="another")
    assert [] == grown(SQUEAL), "a new event is told with its record"


def test_an_alarm_state_is_shown_to_a_newcomer_and_not_beside_its_event() -> None:
    document = tree(
        alarm_payload(change_to(AlarmState.ACKNOWLEDGED), bundle_id=None, voice=VOICE, limits=LIMITS)
    )
    writer = LineWriter(colours=False)
    assert "alarm acknowledged, peak 1.75" in str(writer.line("alarm", "pump", document, retained=True))
    assert writer.line("alarm", "pump", document) is None


def test_nothing_reaches_the_terminal_as_a_control_character() -> None:
    evil = "\x1b]0;pwned\x07\x1b[2J\r\n"
    document = dict.fromkeys(
        ("time", "state", "reason", "device", "quality", "actor", "note", "action", "id"), evil
    )
    writer = LineWriter(colours=False)
    for kind in (*TOPICS, evil):
        lines = writer.lines(kind, evil, {**document, "explanation": {"text": evil}}, retained=True)
        assert all(line.isprintable() for line in lines)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)
KEYS = st.sampled_from(
    [
        *("time", "state", "value", "expected_per_day", "profile", "quality", "peak", "event_id"),
        *("old_state", "new_state", "reason", "lost_samples", "result", "historical", "uncertain"),
        "explanation",
    ]
)


@settings(deadline=None)
@given(kind=st.sampled_from([*TOPICS, "other"]), document=st.dictionaries(KEYS, JSON), retained=st.booleans())
def test_any_document_makes_printable_lines_two_at_most(
    kind: str,
    document: dict[str, object],
    retained: bool,  # noqa: FBT001 - drawn by hypothesis
) -> None:
    lines = LineWriter(colours=False).lines(kind, "pump", document, retained=retained)
    assert len(lines) <= 2
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize(
    ("per_day", "words"),
    [(0.0, "<0.01/day"), (0.0123, "0.012/day"), (3.14159, "3.1/day"), (12.5, "12/day"), (5523.4, "5523/day")],
)
def test_expected_alarms_are_told_as_exactly_as_they_are_known(per_day: float, words: str) -> None:
    document = {"value": 0.5, "expected_per_day": per_day, "quality": "ok"}
    assert words in str(LineWriter(colours=False).line("score", "pump", document))


def test_a_warning_is_not_told_as_a_change_of_the_alarm() -> None:
    document = {"old_state": "normal", "new_state": "normal", "reason": "warning_cleared"}
    line = str(LineWriter(colours=False).line("event", "pump", document))
    assert "warning cleared; alarm still normal" in line
    assert "ALARM" not in line


def test_a_machine_that_went_off_is_told_with_its_reason() -> None:
    document = {
        "old_state": "unacknowledged",
        "new_state": "suppressed",
        "reason": "machine_off",
        "off_reason": "the plant's signal",
    }
    assert "ALARM unacknowledged -> suppressed (machine off), machine off: the plant's signal" in str(
        LineWriter(colours=False).line("event", "pump", document)
    )
