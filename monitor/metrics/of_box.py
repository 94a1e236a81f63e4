"""The metrics of the daemon as a whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from monitor.metrics.metric import Metric, Sample
from monitor.metrics.scene import Scene

BROKER_STATES = ("connected", "away", "stalled", "off")
SPARKPLUG_STATES = ("connected", "waiting", "away", "off")


def one_of(labels: tuple[str, ...], states: tuple[str, ...], state: str) -> Iterator[Sample]:
    """Yield 1 for the state that is, and 0 for every other that could be."""
    yield from (((*labels, known), float(known == state)) for known in states)


def _numbers(numbers: Mapping[str, float] | None) -> Iterator[Sample]:
    yield from (((name,), float(number)) for name, number in (numbers or {}).items())


def _number(number: float | None) -> Iterator[Sample]:
    if number is not None:
        yield (), float(number)


def _build(scene: Scene) -> Iterator[Sample]:
    yield (scene.report.box.version,), 1.0


def _config(scene: Scene) -> Iterator[Sample]:
    who = scene.identity
    yield (who.site, who.box, who.config_digest), 1.0


BOX_METRICS = (
    Metric("wheeltapper_build_info", "gauge", "The installed version; always 1.", ("version",), _build),
    Metric(
        "wheeltapper_config_info",
        "gauge",
        "Who this box is, and a digest that changes with its configuration; always 1.",
        ("site", "box", "digest"),
        _config,
    ),
    Metric(
        "wheeltapper_report_time_seconds",
        "gauge",
        "When these facts were put together (Unix time); once a second while all is well.",
        (),
        lambda scene: _number(scene.report.at_utc_s),
    ),
    Metric(
        "wheeltapper_clock_set",
        "gauge",
        "0: the box does not know the time, so that nothing it dates can be trusted.",
        (),
        lambda scene: _number(scene.report.box.clock_set),
    ),
    Metric(
        "wheeltapper_broker_state",
        "gauge",
        "1 for the state of the connection that carries the JSON topics, 0 for the others.",
        ("state",),
        lambda scene: one_of((), BROKER_STATES, scene.report.box.broker),
    ),
    Metric(
        "wheeltapper_sparkplug_state",
        "gauge",
        "1 for the state of the Sparkplug edge node, 0 for the others; `waiting`: for its primary host.",
        ("state",),
        lambda scene: one_of((), SPARKPLUG_STATES, scene.report.box.sparkplug),
    ),
    Metric(
        "wheeltapper_outbox_records",
        "gauge",
        "Events, replies and thinned scores on disk that a protocol has not yet sent.",
        ("reader",),
        lambda scene: _numbers(scene.report.box.outbox_by_reader),
    ),
    Metric(
        "wheeltapper_queue_depth",
        "gauge",
        "What waits in a bounded queue of the daemon.",
        ("queue",),
        lambda scene: (((name,), float(q.waiting)) for name, q in scene.report.box.queues.items()),
    ),
    Metric(
        "wheeltapper_queue_limit",
        "gauge",
        "With so many a queue is full; docs/architecture.md says what happens then.",
        ("queue",),
        lambda scene: (((name,), float(q.limit)) for name, q in scene.report.box.queues.items()),
    ),
    Metric(
        "wheeltapper_losses_total",
        "counter",
        "What was given up, by what it was; windows and samples have metrics of their own.",
        ("what",),
        lambda scene: _numbers(scene.report.box.counts),
    ),
    Metric(
        "wheeltapper_thread_restarts_total",
        "counter",
        "Times that a thread had failed and was called again.",
        (),
        lambda scene: _number(scene.report.box.restarted_threads),
    ),
    Metric(
        "wheeltapper_store_failing",
        "gauge",
        "1: alarms cannot be stored and wait in memory.",
        (),
        lambda scene: _number(scene.report.box.store_error is not None),
    ),
    Metric(
        "wheeltapper_clips_failing",
        "gauge",
        "1: no clips and error maps are written.",
        (),
        lambda scene: _number(scene.report.box.clips_error is not None),
    ),
    Metric(
        "wheeltapper_kept_bytes",
        "gauge",
        "Clips and error maps on disk.",
        (),
        lambda scene: _number(scene.report.box.kept_bytes),
    ),
    Metric(
        "wheeltapper_kept_limit_bytes",
        "gauge",
        "Above it the oldest clips and maps go (store.max_bytes).",
        (),
        lambda scene: _number(scene.identity.max_kept_bytes),
    ),
    Metric(
        "wheeltapper_disk_free_bytes",
        "gauge",
        "What the daemon may still write to the disk of its state directory.",
        (),
        lambda scene: _number(scene.report.box.free_bytes),
    ),
    Metric(
        "wheeltapper_disk_floor_bytes",
        "gauge",
        "Below it clips and maps are removed, or at least not written (store.min_free_bytes).",
        (),
        lambda scene: _number(scene.identity.min_free_bytes),
    ),
    Metric(
        "wheeltapper_retention_removed_files_total",
        "counter",
        "Clips and error maps removed, by why: age (store.max_age_days), space (max_bytes, min_free_bytes).",
        ("why",),
        lambda scene: _numbers(scene.report.box.retention.removed_files),
    ),
    Metric(
        "wheeltapper_retention_removed_bytes_total",
        "counter",
        "Bytes of the clips and error maps that were removed.",
        (),
        lambda scene: _number(scene.report.box.retention.removed_bytes),
    ),
    Metric(
        "wheeltapper_retention_staying_bytes",
        "gauge",
        "Clips and maps that may not or cannot go, by why: locked, newest (store.min_events_per_source), "
        "not_removable.",
        ("why",),
        lambda scene: _numbers(scene.report.box.retention.staying_bytes),
    ),
    Metric(
        "wheeltapper_retention_short_bytes",
        "gauge",
        "How much more the last pruning should have removed and could not; 0: every bound held.",
        (),
        lambda scene: _number(scene.report.box.retention.short_bytes),
    ),
    Metric(
        "wheeltapper_reserve_bytes",
        "gauge",
        "Held back on the disk for alarms; 0: they needed it, or there was no room for it.",
        (),
        lambda scene: _number(scene.report.box.retention.reserve_bytes),
    ),
    Metric(
        "wheeltapper_watchdog_seconds",
        "gauge",
        "Within so long systemd wants a sign that work has moved; absent: nobody watches.",
        (),
        lambda scene: _number(scene.report.box.watchdog_s),
    ),
    Metric(
        "wheeltapper_temperature_celsius",
        "gauge",
        "Of the kernel's thermal zones; absent where the board has none.",
        ("zone",),
        lambda scene: _numbers(scene.hardware.temperatures_c),
    ),
    Metric(
        "wheeltapper_gpu_busy_ratio",
        "gauge",
        "Share of the last moment in which the GPU computed, 0 to 1; absent where it cannot be read.",
        ("gpu",),
        lambda scene: _numbers(scene.hardware.gpu_busy),
    ),
)
