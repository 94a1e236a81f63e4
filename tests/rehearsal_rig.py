"""One box with a microphone that is commissioned, watched, labelled and improved, as people do it.

Everything happens by commands, MQTT and the page's API; the configuration is written once, before the first.
The rig plays the sound, knows when which fault was in it, and says afterwards what was found.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import Mosquitto, Recorder, eventually, free_port
from flights import RATE_HZ, Played, Session
from lab_microphone import LabMicrophone
from replay_rig import PASSWORD, Browser

SOURCE = "uav"
PREFIX = "rehearsal"
APART = ("record", "replay")
"""Commands that need the microphone in their environment, or standard input."""
DISPUTE = re.compile(r'data-label="(?P<label>dispute-\d+)".*?datetime="(?P<time>[^"]+)"', re.DOTALL)
"""A row of the page that compares: what a label of it names, and when it began."""
BEFORE_S, AFTER_S = 2.5, 3.5
"""An alarm belongs to a fault if it begins within these of it: a window is 2 s long, and sound needs time."""


@dataclass(frozen=True, slots=True)
class Typed:
    """A command that an engineer typed, and what came of it."""

    words: tuple[str, ...]
    """Without `wheeltapper` and --config."""
    code: int
    """Exit code."""
    out: str
    """All that it said, errors last."""
    seconds: float
    """Until it came back."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A session that was played, and the alarms that came of it."""

    session: Session
    """What was played."""
    start_utc_s: float
    """When it began."""
    alarms: tuple[Mapping[str, Any], ...]
    """Events of the page's API that began while it was played, oldest first."""

    def kind_of(self, alarm: Mapping[str, Any]) -> str | None:
        """Return which fault an alarm is of; None: of none, a false one."""
        return self.kind_at(utc_s(alarm["start"]))

    def kind_at(self, start_utc_s: float) -> str | None:
        """Return which fault an alarm that begins then is of; None: of none."""
        at_s = start_utc_s - self.start_utc_s
        return next((fault.kind for fault in self.session.faults if begins_at(fault, at_s)), None)

    def found(self) -> list[Played]:
        """Return the faults of which there is an alarm."""
        starts = [utc_s(alarm["start"]) - self.start_utc_s for alarm in self.alarms]
        return [fault for fault in self.session.faults if any(begins_at(fault, at_s) for at_s in starts)]

    def false(self) -> list[Mapping[str, Any]]:
        """Return the alarms that are of no fault."""
        return [alarm for alarm in self.alarms if self.kind_of(alarm) is None]

    def by_chance(self) -> float:
        """Return how many faults as many alarms at random moments would be of, expected."""
        alarms = len(self.alarms)
        widths = [BEFORE_S + fault.end_s - fault.start_s + AFTER_S for fault in self.session.faults]
        return sum(1.0 - (1.0 - width / self.session.seconds) ** alarms for width in widths)


def begins_at(fault: Played, at_s: float) -> bool:
    """Return whether an alarm that begins at `at_s` can be of this fault."""
    return fault.start_s - BEFORE_S <= at_s <= fault.end_s + AFTER_S


def utc_s(text: str) -> float:
    """Return a time of the API in seconds."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Box:
    """A microphone, a broker, a daemon and a page.

    A folder that has a state of an earlier box is gone on with.
    """

    def __init__(
        self,
        folder: Path,
        sounds: Mapping[str, Session],
        settings: Mapping[str, object],
        *,
        types_here: bool = False,
    ) -> None:
        """`types_here`: commands run in this process where they can, which loads NumPy and torch once."""
        self.sounds = sounds
        self._types_here = types_here
        self.typed: list[Typed] = []
        self._undo = contextlib.ExitStack()
        try:
            self._build(folder, settings)
        except BaseException:
            self._undo.close()
            raise

    def close(self) -> None:
        """End everything."""
        self._undo.close()

    def _build(self, folder: Path, settings: Mapping[str, object]) -> None:
        self.broker = Mosquitto(folder / "broker")
        self.broker.start()
        self._undo.callback(self.broker.kill)
        shutil.rmtree(folder / "pulse", ignore_errors=True)
        (folder / "pulse").mkdir()
        samples = {name: session.sound for name, session in self.sounds.items()}
        self.microphone = LabMicrophone(folder / "pulse", samples, rate_hz=RATE_HZ)
        self._undo.callback(self.microphone.stop)
        self.microphone.play(next(iter(samples)))
        self.microphone.start()
        self.microphone.speak()
        self._page_port = free_port()
        source = {"id": SOURCE, "kind": "microphone", "sample_rate_hz": RATE_HZ, "bundle": "managed"}
        self.daemon = DaemonProcess(
            folder,
            {
                "mqtt": {"host": "127.0.0.1", "port": self.broker.port, "prefix": PREFIX},
                "replay": {"enabled": True, "port": self._page_port},
                "sources": [source],
                **settings,
            },
        )
        self.environment = {**self.microphone.environment, "OMP_NUM_THREADS": "1"}
        self.daemon.environment = self.environment
        self._undo.callback(self._end_daemon)
        self.scada = Recorder(self.broker.port, f"{PREFIX}/#")
        self._undo.callback(self.scada.close)

    def _end_daemon(self) -> None:
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.daemon.kill()

    def type(self, *words: object, told: str = "", ok: int | None = 0, nice: int = 0) -> Typed:
        """Type a command of `wheeltapper`; `told` is its standard input, `nice` how far it stands back.

        Raises:
            AssertionError: Its exit code is not `ok`; None: any will do.
        """
        began_s = time.monotonic()
        config = ("--config", str(self.daemon.config_path))
        line = [str(word) for word in (*words, *config)]
        if self._types_here and words[0] not in APART:
            ran = importlib.import_module("fixtures_verbs").ran(*line)
            code, out = ran.code, ran.out + ran.err
        else:
            code, out = self._ran(line, told, nice)
        typed = Typed(tuple(str(word) for word in words), code, out, time.monotonic() - began_s)
        self.typed.append(typed)
        assert ok is None or typed.code == ok, typed.out
        return typed

    def _ran(self, line: Sequence[str], told: str, nice: int) -> tuple[int, str]:
        done = subprocess.run(
            ["nice", "-n", str(nice), sys.executable, "-m", "monitor", *line],
            input=told, capture_output=True, text=True, check=False, cwd=ROOT,
            env={**os.environ, **self.environment},
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    def listen(self) -> None:
        """Start the daemon and wait until it hears."""
        self.daemon.start()
        self.daemon.wait_listening(60.0)

    def serve(self) -> None:
        """Start the page and wait until it answers."""
        command = [sys.executable, "-m", "monitor", "replay", "--config", str(self.daemon.config_path)]
        with (self.daemon.folder / "page.log").open("ab") as log:
            page = subprocess.Popen(command, stdout=log, stderr=log, cwd=ROOT, env={**os.environ})
        self._undo.callback(page.wait)
        self._undo.callback(page.kill)
        eventually(self._serves, 60.0, "the page")

    def _serves(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self._page_port)) == 0

    def technician(self, name: str) -> Browser:
        """Let somebody into the page as a technician, and log in."""
        self.type("replay", "user", "add", name, "--role", "technician", "--password-stdin", told=PASSWORD)
        browser = Browser(f"http://127.0.0.1:{self._page_port}")
        self._undo.callback(browser.close)
        assert browser.login(name).status_code in {200, 303}
        return browser

    def hear(self, name: str, viewer: Browser, *, settle_s: float = 3.0) -> Heard:
        """Play a session from its beginning to its end, and return what came of it.

        After it the first sound of all is played.
        """
        session = self.sounds[name]
        self.microphone.play(name)
        start_utc_s = time.time()
        time.sleep(session.seconds)
        self.microphone.play(next(iter(self.sounds)))
        time.sleep(settle_s)
        return Heard(session, start_utc_s, tuple(self._alarms(viewer, start_utc_s, session.seconds)))

    def _alarms(self, viewer: Browser, start_utc_s: float, seconds: float) -> Sequence[Mapping[str, Any]]:
        told = viewer.get(f"/api/v1/events?source={SOURCE}&order=newest&limit=200")
        assert told.status_code == 200, told.text
        events = told.json()["events"]
        return [one for one in reversed(events) if 0 <= utc_s(one["start"]) - start_utc_s <= seconds]

    def judging(self) -> str:
        """Return the bundle that gave the newest score, as the plant hears it."""
        return str(self.scada.on(f"{PREFIX}/{SOURCE}/score")[-1].document["bundle"])

    def wait_judging(self, bundle_id: str, timeout_s: float = 30.0) -> None:
        """Wait until this bundle gives the scores."""
        topic = f"{PREFIX}/{SOURCE}/score"
        eventually(
            lambda: self.scada.on(topic) and self.judging() == bundle_id, timeout_s, f"{bundle_id} to judge"
        )

    @property
    def roles(self) -> Mapping[str, str]:
        """Who is live, candidate and previous, as `bundle list` tells it."""
        lines = self.type("bundle", "list", SOURCE).out.splitlines()
        return {role: line.split()[1] for line in lines for role in ("live", "candidate", "previous")
                if line.startswith(f"{role} ")}  # fmt: skip


def label(technician: Browser, heard: Heard) -> dict[str, int]:
    """Say of each alarm what it was, as somebody who knows; return how many of what was said."""
    said = [heard.kind_of(alarm) for alarm in heard.alarms]
    for alarm, kind in zip(heard.alarms, said, strict=True):
        _say(technician, alarm["event_id"], kind)
    return _counted(said)


def label_disputes(technician: Browser, heard: Heard) -> dict[str, int]:
    """Say the same of what only the candidate alarmed at, off the page that compares; return how many."""
    page = technician.get(f"/compare/{SOURCE}")
    assert page.status_code == 200, page.text
    rows = [(row["label"], utc_s(row["time"])) for row in DISPUTE.finditer(page.text)]
    end_utc_s = heard.start_utc_s + heard.session.seconds
    said = []
    for name, start_utc_s in rows:
        if heard.start_utc_s <= start_utc_s <= end_utc_s:
            said.append(heard.kind_at(start_utc_s))
            _say(technician, name, said[-1])
    return _counted(said)


def _say(technician: Browser, name: str, kind: str | None) -> None:
    words = {"rating": "no_anomaly"} if kind is None else {"rating": "anomaly", "fault_code": kind}
    answer = technician.change(f"/api/v1/events/{name}/labels", words)
    assert answer.status_code == 200, answer.text


def _counted(said: Sequence[str | None]) -> dict[str, int]:
    return dict(Counter(kind or "no anomaly" for kind in said))
