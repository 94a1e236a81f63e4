"""A state directory as an evening leaves it: events of two machines with sound and maps, made in a second."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fixtures_daemon import ROOT

from engines.bundle import read_manifest
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.frontend import Frontend, parameters_from_tree
from monitor.messages import (
    AlarmChange,
    AlarmState,
    ChangeReason,
    Float32,
    Inference,
    LogMel,
    Quality,
    Score,
    Span,
    read_only,
)
from monitor.store import ClipJob, Label, Store, open_store

MANIFEST = read_manifest(ROOT / "engines" / "demo" / "mae")
FRONTEND = Frontend(parameters_from_tree(MANIFEST.frontend))
RATE_HZ = FRONTEND.parameters.sample_rate_hz
WINDOW_S = 64 * FRONTEND.parameters.hop_s
CLIP_S, FAULT_FROM_S, FAULT_TO_S = 8.0, 3.0, 6.0
HOSTILE = "<img src=x onerror=document.title='broken'>"
"""Markup where a name or a note is expected."""


@dataclass(frozen=True, slots=True)
class Night:
    """One event that was heard."""

    event_id: str
    """Its id, and part of its address."""
    source_id: str
    """Who was heard."""
    hours_ago: float
    """When its recording began."""
    kind: SoundKind = SoundKind.HISS
    """What it would be called."""
    low_hz: float = 2000.0
    """Where the noise that is wrong begins."""
    high_hz: float = 4000.0
    """Where it ends."""
    note: str | None = None
    """Of a label that somebody has given it; None: nobody has."""


NIGHTS: Sequence[Night] = (
    Night("pump-1-labelled", "pump-1", 20.0, note=HOSTILE),
    Night("pump-1-alike", "pump-1", 19.0),
    Night("pump-1-heard", "pump-1", 18.0),
    Night("hall-knock", "hall", 17.0, SoundKind.KNOCK, 500.0, 7000.0),
    Night("hostile", HOSTILE, 16.0),
    Night("pump-1-shared", "pump-1", 15.0),
    Night("pump-1-looked-at", "pump-1", 14.0),
    Night("pump-1-expired", "pump-1", 13.0),
    Night("hall-bulk-1", "hall", 12.0, SoundKind.TONE, 1000.0, 1200.0),
    Night("hall-bulk-2", "hall", 11.0, SoundKind.TONE, 1000.0, 1200.0),
    Night("hall-keyboard", "hall", 10.0, SoundKind.RHYTHM),
    Night("hall-tapped-twice", "hall", 9.0, SoundKind.CLIPPING),
    Night("hall-not-tapped", "hall", 8.0, SoundKind.CLIPPING),
    Night("hall-goes-on", "hall", 7.0),
    Night("pump-1-next", "pump-1", 3.0, SoundKind.OTHER),
    Night("pump-1-first", "pump-1", 2.0, SoundKind.OTHER),
)
"""Each test that changes an event has one, or a kind, of its own."""


def make_evening(state_dir: Path) -> None:
    """Write the events of NIGHTS, the oldest first."""
    store = open_store(state_dir)
    for seed, night in enumerate(NIGHTS):
        _add(store, night, np.random.default_rng(seed))
    store.close()


def sound_of(night: Night, rng: np.random.Generator) -> Float32:
    """Return a machine's hum with a noise in the night's band for three of eight seconds."""
    n = round(CLIP_S * RATE_HZ)
    spectrum = np.fft.rfft(rng.standard_normal(n))
    hz = np.fft.rfftfreq(n, 1 / RATE_HZ)
    band = np.fft.irfft(np.where((hz > night.low_hz) & (hz < night.high_hz), spectrum, 0), n)
    hum = np.fft.irfft(spectrum / (1 + hz / 300), n)
    at_s = np.arange(n) / RATE_HZ
    wrong = (at_s >= FAULT_FROM_S) & (at_s < FAULT_TO_S)
    samples = 0.05 * hum / hum.std() + np.where(wrong, 0.08 * band / band.std(), 0.0)
    return read_only(np.clip(samples, -1, 1).astype(np.float32))


def _add(store: Store, night: Night, rng: np.random.Generator) -> None:
    samples = sound_of(night, rng)
    clip_utc_s = round(time.time() - 3600.0 * night.hours_ago, 3)
    start_utc_s, end_utc_s = clip_utc_s + FAULT_FROM_S, clip_utc_s + FAULT_TO_S
    finding = Finding(night.kind, night.low_hz, night.high_hz, start_utc_s, end_utc_s, 14.0)
    explanation = Explanation((finding,), start_utc_s, end_utc_s, 3)
    change = AlarmChange(
        source_id=night.source_id,
        event_id=night.event_id,
        old_state=AlarmState.NORMAL,
        new_state=AlarmState.UNACKNOWLEDGED,
        reason=ChangeReason.LIMIT,
        at_utc_s=start_utc_s,
        event_start_utc_s=start_utc_s,
        peak=2.5,
        warning=True,
        uncertain=False,
        active=True,
        explanation=explanation,
    )
    cleared = replace(
        change,
        old_state=AlarmState.UNACKNOWLEDGED,
        new_state=AlarmState.NORMAL,
        reason=ChangeReason.CLEARED,
        at_utc_s=end_utc_s,
        warning=False,
        active=False,
    )
    store.apply([change, cleared], snapshot={"source_id": night.source_id}, bundle_id=MANIFEST.bundle_id)
    if night.source_id == HOSTILE:
        return  # such a name gets no folder: the event has neither sound nor maps
    job = ClipJob(night.source_id, night.event_id, samples, RATE_HZ, 100.0, clip_utc_s, 0)
    store.add_clip(job)
    for number in range(3):
        _add_window(store, night, samples, FAULT_FROM_S + number * WINDOW_S / 2, clip_utc_s)
    if night.note is not None:
        store.add_label(Label(night.event_id, "anomaly", HOSTILE, start_utc_s + 60, "bearing", night.note))


def _add_window(store: Store, night: Night, samples: Float32, at_s: float, clip_utc_s: float) -> None:
    first = round(at_s * RATE_HZ)
    size = FRONTEND.parameters.samples_of_frames(64)
    values = FRONTEND.logmel_from_samples(samples[first : first + size])
    usual = np.broadcast_to(values.mean(axis=1, keepdims=True) - 0.5, values.shape).astype(np.float32)
    start_s = 100.0 + at_s
    span = Span(
        night.source_id,
        round(start_s * RATE_HZ),
        start_s,
        start_s + WINDOW_S,
        clip_utc_s + at_s,
        Quality.OK,
        -25.0,
    )
    error_map = np.square((values - usual) / 0.3).astype(np.float32)
    value = 2.5 - 0.2 * abs(at_s - 4.0)
    score = Score(span, value, 0.001, 10 * value, error_map.mean(axis=0), MANIFEST.bundle_id)
    inference = Inference(span, 10 * value, read_only(error_map), read_only(usual), MANIFEST.bundle_id)
    store.add_map(night.event_id, score, inference, LogMel(span, read_only(values)), maps_per_event=50)
