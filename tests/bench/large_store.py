"""A store as large as after months, made in seconds: rows in one transaction, files as links to a few."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from engines.bundle import read_manifest
from monitor.explanation import Explanation, Finding, SoundKind, tree_from_explanation
from monitor.frontend import Frontend, FrontendParameters
from monitor.listening import DEMO_BUNDLE
from monitor.messages import AlarmChange, AlarmState, ChangeReason, Inference, LogMel, Quality, Span
from monitor.store import open_store
from monitor.store.clip_files import flac_from_samples
from monitor.store.database import Database
from monitor.store.map_files import npz_from_maps
from monitor.store.rendering import change_body, json_text

START_UTC_S = 1_760_000_000.0
EVERY_S = 600.0
"""From one event to the next, over all sources."""
CLIP_S = 20.0
RATE_HZ = 48_000
KINDS = tuple(SoundKind)
SHAPES = 20
"""Different error maps."""
SOURCES = 8


def make_large_store(state_dir: Path, *, events: int, windows: int) -> None:
    """Fill an empty state directory; every third event is labelled, and of those every tenth no longer."""
    open_store(state_dir).close()
    each = windows // events
    (state_dir / "originals").mkdir()
    clip, maps = _originals(state_dir / "originals")
    bundle_id = read_manifest(DEMO_BUNDLE).bundle_id
    rows: dict[str, list[tuple[object, ...]]] = {
        name: [] for name in ("events", "transitions", "labels", "clips", "windows")
    }
    for number in range(events):
        source_id, start_utc_s = f"machine{number % SOURCES}", START_UTC_S + number * EVERY_S
        event_id = f"{source_id}-{number:08d}"
        rows["events"].append(_event_row(number, event_id, source_id, start_utc_s, bundle_id))
        rows["transitions"] += _transition_rows(number, event_id, source_id, start_utc_s)
        rows["labels"] += _label_rows(number, event_id, start_utc_s)
        clip_path = f"clips/{source_id}/{number // 144:06d}/{number:06d}-clip.flac"
        _link(clip, state_dir / clip_path)
        start_s = number * EVERY_S
        size = clip.stat().st_size
        when = (start_s - 3, start_utc_s - 3, CLIP_S, RATE_HZ, 0)
        rows["clips"].append((f"{number:06d}-clip", event_id, source_id, *when, clip_path, size, None))
        for place in range(each):
            path = f"maps/{source_id}/{number // 144:06d}/{number:06d}-{place:03d}.npz"
            original = maps[(number + place) % SHAPES]
            _link(original, state_dir / path)
            at_s = place * 0.7
            times = (start_s + at_s, start_s + at_s + 2.048, start_utc_s + at_s)
            judged = (1.0 + place * 7 % 20 / 10, 0.1, "ok", bundle_id)
            file = (path, original.stat().st_size, None)
            rows["windows"].append((f"{number:06d}-{place:03d}", event_id, source_id, *times, *judged, *file))
    _insert(state_dir, rows)


def _originals(folder: Path) -> tuple[Path, list[Path]]:
    """Write the clip and the maps that all others are links to."""
    frontend, rng = Frontend(FrontendParameters()), np.random.default_rng(1)
    seconds = np.arange(round(CLIP_S * RATE_HZ)) / RATE_HZ
    sound = 0.02 * rng.standard_normal(len(seconds)) + 0.1 * np.sin(2 * np.pi * 2000 * seconds) * (
        seconds % 0.8 < 0.1
    )
    clip = folder / "clip.flac"
    clip.write_bytes(flac_from_samples(sound.astype(np.float32), RATE_HZ))
    maps = []
    for shape in range(SHAPES):
        noise = (0.02 * rng.standard_normal(FrontendParameters().samples_of_frames(64))).astype(np.float32)
        logmel = frontend.logmel_from_samples(noise)
        error = rng.chisquare(1, logmel.shape).astype(np.float32)
        error[shape * 6 : shape * 6 + 8] *= 20.0
        span = Span("machine", 0, 0.0, 2.048, START_UTC_S, Quality.OK, -30.0)
        inference = Inference(span, 1.0, error, logmel - 0.1, "b")
        maps.append(folder / f"{shape}.npz")
        maps[-1].write_bytes(npz_from_maps(inference, LogMel(span, logmel)))
    return clip, maps


def _link(original: Path, path: Path) -> None:
    try:
        os.link(original, path)
    except FileNotFoundError:
        path.parent.mkdir(parents=True)
        os.link(original, path)


def _event_row(
    number: int, event_id: str, source_id: str, start_utc_s: float, bundle_id: str
) -> tuple[object, ...]:
    kind = KINDS[number % len(KINDS)]
    finding = Finding(kind, 1800.0, 2200.0, start_utc_s, start_utc_s + 12.0, 14.0, 0.8)
    explanation = json.dumps(
        tree_from_explanation(Explanation((finding,) * 2, start_utc_s, start_utc_s + 14.0, 20))
    )
    states = (AlarmState.NORMAL, AlarmState.RETURNED)
    acknowledged = ("ann", start_utc_s + 60) if number % 2 == 0 else (None, None)
    state = states[number % 2].value
    told = (event_id, source_id, start_utc_s, start_utc_s + 18.0, 1.0 + number % 30 / 10, state)
    return (*told, *acknowledged, bundle_id, explanation)


def _transition_rows(
    number: int, event_id: str, source_id: str, start_utc_s: float
) -> list[tuple[object, ...]]:
    change = AlarmChange(
        source_id=source_id,
        event_id=event_id,
        old_state=AlarmState.NORMAL,
        new_state=AlarmState.UNACKNOWLEDGED,
        reason=ChangeReason.LIMIT,
        at_utc_s=start_utc_s,
        event_start_utc_s=start_utc_s,
        peak=1.5,
        warning=True,
        uncertain=False,
        active=True,
    )
    body = json_text(change_body(change, "mae-1"))
    return [(number * 3 + step + 1, event_id, source_id, start_utc_s + step, body) for step in range(3)]


def _label_rows(number: int, event_id: str, start_utc_s: float) -> list[tuple[object, ...]]:
    if number % 3:
        return []
    rating = ("anomaly", "no_anomaly", "unsure")[number // 3 % 3]
    rows: list[tuple[object, ...]] = [(event_id, rating, "bearing", "ann", start_utc_s + 3600)]
    if number % 30 == 0:
        rows.append((event_id, "none", None, "ben", start_utc_s + 7200))
    return rows


COLUMNS = {
    "events": "event_id, source_id, start_utc_s, end_utc_s, peak, state, acknowledged_by, "
    "acknowledged_utc_s, bundle_id, explanation",
    "transitions": "seq, event_id, source_id, at_utc_s, body",
    "labels": "event_id, rating, fault_code, who, at_utc_s",
    "clips": "clip_id, event_id, source_id, start_s, start_utc_s, duration_s, sample_rate_hz, lost_samples, "
    "path, size_bytes, gone",
    "windows": "window_id, event_id, source_id, start_s, end_s, start_utc_s, value, expected_per_day, "
    "quality, bundle_id, path, size_bytes, gone",
}


def _insert(state_dir: Path, rows: dict[str, list[tuple[object, ...]]]) -> None:
    database = Database(state_dir / "store.sqlite")
    with database.transaction() as connection:
        for table, columns in COLUMNS.items():
            marks = ", ".join("?" for _ in columns.split(","))
            connection.executemany(
                f"INSERT INTO {table} ({columns}) VALUES ({marks})",  # noqa: S608 - constants of ours
                rows[table],
            )
    database.close()
