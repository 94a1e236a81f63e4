"""The daemon as it tells of itself: does it run, is it watched, and what has it lost."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.doctor.finding import Finding, Patient, fault, ok, warning
from monitor.messages import CaptureState
from monitor.report import STATUS_FILE, is_alive
from monitor.sign_of_life import why_silent

HEARING = {CaptureState.HEALTHY.value, CaptureState.ENDED.value}


def check_daemon(patient: Patient) -> Iterator[Finding]:
    """Say whether the daemon runs, how old its report is, and what it says in one line."""
    status = patient.status
    if status is None:
        yield fault(
            "daemon",
            f"there is no report in {patient.config.state_dir / STATUS_FILE}",
            "start it: systemctl enable --now wheeltapper; or set state_dir to where it writes",
        )
        return
    box, age_s = status["box"], time.time() - float(status["updated_utc_s"])
    if (silent := why_silent(status, patient.config.state_dir, patient.root)) is not None:
        yield fault("daemon", *silent)
        return
    if not is_alive(status):
        yield fault(
            "daemon",
            f"NOT running: its last report is {age_s:.0f} s old and says: {status['line']}",
            "start it: systemctl start wheeltapper; journalctl -u wheeltapper says why it ended",
        )
        return
    up_h = (time.time() - float(box["started_utc_s"])) / 3600
    yield ok(
        "daemon", f"running for {up_h:.1f} h, pid {box['pid']}, report {age_s:.1f} s old: {status['line']}"
    )
    if box.get("watchdog_s") is None:
        yield warning(
            "watchdog",
            "nobody would notice if it hung",
            "run it by its systemd unit, which has WatchdogSec (systemd/README.md)",
        )
    else:
        yield ok("watchdog", f"systemd wants a sign of life every {box['watchdog_s']:g} s")


def check_report(patient: Patient) -> Iterator[Finding]:
    """Say what the report of a daemon that runs has to complain of."""
    status = patient.status
    if status is None or not is_alive(status):
        return
    for key, remedy in (
        ("store_error", "free the disk or mend it: alarms wait in memory"),
        ("clips_error", "free the disk or mend it: alarms go on, clips do not"),
    ):
        if status["box"][key]:
            yield fault("report", f"{key.replace('_', ' ')}: {status['box'][key]}", remedy)
    retention = status["box"].get("retention")  # a report of an earlier version has none
    if retention is not None and retention["short_bytes"]:
        yield warning(
            "retention",
            retention["line"],
            "free the disk, unlock events, or change store.max_bytes or store.min_events_per_source",
        )
    elif retention is not None:
        yield ok("retention", retention["line"])
    troubles = [trouble for source in status["sources"] if (trouble := _trouble(source)) is not None]
    yield from troubles or [ok("sources heard", f"all {len(status['sources'])}")]
    yield _losses(status)


def _trouble(source: Mapping[str, Any]) -> Finding | None:
    capture = source["capture"]
    name = f"source {capture['source_id']}"
    if capture["state"] not in HEARING:
        return fault(
            name,
            f"{capture['state']}: {capture['reason']}",
            "check its cable, its device and the sound server: wheeltapper devices",
        )
    machine = source.get("machine")  # a report of an earlier version has none
    if machine is not None and machine["signal"] == "missing":
        return warning(
            name,
            f"nobody says whether its machine runs: {machine['signal_missing']}; it counts as running",
            "look at what the plant sends (sources.off.signal) and at the way to the broker",
        )
    if source["quality"] not in {"ok", "off", "unlearned", None}:  # who waits for a bundle: see models.py
        return warning(
            name,
            f"its input is {source['quality']} and cannot be judged",
            "check the microphone, its gain and its place",
        )
    return None


def _losses(status: Mapping[str, Any]) -> Finding:
    box, sources = status["box"], status["sources"]
    lost = {
        "samples lost": sum(source["capture"]["lost_samples"] for source in sources),
        "windows dropped": sum(source["dropped_windows"] for source in sources),
        "threads started again": box["restarted_threads"],
        **{name.replace("_", " "): count for name, count in box["counts"].items()},
    }
    told = [f"{count} {name}" for name, count in lost.items() if count]
    if not told:
        return ok("losses", "none since its start")
    return warning("losses", f"since its start: {', '.join(told)}", "docs/operations.md, How it is")
