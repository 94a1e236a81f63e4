"""The real daemon in a process of its own, with a configuration and a state directory of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from fixtures_mosquitto import eventually

ROOT = Path(__file__).resolve().parents[1]


class DaemonProcess:
    """`wheeltapper run` as systemd would start it; may be killed and started again on the same state."""

    def __init__(self, folder: Path, config: Mapping[str, Any]) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.config_path = folder / "config.yaml"
        self.log_path = folder / "daemon.log"
        self.environment: dict[str, str] = {}
        self.root = ROOT
        """The checkout whose daemon it is."""
        self.prefix_command: list[str] = []
        """What to put before the command, `faketime` for example."""
        self._tree: dict[str, object] = {"state_dir": str(self.state_dir), "log": {"format": "json"}}
        self.rewrite(**config)
        self.process: subprocess.Popen[bytes] | None = None

    def rewrite(self, **config: object) -> None:
        """Put other sections into its configuration; the next start reads them."""
        self._tree |= config
        self.config_path.write_text(yaml.safe_dump(self._tree), encoding="utf-8")

    def start(self) -> None:
        """Start it; returns at once."""
        command = [*self.prefix_command, sys.executable, "-m", "monitor", "run"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(self.config_path)],
                stdout=log,
                stderr=log,
                cwd=self.root,
                env={**os.environ, **self.environment},
            )

    def wait_listening(self, timeout_s: float = 90.0) -> None:
        """Wait until its own status says that it has heard something from every source, or knows why not."""

        def heard() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log()
            status = self.status()
            return (
                status is not None
                and status["box"]["pid"] == self.process.pid
                and bool(status["sources"])  # while it opens its models it says that it knows of none yet
                and all(s["capture"]["received_samples"] or s["capture"]["reason"] for s in status["sources"])
                and all(s["capture"]["reason"] != "starting" for s in status["sources"])
            )

        eventually(heard, timeout_s, "listening")

    def wait_end(self, timeout_s: float) -> int:
        """Wait until it ends by itself; return its exit code."""
        assert self.process is not None
        return self.process.wait(timeout_s)

    def stop(self, timeout_s: float = 30.0) -> int:
        """Ask it to end, as systemd does; return its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout_s)

    def kill(self) -> None:
        """End it as a power cut would."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)

    def status(self) -> dict[str, Any] | None:
        """Return its status.json; None while there is none."""
        try:
            tree = json.loads((self.state_dir / "status.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        assert isinstance(tree, dict)
        return tree

    def source(self, source_id: str) -> dict[str, Any]:
        """Return what status.json says of one source."""
        status = self.status()
        assert status is not None
        found = next(s for s in status["sources"] if s["capture"]["source_id"] == source_id)
        assert isinstance(found, dict)
        return found

    def log(self) -> str:
        """Return all that it logged."""
        return self.log_path.read_text(encoding="utf-8") if self.log_path.exists() else ""

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return its log entries with one event name."""
        entries = [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]
        return [entry for entry in entries if entry.get("event") == name]


@pytest.fixture
def make_daemon(tmp_path: Path) -> Iterator[Callable[..., DaemonProcess]]:
    """A function that prepares a daemon from sections of its configuration; all are ended with the test."""
    daemons: list[DaemonProcess] = []

    def make(**config: object) -> DaemonProcess:
        folder = tmp_path / f"daemon{len(daemons)}"
        folder.mkdir()
        daemons.append(DaemonProcess(folder, config))
        return daemons[-1]

    yield make
    for daemon in daemons:
        if daemon.process is not None and daemon.process.poll() is None:
            daemon.kill()
