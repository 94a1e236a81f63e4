"""The plant's signal: what its messages say, and how long one is believed."""

from __future__ import annotations

import pytest
from off_sounds import section

from monitor.config.off import MqttSignal, OffConfig, SparkplugSignal
from monitor.errors import CommandError, OffSignalError
from monitor.messages import SignalState
from monitor.off import SignalBoard
from monitor.off.signal import running_from_payload, signal_from_said
from monitor.testing import CapturedLog

BARE = MqttSignal(kind="mqtt", topic="plant/pump")
INSIDE = MqttSignal(kind="mqtt", topic="plant/pump", json_path="drives.1.on")


@pytest.mark.parametrize("payload", [b"1", b"true", b"on", b"running", b" TRUE\n", b"Running"])
def test_a_word_says_that_it_runs(payload: bytes) -> None:
    assert running_from_payload(payload, BARE)
    assert not running_from_payload(payload, BARE.model_copy(update={"inverted": True}))


@pytest.mark.parametrize("payload", [b"0", b"false", b"off", b"stopped", b"OFF"])
def test_a_word_says_that_it_is_off(payload: bytes) -> None:
    assert not running_from_payload(payload, BARE)


@pytest.mark.parametrize(
    ("value", "running"), [("true", True), ("0", False), ("1.0", True), ('"stopped"', False)]
)
def test_a_place_in_json_says_it(value: str, running: bool) -> None:  # noqa: FBT001 - a table
    document = f'{{"drives": [{{}}, {{"on": {value}}}]}}'.encode()
    assert running == running_from_payload(document, INSIDE)


@pytest.mark.parametrize(
    ("payload", "signal", "words"),
    [
        (b"", BARE, "''"),
        (b"2", BARE, "'2'"),
        (b"\xff\xfe", BARE, "not text"),
        (b"{", INSIDE, "not JSON"),
        (b"{}", INSIDE, "nothing at drives.1.on"),
        (b'{"drives": [{}]}', INSIDE, "nothing at drives.1.on"),
        (b'{"drives": [0, {"on": null}]}', INSIDE, "NoneType"),
        (b'{"drives": [0, {"on": NaN}]}', INSIDE, "nan"),
        (b"[" * 9000, INSIDE, "not JSON"),
        (b"1" * 20_000, BARE, "longer"),
    ],
)
def test_anything_else_is_refused_with_what_was_found(payload: bytes, signal: MqttSignal, words: str) -> None:
    with pytest.raises(OffSignalError, match=words):
        running_from_payload(payload, signal)


class Plant:
    """A board whose clock stands until it is moved."""

    def __init__(self, **signal: object) -> None:
        self.now_s = 100.0
        self.off = section(signal={"kind": "mqtt", "topic": "plant/pump", **signal})
        self.board = SignalBoard({"pump": self.off, "fan": None}, CapturedLog(), monotonic=lambda: self.now_s)

    def state(self) -> SignalState:
        assert self.off.signal is not None
        return signal_from_said(self.board.said("pump"), self.off.signal, self.now_s)[0]

    def say(self, payload: bytes) -> None:
        assert self.board.hear_topic("plant/pump", payload)


def test_before_anything_is_said_it_is_missing() -> None:
    assert SignalState.MISSING is Plant().state()


def test_what_is_said_holds_while_the_line_is_there() -> None:
    plant = Plant()
    plant.say(b"0")
    plant.now_s += 1e7
    assert SignalState.OFF is plant.state()


def test_a_broken_line_makes_it_missing_at_the_stated_time_and_not_before() -> None:
    plant = Plant(lost_after_s=60)
    plant.say(b"0")
    plant.board.lose(MqttSignal)
    plant.now_s += 59.9
    plant.board.lose(MqttSignal)  # still away: it counts from the first time
    assert SignalState.OFF is plant.state()
    plant.now_s += 0.1
    assert SignalState.MISSING is plant.state()


def test_a_new_line_counts_as_lost_until_it_is_told_again() -> None:
    plant = Plant(lost_after_s=60)
    plant.say(b"0")
    plant.board.lose(MqttSignal)
    plant.say(b"0")
    plant.now_s += 1000
    assert SignalState.OFF is plant.state()


def test_the_line_of_the_other_protocol_does_not_matter() -> None:
    plant = Plant(lost_after_s=0)
    plant.say(b"0")
    plant.board.lose(SparkplugSignal)
    assert SignalState.OFF is plant.state()


def test_a_signal_that_is_to_come_over_and_over_is_missing_when_it_stops() -> None:
    plant = Plant(stale_after_s=30)
    plant.say(b"0")
    plant.now_s += 29.9
    assert SignalState.OFF is plant.state()
    plant.now_s += 0.1
    assert SignalState.MISSING is plant.state()


def test_an_unreadable_message_makes_it_missing_at_once() -> None:
    plant = Plant()
    plant.say(b"0")
    plant.say(b"maybe")
    assert SignalState.MISSING is plant.state()


def test_nobodys_topic_is_no_signal() -> None:
    plant = Plant()
    assert not plant.board.hear_topic("plant/other", b"0")
    assert ("plant/pump",) == plant.board.topics


def test_a_changed_signal_forgets_and_another_keeps_what_was_said() -> None:
    plant = Plant()
    plant.say(b"0")
    plant.board.configure({"pump": plant.off})
    assert SignalState.OFF is plant.state()
    plant.board.configure({"pump": section(signal={"kind": "mqtt", "topic": "plant/new"})})
    assert None is plant.board.said("pump")


def test_what_was_said_on_a_topic_is_read_anew_by_a_section_that_reads_it_otherwise() -> None:
    plant = Plant(lost_after_s=60)
    plant.say(b"0")
    plant.board.lose(MqttSignal)
    plant.now_s += 59
    plant.off = section(signal={"kind": "mqtt", "topic": "plant/pump", "inverted": True, "lost_after_s": 60})
    plant.board.configure({"pump": plant.off})
    assert SignalState.RUNNING is plant.state()
    plant.now_s += 1  # the line was lost before the reload
    assert SignalState.MISSING is plant.state()


def test_a_source_that_joins_on_the_same_topic_knows_at_once_what_was_said() -> None:
    plant = Plant()
    plant.say(b"0")
    plant.board.configure({"pump": plant.off, "fan": plant.off})
    assert plant.board.said("pump") == plant.board.said("fan")
    said = plant.board.said("fan")
    assert said is not None
    assert said.running is False


def test_a_message_that_the_new_section_cannot_read_is_told_once() -> None:
    log = CapturedLog()
    off = section(signal={"kind": "mqtt", "topic": "plant/pump"})
    board = SignalBoard({"pump": off}, log)
    board.hear_topic("plant/pump", b"0")
    inside = section(signal={"kind": "mqtt", "topic": "plant/pump", "json_path": "on"})
    for _ in range(2):
        board.configure({"pump": inside})
    assert ["plant signal cannot be read"] == [event for _, event, _ in log.lines]


def test_a_topic_that_nobody_listens_to_any_more_is_forgotten() -> None:
    plant = Plant()
    plant.say(b"0")
    for sections in ({}, {"pump": plant.off}):
        plant.board.configure(sections)
    assert None is plant.board.said("pump")


def test_a_tag_holds_when_another_key_of_its_signal_changes() -> None:
    board = SignalBoard({"pump": section(signal={"kind": "sparkplug"})}, CapturedLog())
    board.hear_running("pump", running=False)
    said = board.said("pump")
    board.configure({"pump": section(signal={"kind": "sparkplug", "lost_after_s": 5})})
    assert said is not None
    assert said == board.said("pump")
    board.configure({"pump": section(signal={"kind": "mqtt", "topic": "plant/pump"})})
    assert None is board.said("pump")


def test_a_tag_is_taken_only_where_it_is_configured() -> None:
    tagged: OffConfig = section(signal={"kind": "sparkplug"})
    board = SignalBoard({"pump": tagged, "fan": None}, CapturedLog())
    board.hear_running("pump", running=False)
    said = board.said("pump")
    assert said is not None
    assert said.running is False
    with pytest.raises(CommandError, match=r"sources\.fan\.off\.signal\.kind"):
        board.hear_running("fan", running=False)
