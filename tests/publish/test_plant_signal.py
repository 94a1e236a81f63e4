"""The plant's signal over the connection of the JSON topics, with a real Mosquitto."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fixtures_mosquitto import Mosquitto, Recorder, eventually
from publish_rig import Rig

from monitor.config.off import OffConfig
from monitor.off import SignalBoard
from monitor.testing import CapturedLog

pytestmark = pytest.mark.broker


def section(topic: str) -> OffConfig:
    return OffConfig.model_validate({"signal": {"kind": "mqtt", "topic": topic}})


@pytest.fixture
def board() -> SignalBoard:
    return SignalBoard({"pump": section("plant/pump/runs"), "fan": None}, CapturedLog())


@pytest.fixture
def rig(mosquitto: Mosquitto, board: SignalBoard) -> Iterator[Rig]:
    rig = Rig(prefix="wheeltapper/mill/box1", signals=board)
    rig.build(host="127.0.0.1", port=mosquitto.port)
    rig.run()
    yield rig
    rig.stop(1.0)


def said(board: SignalBoard) -> tuple[bool | None, bool] | None:
    """Return what was said last, and whether the line over which it came is lost."""
    found = board.said("pump")
    return None if found is None else (found.running, found.lost_s is not None)


def test_a_retained_signal_is_heard_at_the_start_and_is_no_command(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], board: SignalBoard, rig: Rig
) -> None:
    plant = make_recorder(mosquitto.port, "plant/#")
    plant.send("plant/pump/runs", b"stopped", retain=True)
    eventually(lambda: said(board) == (False, False), what="it is off")
    plant.send("plant/pump/runs", b"running")
    eventually(lambda: said(board) == (True, False), what="it runs")
    assert [] == rig.calls.commands


def test_a_broker_that_goes_takes_the_signal_with_it_and_brings_it_back(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], board: SignalBoard, rig: Rig
) -> None:
    make_recorder(mosquitto.port, "plant/#").send("plant/pump/runs", b"off", retain=True)
    eventually(lambda: said(board) == (False, False), what="it is off")
    mosquitto.stop()
    eventually(lambda: said(board) == (False, True), what="the line is lost")
    mosquitto.start()
    make_recorder(mosquitto.port, "plant/#").send("plant/pump/runs", b"off", retain=True)
    eventually(lambda: said(board) == (False, False), timeout_s=20, what="it is told again")
    assert rig.publisher.connected


def test_what_was_said_over_an_old_connection_is_to_be_said_again_over_the_new_one(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], board: SignalBoard, rig: Rig
) -> None:
    rig.online()
    make_recorder(mosquitto.port, "plant/#").send("plant/pump/runs", b"off")
    eventually(lambda: said(board) == (False, False), what="it is off")
    rig.publisher.on_connected()
    assert (False, True) == said(board)


def test_another_topic_is_followed_while_it_runs(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], board: SignalBoard, rig: Rig
) -> None:
    rig.online()
    board.configure({"pump": section("plant/pump/new")})
    rig.publisher.follow_signals()
    plant = make_recorder(mosquitto.port, "plant/#")
    plant.send("plant/pump/new", b"0", retain=True)
    eventually(lambda: said(board) == (False, False), what="the new topic is heard")


def test_a_source_that_joins_on_a_topic_that_is_followed_hears_what_was_retained(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], board: SignalBoard, rig: Rig
) -> None:
    make_recorder(mosquitto.port, "plant/#").send("plant/pump/runs", b"0", retain=True)
    eventually(lambda: said(board) == (False, False), what="it is off")
    board.configure({"pump": section("plant/pump/runs"), "fan": section("plant/pump/runs")})
    rig.publisher.follow_signals()
    # the list of topics is the same, so that the broker has no reason to send it again
    assert board.said("pump") == board.said("fan")
