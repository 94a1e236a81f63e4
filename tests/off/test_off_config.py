"""The section `off` of a source as people write it, and what they are told when it cannot be meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import OffConfig, parse_config
from monitor.errors import ConfigError

HEAD = "sources:\n  - id: pump\n    kind: simulated\n    off:\n      "


def off_of(text: str, more: str = "") -> OffConfig:
    off = parse_config(f"{HEAD}{text}\n{more}", name="c.yaml").sources[0].off
    assert off is not None
    return off


def test_the_key_off_needs_no_quotes_though_yaml_takes_it_for_false() -> None:
    assert 5.0 == off_of("{settle_s: 5, level: {below_dbfs: -60}}").settle_s


@pytest.mark.parametrize(
    ("written", "begin", "end"),
    [
        ("begin: 22:00, end: 6:30", 22 * 60, 30 * 60 + 30),
        ("begin: '22:00', end: '06:30'", 22 * 60, 30 * 60 + 30),
        ("begin: 09:00, end: 17:00", 9 * 60, 17 * 60),
        ("begin: '00:00'", 0, 24 * 60),
    ],
)
def test_a_time_may_stand_with_and_without_quotes(written: str, begin: int, end: int) -> None:
    off = off_of(f"{{schedule: {{time_zone: UTC, times: [{{days: [mon], {written}}}]}}}}")
    assert off.schedule is not None
    (times,) = off.schedule.times
    assert (begin, end) == (times.begin_minute, times.end_minute)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{settle_s: 3}", ["sources.pump.off", "needs one of level, schedule and signal"]),
        (
            "{level: {below_dbfs: -80}}",
            ["sources.pump.off.level.below_dbfs -80", "input_quality.silent_below_dbfs -80"],
        ),
        (
            "{schedule: {time_zone: Europe/Berln, times: [{days: [mon]}]}}",
            ["sources.pump.off.schedule.time_zone 'Europe/Berln'", "timedatectl list-timezones"],
        ),
        (
            "{schedule: {time_zone: UTC, times: [{days: [mon], begin: 25:00}]}}",
            ["sources.pump.off.schedule.times (entry 1).begin", "from 00:00 to 24:00"],
        ),
        (
            "{schedule: {time_zone: UTC, times: [{days: [mon], begin: 6:00, end: 6:00}]}}",
            ["begin and end are both 06:00", "a whole day is"],
        ),
        ("{signal: {kind: mqtt, topic: 'a/#'}}", ["sources.pump.off.signal.topic 'a/#'"]),
        ("{signal: {kind: opcua}}", ["sources.pump.off.signal", "opcua"]),
        ("{signal: {kind: sparkplug}}", ["sources.pump.off.signal.kind", "sparkplug.enabled: true"]),
    ],
)
def test_what_cannot_be_meant_is_named_with_its_remedy(text: str, words: list[str]) -> None:
    with pytest.raises(ConfigError) as caught:
        off_of(text)
    assert [] == [one for one in words if one not in str(caught.value)]


def test_a_topic_needs_the_connection_over_which_it_comes() -> None:
    with pytest.raises(ConfigError, match=r"mqtt\.enabled: true"):
        off_of("{signal: {kind: mqtt, topic: plant/pump}}", "mqtt: {enabled: false}")


def test_the_example_for_operators_is_a_configuration() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
    lines = page.split("## A machine that is off", 1)[1].split("**Level.**", 1)[0]
    example = "\n".join(line[4:] for line in lines.splitlines() if line.startswith("    "))
    off = parse_config(example, name="operations.md").sources[0].off
    assert off is not None
    assert (True, True, True, 20.0) == (
        off.level is not None,
        off.schedule is not None,
        off.signal is not None,
        off.settle_s,
    )
