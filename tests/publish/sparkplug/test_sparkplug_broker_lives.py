"""A node, a real Mosquitto and a strict host, with everything that happens to them, at random.

The same claim as for the pure core, with real connections: no rule is broken, no gap is left untold, and
every event that the store holds is told with its own time. WHEELTAPPER_BROKER_LIVES asks for more sequences.
"""

from __future__ import annotations

import contextlib
import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from edge_rig import HOST, NODE, EdgeRig, at
from fixtures_mosquitto import Mosquitto, eventually
from sparkplug_paho_host import PahoHost
from sparkplug_rig import Counter

from monitor.messages import CaptureState
from monitor.testing import ListOutbox

LIVES = int(os.environ.get("WHEELTAPPER_BROKER_LIVES", "8"))
EVENT = "Alarm/EventId"
SOURCES = ("pump", "fan")
REST_S = 30.0


@dataclass
class Plant:
    """What outlives each sequence: the broker, the host, and of the box its store and its bdSeq."""

    broker: Mosquitto
    host: PahoHost = field(init=False)
    outbox: ListOutbox = field(default_factory=ListOutbox)
    counter: Counter = field(default_factory=Counter)
    rig: EdgeRig = field(init=False)
    events: dict[tuple[str, str], int] = field(default_factory=dict)
    """(source, event) -> when it was, in milliseconds; of this sequence."""
    newest: int = 0
    starts: int = 0
    """Of the node, which speaks MQTT 3.1.1 and 5 by turns."""

    def __post_init__(self) -> None:
        self.host = PahoHost(self.broker.port, HOST, keeps=(EVENT,))
        self.host.come()
        self.start_node()

    def start_node(self) -> None:
        self.rig = EdgeRig(
            [at(self.broker)],
            version=("3.1.1", "5")[self.starts % 2],
            hosted=True,
            outbox=self.outbox,
            counter=self.counter,
        )
        self.starts += 1
        # the box's own: the broker ends the older connection of the same name, and publishes its will first
        self.rig.node._started()._client_id = "wheeltapper-mill-box1-sparkplug"
        self.rig.run()

    def event(self, source_id: str) -> None:
        now_s = time.time()
        self.newest += 1  # never the same again: what a tag is already, is not told once more
        name = f"{source_id}-{self.newest}"
        self.events[source_id, name] = round(now_s * 1000)
        self.rig.event(name, source_id, at_utc_s=now_s)

    def come_to_rest(self) -> None:
        """Have everybody there, and wait until the store is empty and the host knows every device."""
        self.host.come()
        for source_id in SOURCES:
            self.rig.health(source_id)
        eventually(lambda: len(self.outbox) == 0 and self.host_knows_all(), REST_S, "rest")
        # the broker has all of it; what it hands out comes a moment later
        with contextlib.suppress(AssertionError):  # `check` says what is missing
            eventually(lambda: all(self.told().values()), REST_S)

    def host_knows_all(self) -> bool:
        with self.host.lock:
            view = self.host.strict.nodes.get((NODE.group_id, NODE.node_id))
            return view is not None and view.bdseq is not None and {None, *SOURCES} == set(view.tags)

    def told(self) -> dict[tuple[str, str], set[int]]:
        """Return when each event was, as the host was told."""
        with self.host.lock:
            return {
                key: {each.at_ms for each in self.host.strict.told(key[0], EVENT) if each.value == key[1]}
                for key in self.events
            }

    def check(self) -> None:
        """Hold what the host was told against what happened."""
        told = self.told()
        with self.host.lock:
            assert [] == self.host.strict.violations
            self.host.strict.tellings.clear()
        assert {key: {at_ms} for key, at_ms in self.events.items()} == told
        self.events.clear()


def storm(plant: Plant, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 5)):
        with plant.host.lock:
            plant.host.strict.ask_rebirth(NODE.group_id, NODE.node_id)
        plant.host._asked_s.clear()


def host_returns(plant: Plant, rng: random.Random) -> None:
    rng.choice((plant.host.go, plant.host.vanish))()
    for _ in range(rng.randint(0, 2)):
        plant.event(rng.choice(SOURCES))
    time.sleep(rng.choice((0.0, 0.05, 0.6)))
    plant.host.come()


def broker_returns(plant: Plant, rng: random.Random) -> None:
    rng.choice((plant.broker.stop, plant.broker.kill))()
    for _ in range(rng.randint(0, 2)):
        plant.event(rng.choice(SOURCES))
    time.sleep(rng.choice((0.0, 0.2)))
    plant.broker.start()


def broker_hangs(plant: Plant, rng: random.Random) -> None:
    plant.broker.hang()
    plant.event(rng.choice(SOURCES))
    time.sleep(rng.choice((0.05, 0.6)))
    if rng.random() < 0.5:
        plant.broker.go_on()
    else:  # what was written to it, nobody has read
        plant.broker.kill()
        plant.broker.start()


def node_restarts(plant: Plant, rng: random.Random) -> None:
    rng.choice((plant.rig.stop, plant.rig.abandon))()
    plant.start_node()


def microphone(plant: Plant, rng: random.Random) -> None:
    lost = rng.random() < 0.6
    plant.rig.health(rng.choice(SOURCES), CaptureState.FAILED if lost else CaptureState.HEALTHY)


STEPS: tuple[tuple[Callable[[Plant, random.Random], None], int], ...] = (
    (lambda plant, rng: plant.event(rng.choice(SOURCES)), 8),
    (lambda plant, rng: plant.rig.score(rng.random() * 2, rng.choice(SOURCES)), 3),
    (lambda _plant, rng: time.sleep(rng.choice((0.01, 0.05, 0.2))), 5),
    (storm, 2),
    (microphone, 3),
    (host_returns, 2),
    (broker_returns, 2),
    (broker_hangs, 2),
    (node_restarts, 2),
)


@pytest.fixture
def plant(mosquitto: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """With waits that are made for brokers that stay away cut short, so that there is time for more."""
    monkeypatch.setattr("monitor.publish.edge.retry.LONGEST_S", 0.1)
    monkeypatch.setattr("monitor.publish.edge.node.ASK_EVERY_S", 0.1)
    return Plant(mosquitto)


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.timeout(60 + 30 * LIVES)
def test_sequences_of_accidents_on_a_real_broker_break_no_rule_and_lose_no_event(plant: Plant) -> None:
    heard = 0
    try:
        for seed in range(LIVES):
            rng = random.Random(seed)
            for step in rng.choices(
                [one for one, _ in STEPS], [weight for _, weight in STEPS], k=rng.randint(4, 12)
            ):
                step(plant, rng)
            plant.come_to_rest()
            heard += len(plant.events)
            plant.check()
    except AssertionError as error:
        raise AssertionError(f"sequence {seed} went wrong") from error
    finally:
        plant.rig.stop()
        plant.host.go()
    assert heard > LIVES
