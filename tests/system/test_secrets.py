"""A password is in its file, at the broker, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually

from monitor.__main__ import main

PASSWORD = "s3cret-of-the-plant"  # noqa: S105 - the test's own


@pytest.mark.broker
def test_the_password_is_in_no_log_payload_status_or_argument(
    make_daemon: Callable[..., DaemonProcess],
    make_mosquitto: Callable[..., Mosquitto],
    make_recorder: Callable[..., Recorder],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Through a whole life: refused at first, let in, sending, asked to check itself, stopped."""
    broker = make_mosquitto(login=("box", PASSWORD))
    credentials = tmp_path / "credentials"
    credentials.mkdir()
    (credentials / "mqtt-password").write_text(PASSWORD[:-1])
    daemon = make_daemon(
        sources=[{"id": "pump-1", "kind": "simulated"}],
        mqtt={
            "host": "127.0.0.1",
            "port": broker.port,
            "username": "box",
            "password_file": "credential:mqtt-password",
        },
        log={"level": "debug", "format": "json"},
    )
    daemon.environment["CREDENTIALS_DIRECTORY"] = str(credentials)
    daemon.start()
    eventually(lambda: daemon.events("mqtt not connected"), 30.0, "a refusal")
    daemon.kill()
    (credentials / "mqtt-password").write_text(PASSWORD)
    recorder = make_recorder(broker.port, "wheeltapper/#", login=("box", PASSWORD))
    daemon.start()
    eventually(lambda: any(heard.topic.endswith("/score") for heard in recorder.heard), 30.0, "a score")
    assert daemon.process is not None
    proc = Path("/proc") / str(daemon.process.pid)
    argv, environment = (proc / "cmdline").read_bytes(), (proc / "environ").read_bytes()
    assert 0 == daemon.stop()
    main(["check", "--config", str(daemon.config_path), "--no-devices", "--mqtt"])
    main(["status", "--state-dir", str(daemon.state_dir)])
    printed = capsys.readouterr()
    said = [printed.out, printed.err, daemon.log(), daemon.config_path.read_text(), str(recorder.heard)]
    said += [path.read_text(errors="replace") for path in daemon.state_dir.rglob("*") if path.is_file()]
    said += [argv.decode(), environment.decode()]
    assert len(said) > 8
    assert [] == [text for text in said if PASSWORD[:-1] in text]
