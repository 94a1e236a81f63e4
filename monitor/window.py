"""Cuts a source's sound into overlapping windows on the stream's own grid, and judges the input.

Windows start at multiples of the hop, counted from the stream's first sample, however the stream is cut
into blocks. Lost samples keep their place as zeros and mark every window over them; nothing is spliced.
The ledger is exact: received + lost == windowed + skipped + pending, at any moment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from monitor.messages import AudioBlock, Float32, Quality, Span, Window, read_only

STILL = 1e-7
"""Two neighbouring samples that differ less are the same: below the step of a 24-bit converter."""
FULL_SCALE = 0.999
"""At or above this magnitude a sample is at full scale, resampling ripple allowed for."""
GAP_WINDOWS = 4
"""How many windows are made inside one long gap; the rest of it is skipped in one step."""


@dataclass(frozen=True, slots=True)
class WindowGrid:
    """Where windows and their frames lie, in samples at the model's rate."""

    sample_rate_hz: int
    """The model's rate, in which everything here is counted."""
    window_samples: int
    """Samples under one window."""
    hop_samples: int
    """From one window to the next; a multiple of frame_hop_samples, at most window_samples."""
    frame_samples: int
    """Samples under one STFT frame."""
    frame_hop_samples: int
    """From one frame to the next."""

    def span_start_s(self, first_sample: int) -> float:
        """Return the stream time at which the bin of the window's first frame begins."""
        return (first_sample + (self.frame_samples - self.frame_hop_samples) / 2) / self.sample_rate_hz

    @property
    def duration_s(self) -> float:
        """Seconds that the window's frames tile."""
        frames = 1 + (self.window_samples - self.frame_samples) // self.frame_hop_samples
        return frames * self.frame_hop_samples / self.sample_rate_hz


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """When a window's input is too bad to be judged; see config.InputQualityConfig."""

    silent_below_dbfs: float
    """A window whose RMS level is lower is SILENT."""
    clipped_share: float
    """A window with a greater share of its samples at full scale is CLIPPED, 0 to 1."""
    flat_samples: int
    """At the model's rate."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Where every sample went, at the model's rate: received + lost == windowed + skipped + pending."""

    received: int
    """Arrived; less the few at the end that `finish` had to give up."""
    lost: int
    """Never arrived, or given up by `finish`."""
    windowed: int
    """In at least one window, lost ones as zeros."""
    skipped: int
    """Lost ones in the middle of a long gap, which no window was made for."""
    pending: int
    """Waiting for their window to fill."""

    @property
    def end_sample(self) -> int:
        """How much of the stream it accounts for: the place after the last sample."""
        return self.received + self.lost

    @property
    def balances(self) -> bool:
        """Whether no sample is unaccounted for."""
        return self.received + self.lost == self.windowed + self.skipped + self.pending


def level_dbfs(samples: Float32) -> float:
    """Return the RMS level; -200 for digital zero. A sine at full scale has -3."""
    power = float(np.dot(samples, samples)) / max(len(samples), 1)
    return 10.0 * float(np.log10(max(power, 1e-20)))


def stands_still(samples: Float32, run_samples: int) -> bool:
    """Say whether `run_samples` consecutive samples are the same to within STILL."""
    run = max(run_samples - 1, 1)
    step = run // 8
    if step > 1:
        # a run that long holds seven steps of an eighth of it at least, and none of them leads far: sound has
        # hardly one of those, so that only what may stand still is looked at sample by sample
        coarse, steps = samples[::step], run // step - 1
        near = np.abs(coarse[1:] - coarse[:-1]) <= 1.01 * STILL * step
        if np.count_nonzero(near) < steps or _longest_run(near) < steps:
            return False
    return _longest_run(np.abs(np.diff(samples)) <= STILL) >= run


def _longest_run(chosen: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate(([False], chosen, [False])).astype(np.int8)))
    return int((edges[1::2] - edges[::2]).max()) if len(edges) else 0


class Windower:
    """The windows of one source. Not thread-safe: it belongs to the thread that reads the source."""

    def __init__(
        self,
        source_id: str,
        grid: WindowGrid,
        limits: QualityLimits,
        *,
        machine: int = 0,
        before: Ledger | None = None,
        settle_samples: int = 0,
    ) -> None:
        """Begin with the stream, or go on where `before` ends: what came before is others' to window.

        The first window then starts on the grid at least `settle_samples` behind that place, and up to there
        the stream is taken for windowed; `pending` is below 0 until sound has come that far.
        """
        self._source_id = source_id
        self.machine = machine
        """Number of the machine that windows are cut for from now on."""
        self._grid = grid
        self._limits = limits
        # the window before stays in the buffer, so that the stream's last one can overlap it further
        self._buffer = np.zeros(4 * grid.window_samples, np.float32)
        before = before or Ledger(0, 0, 0, 0, 0)
        begin = before.end_sample
        self._base = begin  # stream index of buffer[0]
        self._end = begin  # stream index after the last sample
        # where the next window starts
        self._next = -(-(begin + settle_samples) // grid.hop_samples) * grid.hop_samples
        self._covered_end = self._next  # up to here every sample is windowed or skipped
        self._lost_runs: list[tuple[int, int]] = []  # [start, end) of zeros that stand for lost samples
        self._received, self._lost, self._skipped = before.received, before.lost, before.skipped
        self._utc_anchor = (0, 0.0)

    @property
    def next_sample(self) -> int:
        """Where the next window will start."""
        return self._next

    @property
    def ledger(self) -> Ledger:
        """Where every sample went so far."""
        return Ledger(
            received=self._received,
            lost=self._lost,
            windowed=self._covered_end - self._skipped,
            skipped=self._skipped,
            pending=self._end - self._covered_end,
        )

    def add(self, block: AudioBlock) -> list[Window]:
        """Take the next block, at the model's rate, and return the windows it completes.

        Raises:
            ValueError: The block does not follow the one before: a defect of the caller.
        """
        if block.first_sample != self._end + block.lost_samples or block.lost_samples < 0:
            raise ValueError(
                f"{self._source_id}: block starts at {block.first_sample} after {self._end} "
                f"with {block.lost_samples} lost; blocks must be handed over in order"
            )
        self._utc_anchor = (block.first_sample, block.captured_utc_s)
        windows = self._lose(block.lost_samples)
        self._received += len(block.samples)
        return windows + self._extend(block.samples)

    def finish(self) -> list[Window]:
        """Return the window of the stream's tail, if it is not covered yet.

        It ends at the last whole frame and overlaps its neighbour more than others do. What is left, less
        than a frame hop, is reported lost. A stream shorter than a window is padded: quality `gap`.
        """
        grid = self._grid
        if self._end == self._covered_end:
            return []
        if self._end < grid.window_samples:
            return self._lose(grid.window_samples - self._end)
        start = (self._end - grid.window_samples) // grid.frame_hop_samples * grid.frame_hop_samples
        windows = [self._window(start)] if start + grid.window_samples > self._covered_end else []
        remainder = self._end - self._covered_end
        self._received -= remainder
        self._lost += remainder
        self._skipped += remainder
        self._covered_end = self._end
        return windows

    def _lose(self, count: int) -> list[Window]:
        """Put zeros where samples are missing; a long gap is walked for a few windows, then skipped."""
        if not count:
            return []
        grid = self._grid
        self._lost += count
        walk = min(count, GAP_WINDOWS * grid.window_samples)
        windows = self._zeros(walk)
        skip = (count - walk) // grid.hop_samples * grid.hop_samples
        if skip:  # everything still in the buffer is lost: all of it moves on
            self._base += skip
            self._end += skip
            self._next += skip
            self._covered_end += skip
            self._skipped += skip
            self._lost_runs = [(self._base, self._end)]
        return windows + self._zeros(count - walk - skip)

    def _zeros(self, count: int) -> list[Window]:
        if count:
            self._lost_runs.append((self._end, self._end + count))
        return self._extend(np.zeros(count, np.float32))

    def _extend(self, samples: Float32) -> list[Window]:
        windows = []
        for start in range(0, len(samples), self._grid.window_samples):
            piece = samples[start : start + self._grid.window_samples]
            self._make_room(len(piece))
            at = self._end - self._base
            self._buffer[at : at + len(piece)] = piece
            self._end += len(piece)
            while self._next + self._grid.window_samples <= self._end:
                windows.append(self._window(self._next))
                self._next += self._grid.hop_samples
        return windows

    def _make_room(self, count: int) -> None:
        """Forget what lies more than a window back, when the buffer would overflow."""
        held = self._end - self._base
        if held + count <= len(self._buffer):
            return
        keep = min(held, self._grid.window_samples)
        self._buffer[:keep] = self._buffer[held - keep : held]
        self._base = self._end - keep
        self._lost_runs = [(max(a, self._base), b) for a, b in self._lost_runs if b > self._base]

    def _window(self, first: int) -> Window:
        grid = self._grid
        end = first + grid.window_samples
        samples = read_only(self._buffer[first - self._base : end - self._base].copy())
        lost = sum(max(min(b, end) - max(a, first), 0) for a, b in self._lost_runs)
        self._covered_end = max(self._covered_end, end)
        level = None if lost == len(samples) else level_dbfs(samples)
        start_s = grid.span_start_s(first)
        anchor_sample, anchor_utc_s = self._utc_anchor
        span = Span(
            source_id=self._source_id,
            first_sample=first,
            start_s=start_s,
            end_s=start_s + grid.duration_s,
            start_utc_s=anchor_utc_s + start_s - anchor_sample / grid.sample_rate_hz,
            quality=self._quality(samples, lost, level),
            level_dbfs=level,
            machine=self.machine,
        )
        return Window(span=span, samples=samples)

    def _quality(self, samples: Float32, lost: int, level: float | None) -> Quality:
        if level is None:
            return Quality.ABSENT
        if lost:
            return Quality.GAP
        if level < self._limits.silent_below_dbfs:
            return Quality.SILENT
        if stands_still(samples, self._limits.flat_samples):
            return Quality.FLAT
        if max(samples.max(), -samples.min()) < FULL_SCALE:  # nearly always, and cheaper than counting
            return Quality.OK
        clipped = np.count_nonzero(np.abs(samples) >= FULL_SCALE)
        return Quality.CLIPPED if clipped > self._limits.clipped_share * len(samples) else Quality.OK
