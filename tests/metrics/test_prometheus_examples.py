"""The alert rules and the dashboard ask for metrics that there are, in words that Prometheus understands."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_rules import PROMTOOL, ROOT, metric_names, needs_promtool

from monitor.metrics.collector import METRICS
from monitor.metrics.docs import metrics_markdown
from monitor.metrics.of_box import BROKER_STATES, SPARKPLUG_STATES
from monitor.metrics.of_sources import ALARM_STATES, CAPTURE_STATES, QUALITIES, SHARES

EXAMPLES = ROOT / "docs" / "examples"
RULES = EXAMPLES / "prometheus-rules.yml"
DASHBOARD = EXAMPLES / "grafana-prometheus.json"
STATES = {
    "wheeltapper_broker_state": BROKER_STATES,
    "wheeltapper_sparkplug_state": SPARKPLUG_STATES,
    "wheeltapper_capture_state": CAPTURE_STATES,
    "wheeltapper_alarm_state": ALARM_STATES,
    "wheeltapper_input_quality": QUALITIES,
    "wheeltapper_score_last_hour": tuple(f"{share:g}" for share in SHARES),
}
CHOICE = re.compile(r'(wheeltapper_\w+)\{[^}]*?\b(?:state|quality|quantile)(?:=~?|!=)"([^"]*)"')


def known_names() -> set[str]:
    names = set(re.findall(r"process_\w+", metrics_markdown()))
    for metric in METRICS:
        suffixes = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",)
        names |= {metric.name + suffix for suffix in suffixes}
    return names


def rules() -> list[dict[str, Any]]:
    tree = yaml.safe_load(RULES.read_text(encoding="utf-8"))
    return [rule for group in tree["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    return list(json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"])


def dashboard_expressions() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", [])]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in rules())
    yield from dashboard_expressions()


def promtool(*words: str, cwd: Path) -> None:
    done = subprocess.run(
        [str(PROMTOOL), *words], capture_output=True, text=True, cwd=cwd, check=False, timeout=60
    )
    assert 0 == done.returncode, done.stdout + done.stderr


def test_every_metric_that_is_asked_for_exists() -> None:
    asked = {expression: metric_names(expression) for expression in expressions()}
    assert len(asked) > 40
    assert all(asked.values()), "each expression asks for a metric of ours"
    assert set() == set().union(*asked.values()) - known_names()


def test_every_state_that_is_asked_for_can_be() -> None:
    found = [choice for expression in expressions() for choice in CHOICE.findall(expression)]
    assert len(found) > 8
    assert [] == [(name, words) for name, words in found if not set(words.split("|")) <= set(STATES[name])]


def test_every_rule_says_what_is_the_matter_and_what_to_do() -> None:
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert {"summary", "remedy"} == set(rule["annotations"]), rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
        assert re.fullmatch(r"\d+[mh]", rule["for"])


def test_the_panels_lie_side_by_side_and_have_one_data_source() -> None:
    places = [panel["gridPos"] for panel in panels()]
    cells = [
        (x, y)
        for place in places
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells), "two panels overlap"
    assert all(x < 24 for x, _ in cells)
    assert len({panel["id"] for panel in panels()}) == len(places)
    used = {panel["datasource"]["uid"] for panel in panels() if "targets" in panel}
    assert {"${DS_PROMETHEUS}"} == used


@needs_promtool
def test_promtool_takes_the_rules_and_raises_the_right_alerts(tmp_path: Path) -> None:
    for path in (RULES, Path(__file__).with_name("rules_test.yml")):
        shutil.copy(path, tmp_path)
    promtool("check", "rules", RULES.name, cwd=tmp_path)
    promtool("test", "rules", "rules_test.yml", cwd=tmp_path)


@needs_promtool
def test_promtool_takes_what_the_dashboard_asks(tmp_path: Path) -> None:
    asked = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(dashboard_expressions())
    ]
    tree = {"groups": [{"name": "dashboard", "rules": asked}]}
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump(tree))
    promtool("check", "rules", "dashboard.yml", cwd=tmp_path)


@pytest.mark.parametrize(
    ("expression", "names"),
    [
        ('rate(wheeltapper_a_total{source="wheeltapper_b"}[5m])', {"wheeltapper_a_total"}),
        ("process_x > on (job) (2 * wheeltapper_y)", {"process_x", "wheeltapper_y"}),
        ("up == 0", set()),
    ],
)
def test_names_are_read_out_of_expressions(expression: str, names: set[str]) -> None:
    assert names == metric_names(expression)
