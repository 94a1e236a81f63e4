"""Brings a source's sound to the model's rate with an exact ledger.

Places at the model's rate are computed from the absolute place at the device's rate, so that no drift can
build up: after any blocks and gaps, samples out + lost out == round(device samples * ratio), to the sample.
A gap flushes the resampler and starts it anew: sound from both sides of it never mixes, and it stays a gap
of at least one sample however short it was. The resampler (soxr) keeps phase: its delay is in when a block
is handed over, not in where it says it lies.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import soxr

from monitor.messages import AudioBlock, Float32, read_only

NOTHING: Float32 = read_only(np.zeros(0, np.float32))


@dataclass(frozen=True, slots=True)
class Ratio:
    """How places at the device's rate become places at the model's."""

    source_rate_hz: int
    """The device's rate, from `device_origin` on."""
    model_rate_hz: int
    """The rate that everything is brought to."""
    device_origin: int = 0
    """Where the device's rate last changed, in samples of the stream; 0 if it never did."""
    model_origin: int = 0
    """The place at the model's rate that `device_origin` has."""

    def model_place(self, device_place: int) -> int:
        """Return the nearest place at the model's rate, halves upwards, in whole numbers only."""
        scaled = 2 * (device_place - self.device_origin) * self.model_rate_hz + self.source_rate_hz
        return self.model_origin + scaled // (2 * self.source_rate_hz)

    def device_place(self, model_place: int) -> float:
        """Return the exact place at the device's rate."""
        return (
            self.device_origin + (model_place - self.model_origin) * self.source_rate_hz / self.model_rate_hz
        )

    def changed(self, source_rate_hz: int, *, at_device_place: int) -> Ratio:
        """Return the ratio after the device's rate has changed there."""
        origin = self.model_place(at_device_place)
        return Ratio(source_rate_hz, self.model_rate_hz, at_device_place, origin)

    def for_model(self, model_rate_hz: int) -> Ratio:
        """Return the ratio of the same stream to another model's rate."""
        origin = round(self.model_origin * model_rate_hz / self.model_rate_hz)
        return Ratio(self.source_rate_hz, model_rate_hz, self.device_origin, origin)


class Resampler:
    """One source's sound at the model's rate. Not thread-safe.

    A device that comes back at another rate is followed from there on.
    """

    def __init__(
        self,
        source_rate_hz: int,
        model_rate_hz: int,
        *,
        ratio: Ratio | None = None,
        device_start: int = 0,
    ) -> None:
        """Begin with the stream, or in the middle of it, where the device's count is `device_start`.

        `ratio` is then that of the stream so far, at this model's rate.
        """
        ratio = ratio or Ratio(source_rate_hz, model_rate_hz)
        self._ratio = ratio
        self._device_end = device_start
        self._model_end = ratio.model_place(device_start)  # after the last handed over, or reported lost
        self._gap_due = False  # a loss is not yet visible in what was handed over
        self._stream: soxr.ResampleStream | None = None
        self._next = 0  # the place of the resampler's next sample
        self._last: AudioBlock | None = None

    def for_model(self, model_rate_hz: int) -> Resampler:
        """Return another, which goes on from here with the same stream at another model's rate."""
        ratio = self._ratio.for_model(model_rate_hz)
        return Resampler(ratio.source_rate_hz, model_rate_hz, ratio=ratio, device_start=self._device_end)

    @property
    def begin(self) -> int:
        """The place, at the model's rate, up to which all has been handed over or reported lost."""
        return self._model_end

    @property
    def owes_gap(self) -> bool:
        """Whether a loss has come in that what was handed over does not show yet."""
        return self._gap_due

    def add(self, block: AudioBlock) -> list[AudioBlock]:
        """Take the next block at the device's rate and return what is ready at the model's."""
        changed = block.sample_rate_hz != self._ratio.source_rate_hz
        out = self._end_segment() if block.lost_samples or changed else []
        if changed:
            self._ratio = self._ratio.changed(
                block.sample_rate_hz, at_device_place=block.first_sample - block.lost_samples
            )
        self._gap_due |= block.lost_samples > 0
        self._last = block
        self._device_end = block.end_sample
        if not len(block.samples):
            return out + self._report_gap(block)
        if block.sample_rate_hz == self._ratio.model_rate_hz:
            return [*out, *self._pass_through(block)]
        if self._stream is None:
            self._stream = soxr.ResampleStream(
                block.sample_rate_hz, self._ratio.model_rate_hz, 1, dtype="float32", quality="HQ"
            )
            self._next = self._ratio.model_place(block.first_sample)
        return out + self._hand_over(self._stream.resample_chunk(block.samples), block)

    def flush(self) -> list[AudioBlock]:
        """Return what is left, at the end of the stream or wherever the ledger must be even."""
        out = self._end_segment()
        if self._gap_due and self._last is not None:
            out += self._report_gap(self._last)
        return out

    def _pass_through(self, block: AudioBlock) -> list[AudioBlock]:
        """Return the block as it is, unless a change of rate has moved its place."""
        first = self._ratio.model_place(block.first_sample)
        if first == block.first_sample and first - self._model_end == block.lost_samples:
            self._model_end, self._gap_due = block.end_sample, False
            return [block]
        self._next = first
        return self._hand_over(block.samples, block)

    def _end_segment(self) -> list[AudioBlock]:
        """Return the resampler's remainder, cut or filled by at most a sample or two to its exact end."""
        if self._stream is None or self._last is None:
            return []
        tail = self._stream.resample_chunk(NOTHING, last=True)
        self._stream = None
        missing = self._ratio.model_place(self._device_end) - self._next - len(tail)
        if missing > 0:
            tail = np.concatenate([tail, np.full(missing, tail[-1] if len(tail) else 0.0, np.float32)])
        return self._hand_over(tail, self._last)

    def _hand_over(self, samples: Float32, heard: AudioBlock) -> list[AudioBlock]:
        """Return the part of `samples`, which start at `_next`, that lies within the segment's bounds."""
        start = max(self._next, self._model_end + self._gap_due)
        end = min(self._next + len(samples), self._ratio.model_place(self._device_end))
        sound = samples[max(0, start - self._next) : max(0, end - self._next)]
        self._next += len(samples)
        if end <= start:
            return []
        return [self._block(start, sound, heard)]

    def _report_gap(self, block: AudioBlock) -> list[AudioBlock]:
        """Return an empty block with the loss up to the end of `block`, if it amounts to a sample."""
        end = self._ratio.model_place(block.end_sample)
        return [self._block(end, NOTHING, block)] if end > self._model_end else []

    def _block(self, first: int, samples: Float32, heard: AudioBlock) -> AudioBlock:
        """Return a block at `first`, timed by `heard`, the latest that came from the device."""
        since_s = (self._ratio.device_place(first) - heard.first_sample) / self._ratio.source_rate_hz
        block = AudioBlock(
            source_id=heard.source_id,
            samples=read_only(np.clip(samples, -1.0, 1.0)),  # filters overshoot a little
            sample_rate_hz=self._ratio.model_rate_hz,
            first_sample=first,
            lost_samples=first - self._model_end,
            captured_utc_s=heard.captured_utc_s + since_s,
        )
        self._model_end = first + len(samples)
        self._gap_due = False
        return block
