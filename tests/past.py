"""A store with a past: events, sound and maps put where a test wants them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from engines.bundle import read_manifest
from monitor.explanation import Explanation, Finding, SoundKind
from monitor.frontend import Frontend, parameters_from_tree
from monitor.listening import DEMO_BUNDLE
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
from monitor.replay.kept.library import Library
from monitor.store import ClipJob, Label, Store, open_store
from monitor.store.records import Rating

MANIFEST = read_manifest(DEMO_BUNDLE)
PARAMETERS = parameters_from_tree(MANIFEST.frontend)
FRONTEND = Frontend(PARAMETERS)
BUNDLE_ID = MANIFEST.bundle_id
T0 = 1_760_000_000.0
HOP_S = PARAMETERS.hop_s
FRAMES = 64
WINDOW_S = FRAMES * HOP_S

RAISED = AlarmChange(
    source_id="pump",
    event_id="e",
    old_state=AlarmState.NORMAL,
    new_state=AlarmState.UNACKNOWLEDGED,
    reason=ChangeReason.LIMIT,
    at_utc_s=T0,
    event_start_utc_s=T0,
    peak=1.5,
    warning=True,
    uncertain=False,
    active=True,
)


class Past:
    """Writes to a store and reads it through a library."""

    def __init__(self, state_dir: Path, store: Store | None = None) -> None:
        """`store`: one that somebody else has open; None: this one opens it."""
        self.store = open_store(state_dir) if store is None else store
        self.library = Library(state_dir, state_dir / "replay-cache", 50_000_000)
        self.media = self.library.media

    def add_event(
        self, event_id: str, *, source_id: str = "pump", start_s: float = 0.0, kind: SoundKind | None = None
    ) -> None:
        """Open an event; `start_s` counts from T0, as do all times here."""
        explanation = None
        if kind is not None:
            finding = Finding(kind, 1000.0, 2000.0, T0 + start_s, T0 + start_s + 1.0, 12.0)
            explanation = Explanation((finding,), T0 + start_s, T0 + start_s + 4.0, 3)
        at_utc_s = T0 + start_s
        change = replace(
            RAISED,
            source_id=source_id,
            event_id=event_id,
            at_utc_s=at_utc_s,
            event_start_utc_s=at_utc_s,
            explanation=explanation,
        )
        self.store.apply([change], snapshot={}, bundle_id=BUNDLE_ID)

    def end_event(self, event_id: str, *, source_id: str = "pump", at_s: float) -> None:
        """Let an event's sound be back to normal, and nobody acknowledge it."""
        change = replace(
            RAISED,
            source_id=source_id,
            event_id=event_id,
            old_state=AlarmState.UNACKNOWLEDGED,
            new_state=AlarmState.RETURNED,
            reason=ChangeReason.CLEARED,
            at_utc_s=T0 + at_s,
            active=False,
        )
        self.store.apply([change], snapshot={}, bundle_id=BUNDLE_ID)

    def add_label(self, event_id: str, rating: Rating, fault_code: str | None = None) -> None:
        """Say what an event was."""
        self.store.add_label(Label(event_id, rating, "ann", T0, fault_code))

    def add_clip(
        self,
        event_id: str,
        samples: Float32,
        *,
        start_s: float,
        rate_hz: int = 16_000,
        source_id: str = "pump",
    ) -> str:
        """Keep sound that begins `start_s` after T0, which is also its stream time."""
        job = ClipJob(source_id, event_id, read_only(samples), rate_hz, start_s, T0 + start_s, 0)
        return self.store.add_clip(job)

    def add_window(
        self,
        event_id: str,
        *,
        start_s: float,
        error: Float32 | float = 1.0,
        value: float = 1.2,
        bundle_id: str = BUNDLE_ID,
        restarted_s: float = 0.0,
    ) -> str:
        """Keep a window's maps; `restarted_s`: how much later than its stream time says it was heard."""
        span = Span("pump", 0, start_s, start_s + WINDOW_S, T0 + start_s + restarted_s, Quality.OK, -30.0)
        shape = (PARAMETERS.mel_bands, FRAMES)
        logmel = np.full(shape, -3.0, np.float32)
        maps = Inference(span, value, np.broadcast_to(np.float32(error), shape), logmel - 0.5, bundle_id)
        window_id = self.store.add_map(
            event_id,
            Score(span, value, 0.1, value, None, bundle_id),
            maps,
            LogMel(span, logmel),
            maps_per_event=40,
        )
        assert window_id is not None
        return window_id

    def close(self) -> None:
        """Close both."""
        self.library.close()
        self.store.close()


@contextlib.contextmanager
def past_in(state_dir: Path) -> Iterator[Past]:
    """Have a past while the body runs."""
    past = Past(state_dir)
    try:
        yield past
    finally:
        past.close()


def noise(seconds: float, *, rate_hz: int = 16_000, level: float = 0.01, seed: int = 0) -> Float32:
    """Return quiet noise, in steps of 16 bits."""
    count = round(seconds * rate_hz)
    samples = level * np.random.default_rng(seed).standard_normal(count)
    return (np.rint(samples * 2**15) / 2**15).astype(np.float32)
