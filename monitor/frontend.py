"""The one definition of log-mel, for the daemon and for training.

    log10(mel_filterbank @ |rfft(hann * frame)|^2 + floor)

NumPy only, bit-near torchaudio's MelSpectrogram with center=False (tested on real sound). Frames lie
on the stream's own grid, so a frame that two overlapping windows share is computed once and is the same
in both. This module knows nothing of standardisation: that is inside the models.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np

from monitor.errors import FrontendError
from monitor.messages import Float32, LogMel, Window, read_only

DEFINITION = 1
"""Version of the formula above; part of the digest, so that a changed formula refuses old bundles."""
BLOCK_BANDS = 32
"""Bands that are filtered at once: fewer calls against fewer zeros, measured at 16, 32 and 64."""


@dataclass(frozen=True, slots=True)
class FrontendParameters:
    """Everything that decides the values of a log-mel."""

    sample_rate_hz: int = 16_000
    """The model's rate, to which every source is resampled."""
    n_fft: int = 1024
    """Length of a frame in samples; also of its periodic Hann window."""
    hop_samples: int = 512
    """From one frame to the next."""
    mel_bands: int = 128
    """How many bands a frame has: the first axis of a log-mel."""
    f_min_hz: float = 0.0
    """Where the lowest band begins to rise."""
    f_max_hz: float = 8_000.0
    """Where the highest band has fallen to 0; at most half the sample rate."""
    mel_scale: Literal["htk", "slaney"] = "htk"
    """How the bands are spaced; the two formulas are in `hz_from_mel`."""
    mel_norm: Literal["none", "slaney"] = "none"
    """`slaney` divides each band by its width in Hz."""
    floor: float = 1e-10
    """Added to the power before the logarithm."""

    def __post_init__(self) -> None:
        nyquist_hz = self.sample_rate_hz / 2
        if not 0 <= self.f_min_hz < self.f_max_hz <= nyquist_hz:
            raise FrontendError(
                f"front end: bands from {self.f_min_hz} to {self.f_max_hz} Hz do not lie within "
                f"0 to {nyquist_hz} Hz, half the sample rate; export the bundle with others"
            )
        if self.mel_scale not in {"htk", "slaney"} or self.mel_norm not in {"none", "slaney"}:
            raise FrontendError(
                f"front end: mel_scale {self.mel_scale!r}, mel_norm {self.mel_norm!r} are not known here; "
                "known are htk or slaney, and none or slaney"
            )
        if not (0 < self.hop_samples <= self.n_fft and self.mel_bands > 0 and self.floor > 0):
            raise FrontendError(
                f"front end: hop {self.hop_samples} must be within 1 to n_fft {self.n_fft}, "
                f"bands {self.mel_bands} and floor {self.floor} above 0"
            )

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that differ when any value of a log-mel could."""
        tree = {**asdict(self), "definition": DEFINITION}
        canonical = json.dumps(tree, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    @property
    def hop_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.hop_samples / self.sample_rate_hz

    def samples_of_frames(self, frames: int) -> int:
        """How many samples lie under `frames` consecutive frames."""
        return self.n_fft + (frames - 1) * self.hop_samples


def parameters_from_tree(tree: Mapping[str, Any]) -> FrontendParameters:
    """Rebuild parameters from a manifest.

    Raises:
        FrontendError: A key is missing or unknown, or a value is impossible.
    """
    known = {field.name for field in fields(FrontendParameters)}
    if set(tree) != known:
        raise FrontendError(
            f"front end: keys {sorted(set(tree) ^ known)} are missing or unknown here; "
            "the bundle was made by another version of this software"
        )
    return FrontendParameters(**tree)


def hz_from_mel(mel: Float32 | np.ndarray[Any, Any], scale: str) -> np.ndarray[Any, Any]:
    """Convert mel to Hz; `scale` is htk (2595 log10(1 + f/700)) or slaney (linear to 1 kHz, then log)."""
    if scale == "htk":
        return np.asarray(700.0 * (10.0 ** (mel / 2595.0) - 1.0))
    linear = mel * (200.0 / 3.0)
    return np.where(mel >= 15.0, 1000.0 * np.exp(np.log(6.4) / 27.0 * (mel - 15.0)), linear)


def mel_from_hz(hz: float, scale: str) -> float:
    """Convert Hz to mel; the inverse of hz_from_mel."""
    if scale == "htk":
        return float(2595.0 * np.log10(1.0 + hz / 700.0))
    if hz < 1000.0:
        return hz * 3.0 / 200.0
    return float(15.0 + 27.0 / np.log(6.4) * np.log(hz / 1000.0))


def band_edges_hz(parameters: FrontendParameters) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return shape (mel_bands + 2,): band b rises from edge b, peaks at b + 1 and falls to b + 2."""
    low = mel_from_hz(parameters.f_min_hz, parameters.mel_scale)
    high = mel_from_hz(parameters.f_max_hz, parameters.mel_scale)
    mels = np.linspace(low, high, parameters.mel_bands + 2)
    return np.asarray(hz_from_mel(mels, parameters.mel_scale), dtype=np.float64)


def mel_filterbank(parameters: FrontendParameters) -> Float32:
    """Return triangular filters, shape (n_fft // 2 + 1, mel_bands), equal to torchaudio.melscale_fbanks."""
    bins_hz = np.linspace(0.0, parameters.sample_rate_hz / 2, parameters.n_fft // 2 + 1)[:, None]
    edges = band_edges_hz(parameters)
    rising = (bins_hz - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins_hz) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0.0, np.minimum(rising, falling))
    if parameters.mel_norm == "slaney":
        filters *= 2.0 / (edges[2:] - edges[:-2])
    return filters.astype(np.float32)


class Frontend:
    """Turns samples into log-mel. Holds only constants, so that all sources and threads may share one."""

    def __init__(self, parameters: FrontendParameters) -> None:
        self.parameters = parameters
        n = np.arange(parameters.n_fft)
        hann = 0.5 - 0.5 * np.cos(2.0 * np.pi * n / parameters.n_fft)
        # times n_fft, which the transform below divides by again
        self._taper = (parameters.n_fft * hann).astype(np.float32)
        self._filters = _without_zeros(mel_filterbank(parameters))

    def logmel_from_samples(self, samples: Float32) -> Float32:
        """Return shape (mel, frames) of all whole frames in `samples`, shape (n,), float32.

        Raises:
            FrontendError: There is not one whole frame.
        """
        p = self.parameters
        if len(samples) < p.n_fft:
            raise FrontendError(f"front end: {len(samples)} samples are less than one frame of {p.n_fft}")
        count = 1 + (len(samples) - p.n_fft) // p.hop_samples
        (step,) = samples.strides
        # not sliding_window_view: its checks cost as much as the taper
        frames = np.lib.stride_tricks.as_strided(
            samples, (count, p.n_fft), (p.hop_samples * step, step), writeable=False
        )
        # NumPy computes float32 as float32 only where a norm divides by n_fft, else as float64: that is twice
        # the time and four times the memory, half of a front end; scipy.fft would do, for 28 MB of imports
        spectrum = np.fft.rfft(frames * self._taper, axis=1, norm="forward")
        parts = spectrum.view(spectrum.real.dtype)
        np.square(parts, out=parts)
        power = (parts[:, ::2] + parts[:, 1::2]).astype(np.float32, copy=False).T
        mel = np.empty((p.mel_bands, count), np.float32)
        for bands, bins, filters in self._filters:
            np.matmul(filters, power[bins], out=mel[bands])
        mel += np.float32(p.floor)
        return np.log10(mel, out=mel)


def _without_zeros(filters: Float32) -> list[tuple[slice, slice, Float32]]:
    """Return the filters of BLOCK_BANDS bands at a time, shape (bands, bins), less the bins that are all 0.

    Most of a filterbank is zeros: multiplied in blocks it costs a third.
    """
    blocks = []
    for first in range(0, filters.shape[1], BLOCK_BANDS):
        bands = slice(first, first + BLOCK_BANDS)
        heard = np.flatnonzero(filters[:, bands].any(axis=1))
        bins = slice(int(heard[0]), int(heard[-1]) + 1) if len(heard) else slice(0, 1)
        blocks.append((bands, bins, np.ascontiguousarray(filters[bins, bands].T)))
    return blocks


class StreamFrontend:
    """The log-mel of one source's windows, each STFT frame computed once."""

    def __init__(self, frontend: Frontend) -> None:
        self._frontend = frontend
        self._first_frame = 0
        self._frames: Float32 | None = None
        self.computed_frames = 0
        """How many STFT frames were really computed, for the test that none is computed twice."""

    def logmel_from_window(self, window: Window) -> LogMel:
        """Return the log-mel of a window; frames that the window before it held are reused.

        Raises:
            FrontendError: The window does not start on the stream's frame grid.
        """
        p = self._frontend.parameters
        first_frame, off_grid = divmod(window.span.first_sample, p.hop_samples)
        if off_grid:
            raise FrontendError(
                f"front end: window of {window.span.source_id} starts {off_grid} samples off the frame grid"
            )
        known = self._known_frames(first_frame)
        shared = 0 if known is None else known.shape[1]
        rest = window.samples[shared * p.hop_samples :]
        fresh = self._frontend.logmel_from_samples(rest) if len(rest) >= p.n_fft else None
        parts = [part for part in (known, fresh) if part is not None]
        values = read_only(np.concatenate(parts, axis=1) if len(parts) > 1 else parts[0].copy())
        self.computed_frames += 0 if fresh is None else fresh.shape[1]
        self._first_frame, self._frames = first_frame, values
        return LogMel(span=window.span, values=values)

    def _known_frames(self, first_frame: int) -> Float32 | None:
        """Return the frames from `first_frame` on that the last window already had, if any."""
        if self._frames is None:
            return None
        skip = first_frame - self._first_frame
        if not 0 <= skip < self._frames.shape[1]:
            return None
        return self._frames[:, skip:]
