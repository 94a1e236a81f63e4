"""Lives of a node at random: faster than by Hypothesis, and the same at every run."""

from __future__ import annotations

import random
from collections.abc import Callable

from sparkplug_lives import DEVICES, Plant


def live_at_random(seed: int, steps: int) -> Plant:
    """Let a node live so many steps, then come to rest; returns the plant, for what its host has heard.

    Raises:
        AssertionError: Something forbidden happened, or an event was lost; `seed` makes it happen again.
    """
    rng = random.Random(seed)
    plant = Plant()
    plant.build(hosted=rng.random() < 0.8)
    for _ in range(steps):
        STEPS[rng.choices(range(len(STEPS)), WEIGHTS)[0]](plant, rng)
    plant.teardown()
    return plant


def _connect(plant: Plant, rng: random.Random) -> None:
    if plant.line is None:
        plant.connect(fails=rng.random() < 0.2)


def _cut(plant: Plant, rng: random.Random) -> None:
    if plant.line is not None:
        plant.cut(rng.randint(0, 6))


def _arrive(plant: Plant, rng: random.Random) -> None:
    if plant.line is not None:
        plant.arrive(rng.randint(1, 6))


def _acknowledge(plant: Plant, _rng: random.Random) -> None:
    if plant.line is not None:
        plant.acknowledge()


def _fail_to_write(plant: Plant, rng: random.Random) -> None:
    if plant.line is not None and plant.line.written:
        plant.fail_to_write(rng.randint(1, 3))


def _will_comes_late(plant: Plant, _rng: random.Random) -> None:
    if plant.wills:
        plant.will_comes_late()


def _host_moves(plant: Plant, rng: random.Random) -> None:
    if plant.hosted:
        rng.choice((plant.host_comes, plant.host_comes, plant.host_goes, plant.host_is_missed))(
            rng.randint(0, 1)
        )


def _rebirths(plant: Plant, rng: random.Random) -> None:
    if plant.line is not None:
        plant.rebirths(rng.randint(1, 5))


def _lose(plant: Plant, rng: random.Random) -> None:
    if plant.alive:
        plant.lose(rng.choice(DEVICES))


def _event(plant: Plant, rng: random.Random) -> None:
    if plant.alive:
        plant.event(rng.choice(DEVICES), tokened=rng.random() < 0.5, seconds=rng.choice((0.0, 0.4)))


STEPS: tuple[Callable[[Plant, random.Random], None], ...] = (
    _connect,
    _arrive,
    _event,
    lambda plant, rng: plant.time_passes(rng.choice((0.0, 0.3, 1.0, 5.0, 30.0))),
    lambda plant, rng: plant.appear(rng.choice(DEVICES)),
    _acknowledge,
    _host_moves,
    _cut,
    _fail_to_write,
    _will_comes_late,
    _rebirths,
    _lose,
    lambda plant, rng: plant.node_changes(rng.randint(0, 2)),
    lambda plant, rng: plant.restart(rng.randint(0, 6), in_order=rng.random() < 0.5),
    lambda plant, _rng: plant.disk_fills(),
    lambda plant, _rng: plant.disk_is_back(),
)
WEIGHTS = (12, 12, 12, 8, 4, 6, 2, 2, 2, 2, 1, 2, 3, 1, 1, 1)
"""Of STEPS: mostly a node gets on with its work."""
