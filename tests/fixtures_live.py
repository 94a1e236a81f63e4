"""The real daemon in this process, whose configuration a test writes anew and has it read again."""

from __future__ import annotations

import json
import queue
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from fixtures_mosquitto import eventually

from engines.bundle import open_bundle
from monitor.calibration import fit_calibration, save_calibration
from monitor.config import load_config
from monitor.control.protocol import socket_path
from monitor.daemon import Daemon
from monitor.health import SourceFacts
from monitor.machine import Machine
from monitor.messages import AlarmChange, Score
from monitor.notify import Notifier
from monitor.testing import CapturedLog

DEMO = Path(__file__).resolve().parents[1] / "engines" / "demo"


def simulated(source_id: str, **keys: object) -> dict[str, object]:
    """A source of 16 kHz that sounds at once."""
    return {"id": source_id, "kind": "simulated", "sample_rate_hz": 16_000, **keys}


class LiveDaemon:
    """A daemon that listens; `reload` gives it another configuration."""

    def __init__(self, folder: Path, *sources: Mapping[str, object], **sections: object) -> None:
        self.folder, self._sections = folder, dict(sections)
        self.path = folder / "config.yaml"
        self.write(*sources)
        self.log = CapturedLog()
        self.daemon = Daemon(
            load_config(self.path),
            log=self.log,
            notifier=Notifier({}),
            reread=lambda: load_config(self.path),
        )
        self.scores: list[Score] = []
        self.changes: list[AlarmChange] = []
        self._listen_in()
        self._stop, self.hangup = threading.Event(), threading.Event()
        self.exit_code: int | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        self._commands = 0

    def _listen_in(self) -> None:
        announcer = self.daemon._announcer
        offer, tell = announcer.offer_score, announcer.tell_alarm

        def offer_score(score: Score) -> None:
            self.scores.append(score)
            offer(score)

        def tell_alarm(machine: Machine, change: AlarmChange) -> None:
            self.changes.append(change)
            tell(machine, change)

        announcer.offer_score = offer_score  # type: ignore[method-assign]
        announcer.tell_alarm = tell_alarm  # type: ignore[method-assign]

    def _run(self) -> None:
        self.exit_code = self.daemon.run(self._stop, self.hangup)

    def write(self, *sources: Mapping[str, object], **sections: object) -> None:
        """Write the configuration; `sections` stay for later ones."""
        self._sections.update(sections)
        tree = {
            "state_dir": str(self.folder / "state"),
            "mqtt": {"enabled": False},
            "replay": {"enabled": False},
            "engine": {"backend": "onnxruntime"},
            **self._sections,
            "sources": list(sources),
        }
        self.path.write_text(yaml.safe_dump(tree), encoding="utf-8")

    def reload(self, *sources: Mapping[str, object], **sections: object) -> Mapping[str, Any]:
        """Write the configuration, have it read again, and return the reply when it is there."""
        self.write(*sources, **sections)
        self._commands += 1
        command = {"id": f"live-{self._commands}", "action": "reload", "actor": "anna"}
        replies: queue.Queue[Mapping[str, Any]] = queue.Queue()
        assert self.daemon._desk.hand_in(None, json.dumps(command).encode(), answered=replies.put)
        return replies.get(timeout=120.0)

    def facts(self) -> dict[str, SourceFacts]:
        """What is known of each source, in order."""
        return {fact.capture.source_id: fact for fact in self.daemon._book.sources()}

    def wait(self, claim: Callable[[], object], what: str = "it") -> None:
        """Wait until `claim` is true."""
        eventually(claim, 30.0, what)

    def hear(self, source_id: str, windows: int) -> None:
        """Wait until so many further windows of a source have a score."""
        before = self.count(source_id)
        self.wait(lambda: self.count(source_id) >= before + windows, f"windows of {source_id}")

    def count(self, source_id: str) -> int:
        return sum(score.span.source_id == source_id for score in self.scores)

    def of(self, source_id: str) -> list[Score]:
        """The scores of a source, in order."""
        return [score for score in self.scores if score.span.source_id == source_id]

    def stop(self) -> int | None:
        """End it as SIGTERM does."""
        self._stop.set()
        self._thread.join(120.0)
        assert not self._thread.is_alive()
        return self.exit_code


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Callable[..., LiveDaemon]]:
    """A function that starts a daemon; all are ended with the test."""
    daemons: list[LiveDaemon] = []

    def start(*sources: Mapping[str, object], **sections: object) -> LiveDaemon:
        folder = tmp_path / f"live{len(daemons)}"
        folder.mkdir(exist_ok=True)  # a test may have put something there for it
        daemons.append(LiveDaemon(folder, *sources, **sections))
        if load_config(daemons[-1].path).replay.enabled:  # who comes before is told that nobody can be asked
            eventually(socket_path(folder / "state").exists, what="the daemon's socket")
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.stop()


def calibrate(bundle: Path, path: Path, *, hop_s: float) -> None:
    """Make a calibration for a bundle, of scores that it never had."""
    scores = np.random.default_rng(0).exponential(size=5_000)
    calibration = fit_calibration(
        scores, hop_s=hop_s, bundle_id=open_bundle(bundle).bundle_id, fitted_utc_s=time.time(), source="test"
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    save_calibration(calibration, path)


def copy_bundle(source: Path, target: Path) -> Path:
    """Put the files of a bundle where another's may lie."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
