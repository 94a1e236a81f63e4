"""The page says what the report says; what is not known is absent; names follow Prometheus's rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import replace

import pytest
from metrics_scene import BOX, CONFIG, DEAF, PUMP, scene_of
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from prometheus_rules import PROMTOOL, needs_promtool

from monitor.config import parse_config
from monitor.health import HealthBook
from monitor.metrics.collector import METRICS, SceneCollector
from monitor.metrics.docs import ROOT, metrics_markdown
from monitor.metrics.scene import Painter, Scene
from monitor.roster import Roster

Series = dict[tuple[str, ...], float]


def page(scene: Scene | None) -> str:
    registry = CollectorRegistry()
    registry.register(SceneCollector(lambda: scene))
    return generate_latest(registry).decode()


def series(text: str) -> Series:
    """Every sample by its name, its source, and the values of its other labels by their names."""

    def each() -> Iterator[tuple[tuple[str, ...], float]]:
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                labels = sorted(sample.labels.items(), key=lambda label: (label[0] != "source", label[0]))
                yield (sample.name, *(value for _, value in labels)), sample.value

    return dict(each())


def test_what_the_report_says_of_a_source_is_on_the_page() -> None:
    found = series(page(scene_of(PUMP, DEAF)))
    pump = {key[0]: value for key, value in found.items() if key[1:] == ("pump-1",)}
    expected = {
        "wheeltapper_samples_received_total": 48_000,
        "wheeltapper_samples_lost_total": 480,
        "wheeltapper_capture_overflows_total": 1,
        "wheeltapper_capture_restarts_total": 2,
        "wheeltapper_windows_total": 90,
        "wheeltapper_windows_dropped_total": 6,
        "wheeltapper_keeps_up": 0,
        "wheeltapper_windows_dropped_share": 0.1,
        "wheeltapper_ledger_balanced": 1,
        "wheeltapper_level_dbfs": -31.5,
        "wheeltapper_score": 1.25,
        "wheeltapper_score_expected_false_alarms_per_day": 0.02,
        "wheeltapper_alarm_limit": 1.1,
        "wheeltapper_alarm_warning_limit": 0.7,
        "wheeltapper_alarm_uncertain": 0,
    }
    assert expected == {name: pump[name] for name in expected}
    assert 80 == found["wheeltapper_ledger_samples", "pump-1", "windowed"]
    assert 1 == found["wheeltapper_alarm_uncertain", 'fan "2"']


def test_what_the_report_says_of_the_daemon_is_on_the_page() -> None:
    found = series(page(scene_of(PUMP)))
    expected = {
        ("wheeltapper_build_info", "1.2.3"): 1,
        ("wheeltapper_report_time_seconds",): 1_700_000_100.0,
        ("wheeltapper_outbox_records", "json"): 11,
        ("wheeltapper_outbox_records", "sparkplug"): 4,
        ("wheeltapper_queue_depth", "windows"): 3,
        ("wheeltapper_queue_limit", "windows"): 256,
        ("wheeltapper_losses_total", "commands_turned_away"): 9,
        ("wheeltapper_thread_restarts_total",): 2,
        ("wheeltapper_store_failing",): 1,
        ("wheeltapper_clips_failing",): 0,
        ("wheeltapper_kept_bytes",): 5_000,
        ("wheeltapper_kept_limit_bytes",): 10_000_000_000,
        ("wheeltapper_disk_free_bytes",): 70_000,
        ("wheeltapper_disk_floor_bytes",): 200_000_000,
        ("wheeltapper_watchdog_seconds",): 30,
        ("wheeltapper_temperature_celsius", "cpu-thermal"): 51.5,
        ("wheeltapper_gpu_busy_ratio", "gpu.0"): 0.25,
        ("wheeltapper_engine_windows_total", "onnxruntime 1.17 cpu fp32", "mae-1"): 96,
        ("wheeltapper_engine_fell_back", "onnxruntime 1.17 cpu fp32", "mae-1"): 1,
    }
    assert expected == {key: found[key] for key in expected}


def test_exactly_one_state_of_each_kind_is_1() -> None:
    found = series(page(scene_of(PUMP, DEAF)))
    ones = {key for key, value in found.items() if "_state" in key[0] and value == 1}
    assert {
        ("wheeltapper_broker_state", "away"),
        ("wheeltapper_sparkplug_state", "waiting"),
        ("wheeltapper_capture_state", "pump-1", "healthy"),
        ("wheeltapper_capture_state", 'fan "2"', "failed"),
        ("wheeltapper_alarm_state", "pump-1", "unacknowledged"),
        ("wheeltapper_alarm_state", 'fan "2"', "normal"),
        ("wheeltapper_drift_state", "pump-1", "drifting"),
        ("wheeltapper_candidate_state", "pump-1", "judging"),
    } == ones


def test_a_limit_is_proposed_or_was_declined_or_neither() -> None:
    declined = replace(PUMP.drift, proposal=None, declined_by="anna", declined_why="worn")  # type: ignore[type-var]
    stable = replace(PUMP.drift, proposal=None)  # type: ignore[type-var]
    told = [
        tuple(found[f"wheeltapper_drift_{what}", "pump-1"] for what in ("proposed", "declined"))
        for drift in (PUMP.drift, declined, stable)
        for found in [series(page(scene_of(replace(PUMP, drift=drift))))]
    ]
    assert [(1, 0), (0, 1), (0, 0)] == told


def test_a_histogram_counts_upwards_and_an_hour_has_its_quantiles() -> None:
    found = series(page(scene_of(PUMP)))
    lag = [value for key, value in found.items() if key[:2] == ("wheeltapper_lag_seconds_bucket", "pump-1")]
    assert [1, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 4] == lag
    assert (4, 99.3024) == (
        found["wheeltapper_lag_seconds_count", "pump-1"],
        found["wheeltapper_lag_seconds_sum", "pump-1"],
    )
    hour = {key[2]: value for key, value in found.items() if key[0] == "wheeltapper_score_last_hour"}
    assert {"0.5": 0.5, "0.9": 0.9, "0.99": 1.0, "1": 1.0} == hour


def test_what_is_not_known_is_absent_and_never_0() -> None:
    unknown = replace(BOX, outbox_by_reader=None, kept_bytes=None, free_bytes=None, watchdog_s=None)
    found = series(page(scene_of(DEAF, box=unknown)))
    absent = {
        "wheeltapper_outbox_records",
        "wheeltapper_kept_bytes",
        "wheeltapper_disk_free_bytes",
        "wheeltapper_watchdog_seconds",
        "wheeltapper_score",
        "wheeltapper_score_expected_false_alarms_per_day",
        "wheeltapper_level_dbfs",
        "wheeltapper_input_quality",
        "wheeltapper_alarm_limit",
        "wheeltapper_ledger_samples",
        "wheeltapper_ledger_balanced",
    }
    assert absent <= {metric.name for metric in METRICS}
    assert set() == absent & {key[0] for key in found}


def test_before_the_first_report_the_page_is_empty() -> None:
    assert "" == page(None)


def test_every_metric_has_a_value_when_everything_is_known() -> None:
    found = {family.name for family in text_string_to_metric_families(page(scene_of(PUMP)))}
    assert {metric.name.removesuffix("_total") for metric in METRICS} == found


def test_openmetrics_is_understood_too() -> None:
    registry = CollectorRegistry()
    registry.register(SceneCollector(lambda: scene_of(PUMP, DEAF)))
    text = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]
    families = {family.name: family for family in parse_openmetrics(text)}  # type: ignore[no-untyped-call]
    assert "counter" == families["wheeltapper_windows_dropped"].type


@needs_promtool
def test_promtool_has_nothing_to_say_against_names_and_help_texts() -> None:
    command = [str(PROMTOOL), "check", "metrics"]
    text = page(scene_of(PUMP, DEAF))
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=30)
    assert (0, "") == (done.returncode, done.stdout + done.stderr)


def test_the_names_are_ours_and_there_is_one_of_each() -> None:
    names = [metric.name for metric in METRICS]
    assert len(set(names)) == len(names)
    assert all(name.startswith("wheeltapper_") for name in names)
    assert [] == [m.name for m in METRICS if (m.kind == "counter") != m.name.endswith("_total")]


def test_the_document_is_current() -> None:
    kept = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert metrics_markdown() == kept, "run `make docs`"


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_meaning_is_one_sentence_that_a_table_can_hold(metric: object) -> None:
    meaning = getattr(metric, "meaning", "")
    assert meaning.endswith(".")
    assert "|" not in meaning
    assert "\n" not in meaning


def test_a_configuration_that_is_read_again_is_told_with_the_next_scene() -> None:
    report = scene_of(PUMP).report
    painter = Painter(parse_config(CONFIG, name="a"), Roster([]), HealthBook([PUMP]), lambda: report)
    before = painter.scene()
    painter.prepare(parse_config(f"{CONFIG}\nstore: {{max_bytes: 7000000}}", name="b")).apply()
    after = painter.scene()
    assert before is not None
    assert after is not None
    assert 7_000_000 == after.identity.max_kept_bytes
    assert before.identity.config_digest != after.identity.config_digest
