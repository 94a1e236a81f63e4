"""The sound of a clip, read block by block, so that a long clip costs no more memory than a short one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from monitor.errors import StoreError
from monitor.frontend import Frontend, FrontendParameters
from monitor.messages import Float32
from monitor.replay.kept.columns import Columns

BLOCK_S = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A clip's sound, column by column of its pictures."""

    low: Float32
    """Shape (columns,), the lowest sample of each."""
    high: Float32
    """Shape (columns,), the highest sample of each."""
    logmel: Float32 | None
    """Shape (mel, columns), log10 power; None: the front end is not known."""


def blocks_of_sound(file: BinaryIO, *, block_s: float = BLOCK_S) -> Iterator[Float32]:
    """Yield a sound file's first channel in order, shape (n,), in [-1, 1].

    Raises:
        StoreError: It cannot be decoded.
    """
    try:
        with soundfile.SoundFile(file) as sound:
            size = max(1, round(block_s * sound.samplerate))
            for block in sound.blocks(size, dtype="float32", always_2d=True):
                yield np.ascontiguousarray(block[:, 0])
    except soundfile.SoundFileError as error:
        raise StoreError(f"a clip cannot be decoded ({error}); its file is damaged") from error


def heard_of_clip(
    file: BinaryIO, *, rate_hz: int, columns: Columns, parameters: FrontendParameters | None
) -> Heard:
    """Return what a clip holds in each column.

    With a front end, a frame of `columns` must be its hop: the clip's frame x is then centred on frame x.

    Raises:
        StoreError: The clip cannot be decoded.
    """
    envelope = _Envelope(columns.width_px, rate_hz * columns.column_s)
    frames = None if parameters is None else _ColumnFrames(parameters, rate_hz, columns)
    for block in blocks_of_sound(file):
        envelope.add(block)
        if frames is not None:
            frames.add(block)
    logmel = None if frames is None else frames.finish()
    return Heard(envelope.low, envelope.high, logmel)


class _Envelope:
    """The range of the samples in each column; a column without sound has 0 to 0."""

    def __init__(self, columns: int, samples_per_column: float) -> None:
        self.low = np.zeros(columns, np.float32)
        self.high = np.zeros(columns, np.float32)
        self._per_column = samples_per_column
        self._first = 0

    def add(self, samples: Float32) -> None:
        places = np.arange(self._first, self._first + len(samples))
        column = np.minimum(places // self._per_column, len(self.low) - 1).astype(np.int64)
        starts = np.flatnonzero(np.diff(column, prepend=-1))
        touched = column[starts]
        self.low[touched] = np.minimum(self.low[touched], np.minimum.reduceat(samples, starts))
        self.high[touched] = np.maximum(self.high[touched], np.maximum.reduceat(samples, starts))
        self._first += len(samples)


class _ColumnFrames:
    """Log-mel at the model's rate, on the frames of the clip."""

    def __init__(self, parameters: FrontendParameters, rate_hz: int, columns: Columns) -> None:
        self._frontend = Frontend(parameters)
        self._columns = columns
        self._parts: list[Float32] = []
        self._frames = 0
        # half an STFT frame less half a hop lies before the clip
        margin = (parameters.n_fft - parameters.hop_samples) // 2
        self._waiting = np.zeros(margin, np.float32)
        self._left_over = np.zeros((parameters.mel_bands, 0), np.float32)
        self._resampler = None
        if rate_hz != parameters.sample_rate_hz:
            self._resampler = soxr.ResampleStream(
                rate_hz, parameters.sample_rate_hz, 1, dtype="float32", quality="HQ"
            )

    def add(self, samples: Float32) -> None:
        if self._resampler is not None:
            samples = self._resampler.resample_chunk(samples)
        self._take(samples)

    def finish(self) -> Float32:
        """Return shape (mel, columns), the mean of the frames in each."""
        if self._resampler is not None:
            self._take(self._resampler.resample_chunk(np.zeros(0, np.float32), last=True))
        p, missing = self._frontend.parameters, self._columns.frames - self._frames
        if missing > 0:
            self._take(np.zeros(max(p.samples_of_frames(missing) - len(self._waiting), 0), np.float32))
        if self._left_over.shape[1]:
            self._parts.append(self._columns.reduced(self._left_over, np.mean))
        return np.concatenate(self._parts, axis=1)[:, : self._columns.width_px]

    def _take(self, samples: Float32) -> None:
        p = self._frontend.parameters
        self._waiting = np.concatenate([self._waiting, samples])
        if len(self._waiting) < p.n_fft:
            return
        part = self._frontend.logmel_from_samples(self._waiting)
        self._waiting = self._waiting[part.shape[1] * p.hop_samples :]
        self._frames += part.shape[1]
        part = np.concatenate([self._left_over, part], axis=1)
        whole = part.shape[1] - part.shape[1] % self._columns.together
        self._left_over = part[:, whole:]
        if whole:
            self._parts.append(self._columns.reduced(part[:, :whole], np.mean))
