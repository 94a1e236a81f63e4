"""A configuration is checked whole, and every message names the key, the value and the remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import load_config, parse_config
from monitor.config.docs import config_markdown, config_yaml
from monitor.demo import TEXTS, demo_config
from monitor.errors import ConfigError

ROOT = Path(__file__).resolve().parents[1]
SOURCES = "sources: [{id: p1, kind: simulated}]\n"


def problem(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, name="c.yaml")
    return str(caught.value)


def test_a_source_is_all_that_is_needed() -> None:
    config = parse_config(SOURCES, name="c.yaml")
    assert "wheeltapper/plant/box1" == config.topic_prefix
    assert config.alarm == config.alarm_for(config.sources[0])


def test_a_source_may_have_its_own_alarm() -> None:
    text = "sources: [{id: p1, kind: simulated, alarm: {deadband: 0.2}}]\nalarm: {deadband: 0.3}"
    config = parse_config(text, name="c.yaml")
    assert 0.2 == config.alarm_for(config.sources[0]).deadband


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (SOURCES + "volume: 11", ["c.yaml", "volume", "unknown key"]),
        (SOURCES + "alarm: {deadband: 2}", ["alarm.deadband 2", "less than 1"]),
        (SOURCES + "alarm: {deadband: 0.8}", ["deadband 0.8 must be below warning_value 0.7"]),
        (SOURCES + "window: {hop_frames: 0}", ["window.hop_frames 0", "must be 1 or more"]),
        (SOURCES + "mqtt: {prefix: 'a/#'}", ["mqtt.prefix 'a/#'"]),
        (SOURCES + "mqtt: {username: me}", ["username needs password_file"]),
        (SOURCES + "mqtt: {version: 5}", ["needs a real broker in host", "3.1.1 only"]),
        (SOURCES + "mqtt: {tls: true, cert_file: c.pem}", ["cert_file and key_file belong together"]),
        ("sources: [{id: 'a/b', kind: simulated}]", ["sources (entry 1).id 'a/b'"]),
        ("sources: [{id: a, kind: simulated}, {id: A, kind: simulated}]", ["id 'A' stands twice"]),
        ("sources: [{id: a, kind: theremin}]", ["theremin", "microphone", "simulated"]),
        ("sources: [{id: a, kind: stream, url: 'file:///etc/passwd'}]", ["sources.a.url"]),
        (SOURCES + "alarm: {deadband: 0.2}\nalarm: {off_delay_s: 1}", ["key 'alarm' stands twice"]),
        (SOURCES + "alarm: {deadband: 0.2, deadband: 0.3}", ["key 'deadband' stands twice"]),
        (
            SOURCES + "explanation: {language: tlh}",
            ["explanation.language 'tlh'", "no catalogue; there are de, en in", "choose one of them or add"],
        ),
        (
            "sources: []",
            ["  sources: names nothing to listen to; name one source at least, as in config.yaml"],
        ),
        ("site: x", ["  sources: names nothing to listen to; name one source"]),
        ("sources: pump", ["  sources 'pump': must be a list"]),
        (
            "sources: [{id: a, kind: simulated, repeat_evry_s: 3}]",
            ["  sources.a.repeat_evry_s: unknown key; 'repeat_every_s' may be meant"],
        ),
        (
            "sources: [{id: b, kind: simulated, faults: [{start_s: 1}, {start: 1}]}]",
            [
                "  sources.b.faults (entry 1).duration_s: must be given",
                "  sources.b.faults (entry 2).start: unknown key; 'start_s' may be meant",
            ],
        ),
        ("sources: [{id: a, kind: simulated}, {id: a, kind: simulated, x: 1}]", ["  sources (entry 2).x: "]),
        (SOURCES + "lern: {}", ["  lern: unknown key; 'learn' may be meant"]),
        (SOURCES + "mqtt: {epochs: 3}", ["  mqtt.epochs: unknown key; remove it or look its name up"]),
        ("sources:\n\t- id: a", ["is not YAML: line 2, column 1: ", "indent with spaces"]),
        ("a: [", ["is not YAML"]),
        ("just words", ["must hold keys and values"]),
        (SOURCES + "alarm: {on_delay_s: .nan}", ["alarm.on_delay_s"]),
    ],
)
def test_what_is_wrong_is_named(text: str, sentences: list[str]) -> None:
    message = problem(text)
    for sentence in sentences:
        assert sentence in message


def test_a_password_in_an_address_is_not_repeated() -> None:
    message = problem("sources: [{id: a, kind: stream, url: 'rtps://me:hunter@camera/audio'}]")
    assert "'rtps://***@camera/audio'" in message
    for url in ("rtp//u:hunter2@h/x", "rtps://u:hun/ter2@h", "rtps://h/?t=hunter2", "rtps://u:hun ter2@h"):
        message = problem(f"sources: [{{id: a, kind: stream, url: {url!r}}}]")
        assert "sources.a.url" in message
        assert "hun" not in message
        assert "ter2" not in message


def test_what_is_not_yaml_is_placed_and_not_repeated() -> None:
    message = problem("site: x\nsources: [{id: a, url: rtsp://u:hun'ter2@h, kind: stream]")
    assert "c.yaml: is not YAML: line 2, column " in message
    assert "ter2" not in message


@pytest.mark.parametrize("key", ["clip_band_hz", "clip_stop_hz"])
@pytest.mark.parametrize("band", ["[4000, 100]", "[-1, 100]", "[100, 119]"])
def test_a_band_that_is_none_is_refused_with_an_example(key: str, band: str) -> None:
    assert f"store.{key} {band}" in problem(f"{SOURCES}\nstore: {{{key}: {band}}}")


def test_a_source_may_be_stricter_than_the_rest_or_less() -> None:
    text = (
        "sources: [{id: a, kind: simulated, speech: blur}, {id: b, kind: simulated}]\nstore: {audio: never}"
    )
    config = parse_config(text, name="c.yaml")
    rules = [config.store.for_source(source.audio, source.speech) for source in config.sources]
    assert [("never", "blur"), ("never", "keep")] == [(one.audio, one.speech) for one in rules]
    assert config.looks_for_speech


@pytest.mark.parametrize(
    ("mqtt", "refused"),
    [
        ("{map_shape: [128, 64]}", True),
        ("{map_shape: [32, 17]}", True),
        ("{map_shape: [128, 64], map_windows: none}", False),
        ("{map_shape: [128, 64], enabled: false}", False),
        ("{map_shape: [128, 64], enabled: false}\nsparkplug: {enabled: true, servers: ['b:1883']}", True),
        ("{}", False),
    ],
)
def test_maps_that_could_show_speech_are_not_published_where_speech_is_taken_out(
    mqtt: str, *, refused: bool
) -> None:
    text = f"{SOURCES}\nstore: {{speech: blur}}\nmqtt: {mqtt}"
    if refused:
        assert "mqtt.map_shape" in problem(text)
        text = text.replace("blur", "keep")
    parse_config(text, name="c.yaml")


def test_all_problems_are_told_at_once() -> None:
    message = problem("sources: [{id: a, kind: simulated, x: 1}]\nalarm: {deadband: 2}\nvolume: 1")
    assert 3 == len(message.splitlines()) - 1


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read"):
        load_config(tmp_path / "none.yaml")


def test_the_files_made_from_the_models_are_current() -> None:
    assert config_yaml() == (ROOT / "config.yaml").read_text(encoding="utf-8")
    assert config_markdown() == (ROOT / "docs" / "config.md").read_text(encoding="utf-8")


def test_config_yaml_says_the_defaults() -> None:
    written = load_config(ROOT / "config.yaml")
    default = parse_config(SOURCES, name="c.yaml")
    for section in ("alarm", "engine", "explanation", "input_quality", "log", "mqtt", "store", "window"):
        assert getattr(default, section) == getattr(written, section)


@pytest.mark.parametrize("kind", sorted(TEXTS))
def test_the_embedded_defaults_are_valid(kind: str) -> None:
    assert demo_config(kind).sources
