"""Passwords are in the file that holds them, at the broker or the camera, and nowhere else."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, free_port

from monitor.__main__ import main

PASSWORD = "s3cret-of-the-plant"  # noqa: S105 - the test's own
CAMERA_PASSWORD = "s3cret-of-the-camera"  # noqa: S105 - the test's own


@pytest.mark.slow
@pytest.mark.broker
def test_passwords_are_in_no_log_payload_status_or_argument(
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
        sources=[
            {"id": "pump-1", "kind": "simulated"},
            {
                "id": "camera",
                "kind": "stream",
                "url": f"rtsp://box:{CAMERA_PASSWORD}@127.0.0.1:{free_port()}"
                f"/user=box_password={CAMERA_PASSWORD}_channel=1?token={CAMERA_PASSWORD}",
            },
        ],
        sparkplug={"enabled": True},
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
    recorder = make_recorder(broker.port, "#", login=("box", PASSWORD))
    daemon.start()
    topics = ["pump-1/score", "camera/health", "DDATA/box1/pump-1", "NBIRTH/box1"]
    eventually(
        lambda: all(any(heard.topic.endswith(one) for heard in recorder.heard) for one in topics), 30.0
    )
    assert daemon.process is not None
    me, argv = psutil.Process(daemon.process.pid), []

    def camera_seen() -> bool:
        """Its child process ends as soon as nobody answers, and comes again after a pause."""
        for process in me.children(recursive=True):
            with contextlib.suppress(psutil.NoSuchProcess):
                argv.append(" ".join(process.cmdline()))
        return any("ffmpeg" in words for words in argv)

    eventually(camera_seen, 30.0, "a child process of the camera")
    proc = Path("/proc") / str(daemon.process.pid)
    argv += [(proc / "cmdline").read_text(), (proc / "environ").read_text(errors="replace")]
    assert 0 == daemon.stop()
    main(["check", "--config", str(daemon.config_path), "--no-devices", "--mqtt"])
    main(["status", "--state-dir", str(daemon.state_dir)])
    printed = capsys.readouterr()
    said = [printed.out, printed.err, daemon.log(), str(recorder.heard), *argv]
    said += [path.read_text(errors="replace") for path in daemon.state_dir.rglob("*") if path.is_file()]
    assert len(said) > 10
    assert any("camera" in text for text in said)
    assert [] == [text for text in said if PASSWORD[:-1] in text or CAMERA_PASSWORD in text]
    assert PASSWORD[:-1] not in daemon.config_path.read_text()
