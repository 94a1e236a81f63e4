"""From the table of metrics and a scene to what prometheus-client writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from engines.histogram import HistogramCounts
from monitor.metrics.metric import Metric, Value
from monitor.metrics.of_box import BOX_METRICS
from monitor.metrics.of_candidates import CANDIDATE_METRICS
from monitor.metrics.of_drift import DRIFT_METRICS
from monitor.metrics.of_sources import ENGINE_METRICS, SOURCE_METRICS
from monitor.metrics.scene import Scene

METRICS: tuple[Metric, ...] = (
    *BOX_METRICS,
    *SOURCE_METRICS,
    *DRIFT_METRICS,
    *CANDIDATE_METRICS,
    *ENGINE_METRICS,
)
"""All that this software measures; the process itself is measured by prometheus-client."""


class SceneCollector(Collector):
    """Reads every metric from the scene of the moment in which Prometheus asks."""

    def __init__(self, scene: Callable[[], Scene | None]) -> None:
        self._scene = scene

    def describe(self) -> list[Family]:
        """Return nothing, so that registering does not ask for a scene."""
        return []

    def collect(self) -> Iterator[Family]:
        """Yield every metric that has a value; none before the daemon has told anything."""
        scene = self._scene()
        if scene is None:
            return
        for metric in METRICS:
            family = family_of(metric, scene)
            if family.samples:
                yield family


def registry_of(scene: Callable[[], Scene | None]) -> CollectorRegistry:
    """Return all metrics of the daemon, and prometheus-client's own of the process it runs in."""
    registry = CollectorRegistry()
    registry.register(SceneCollector(scene))
    ProcessCollector(registry=registry)
    return registry


def family_of(metric: Metric, scene: Scene) -> Family:
    """Return one metric with its samples."""
    family = Family(metric.name.removesuffix("_total"), metric.meaning, metric.kind)
    for values, value in metric.read(scene):
        _add(family, metric, dict(zip(metric.labels, values, strict=True)), value)
    return family


def _add(family: Family, metric: Metric, labels: dict[str, str], value: Value) -> None:
    if isinstance(value, HistogramCounts):
        _add_histogram(family, metric.name, labels, value)
    elif isinstance(value, Mapping):
        for share, quantile in value.items():
            family.add_sample(metric.name, {**labels, "quantile": f"{share:g}"}, quantile)
    else:
        family.add_sample(metric.name, labels, value)


def _add_histogram(family: Family, name: str, labels: dict[str, str], value: HistogramCounts) -> None:
    edges = [*(f"{edge_s:g}" for edge_s in value.edges_s), "+Inf"]
    for edge, count in zip(edges, accumulate(value.counts), strict=True):
        family.add_sample(f"{name}_bucket", {**labels, "le": edge}, count)
    family.add_sample(f"{name}_count", labels, sum(value.counts))
    family.add_sample(f"{name}_sum", labels, value.sum_s)
