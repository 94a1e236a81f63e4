"""`wheeltapper watch` as a user runs it, against a real Mosquitto."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures_mosquitto import Mosquitto, Recorder, free_port, patience

from monitor.commands.watch import Printer, document_from_payload, wants_colours
from monitor.publish.subscriber import Arrival

SCORE = (
    b'{"schema": "score/1", "time": "2026-01-31T12:00:00.000Z", "source": "pump", "value": 1.25, '
    b'"expected_per_day": 0.1, "quality": "ok", "profile": [1, 2, 3, 4]}'
)

EVENT = (
    b'{"schema": "event/1", "time": "2026-01-31T12:00:00.000Z", "source": "pump", "old_state": "normal", '
    b'"new_state": "unacknowledged", "reason": "limit", '
    b'"explanation": {"text": "A tone at 3.1 kHz, 17 dB above normal.", "language": "en", "findings": []}}'
)


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "monitor", "watch", *words]


@contextmanager
def watching(*words: str) -> Iterator[subprocess.Popen[str]]:
    """A running watch; ends with the block."""
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(
        command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            yield process
        finally:
            process.terminate()


def next_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


@pytest.mark.broker
def test_scores_and_retained_states_are_shown_as_lines(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], topic_prefix: str
) -> None:
    sender = make_recorder(mosquitto.port, "nothing/here")
    status = b'{"schema": "status/1", "time": "2026-01-31T12:00:00.000Z", "state": "online"}'
    sender.send(f"{topic_prefix}/status", status, retain=True)
    with watching("--host", "127.0.0.1", "--port", str(mosquitto.port), "--prefix", topic_prefix) as process:
        assert "box online" in next_line(process)
        sender.send(f"{topic_prefix}/pump/score", SCORE)
        line = next_line(process)
        assert "pump              1.25  ██████████│██········    0.1/day  ok" in line
        assert "▂▄▆█" in line
        assert "\x1b" not in line  # a pipe is no terminal
        sender.send(f"{topic_prefix}/pump/event", EVENT)
        assert "ALARM normal -> unacknowledged (limit)" in next_line(process)
        assert "A tone at 3.1 kHz, 17 dB above normal." == next_line(process).strip()
        sender.send(f"{topic_prefix}/pump/score", b"\xff{")
        assert "2 bytes that are no JSON document" in next_line(process)
        sender.send(f"{topic_prefix}/pump/alarm", b"", retain=True)
        assert f"{topic_prefix}/pump/alarm: no longer kept by the broker" == next_line(process).strip()


@pytest.mark.broker
def test_json_has_one_object_a_message_maps_too(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], topic_prefix: str
) -> None:
    sender = make_recorder(mosquitto.port, "nothing/here")
    sender.send(f"{topic_prefix}/status", b"{}", retain=True)
    words = ("--host", "127.0.0.1", "--port", str(mosquitto.port), "--prefix", topic_prefix, "--json")
    with watching(*words) as process:
        first = json.loads(next_line(process))
        assert first == {"topic": f"{topic_prefix}/status", "retained": True, "document": {}}
        sender.send(f"{topic_prefix}/pump/map", b'{"shape": [1, 1]}')
        assert json.loads(next_line(process))["document"] == {"shape": [1, 1]}
        sender.send(f"{topic_prefix}/pump/map", b"nonsense")
        assert json.loads(next_line(process))["bytes"] == 8


@pytest.mark.broker
def test_watch_comes_back_after_the_broker_was_away(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], topic_prefix: str
) -> None:
    sender = make_recorder(mosquitto.port, "nothing/here")
    sender.send(f"{topic_prefix}/status", b'{"state": "online"}', retain=True)
    with watching("--host", "127.0.0.1", "--port", str(mosquitto.port), "--prefix", topic_prefix) as process:
        assert "box online" in next_line(process)
        mosquitto.restart()
        assert process.stderr is not None
        assert "connection is lost" in process.stderr.readline()
        late = make_recorder(mosquitto.port, "nothing/here")
        late.send(f"{topic_prefix}/status", b'{"state": "stopped"}', retain=True)
        assert "box stopped" in next_line(process)


@pytest.mark.broker
def test_seconds_end_it_and_the_exit_code_says_whether_anything_came(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], topic_prefix: str
) -> None:
    sender = make_recorder(mosquitto.port, "nothing/here")
    sender.send(f"{topic_prefix}/status", b"{}", retain=True)
    where = ("--host", "127.0.0.1", "--port", str(mosquitto.port))
    words = command(*where, "--prefix", topic_prefix, "--seconds", str(2 * patience()))
    heard = subprocess.run(words, capture_output=True, check=False)
    assert heard.returncode == 0
    words = command(*where, "--prefix", "nobody", "--seconds", "0.3")
    silence = subprocess.run(words, capture_output=True, check=False)
    assert silence.returncode == 1


@pytest.mark.broker
def test_login_and_prefix_come_from_the_configuration(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = make_mosquitto(login=("box", "right-secret"))
    password = tmp_path / "password"
    config = tmp_path / "config.yaml"
    config.write_text(
        f"site: plant9\nsources: [{{id: pump, kind: simulated}}]\n"
        f"mqtt: {{host: 127.0.0.1, port: {broker.port}, username: box, password_file: {password}}}\n"
    )
    words = command("--config", str(config), "--seconds", "0.3")
    password.write_text("wrong-secret\n")
    refused = subprocess.run(words, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "refuses: Not authorized" in refused.stderr
    assert "secret" not in refused.stdout + refused.stderr
    password.write_text("right-secret\n")
    allowed = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (allowed.returncode, allowed.stderr) == (1, "")


@pytest.mark.broker
@pytest.mark.parametrize(("version", "level"), [("3.1.1", "p2"), ("5", "p5")])
def test_watch_speaks_the_version_of_the_configuration(
    mosquitto: Mosquitto, tmp_path: Path, version: str, level: str
) -> None:
    """The broker says in its log which version each client speaks."""
    config = tmp_path / "config.yaml"
    config.write_text(
        "sources: [{id: pump, kind: simulated}]\n"
        f"mqtt: {{host: 127.0.0.1, port: {mosquitto.port}, version: '{version}'}}\n"
    )
    subprocess.run(command("--config", str(config), "--seconds", "0.2"), capture_output=True, check=False)
    told = [line for line in mosquitto.log.splitlines() if "as wheeltapper-watch-" in line]
    assert [f"({level}, c1, k30)"] == [
        line.partition(" as ")[2].partition(" ")[2].rstrip(".") for line in told
    ]


def test_without_a_broker_one_sentence_and_exit_code_2() -> None:
    words = command("--host", "127.0.0.1", "--port", str(free_port()))
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert re_one_line(done.stderr).startswith("wheeltapper watch: no broker at 127.0.0.1:")
    assert done.stderr.rstrip().endswith("[publish]")


def re_one_line(text: str) -> str:
    lines = text.splitlines()
    assert len(lines) == 1, text
    return lines[0]


def test_colours_need_a_terminal_and_no_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert wants_colours()
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colours()
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    assert not wants_colours()


def test_the_page_is_named_once_below_the_first_alarm_that_is_raised(
    capsys: pytest.CaptureFixture[str],
) -> None:
    printer = Printer("plant", as_json=False, colours=False, page="http://127.0.0.1:8080/")
    warning = EVENT.replace(b'"old_state": "normal"', b'"old_state": "unacknowledged"')
    for payload in (SCORE, warning, EVENT, EVENT):
        printer.show(Arrival("plant/pump/score" if payload is SCORE else "plant/pump/event", payload))
    lines = capsys.readouterr().out.splitlines()
    assert [4] == [at for at, line in enumerate(lines) if "http://127.0.0.1:8080/" in line]
    assert "A tone at 3.1 kHz" in lines[3]


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b"[" * 100_000, b"nan"])
def test_what_is_no_document_is_none(payload: bytes) -> None:
    assert document_from_payload(payload) is None
