"""Guided commissioning on a real microphone: hours of sound in short form, with kills of both processes."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures_daemon import ROOT, DaemonProcess
from fixtures_mosquitto import eventually
from fixtures_pulse import RATE_HZ, PulseMicrophone
from flights import Sounds
from learn_rig import minute, record_before
from scipy.signal import resample_poly

from monitor.bundles.library import Library
from monitor.control.client import ControlClient
from monitor.control.protocol import socket_path
from monitor.learning.documents import PACKAGE, read_found, read_outcome, read_progress
from monitor.learning.plan import Plan, Step, learn_place, read_plan
from monitor.messages import Float32

SHARED = ROOT.parent / "shared" / "data"
WITHIN_S = 100.0
LONG = "WHEELTAPPER_MACHINES" in os.environ
"""`make test-long`: it learns, too; otherwise the sound is packed in place of that, which takes no time."""
TINY = {
    "check_s": 4,
    "epochs": 1,
    "widths": "4,4",
    "threads": 1,
    "nice": 0,
    "where": "here" if LONG else "elsewhere",
}


def told(daemon: DaemonProcess, learn: str, **more: object) -> dict[str, Any]:
    """Have the daemon do something, as the page does; return its answer."""
    command = {"id": secrets.token_hex(8), "action": "learn", "actor": "anna", "learn": learn, **more}
    control = ControlClient(socket_path(daemon.state_dir))
    return asyncio.run(control.command("uav", command))


def standing(daemon: DaemonProcess) -> Plan:
    plan = read_plan(learn_place(daemon.state_dir, "uav"))
    assert plan is not None
    assert plan.trouble is None, plan.trouble
    return plan


def reaches(daemon: DaemonProcess, step: Step) -> None:
    eventually(lambda: standing(daemon).step is step, WITHIN_S, f"step {step.value}")


def recorded_s(daemon: DaemonProcess) -> float:
    progress = read_progress(learn_place(daemon.state_dir, "uav"))
    return 0.0 if progress is None or progress.recording is None else progress.recording.done_s


def children(daemon: DaemonProcess) -> list[int]:
    """The processes of this daemon's that learn: one or none."""
    assert daemon.process is not None
    started = [entry["pid"] for entry in daemon.events("learning") if "pid" in entry]
    return [pid for pid in started if Path(f"/proc/{pid}/stat").exists()]


def with_a_tone(flight: Float32) -> Float32:
    """A flight in which something whistles at 3 kHz for five seconds."""
    t = np.arange(5 * 16_000) / 16_000
    heard = flight.copy()
    heard[20 * 16_000 : 25 * 16_000] += 0.4 * np.sin(2 * np.pi * 3000 * t).astype(np.float32)
    return np.asarray(np.clip(heard, -1, 1), np.float32)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.microphone
@pytest.mark.shared_data
def test_a_microphone_becomes_a_candidate_although_everything_is_killed_once(
    pulse_microphone: PulseMicrophone, make_daemon: Callable[..., DaemonProcess]
) -> None:
    if not (SHARED / "index.csv").is_file():
        pytest.skip("../shared/data is not there")
    flights = Sounds(SHARED).of(set="uav", label="normal", role="train")
    flights = (flights * 2)[:23]  # 20 minutes at the least
    daemon = make_daemon(
        mqtt={"enabled": False},
        learn=TINY,
        sources=[{"id": "uav", "kind": "microphone", "device": "default"}],
    )
    flights[3] = with_a_tone(flights[3])
    place = record_before(daemon.state_dir, "uav", flights)
    before_s = sum(len(flight) for flight in flights) / 16_000
    sound = resample_poly(flights[0][20 * 16_000 : 40 * 16_000], RATE_HZ, 16_000)
    pulse_microphone.feed(np.asarray(sound, np.float32))
    daemon.start()
    daemon.wait_listening()

    reply = told(daemon, "start", hours=(before_s + 8.0) / 3600)
    assert "done" == reply["result"], reply
    eventually(lambda: recorded_s(daemon) > before_s + 2.0, WITHIN_S, "seconds of the microphone")
    daemon.kill()
    daemon.start()
    reaches(daemon, Step.LOOK)
    eventually(lambda: daemon.source("uav")["windows"] > 0, what="windows: the alarm goes on meanwhile")
    check = read_progress(place).check  # type: ignore[union-attr]
    assert check is not None
    assert () == check.forbids

    seen = set[int]()
    eventually(lambda: seen.update(children(daemon)) or seen, WITHIN_S, "the child process")  # type: ignore[func-returns-value]
    (pid,) = seen
    os.kill(pid, signal.SIGKILL)
    reaches(daemon, Step.LISTEN)
    assert pid not in children(daemon)
    found = read_found(place)
    assert found is not None
    tone = [one for one in found.stretches if one.low_hz < 3000 < one.high_hz and one.apart_db > 3]
    assert tone, found.stretches
    assert "refused" == told(daemon, "keep", stretch="nothing")["result"]
    assert "done" == told(daemon, "keep", stretch=tone[0].id)["result"]
    assert "done" == told(daemon, "set_aside", stretch=tone[0].id)["result"]
    assert "done" == told(daemon, "go_on")["result"]

    daemon.kill()
    daemon.start()
    reaches(daemon, Step.DONE if LONG else Step.PACKED)
    if not LONG:
        assert (place / PACKAGE).stat().st_size > 1_000_000
        return
    outcome = read_outcome(place)
    assert outcome is not None
    assert outcome.version == Library(daemon.state_dir, "uav").roles().candidate
    assert outcome.odd_s > 4.0
    assert 0.0 <= outcome.fewest <= outcome.most


@pytest.mark.slow
@pytest.mark.microphone
def test_pause_resume_and_discard_do_what_they_say_and_silence_is_refused(
    pulse_microphone: PulseMicrophone, make_daemon: Callable[..., DaemonProcess]
) -> None:
    daemon = make_daemon(
        mqtt={"enabled": False},
        learn=TINY,
        sources=[{"id": "uav", "kind": "microphone", "device": "default"}],
    )
    pulse_microphone.feed(np.zeros(RATE_HZ, np.float32))
    daemon.start()
    daemon.wait_listening()
    assert "done" == told(daemon, "start", hours=1.0)["result"]
    place = learn_place(daemon.state_dir, "uav")
    eventually(lambda: read_plan(place).trouble is not None, WITHIN_S, "a refusal")  # type: ignore[union-attr]
    assert "Mend it, then resume" in read_plan(place).trouble  # type: ignore[union-attr,operator]
    pulse_microphone.feed(minute(0)[: 10 * 16_000].repeat(3))
    eventually(
        lambda: daemon.source("uav")["quality"] == "ok", WITHIN_S, "sound, behind the silence on its way"
    )
    assert "done" == told(daemon, "resume")["result"]
    reaches(daemon, Step.RECORD)
    eventually(lambda: recorded_s(daemon) > 4.0, WITHIN_S, "seconds of the microphone")
    assert "paused at record" == told(daemon, "pause")["detail"]
    eventually(lambda: bool(list(place.glob("recordings/*.flac"))), what="what was heard, on the disk")
    assert "refused" == told(daemon, "pause")["result"]
    assert "refused" == told(daemon, "start", hours=2.0)["result"]
    assert "done" == told(daemon, "discard")["result"]
    eventually(lambda: not place.exists(), what="the end of the sound")
