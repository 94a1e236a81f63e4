"""Boxes to be looked at: a real folder, with what the kernel would say of it in another root."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from monitor.config import load_config
from monitor.doctor.finding import Check, Finding, Patient, Verdict

SIMULATED = {"id": "p1", "kind": "simulated"}
WELL: Mapping[str, Any] = {
    "version": "0.1.0",
    "pid": os.getpid(),
    "started_utc_s": 0.0,
    "broker": "connected",
    "sparkplug": "off",
    "store_error": None,
    "clips_error": None,
    "retention": {"line": "removed nothing", "short_bytes": 0},
    "restarted_threads": 0,
    "watchdog_s": 30.0,
    "counts": {"commands_turned_away": 0},
}
HEARD: Mapping[str, Any] = {
    "capture": {
        "source_id": "p1",
        "state": "healthy",
        "reason": "",
        "device": "alsa:CARD=Held",
        "lost_samples": 0,
    },
    "quality": "ok",
    "dropped_windows": 0,
}


def patient_of(
    folder: Path, *, status: Mapping[str, Any] | None = None, root: Path = Path("/"), **config: object
) -> Patient:
    state_dir = folder / "state"
    state_dir.mkdir(exist_ok=True)
    tree = {"state_dir": str(state_dir), "sources": [SIMULATED], "mqtt": {"enabled": False}, **config}
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree))
    return Patient(path, load_config(path), status, root)


def status_of(
    *sources: Mapping[str, Any], box: Mapping[str, Any] | None = None, age_s: float = 0.0
) -> Mapping[str, Any]:
    return {
        "updated_utc_s": time.time() - age_s,
        "line": "listening to 1 of 1 sources",
        "box": {**WELL, **(box or {})},
        "sources": list(sources or [HEARD]),
    }


def verdicts(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    return [(finding.name, finding.verdict.value) for finding in findings]


def only(check: Check, patient: Patient) -> Finding:
    """Return what the check found, which must be one thing."""
    (found,) = check(patient)
    assert (found.verdict is Verdict.OK) == (not found.remedy), "a remedy for every trouble, and only then"
    return found
