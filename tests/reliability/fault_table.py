"""The faults: how each is made, what it takes from the daemon, when it must be seen and when be over."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass

from plant_lab import MIC, SOURCES, Lab, LabTimes, wait_until

from engines.bundle import MODEL
from monitor.standstill import STANDS_STILL_S

MARGIN_S = 5.0
"""What a busy machine may add to any stated time."""
DEAF_S = 5.0
"""Until sound that cannot be judged makes an alarm uncertain: a window of 2.05 s, a hop, and the way."""
START_S = 10.0
"""From exec to READY, with the embedded model."""
HEARD_S = 10.0
"""From good sound to a certain alarm: a window without the fault in it, and a restart of the capture."""
BROKER_S = 15.0
"""Until a client has found its broker again: paho waits longer after each try."""


def _nothing_to_see(_lab: Lab, _since_s: float) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can go wrong."""

    name: str
    what: str
    """For the report: what is done to the daemon."""
    group: str
    """Faults of one group cannot be in force together."""
    inflict: Callable[[Lab, random.Random], None]
    heal: Callable[[Lab], None]
    recover_within_s: Callable[[LabTimes], float]
    """Stated: from the end of the fault to healthy."""
    blinds: tuple[str, ...] = ()
    """Sources that SCADA may not read as normal while it is in force."""
    seen: Callable[[Lab, float], bool] = _nothing_to_see
    """Whether it can be told from outside, given when it was made."""
    seen_how: str = ""
    """For the report: what tells it; empty: nothing has to."""
    detect_within_s: Callable[[LabTimes], float] = lambda _times: 0.0
    """Stated: from the fault to being told."""
    hears: bool = True
    """Whether the microphone is judged and told all the while, so that an alarm must come through."""
    restarts: bool = False
    """Whether the daemon ends and begins again, so that it must find out anew what else is wrong."""


def _uncertain(lab: Lab, _since_s: float) -> bool:
    return bool(lab.scada.alarm(MIC).get("uncertain"))


def _offline(lab: Lab, _since_s: float) -> bool:
    return lab.scada.belief(MIC) in {"offline", "unknown"}


def _disk_told(lab: Lab, _since_s: float) -> bool:
    return re.search("store|disk|clips", lab.systemd.status, re.IGNORECASE) is not None


def _broker_told(lab: Lab, _since_s: float) -> bool:
    return "broker" in lab.systemd.status


def _refused(lab: Lab, since_s: float) -> bool:
    return _offline(lab, since_s) and any(
        life.ended_s > since_s and life.code == 2 for life in lab.systemd.lives
    )


def _stands_still(lab: Lab, since_s: float) -> bool:
    return any(not told["keeps_up"] for told in lab.scada.on(f"{MIC}/health", since_s)) or any(
        life.ended_s > since_s and life.by_watchdog for life in lab.systemd.lives
    )


def _play(name: str) -> Callable[[Lab, random.Random], None]:
    return lambda lab, _chance: lab.microphone.play(name)


def _play_normal(lab: Lab) -> None:
    lab.microphone.play("normal")


def _plug_in(lab: Lab) -> None:
    lab.microphone.plug_in()


def _slow(lab: Lab, chance: random.Random) -> None:
    lab.line.delay_s = chance.uniform(0.1, 0.6)


def _restart_broker(lab: Lab, _chance: random.Random) -> None:
    lab.broker.restart()


def _stop_broker(lab: Lab, chance: random.Random) -> None:
    (lab.broker.kill if chance.random() < 0.5 else lab.broker.stop)()


def _nothing_to_mend(_lab: Lab) -> None:
    return


def _repair_disk(lab: Lab) -> None:
    lab.systemd.kill_and_hold()
    mended = wait_until(lambda: _repaired(lab), 20.0)
    if mended is None:
        raise TimeoutError("the disk stays busy although the daemon has ended")
    lab.systemd.start()


def _repaired(lab: Lab) -> bool:
    with contextlib.suppress(OSError, ValueError):
        lab.disk.repair()
        return True
    return False


def _signal(number: signal.Signals) -> Callable[[Lab], None]:
    def send(lab: Lab) -> None:
        process = lab.daemon.process
        if process is not None and process.poll() is None:
            process.send_signal(number)

    return send


def _jump(lab: Lab, chance: random.Random) -> None:
    lab.set_clock(chance.choice((-86_400.0, -3_600.0, -2.0, 2.0, 3_600.0, 30 * 86_400.0)))


def _corrupt_store(lab: Lab, chance: random.Random) -> None:
    lab.systemd.kill_and_hold()
    path = lab.daemon.state_dir / "store.sqlite"
    with contextlib.suppress(FileNotFoundError), path.open("r+b") as store:
        pages = max(path.stat().st_size // 4096, 2)
        for page in chance.sample(range(pages), min(pages, 6)):
            store.seek(page * 4096 + chance.randrange(0, 2048))
            store.write(chance.randbytes(1024))
        store.flush()
        os.fsync(store.fileno())
    lab.systemd.start()


def _corrupt_bundle(lab: Lab, chance: random.Random) -> None:
    model = (lab.bundle / MODEL).read_bytes()
    (lab.bundle / "kept").write_bytes(model)
    damaged = bytearray(model)
    for at in chance.sample(range(len(model)), 8):
        damaged[at] ^= 0xFF
    (lab.bundle / MODEL).write_bytes(damaged)
    lab.systemd.kill()


def _old_bundle_back(lab: Lab) -> None:
    (lab.bundle / "kept").replace(lab.bundle / MODEL)


def _restart_s(times: LabTimes) -> float:
    return times.unit.restart_s + START_S + HEARD_S


def _told_dead_s(times: LabTimes) -> float:
    # Mosquitto looks every few seconds whose time is over
    return 1.5 * times.keepalive_s + 2 * MARGIN_S


def _watchdog_s(times: LabTimes) -> float:
    return 1.5 * times.unit.watchdog_s + MARGIN_S


_TABLE = (
    Fault(
        name="mic unplugged",
        what="the PulseAudio module of the microphone is unloaded; the server gives silence in its place",
        group="microphone",
        inflict=lambda lab, _chance: lab.microphone.unload_source(),
        heal=_plug_in,
        blinds=(MIC,),
        seen=_uncertain,
        seen_how="alarm uncertain",
        detect_within_s=lambda _times: DEAF_S + MARGIN_S,
        recover_within_s=lambda _times: 30.0 + HEARD_S,
        hears=False,
    ),
    Fault(
        name="sound server killed",
        what="kill -9 of PulseAudio; started again at the end",
        group="microphone",
        inflict=lambda lab, _chance: lab.microphone.kill_server(),
        heal=_plug_in,
        blinds=(MIC,),
        seen=_uncertain,
        seen_how="alarm uncertain",
        detect_within_s=lambda _times: DEAF_S + MARGIN_S,
        recover_within_s=lambda _times: 30.0 + HEARD_S,
        hears=False,
    ),
    Fault(
        name="silence",
        what="the microphone lives and hears nothing: noise at -95 dBFS",
        group="microphone",
        inflict=_play("silent"),
        heal=_play_normal,
        blinds=(MIC,),
        seen=_uncertain,
        seen_how="alarm uncertain",
        detect_within_s=lambda _times: DEAF_S,
        recover_within_s=lambda _times: HEARD_S,
        hears=False,
    ),
    Fault(
        name="clipping",
        what="sound 34 dB too loud, cut off at full scale",
        group="microphone",
        inflict=_play("clipped"),
        heal=_play_normal,
        blinds=(MIC,),
        seen=_uncertain,
        seen_how="alarm uncertain",
        detect_within_s=lambda _times: DEAF_S,
        recover_within_s=lambda _times: HEARD_S,
        hears=False,
    ),
    Fault(
        name="broker down",
        what="Mosquitto is stopped or killed, forgets everything, and is started at the end",
        group="broker",
        inflict=_stop_broker,
        heal=lambda lab: lab.broker.start(),
        blinds=SOURCES,
        seen=_broker_told,
        seen_how="status line: broker away",
        detect_within_s=lambda _times: MARGIN_S,
        recover_within_s=lambda _times: 60.0 + BROKER_S,
        hears=False,
    ),
    Fault(
        name="broker restarted",
        what="Mosquitto is stopped and started at once, without memory",
        group="broker",
        inflict=_restart_broker,
        heal=_nothing_to_mend,
        recover_within_s=lambda _times: BROKER_S,
        hears=False,
    ),
    Fault(
        name="broker slow",
        what="every piece of data takes 0.1 to 0.6 s, in each direction",
        group="broker",
        inflict=_slow,
        heal=lambda lab: lab.line.mend(),
        recover_within_s=lambda _times: BROKER_S,
    ),
    Fault(
        name="line dead",
        what="the line takes bytes and passes none on; no connection is closed",
        group="broker",
        inflict=lambda lab, _chance: lab.line.cut(),
        heal=lambda lab: lab.line.mend(),
        blinds=SOURCES,
        seen=_offline,
        seen_how="status offline (last will)",
        detect_within_s=_told_dead_s,
        recover_within_s=lambda times: 60.0 + BROKER_S + times.keepalive_s,
        hears=False,
    ),
    Fault(
        name="disk full",
        what="a file takes every free block of the state directory's disk",
        group="disk",
        inflict=lambda lab, _chance: lab.disk.fill(),
        heal=lambda lab: lab.disk.empty(),
        seen=_disk_told,
        seen_how="status line",
        detect_within_s=lambda _times: 20.0 + MARGIN_S,
        recover_within_s=lambda _times: 20.0 + HEARD_S,
    ),
    Fault(
        name="disk read-only",
        what="ext4 finds an error and writes nothing more; at the end it is checked, and the daemon started",
        group="disk",
        inflict=lambda lab, _chance: lab.disk.break_down(),
        heal=_repair_disk,
        seen=_disk_told,
        seen_how="status line",
        detect_within_s=lambda _times: 20.0 + MARGIN_S,
        recover_within_s=lambda _times: 20.0 + START_S + HEARD_S,
    ),
    Fault(
        name="kill -9",
        what="SIGKILL of the daemon; systemd starts it again",
        group="process",
        inflict=lambda lab, _chance: lab.systemd.kill(),
        heal=_nothing_to_mend,
        seen=lambda lab, since_s: any(told["state"] == "offline" for told in lab.scada.on("status", since_s)),
        seen_how="status offline (last will)",
        detect_within_s=lambda _times: MARGIN_S,
        recover_within_s=_restart_s,
        hears=False,
        restarts=True,
    ),
    Fault(
        name="SIGSTOP",
        what="the process is stopped until that is told and up to 12 s longer, 20 to 30 s, then goes on",
        group="process",
        inflict=lambda lab, _chance: _signal(signal.SIGSTOP)(lab),
        heal=_signal(signal.SIGCONT),
        blinds=SOURCES,
        seen=_offline,
        seen_how="status offline (last will)",
        detect_within_s=_told_dead_s,
        recover_within_s=lambda times: times.unit.stop_s + _restart_s(times),
        hears=False,
        restarts=True,
    ),
    Fault(
        name="engine hang",
        what="a sound for which the bundle's ONNX graph does not return; the watchdog must end the daemon",
        group="microphone",
        inflict=_play("fatal"),
        heal=_play_normal,
        blinds=SOURCES,
        seen=_stands_still,
        seen_how="health: keeps_up false",
        detect_within_s=lambda _times: DEAF_S + STANDS_STILL_S + MARGIN_S,
        recover_within_s=lambda times: _watchdog_s(times) + _restart_s(times),
        hears=False,
        restarts=True,
    ),
    Fault(
        name="clock jump",
        what="the wall clock goes 2 s, an hour or a day back, or 2 s, an hour or 30 days ahead, and returns",
        group="clock",
        inflict=_jump,
        heal=lambda lab: lab.set_clock(0.0),
        recover_within_s=lambda _times: HEARD_S,
    ),
    Fault(
        name="corrupt store",
        what="up to six pages of store.sqlite are overwritten while the daemon is down",
        group="process",
        inflict=_corrupt_store,
        heal=_nothing_to_mend,
        recover_within_s=_restart_s,
        hears=False,
        restarts=True,
    ),
    Fault(
        name="corrupt bundle",
        what="eight bytes of model.onnx are flipped and the daemon killed; the file is put back at the end",
        group="process",
        inflict=_corrupt_bundle,
        heal=_old_bundle_back,
        blinds=SOURCES,
        seen=_refused,
        seen_how="status offline, exit code 2",
        detect_within_s=lambda times: times.unit.restart_s + START_S,
        recover_within_s=_restart_s,
        hears=False,
        restarts=True,
    ),
)
FAULTS = {fault.name: fault for fault in _TABLE}


def fit_together(faults: tuple[str, ...]) -> bool:
    """Say whether these faults can be in force at once."""
    groups = [FAULTS[name].group for name in faults]
    # a disk that takes no bytes cannot be given damaged ones
    return len(set(groups)) == len(groups) and not {"disk read-only", "corrupt store"} <= set(faults)
