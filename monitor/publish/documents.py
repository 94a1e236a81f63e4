"""From the messages of the pipeline to the documents of MQTT."""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from monitor.drift.facts import DriftFacts
from monitor.errors import PublishError
from monitor.messages import (
    RUNS,
    AlarmChange,
    CaptureHealth,
    Inference,
    MachineCondition,
    Quality,
    Score,
    Span,
)
from monitor.operators import Limits
from monitor.publish.drift import drift_document
from monitor.publish.error_map import coarse_map, row_edges_hz
from monitor.publish.explained import Voice, explanation_document
from monitor.publish.fields import rfc3339_from_utc_s
from monitor.publish.limits import limits_document
from monitor.publish.payloads import (
    AlarmPayload,
    HealthPayload,
    MapPayload,
    ScorePayload,
    StatusPayload,
)
from monitor.publish.shadow import shadow_document
from monitor.shadow.facts import ShadowFacts


@dataclass(frozen=True, slots=True)
class Progress:
    """What the daemon knows of a source beyond its capture."""

    quality: Quality | None = None
    """Of the last window; None before the first."""
    backend: str | None = None
    """The library that runs the model; None before it is open."""
    fallback: str | None = None
    """Why no better backend answers; None: this one was the choice."""
    dropped_windows: int = 0
    """Windows given up because the engine could not keep up."""
    keeps_up: bool = True
    """Whether none was in the last minute."""
    dropped_share: float = 0.0
    """Of the last minute's windows, 0 to 1."""
    clock_set: bool = True
    """Whether the box knows the time."""
    lag_s: float | None = None
    """From the end of the last judged window's sound to its score; None before the first."""
    machine: MachineCondition = RUNS
    """Whether the machine runs."""
    drift: DriftFacts | None = None
    """Whether its normal sound has moved; None: not looked into yet."""
    shadow: ShadowFacts | None = None
    """How its candidate is getting on; None: it has none."""


def known(value: float | None, digits: int = 6) -> float | None:
    """Return `value` with so many significant digits; None when it is not a finite number."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{digits}g}")


def _known_profile(profile: NDArray[np.float32]) -> tuple[float | None, ...]:
    """Return what `known` says of each error, to 4 digits; all in one go, for every window has one."""
    if not np.isfinite(profile).all():
        return tuple(known(error, 4) for error in profile.tolist())
    errors = profile.astype(np.float64)
    steps = 10.0 ** (3.0 - np.floor(np.log10(np.maximum(errors, 1e-12))))
    return tuple((np.rint(errors * steps) / steps).tolist())


def text(words: str) -> str:
    """Return `words` with what UTF-8 cannot hold replaced: a path on disk may have any bytes in it."""
    return words.encode("utf-8", "replace").decode("utf-8")


def status_payload(
    state: Literal["online", "stopped", "offline"],
    *,
    at_utc_s: float,
    source_ids: Sequence[str],
    version: str,
) -> StatusPayload:
    """Return the document of the box itself; sources may have different bundles, so it names none."""
    return StatusPayload(
        time=rfc3339_from_utc_s(at_utc_s),
        bundle=None,
        state=state,
        sources=tuple(source_ids),
        version=version,
    )


def health_payload(
    health: CaptureHealth, progress: Progress, *, at_utc_s: float, bundle_id: str | None
) -> HealthPayload:
    """Return how a source is doing at `at_utc_s`."""
    return HealthPayload(
        time=rfc3339_from_utc_s(at_utc_s),
        source=health.source_id,
        bundle=bundle_id,
        state=health.state,
        reason=text(health.reason),
        device=text(health.device),
        quality=progress.quality,
        backend=progress.backend,
        fallback=None if progress.fallback is None else text(progress.fallback),
        received_samples=health.received_samples,
        lost_samples=health.lost_samples,
        overflows=health.overflows,
        restarts=health.restarts,
        dropped_windows=progress.dropped_windows,
        keeps_up=progress.keeps_up,
        dropped_share=round(progress.dropped_share, 4),
        clock_set=progress.clock_set,
        lag_s=known(progress.lag_s, 4),
        machine="running" if progress.machine.off is None else "off",
        off_reason=None if progress.machine.off is None else progress.machine.off.reason,
        off_signal=progress.machine.signal,
        off_signal_missing=progress.machine.signal_missing or None,
        drift=drift_document(progress.drift),
        shadow=shadow_document(progress.shadow),
    )


def _window_fields(span: Span) -> dict[str, Any]:
    end_utc = rfc3339_from_utc_s(span.end_utc_s)
    return {
        "time": end_utc,
        "source": span.source_id,
        "start_s": round(span.start_s, 6),
        "end_s": round(span.end_s, 6),
        "start_utc": rfc3339_from_utc_s(span.start_utc_s),
        "end_utc": end_utc,
    }


def score_payload(score: Score, *, historical: bool = False) -> ScorePayload:
    """Return the document of one score; `historical` when it is sent late."""
    profile = score.profile
    return ScorePayload(
        **_window_fields(score.span),
        bundle=score.bundle_id,
        engine=score.engine,
        value=known(score.value),
        expected_per_day=known(score.expected_per_day, 4),
        raw=known(score.raw),
        quality=score.span.quality,
        profile=None if profile is None else _known_profile(profile),
        level_dbfs=known(score.span.level_dbfs, 4),
        historical=historical,
    )


def map_payload(
    inference: Inference, shape: tuple[int, int], band_edges_hz: NDArray[np.float64]
) -> MapPayload:
    """Return the error map of one window at `shape` (rows, columns).

    `band_edges_hz`, shape (mel + 2,), is that of the front end: band b peaks at b + 1.

    Raises:
        PublishError: The map holds values that are not numbers.
    """
    try:
        coarse = coarse_map(inference.error_map, shape)
    except ValueError as error:
        raise PublishError(f"{inference.span.source_id}: {error}; its map is not published") from error
    rows, columns = coarse.cells.shape
    span = inference.span
    return MapPayload(
        **_window_fields(span),
        bundle=inference.bundle_id,
        shape=(rows, columns),
        scale=float(f"{coarse.scale:.6g}"),
        data=base64.b64encode(coarse.cells.tobytes()).decode("ascii"),
        band_edges_hz=tuple(float(f"{hz:.6g}") for hz in row_edges_hz(band_edges_hz, rows)),
        frame_edges_s=tuple(
            round(float(edge_s), 6) for edge_s in np.linspace(span.start_s, span.end_s, columns + 1)
        ),
    )


def alarm_fields(change: AlarmChange, bundle_id: str | None, voice: Voice) -> dict[str, Any]:
    """Return the fields that the documents `alarm` and `event` share."""
    start, until = change.event_start_utc_s, change.shelved_until_utc_s
    return {
        "time": rfc3339_from_utc_s(change.at_utc_s),
        "source": change.source_id,
        "bundle": bundle_id,
        "active": change.active,
        "warning": change.warning,
        "uncertain": change.uncertain,
        "event_id": change.event_id,
        "event_start": None if start is None else rfc3339_from_utc_s(start),
        "peak": known(change.peak),
        "shelved_until": None if until is None else rfc3339_from_utc_s(until),
        "reason": change.reason,
        "actor": change.actor,
        "note": change.note,
        "off_reason": change.off_reason,
        "acknowledged": change.acknowledged,
        "explanation": explanation_document(change.explanation, voice),
    }


def alarm_payload(
    change: AlarmChange, *, bundle_id: str | None, voice: Voice, limits: Limits
) -> AlarmPayload:
    """Return the state of the alarm after `change`, with the limits then in force."""
    return AlarmPayload(
        **alarm_fields(change, bundle_id, voice), state=change.new_state, limits=limits_document(limits)
    )
