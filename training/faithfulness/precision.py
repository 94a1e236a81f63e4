"""Whether a curve is right in time: in chunks of a second, in moments of 100 ms, and at the onset."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.figures import auc_in_time
from training.evaluation.scored_windows import ScoredWindow, files_of_windows
from training.faithfulness.clips import Bools, Clips, Float32, Float64
from training.faithfulness.marks import Chunks, chunks_with_any


def chunk_f1(marks: Bools, truth: Bools, chunks: Chunks) -> Float64:
    """Return the paper's F1 of each clip, shape (n,), from frames of shape (n, frames).

    A chunk is found where any of its frames is marked, and wrong where any is in the truth. The paper
    normalises each curve before it takes the percentile, which moves no frame across it. A clip without
    marked and without wrong frames has no F1: NaN.
    """
    found, wrong = chunks_with_any(marks, chunks), chunks_with_any(truth, chunks)
    hits = (found & wrong).sum(axis=1)
    either = found.sum(axis=1) + wrong.sum(axis=1)
    none = np.full(len(marks), np.nan)
    return np.asarray(np.divide(2.0 * hits, either, out=none, where=either > 0))


def moments_auc(parts: Sequence[Clips], curves: Sequence[Float32]) -> tuple[float | None, float | None]:
    """Return the AUC of moments over all clips, and its mean within windows that hold both kinds.

    By the definitions of the evaluation and of the streams' benchmark: curves of shape (n, frames) are cut
    into windows of `window_frames`, which may overlap where clips do. All parts share their events.
    """
    windows = [
        window for part, of_part in zip(parts, curves, strict=True) for window in _windows(part, of_part)
    ]
    found = files_of_windows(windows, parts[0].events)
    return auc_in_time([file for file in found.values() if file.windows])


def _windows(clips: Clips, curves: Float32) -> list[ScoredWindow]:
    length, hop_s = clips.window_frames, clips.hop_s
    return [
        ScoredWindow(
            file=file,
            start_s=at_s + first * hop_s,
            end_s=at_s + (first + length) * hop_s,
            value=float(curve[first : first + length].max()),
            profile=np.asarray(curve[first : first + length], dtype=np.float64),
        )
        for file, at_s, curve in zip(clips.files, clips.start_s, curves, strict=True)
        for first in range(0, len(curve), length)
    ]


def threshold_of_normal(curves: Float32, quiet_share: float) -> float | None:
    """Return the smallest height that so large a share of normal clips never exceeds; None without clips."""
    if not len(curves):
        return None
    return float(np.quantile(curves.max(axis=1), quiet_share, method="inverted_cdf"))


def onset_errors_s(curves: Float32, truth: Bools, threshold: float, hop_s: float) -> Float64:
    """Return how far the first frame above the threshold lies from the first wrong one, either way.

    Infinite where no frame is above it. Clips that begin wrong, or hold no wrong frame, have no onset and are
    left out. Shape (clips with an onset,).
    """
    begins = truth.any(axis=1) & ~truth[:, 0]
    above = curves[begins] > threshold
    distance_s = np.abs(above.argmax(axis=1) - truth[begins].argmax(axis=1)) * hop_s
    return np.where(above.any(axis=1), distance_s, np.inf)


def error_not_exceeded(errors_s: Float64, share: float) -> float | None:
    """Return the smallest error that so large a share of clips does not exceed; None where it is infinite."""
    if not len(errors_s):
        return None
    found = float(np.quantile(errors_s, share, method="inverted_cdf"))
    return found if np.isfinite(found) else None
