"""Metrics of something that only some sources have: a source without it gives no sample."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from monitor.health import SourceFacts
from monitor.metrics.metric import Kind, Metric, Sample
from monitor.metrics.of_box import one_of
from monitor.metrics.scene import Scene

Part = TypeVar("Part")
PartOf = Callable[[SourceFacts], Part | None]
"""Gives a source's part; None: it has none."""


def number_of(
    part_of: PartOf[Part], name: str, kind: Kind, meaning: str, number: Callable[[Part], float | None]
) -> Metric:
    """Return a metric that has one number of each part; `number` None: it is not known."""

    def read(scene: Scene) -> Iterator[Sample]:
        for facts in scene.report.sources:
            part = part_of(facts)
            value = None if part is None else number(part)
            if value is not None:
                yield (facts.capture.source_id,), float(value)

    return Metric(name, kind, meaning, ("source",), read)


def state_of(
    part_of: PartOf[Part], name: str, meaning: str, states: tuple[str, ...], state: Callable[[Part], str]
) -> Metric:
    """Return a gauge that is 1 for the state of each part, and 0 for its other `states`."""

    def read(scene: Scene) -> Iterator[Sample]:
        for facts in scene.report.sources:
            part = part_of(facts)
            if part is not None:
                yield from one_of((facts.capture.source_id,), states, state(part))

    return Metric(name, "gauge", meaning, ("source", "state"), read)
