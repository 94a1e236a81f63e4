"""No secret leaves the box, wherever it has got to; no person either."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.config import Config, parse_config
from monitor.redaction import HIDDEN, Redactor, redacted_config, redactor_of


@pytest.fixture
def config(tmp_path: Path) -> Config:
    password = tmp_path / "mqtt-password"
    password.write_text('br0ker"secret\n')
    text = f"""
    sources:
      - {{id: fan, kind: stream, url: "rtsp://viewer:c%40mera-pw@10.0.0.7:554/audio?token=t0ken&x=1"}}
      - {{id: pump, kind: simulated}}
    mqtt: {{username: plantuser, password_file: {password}, host: broker.plant}}
    """
    return parse_config(text, name="test")


def test_the_configuration_keeps_its_keys_and_loses_its_secrets(config: Config) -> None:
    tree = redacted_config(config)
    assert f"rtsp://{HIDDEN}@10.0.0.7:554/audio?{HIDDEN}" == tree["sources"][0]["url"]
    assert (HIDDEN, "broker.plant") == (tree["mqtt"]["username"], tree["mqtt"]["host"])
    assert str(config.mqtt.password_file) == tree["mqtt"]["password_file"], "where it lies is no secret"
    assert {"sources", "mqtt", "store", "engine"} <= set(tree)


def test_known_secrets_are_found_as_they_stand_wherever_they_are(config: Config) -> None:
    redactor = redactor_of(config)
    words = 'refused br0ker"secret {"said": "br0ker\\"secret"} c%40mera-pw c@mera-pw and t0ken'
    assert f'refused {HIDDEN} {{"said": "{HIDDEN}"}} {HIDDEN} {HIDDEN} and {HIDDEN}' == redactor.text(words)


@pytest.mark.parametrize(
    ("words", "hidden"),
    [
        ("open rtsp://a:b@c@host/x failed", f"open rtsp://{HIDDEN}@host/x failed"),
        ("http://host/x?key=1 failed", f"http://host/x?{HIDDEN} failed"),
        ("password=hunter2 user", f"password={HIDDEN} user"),
        ("Authorization: Bearer", f"Authorization: {HIDDEN}"),
        ("authorization: Basic YWRtaW46aHVudGVyMg==\nnext", f"authorization: {HIDDEN}\nnext"),
        ('> Authorization: Digest username="a", response="d4"\nnext', f"> Authorization: {HIDDEN}\nnext"),
        ('{"said": "Cookie: session=ab; x=1", "n": 2}', f'{{"said": "Cookie: {HIDDEN}", "n": 2}}'),
        (
            "command done actor=anna.operator note='it\\'s loud' n=2",
            f"command done actor={HIDDEN} note={HIDDEN} n=2",
        ),
        ('note="it\'s loud" who=ben', f"note={HIDDEN} who={HIDDEN}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----\nnext", f"{HIDDEN}\nnext"),
        ("-----BEGIN PRIVATE KEY-----\ncut off", HIDDEN),
        ('{"actor": "anna \\"a\\"", "peak": 2}', f'{{"actor": "{HIDDEN}", "peak": 2}}'),
        ('{"username":"anna"}', f'{{"username":"{HIDDEN}"}}'),
        ("rtsp://h:554/user=a_password=b_channel=1 x", f"rtsp://h:554/{HIDDEN} x"),
        ("store.max_bytes 5 at /var/lib/wheeltapper?", "store.max_bytes 5 at /var/lib/wheeltapper?"),
        ("mqtt.password_file /run/x is empty", "mqtt.password_file /run/x is empty"),
    ],
)
def test_what_looks_like_a_secret_goes_and_the_rest_stays(words: str, hidden: str) -> None:
    assert hidden == Redactor().text(words)


def test_people_are_taken_out_of_documents() -> None:
    tree = {"limits": {"set_by": "anna", "limit": 2}, "notes": ["x"], "actor": None, "who": "ben"}
    expected = {"limits": {"set_by": HIDDEN, "limit": 2}, "notes": ["x"], "actor": None, "who": HIDDEN}
    assert expected == Redactor().tree(tree)


def test_a_secret_as_short_as_a_word_is_not_looked_for() -> None:
    assert "a pump" == Redactor(["a", "", "pum"]).text("a pump")
