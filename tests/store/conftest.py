"""A store on the real disk, and values to put into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from monitor.messages import (
    AlarmChange,
    AlarmState,
    ChangeReason,
    Inference,
    LogMel,
    Quality,
    Score,
    Span,
)
from monitor.store import ClipJob, Store, open_store

RAISED = AlarmChange(
    source_id="pump1",
    event_id="e1",
    old_state=AlarmState.NORMAL,
    new_state=AlarmState.UNACKNOWLEDGED,
    reason=ChangeReason.LIMIT,
    at_utc_s=1000.5,
    event_start_utc_s=998.25,
    peak=1.5,
    warning=True,
    uncertain=False,
    active=True,
)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def store(state_dir: Path) -> Iterator[Store]:
    store = open_store(state_dir)
    yield store
    store.close()


@pytest.fixture
def raised() -> AlarmChange:
    return RAISED


@pytest.fixture
def raise_event() -> Callable[[Store, str], None]:
    """Open an event of pump1 in a store, which clips, maps and labels need."""

    def raise_event(store: Store, event_id: str) -> None:
        store.apply([replace(RAISED, event_id=event_id)], snapshot={}, bundle_id="mae-1")

    return raise_event


@pytest.fixture
def score_of() -> Callable[..., Score]:
    """Make a score of a window of two seconds."""

    def score_of(value: float | None, start_s: float = 0.0, source_id: str = "pump1") -> Score:
        span = Span(
            source_id=source_id,
            first_sample=int(start_s * 16000),
            start_s=start_s,
            end_s=start_s + 2.0,
            start_utc_s=1_700_000_040.0 + start_s,
            quality=Quality.GAP if value is None else Quality.OK,
            level_dbfs=-30.0,
        )
        return Score(span, value, None if value is None else 0.1, value, None, "mae-1")

    return score_of


@pytest.fixture
def maps_of() -> Callable[..., tuple[Score, Inference, LogMel]]:
    """Make a flagged window with maps in which the value stands, as add_map takes them."""

    def maps_of(
        value: float, start_s: float = 0.0, start_utc_s: float = 1_700_000_000.0
    ) -> tuple[Score, Inference, LogMel]:
        span = Span("pump1", int(start_s * 16000), start_s, start_s + 2.0, start_utc_s, Quality.OK, -30.0)
        values = np.full((8, 4), value, np.float32)
        inference = Inference(span, value, values, values - 4, "mae-1")
        return Score(span, value, 0.1, value, None, "mae-1"), inference, LogMel(span, values - 5)

    return maps_of


@pytest.fixture
def clip_of() -> Callable[..., ClipJob]:
    """Make a clip of one second of noise, 132 kB as FLAC."""

    def clip_of(event_id: str, start_s: float = 0.0, start_utc_s: float = 1_700_000_000.0) -> ClipJob:
        noise = np.random.default_rng(int(start_s)).uniform(-1, 1, 44_100).astype(np.float32)
        return ClipJob("pump1", event_id, noise, 44_100, start_s, start_utc_s, 7)

    return clip_of
