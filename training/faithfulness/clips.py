"""What is explained, and what a method holds for important in it.

A clip may be longer than what a model hears at once: it is then cut into windows, one after the other. Values
are standardised per band throughout: 0 is the mean of normal sound.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.errors import TrainingError
from training.evaluation.truth import Event, Events

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Clips:
    """Stretches of sound, normal and anomalous, all of one length; `clips_of_sound` makes them.

    Raises:
        TrainingError: Shapes do not fit, two clips are the same, a normal clip has wrong frames, or the
            frames cannot be cut into windows.
    """

    values: Float32
    """Shape (n, mel, frames), standardised per band."""
    files: tuple[str, ...]
    """Of each clip, as `events` names it."""
    start_s: tuple[float, ...]
    """Where each clip begins, seconds into its file. No two clips share file and start: lots hang on them."""
    events: Events
    """What is wrong in the files, and when; files without any may be missing."""
    anomalous: Bools
    """Shape (n,), whether anything is wrong with the clip."""
    truth_frames: Bools
    """Shape (n, frames), which frames are wrong. An anomalous clip without any is left out of all figures."""
    hop_s: float
    """From one frame to the next."""
    window_frames: int
    """What a model hears at once; `frames` is a multiple of it."""
    truth_bins: Bools | None = None
    """Shape (n, mel, frames), which bins are wrong; all False, or None, where the band is not known."""

    def __post_init__(self) -> None:
        n, _, frames = self.values.shape
        shapes = (len(self.files), len(self.start_s), self.anomalous.shape, self.truth_frames.shape)
        if shapes != (n, n, (n,), (n, frames)):
            raise TrainingError(
                f"clips: {n} clips of {frames} frames have files, starts, labels and truth of {shapes}; "
                "give one of each for each clip"
            )
        if self.truth_bins is not None and self.truth_bins.shape != self.values.shape:
            raise TrainingError(
                f"clips: bins {self.truth_bins.shape} for values of {self.values.shape}; make them agree"
            )
        if len(set(self.names)) != n:
            raise TrainingError("clips: two clips begin at the same place of the same file; give each once")
        if self.truth_frames[~self.anomalous].any():
            raise TrainingError("clips: a clip that is said to be normal has wrong frames; correct its label")
        if frames % self.window_frames:
            raise TrainingError(
                f"clips: {frames} frames cannot be cut into windows of {self.window_frames}; take a multiple"
            )

    @property
    def names(self) -> tuple[str, ...]:
        """File and start of each clip."""
        return tuple(f"{file}@{at_s:.6f}" for file, at_s in zip(self.files, self.start_s, strict=True))

    @property
    def annotated(self) -> Bools:
        """Which clips have a wrong frame, shape (n,)."""
        return np.asarray(self.truth_frames.any(axis=1))

    @property
    def banded(self) -> Bools:
        """Of which clips the wrong bins are known, shape (n,)."""
        if self.truth_bins is None:
            return np.zeros(len(self.values), dtype=bool)
        return np.asarray(self.truth_bins.any(axis=(1, 2)))

    def only(self, chosen: Bools) -> Clips:
        """Return the clips where `chosen`, shape (n,), is True, in their order."""
        at = np.flatnonzero(chosen)
        return Clips(
            values=self.values[at],
            files=tuple(self.files[i] for i in at),
            start_s=tuple(self.start_s[i] for i in at),
            events=self.events,
            anomalous=self.anomalous[at],
            truth_frames=self.truth_frames[at],
            hop_s=self.hop_s,
            window_frames=self.window_frames,
            truth_bins=None if self.truth_bins is None else self.truth_bins[at],
        )


def clips_of_sound(
    values: Float32,
    places: Sequence[tuple[str, float]],
    events: Events,
    *,
    hop_s: float,
    window_frames: int | None = None,
    bands: Mapping[tuple[str, float], Bools] | None = None,
) -> Clips:
    """Return clips with their truth: a frame is wrong where its middle lies in an event.

    `values` has shape (n, mel, frames); `places` says of each clip its file and where it begins, seconds
    into it; `bands` has, by file and onset_s, which bands an event is in, shape (mel,), where that is known.
    A clip that an event touches is anomalous; an event without an end says only that the file is not normal,
    and gives no wrong frame.

    Raises:
        TrainingError: See Clips.
    """
    n, mel, frames = values.shape
    truth, anomalous = np.zeros((n, frames), bool), np.zeros(n, bool)
    bins = np.zeros((n, mel, frames), bool)
    known, nowhere = bands or {}, np.zeros(mel, bool)
    for i, (file, start_s) in enumerate(places):
        touching = _touching(events.get(file, ()), start_s, start_s + frames * hop_s)
        middles_s = start_s + (np.arange(frames, dtype=np.float64) + 0.5) * hop_s
        anomalous[i] = bool(touching)
        for event in touching:
            inside = _inside(event, middles_s)
            truth[i] |= inside
            bins[i] |= known.get((file, event.onset_s), nowhere)[:, None] & inside
    return Clips(
        values=values,
        files=tuple(file for file, _ in places),
        start_s=tuple(start_s for _, start_s in places),
        events=events,
        anomalous=anomalous,
        truth_frames=truth,
        hop_s=hop_s,
        window_frames=frames if window_frames is None else window_frames,
        truth_bins=None if bands is None else bins,
    )


def _touching(events: Sequence[Event], start_s: float, end_s: float) -> list[Event]:
    return [event for event in events if event.onset_s < end_s and event.offset_s > start_s]


def _inside(event: Event, at_s: Float64) -> Bools:
    """Return which moments lie in the event; none where its end is not known."""
    inside = (at_s >= event.onset_s) & (at_s < event.offset_s)
    return np.asarray(inside & np.isfinite(event.offset_s))


@dataclass(frozen=True, slots=True)
class Importance:
    """What a method holds for important in each clip.

    Raises:
        TrainingError: A value is not finite, or the shapes do not fit.
    """

    name: str
    """The method's, such as `saliency`."""
    curves: Float32
    """Shape (n, frames), high means important; over several clips (moments, onsets) heights are compared."""
    maps: Float32 | None = None
    """Shape (n, mel, frames), the same of bins; None: the method says nothing of frequencies."""

    def __post_init__(self) -> None:
        for part in (self.curves, self.maps):
            if part is not None and not np.isfinite(part).all():
                raise TrainingError(
                    f"importance {self.name}: holds values that are no numbers; see how it is made"
                )
        if self.maps is not None and self.maps[:, 0].shape != self.curves.shape:
            raise TrainingError(
                f"importance {self.name}: maps {self.maps.shape} and curves {self.curves.shape} do not fit"
            )


def importance_of_maps(name: str, maps: Float32) -> Importance:
    """Return maps of shape (n, mel, frames) with the paper's curve: the sum over the bands."""
    return Importance(name, maps.sum(axis=1, dtype=np.float64).astype(np.float32), maps)
