"""Five hundred sources on one node, through a real broker to a host; tests/bench/sparkplug.py measures it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from edge_rig import EdgeRig, HostSide, at
from fixtures_mosquitto import Mosquitto, Recorder, eventually

SOURCES = 500


@pytest.mark.broker
def test_five_hundred_devices_are_born_and_every_one_is_heard(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder]
) -> None:
    host = HostSide(make_recorder(mosquitto.port, "spBv1.0/#"))
    source_ids = tuple(f"source-{index}" for index in range(SOURCES))
    rig = EdgeRig([at(mosquitto)], source_ids=source_ids).run()
    try:
        host.waits_for(SOURCES, "DBIRTH", timeout_s=20.0)
        for source_id in source_ids:
            rig.event(f"e-{source_id}", source_id)
        eventually(lambda: rig.node.state.records == SOURCES, 20.0, "all events are read")
        assert 0 == rig.node.state.session.history.repeated
    finally:
        rig.stop()
    host.waits_for(1, "NDEATH")
    assert SOURCES == len(host.of("DDEATH"))
    assert [] == host.violations
