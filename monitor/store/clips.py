"""Cuts the clip that a technician hears out of a source's sound, to the sample, at the device's own rate.

Pure logic without a disk. Scoring lags behind capture, so the last seconds of sound stay in memory, and a
clip is closed only when nothing that could still lengthen it can be on its way. Lost samples keep their
place as zeros and are counted. Thread-safe: capture adds blocks, the pipeline flags windows, a writer
takes finished clips.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from dataclasses import dataclass

import numpy as np

from monitor.messages import AudioBlock, Float32, read_only
from monitor.store.protection import UNTOUCHED, Protection

FINISHED_KEPT = 4
"""Clips of one source that may wait for the writer; then the oldest is dropped and counted."""
OPEN_KEPT = 4
"""Events of one source that may be recorded at once; then the oldest's clip ends early."""
EVENTS_REMEMBERED = 16


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A finished clip on its way to the disk."""

    source_id: str
    """The source that was recorded."""
    event_id: str
    """The event that the clip belongs to."""
    samples: Float32
    """Shape (n,), in [-1, 1], lost samples are 0, read-only."""
    sample_rate_hz: int
    """The device's own, at which it is kept."""
    start_s: float
    """Stream time of samples[0]."""
    start_utc_s: float
    """UTC of samples[0]."""
    lost_samples: int
    """How many of the samples are zeros that stand for lost ones."""
    protection: Protection = UNTOUCHED
    """What was taken out of the samples."""


@dataclass(slots=True)
class _Recording:
    """A clip that is still growing, in samples of the stream."""

    event_id: str
    """The event that it belongs to; an event has one at a time."""
    flagged_s: float
    """Start of the window that began it."""
    start: int
    """First sample of the clip, pre-roll included."""
    end: int
    """After the post-roll of the last flagged window so far."""
    limit: int
    """Where the clip ends at the latest."""


@dataclass(frozen=True, slots=True)
class _Cut:
    """A finished clip as the blocks it lies in; they are joined outside the lock."""

    event_id: str
    """The event that the clip belongs to."""
    blocks: tuple[AudioBlock, ...]
    """All that overlap the clip, in order; between them samples may be lost."""
    start: int
    """First sample of the clip, counted in the stream."""
    end: int
    """After the last sample of the clip, counted in the stream."""
    sample_rate_hz: int
    """That of the blocks."""
    start_s: float
    """Stream time of the first sample."""
    start_utc_s: float
    """UTC of the first sample."""


class ClipRecorder:
    """The clips of one source."""

    def __init__(
        self,
        source_id: str,
        *,
        pre_roll_s: float,
        post_roll_s: float,
        max_clip_s: float,
        clip_every_s: float,
        lag_s: float = 6.0,
    ) -> None:
        """`lag_s`: how long after its first sample a window may be flagged, its own length included."""
        self._source_id = source_id
        self._pre_roll_s = pre_roll_s
        self._post_roll_s = post_roll_s
        self._max_clip_s = max_clip_s
        self._clip_every_s = clip_every_s
        self._lag_s = lag_s
        self._lock = threading.Lock()
        self._blocks: deque[AudioBlock] = deque()
        self._rate_hz = 0
        self._rate_since = (0, 0.0)  # the sample, and its stream time, at which the rate last changed
        self._floor = 0  # from this sample on everything is held, or known to be lost
        self._end = 0
        self._recordings: dict[str, _Recording] = {}
        self._finished: deque[_Cut] = deque()
        # event -> the window that began its last clip, and where that clip ended, in stream seconds
        self._last_clips: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self.missed_windows = 0
        """Flagged windows whose sound was no longer held: lag_s is too short."""
        self.dropped_clips = 0
        """Finished clips that the writer did not take in time."""

    def reach(self, lag_s: float) -> None:
        """Remember at least so much: another model may judge later than the one before."""
        with self._lock:
            self._lag_s = max(self._lag_s, lag_s)

    @property
    def waiting(self) -> int:
        """How many finished clips nobody has taken yet."""
        return len(self._finished)

    @property
    def is_recording(self) -> bool:
        """Whether a clip is being recorded, or a finished one waits to be taken."""
        return bool(self._recordings or self._finished)

    @property
    def held_s(self) -> float:
        """Seconds of stream in memory: at most a block more than max(pre_roll_s, max_clip_s) + lag_s."""
        with self._lock:
            return (self._end - self._floor) / self._rate_hz if self._rate_hz else 0.0

    @property
    def heard_s(self) -> float:
        """Stream time up to which sound has come; 0: none yet."""
        with self._lock:
            return self._stream_s(self._end) if self._rate_hz else 0.0

    def add_block(self, block: AudioBlock) -> None:
        """Hold the next block; blocks at another rate, or not following the last, begin the ring anew."""
        with self._lock:
            begins = block.first_sample - block.lost_samples
            if block.sample_rate_hz != self._rate_hz or begins != self._end:
                self._finish_all()
                self._blocks.clear()
                self._follow_rate(block.sample_rate_hz, begins)
                self._floor = begins
            self._blocks.append(block)
            self._end = block.end_sample
            if self._recordings:
                self._finish_due()
            self._forget_old()

    def flag(self, event_id: str, start_s: float, end_s: float) -> None:
        """Record the sound of a window, stream seconds, that belongs to an event."""
        with self._lock:
            recording = self._recordings.get(event_id)
            if recording is None:
                self._begin(event_id, start_s, end_s)
            else:
                end = self._sample_at(end_s + self._post_roll_s)
                recording.end = min(max(recording.end, end), recording.limit)
            self._finish_due()

    def finish(self) -> None:
        """End every clip where the sound ends; call when the stream is over and its last window flagged."""
        with self._lock:
            self._finish_all()

    def held(self, start_s: float, end_s: float) -> tuple[Float32, int, float] | None:
        """Return what is held of a stretch of the stream: sound, its rate, and the stream time it begins at.

        None: its beginning is held no more, or nothing of it has come yet.
        """
        with self._lock:
            if not self._rate_hz:
                return None
            start, end = self._sample_at(start_s), min(self._sample_at(end_s), self._end)
            if start < self._floor or end <= start:
                return None
            cut = self._cut(_Recording("", start_s, start, end, end), end)
        return self._job(cut).samples, cut.sample_rate_hz, cut.start_s

    def take_finished(self) -> list[ClipJob]:
        """Return the clips that were finished since the last call, oldest first."""
        with self._lock:
            cuts = list(self._finished)
            self._finished.clear()
        return [self._job(cut) for cut in cuts]

    def _follow_rate(self, rate_hz: int, at_sample: int) -> None:
        """Count on at another rate: a sample's number alone no longer tells its stream time."""
        if self._rate_hz and rate_hz != self._rate_hz:
            self._rate_since = (at_sample, self._stream_s(at_sample))
        self._rate_hz = rate_hz

    def _sample_at(self, stream_s: float) -> int:
        since, since_s = self._rate_since
        return since + self._samples_in(stream_s - since_s)

    def _stream_s(self, sample: int) -> float:
        since, since_s = self._rate_since
        return since_s + (sample - since) / self._rate_hz

    def _samples_in(self, seconds: float) -> int:
        return round(seconds * self._rate_hz)

    def _begin(self, event_id: str, start_s: float, end_s: float) -> None:
        last_flagged_s, last_end_s = self._last_clips.get(event_id, (-np.inf, 0.0))
        if start_s < last_flagged_s + self._clip_every_s:
            return
        # a pre-roll that leaves no room for the window itself is cut
        wanted_s = max(start_s - self._pre_roll_s, min(start_s, end_s - self._max_clip_s))
        start = max(self._sample_at(max(wanted_s, last_end_s)), self._floor)
        if self._sample_at(end_s) <= start or self._sample_at(start_s) >= self._end:
            self.missed_windows += 1
            return
        if len(self._recordings) >= OPEN_KEPT:
            self._finish_one(next(iter(self._recordings.values())))
        limit = start + self._samples_in(self._max_clip_s)
        end = min(self._sample_at(end_s + self._post_roll_s), limit)
        self._recordings[event_id] = _Recording(event_id, start_s, start, end, limit)

    def _finish_due(self) -> None:
        lag = self._samples_in(self._lag_s)
        for recording in list(self._recordings.values()):
            # only one that cannot grow need not wait for windows that are still on their way
            wait = lag if recording.end < recording.limit else 0
            if self._end >= recording.end + wait:
                self._finish_one(recording)

    def _finish_all(self) -> None:
        for recording in list(self._recordings.values()):
            self._finish_one(recording)

    def _finish_one(self, recording: _Recording) -> None:
        del self._recordings[recording.event_id]
        end = min(recording.end, self._end)
        self._last_clips[recording.event_id] = (recording.flagged_s, self._stream_s(end))
        self._last_clips.move_to_end(recording.event_id)
        while len(self._last_clips) > EVENTS_REMEMBERED:
            self._last_clips.popitem(last=False)
        cut = self._cut(recording, end)
        if len(self._finished) >= FINISHED_KEPT:
            self._finished.popleft()
            self.dropped_clips += 1
        self._finished.append(cut)

    def _cut(self, recording: _Recording, end: int) -> _Cut:
        """Return a recording up to sample `end`, as the blocks that hold it."""
        start = recording.start
        # the clock is read off the first block that ends after the start; a later one tells it as well
        clock = next((block for block in self._blocks if block.end_sample > start), self._blocks[-1])
        return _Cut(
            event_id=recording.event_id,
            blocks=tuple(b for b in self._blocks if b.end_sample > start and b.first_sample < end),
            start=start,
            end=end,
            sample_rate_hz=self._rate_hz,
            start_s=self._stream_s(start),
            start_utc_s=clock.captured_utc_s - (clock.first_sample - start) / self._rate_hz,
        )

    def _forget_old(self) -> None:
        """Let go of blocks that no recording and no window still on its way can need."""
        keep = self._end - self._samples_in(self._pre_roll_s + self._lag_s)
        for recording in self._recordings.values():
            keep = min(keep, recording.start)
        while len(self._blocks) > 1 and self._blocks[0].end_sample <= keep:
            self._blocks.popleft()
        # in a gap there is nothing to hold: the floor may lie inside one
        self._floor = max(self._floor, min(keep, self._blocks[0].first_sample))

    def _job(self, cut: _Cut) -> ClipJob:
        samples = np.zeros(cut.end - cut.start, np.float32)
        lost = len(samples)
        for block in cut.blocks:
            first, last = max(block.first_sample, cut.start), min(block.end_sample, cut.end)
            part = block.samples[first - block.first_sample : last - block.first_sample]
            samples[first - cut.start : last - cut.start] = part
            lost -= len(part)
        return ClipJob(
            source_id=self._source_id,
            event_id=cut.event_id,
            samples=read_only(samples),
            sample_rate_hz=cut.sample_rate_hz,
            start_s=cut.start_s,
            start_utc_s=cut.start_utc_s,
            lost_samples=lost,
        )
