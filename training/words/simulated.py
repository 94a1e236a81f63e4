"""Streams of the simulated machines, with each of their faults once."""

from __future__ import annotations

import math
from collections.abc import Iterator

from monitor.config import SimulatedSource
from monitor.explanation import SoundKind
from monitor.simulate.faults import RISE_DB, band_of
from monitor.simulate.schedule import KINDS
from monitor.simulate.specs import MACHINES, spec_of
from training.sound import blocks_of_recording, recording_of_machine
from training.words.cases import Event, Hearing, Stream

LEAD_S, FAULT_S, REST_S = 40.0, 10.0, 8.0
SEVERITIES = (0.5, 0.75, 1.0)
KIND_OF = {
    # 58 to 88 knocks a second: frames of 64 ms hold several, so that no knock stands alone
    "bearing": SoundKind.HISS,
    "cavitation": SoundKind.HISS,
    "belt_squeal": SoundKind.TONE,
    "imbalance": SoundKind.TONE,
    "air_leak": SoundKind.HISS,
    "dropout": SoundKind.DROPOUT,
}
"""What each fault sounds like at the resolution of the front end."""


def simulated_streams(hearing: Hearing, seeds: range) -> Iterator[Stream]:
    """Yield every machine at every severity on each of these days, each fault once."""
    for machine in sorted(MACHINES):
        for severity in SEVERITIES:
            for seed in seeds:
                yield _stream(hearing, machine, severity, seed)


def _stream(hearing: Hearing, machine: str, severity: float, seed: int) -> Stream:
    starts = [LEAD_S + index * (FAULT_S + REST_S) for index in range(len(KINDS))]
    faults = [
        {"kind": kind, "start_s": start, "duration_s": FAULT_S, "severity": severity}
        for kind, start in zip(KINDS, starts, strict=True)
    ]
    source = SimulatedSource.model_validate(
        {
            "id": machine,
            "kind": "simulated",
            "machine": machine,
            "seed": seed,
            "pace": "fast",
            "duration_s": starts[-1] + FAULT_S + REST_S,
            "faults": faults,
        }
    )
    heard = hearing.heard(blocks_of_recording(recording_of_machine(source)))
    events = [_event(kind, machine, severity, start) for kind, start in zip(KINDS, starts, strict=True)]
    return Stream(f"{machine} {severity} seed {seed}", machine, heard, events)


def _event(kind: str, machine: str, severity: float, start_s: float) -> Event:
    change_db = None
    if kind in RISE_DB:
        ratio = 10.0 ** (RISE_DB[kind] / 10.0) - 1.0
        change_db = 10.0 * math.log10(1.0 + severity**2 * ratio)
    low_hz, high_hz = band_of(kind, spec_of(machine))
    return Event(
        kind,
        KIND_OF[kind],
        start_s,
        start_s + FAULT_S,
        low_hz,
        high_hz,
        f"severity {severity:g}",
        change_db=change_db,
    )
