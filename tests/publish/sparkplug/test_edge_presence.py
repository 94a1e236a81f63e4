"""Sources that join and leave while the edge node is connected are devices that are born and die."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from edge_rig import EdgeRig, HostSide, at
from fixtures_mosquitto import Mosquitto, eventually

from monitor.errors import SparkplugError
from monitor.messages import CaptureState
from monitor.publish.edge.news import News
from monitor.publish.edge.presence import PART_WITHIN_S, Presence
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.roster import MAX_DEVICES, check_device_ids
from monitor.publish.sparkplug.settings import Now

pytestmark = pytest.mark.broker


@pytest.mark.parametrize("aliases", [False, True])
def test_a_source_that_joins_is_born_and_one_that_leaves_dies_behind_its_last_event(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig], *, aliases: bool
) -> None:
    rig = make_edge(at(mosquitto), sparkplug={"aliases": aliases})
    host.waits_for(2, "DBIRTH")
    rig.node.join("press")
    time.sleep(0.3)
    assert 2 == len(host.of("DBIRTH")), "not before it has sound"
    rig.alarm("press")  # as the daemon does: what its alarm is, then that it has sound
    rig.health("press")
    assert "press" == host.waits_for(3, "DBIRTH")[-1].device_id
    rig.score(0.7, "press")
    host.writes("Command/OutOfService", DataType.BOOLEAN, True, "press")
    eventually(lambda: rig.commands and rig.commands[-1][0] == "press", what="a command to it")

    rig.event("last of pump", "pump")
    rig.node.leave("pump")
    rig.health("pump", CaptureState.ENDED)  # a thread that has not noticed yet
    (death,) = host.waits_for(1, "DDEATH")
    assert "pump" == death.device_id
    before = [each for each in host.told if each.device_id == "pump"][-2]
    if not aliases:
        assert "last of pump" in [m.string_value for m in before.payload.metrics]
    rig.health("pump")
    rig.score(2.0, "pump")
    commands = len(rig.commands)
    host.writes("Command/OutOfService", DataType.BOOLEAN, True, "pump")
    host.asks_rebirth()
    births = host.waits_for(5, "DBIRTH")
    assert ["fan", "press"] == sorted(str(each.device_id) for each in births[-2:]), "a rebirth has no dead"
    assert commands == len(rig.commands), "nobody is there to be commanded"

    rig.node.join("pump")
    rig.alarm("pump")
    rig.health("pump")
    assert "pump" == host.waits_for(6, "DBIRTH")[-1].device_id
    assert [] == host.violations


def test_what_joins_and_leaves_without_a_broker_is_right_in_the_next_birth(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig]
) -> None:
    rig = make_edge(at(mosquitto))
    host.waits_for(2, "DBIRTH")
    mosquitto.hang()  # nobody is let in before all has happened
    rig.node._started().cut()
    rig.node.leave("fan")
    rig.node.join("press")
    rig.health("press")
    mosquitto.go_on()
    births = host.waits_for(4, "DBIRTH")
    assert ["pump", "press"] == [each.device_id for each in births[2:]]
    assert [] == host.violations


def test_a_source_that_joins_just_before_its_news_is_taken_is_born(
    mosquitto: Mosquitto, host: HostSide, make_edge: Callable[..., EdgeRig], monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = make_edge(at(mosquitto))
    host.waits_for(2, "DBIRTH")
    take, joins = rig.node._newsbox.take, ["press"]

    def late() -> News:
        for source_id in joins[:]:
            joins.clear()
            rig.node.join(source_id)
            rig.alarm(source_id)
            rig.health(source_id)
        return take()

    monkeypatch.setattr(rig.node._newsbox, "take", late)
    assert "press" == host.waits_for(3, "DBIRTH")[-1].device_id


def test_a_source_that_comes_back_before_it_has_left_stays_and_one_that_goes_before_it_came_was_never() -> (
    None
):
    presence = Presence(["a"])
    presence.leave("a", 0.0)
    presence.join("a", Now(1, 0.0))
    presence.join("b", Now(1, 0.0))
    presence.leave("b", 0.0)
    assert ({}, [], ("a",)) == (
        presence.take_joined(),
        presence.take_left(1.0, is_told=True),
        presence.source_ids,
    )
    presence.leave("a", 1.0)
    assert [] == presence.take_left(1.0 + PART_WITHIN_S / 2, is_told=False)
    assert ["a"] == presence.take_left(1.0 + PART_WITHIN_S, is_told=False), "records hold it up so long"


def test_more_devices_than_a_node_can_have_are_refused_before_any_joins() -> None:
    check_device_ids([f"s{n}" for n in range(MAX_DEVICES)])
    with pytest.raises(SparkplugError, match=f"{MAX_DEVICES + 1} devices: one node has at most"):
        check_device_ids([f"s{n}" for n in range(MAX_DEVICES + 1)])
    with pytest.raises(SparkplugError, match="device id"):
        check_device_ids(["pump/1"])
