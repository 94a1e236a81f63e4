"""A strict host on a real Mosquitto writes that a machine is off, and reads that its alarm is suppressed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from edge_rig import EdgeRig, HostSide, at
from fixtures_mosquitto import Mosquitto, eventually
from publish_rig import LIMITS, VOICE, change_to

from monitor.config.off import OffConfig
from monitor.errors import CommandError
from monitor.messages import (
    AlarmState,
    CaptureHealth,
    CaptureState,
    MachineCondition,
    MachineOff,
    OffCause,
    SignalState,
)
from monitor.off import SignalBoard
from monitor.publish.documents import Progress, alarm_payload, health_payload
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.payload import Metric
from monitor.testing import CapturedLog

pytestmark = pytest.mark.broker
SECTION = OffConfig.model_validate({"signal": {"kind": "sparkplug"}})
OFF = MachineOff((OffCause.SIGNAL,), "the plant's signal", 1.75e9)


@pytest.fixture
def board() -> SignalBoard:
    return SignalBoard({"pump": SECTION, "fan": None}, CapturedLog())


@pytest.fixture
def rig(mosquitto: Mosquitto, board: SignalBoard) -> Iterator[EdgeRig]:
    running = EdgeRig((at(mosquitto),), signals=board).run()
    yield running
    running.stop(0.5)


def tell_off(rig: EdgeRig) -> None:
    """Tell what the daemon tells when the signal has made it off while an alarm is active."""
    change = replace(change_to(AlarmState.SUPPRESSED, at_utc_s=time.time()), off_reason=OFF.reason)
    rig.node.set_alarm(alarm_payload(change, bundle_id="demo-1", voice=VOICE, limits=LIMITS))
    health = CaptureHealth("pump", CaptureState.HEALTHY, "", "file:pump.wav")
    progress = Progress(machine=MachineCondition(OFF, SignalState.OFF))
    rig.node.set_health(health_payload(health, progress, at_utc_s=time.time(), bundle_id="demo-1"))


def test_a_host_writes_that_it_is_off_and_reads_the_state_suppressed(
    host: HostSide, rig: EdgeRig, board: SignalBoard
) -> None:
    births = host.waits_for(2, "DBIRTH")
    birth = next(one for one in births if one.device_id == "pump")
    assert birth.metric("Machine/Running").is_null
    host.writes("Machine/Running", DataType.BOOLEAN, False, "pump")
    eventually(lambda: board.said("pump") is not None, what="the signal is heard")
    said = board.said("pump")
    assert said is not None
    assert said.running is False
    assert [] == rig.commands
    tell_off(rig)
    eventually(lambda: host.tellings("Machine/Running"), what="the tag follows")
    eventually(lambda: host.tellings("Alarm/State"), what="the state follows")
    assert [False] == [one.boolean_value for one in host.tellings("Machine/Running")]
    assert [6] == [one.int_value for one in host.tellings("Alarm/State")]
    assert ["suppressed"] == [one.string_value for one in host.tellings("Alarm/StateText")]
    assert [True] == [one.boolean_value for one in host.tellings("Alarm/Suppressed")]
    assert [OFF.reason] == [one.string_value for one in host.tellings("Machine/OffReason")]
    assert [] == host.violations


def test_a_device_that_takes_no_signal_answers_why(host: HostSide, rig: EdgeRig) -> None:
    host.waits_for(2, "DBIRTH")
    host.writes("Machine/Running", DataType.BOOLEAN, False, "fan")
    eventually(lambda: rig.commands, what="the refusal is handed on")
    device_id, refusal = rig.commands[0]
    assert "fan" == device_id
    assert isinstance(refusal, CommandError)
    assert "sources.fan.off.signal.kind" in str(refusal)


def test_a_refused_signal_does_not_take_the_command_beside_it_along(host: HostSide, rig: EdgeRig) -> None:
    host.waits_for(2, "DBIRTH")
    signal = Metric("Machine/Running", DataType.BOOLEAN, value=False, timestamp_ms=5)
    acknowledge = Metric("Command/Acknowledge", DataType.BOOLEAN, value=True, timestamp_ms=5)
    host.writes_all([signal, acknowledge], "fan")
    eventually(lambda: len(rig.commands) == 2, what="both are answered")
    (_, refusal), (device_id, document) = rig.commands
    assert isinstance(refusal, CommandError)
    assert isinstance(document, bytes)
    assert ("fan", "acknowledge") == (device_id, json.loads(document)["action"])


def test_what_was_written_counts_as_lost_with_the_connection(
    mosquitto: Mosquitto, host: HostSide, rig: EdgeRig, board: SignalBoard
) -> None:
    host.waits_for(2, "DBIRTH")
    host.writes("Machine/Running", DataType.BOOLEAN, False, "pump")
    eventually(lambda: board.said("pump") is not None, what="the signal is heard")
    mosquitto.stop()
    eventually(
        lambda: (said := board.said("pump")) is not None and said.lost_s is not None, what="it is lost"
    )
    assert rig.node.state.connects == 1
