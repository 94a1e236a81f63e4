"""An edge node that runs against real brokers, and what a host hears of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from edge_rig import EdgeRig, HostSide
from fixtures_mosquitto import Mosquitto, Recorder


@pytest.fixture
def host(mosquitto: Mosquitto, make_recorder: Callable[..., Recorder]) -> HostSide:
    return HostSide(make_recorder(mosquitto.port, "spBv1.0/#"))


@pytest.fixture
def make_edge() -> Iterator[Callable[..., EdgeRig]]:
    """A function that runs an edge node against these servers; all are stopped with the test."""
    rigs: list[EdgeRig] = []

    def make(*servers: tuple[str, int], **settings: object) -> EdgeRig:
        rigs.append(EdgeRig(servers, **settings))  # type: ignore[arg-type]
        return rigs[-1].run()

    yield make
    for rig in rigs:
        rig.stop(0.5)
