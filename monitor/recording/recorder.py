"""Records normal sound: source -> pieces -> FLAC files with an index, measured on the way.

The sound is kept at the device's own rate. Every sample received is written or counted as left out. One
thread does it all; a FLAC of a minute takes a fraction of a second, which every source's buffer bears.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from monitor.errors import RecordError, StoreError
from monitor.listening import BlockWindows, Ear
from monitor.messages import AudioBlock, CaptureState, Window, read_only
from monitor.recording.folder import RecordFolder
from monitor.recording.pieces import Piece, PieceCutter
from monitor.recording.quality_meter import QualityMeter
from monitor.recording.report import RecordLedger, RecordReport
from monitor.recording.sound_meter import SoundMeasures, SoundMeter
from monitor.sources import Source

READ_TIMEOUT_S = 0.5
PROGRESS_EVERY_S = 60.0
FIRST_PROGRESS_S = 10.0
"""A wrong device or gain shows early."""
MIN_FILE_MINUTES, MAX_FILE_MINUTES = 0.05, 5.0
"""Longer than a window; short enough for a file's sound to lie in memory at any rate."""


class Meter(Protocol):
    """Measures blocks and the windows cut from them, as QualityMeter."""

    def add(self, block: AudioBlock, windows: Iterable[Window]) -> object:
        """Take the next block, at the device's rate, and the windows that it completed."""

    def add_tail(self, windows: Iterable[Window]) -> None:
        """Take the last windows."""

    def measures(self) -> SoundMeasures:
        """Return what has been measured so far."""


class Recorder:
    """Takes the blocks of one source until `limit_s` of stream time. Not thread-safe."""

    def __init__(
        self,
        source_id: str,
        ear: Ear,
        folder: RecordFolder,
        *,
        limit_s: float,
        file_s: float,
        meter: Meter | None = None,
    ) -> None:
        """`meter` measures what is recorded; None: one of this run alone."""
        self._source_id = source_id
        self._folder = folder
        self._limit_s = limit_s
        grid = ear.grid
        self._windows = BlockWindows(source_id, ear)
        self._cutter = PieceCutter(shortest_s=grid.window_samples / grid.sample_rate_hz, file_s=file_s)
        self._waiting: deque[Piece] = deque()
        self._meter, self._minute = meter or QualityMeter(ear), SoundMeter()
        self._files: list[tuple[str, float]] = []
        self._received = self._lost = self._written = self._surplus = self._unwritten = 0
        self.position_s = 0.0
        """Stream time so far, lost samples included."""

    @property
    def last_file(self) -> str | None:
        """The name of the file that was written last; None: none was yet."""
        return self._files[-1][0] if self._files else None

    @property
    def complete(self) -> bool:
        """Whether `limit_s` is reached, to within half a sample of any rate."""
        return self.position_s >= self._limit_s - 1e-6

    @property
    def ledger(self) -> RecordLedger:
        """Where every sample went so far."""
        return RecordLedger(
            received=self._received,
            lost=self._lost,
            written=self._written,
            short=self._cutter.short,
            surplus=self._surplus,
            unwritten=self._unwritten,
            pending=self._cutter.pending + sum(len(piece.samples) for piece in self._waiting),
        )

    def add(self, block: AudioBlock) -> None:
        """Take the next block and write the files that it completes.

        Raises:
            RecordError, StoreError: A file cannot be written; it, and what was pending, is left out.
        """
        self._received += len(block.samples)
        if self.complete:
            self._surplus += len(block.samples)
            return
        start_s = self.position_s + block.lost_samples / block.sample_rate_hz
        room = max(0, round((self._limit_s - start_s) * block.sample_rate_hz))
        surplus = max(0, len(block.samples) - room)
        self._surplus += surplus
        self.position_s = start_s + len(block.samples) / block.sample_rate_hz
        if surplus:
            block = replace(block, samples=read_only(block.samples[:room]))
        self._lost += block.lost_samples
        self._measure(block)
        self._waiting += self._cutter.add(block)
        self._write_waiting()

    def finish(self) -> None:
        """Write what is pending; call once, at the end. Raises what `add` raises."""
        self._meter.add_tail(self._windows.finish())
        self._waiting += self._cutter.finish()
        self._write_waiting()

    def minute_line(self) -> str:
        """Return how the sound was since the last call, for a person."""
        measures, self._minute = self._minute.measures(), SoundMeter()
        level = "not heard" if measures.levels is None else f"{measures.levels.median_dbfs:.1f} dBFS"
        bad = ", ".join(f"{name} {share:.0%}" for name, share in measures.shares.items() if share)
        return (
            f"{self.position_s / 60:7.1f} min  level {level}, peak {measures.peak_dbfs:.1f} dBFS, "
            f"{len(self._files)} files{'; ' + bad if bad else ''}"
        )

    def report(self, ended: str) -> RecordReport:
        """Return what has become of the sound so far."""
        lengths: dict[str, float] = {"train": 0.0, "calibrate": 0.0}
        roles = self._folder.roles[-len(self._files) :] if self._files else []
        for (_, seconds), role in zip(self._files, roles, strict=True):
            lengths[role] += seconds
        return RecordReport(
            source_id=self._source_id,
            ended=ended,
            files=tuple(name for name, _ in self._files),
            train_s=lengths["train"],
            calibrate_s=lengths["calibrate"],
            ledger=self.ledger,
            sound=self._meter.measures(),
        )

    def _measure(self, block: AudioBlock) -> None:
        windows = self._windows.add(block)
        self._meter.add(block, windows)
        self._minute.add_block(block)
        for window in windows:
            self._minute.add_window(window)

    def _write_waiting(self) -> None:
        while self._waiting:
            piece = self._waiting[0]
            try:
                name = self._folder.add(piece)
            except (RecordError, StoreError):
                self._abandon()
                raise
            self._waiting.popleft()
            self._written += len(piece.samples)
            self._files.append((name, piece.seconds))

    def _abandon(self) -> None:
        """Count what is pending as unwritten: a disk that refused one file is not asked for the next."""
        self._waiting += self._cutter.finish()
        self._unwritten += sum(len(piece.samples) for piece in self._waiting)
        self._waiting.clear()


def record(
    source: Source, recorder: Recorder, *, stopped: Callable[[], bool], say: Callable[[str], None]
) -> str:
    """Record until the limit, the end of the sound or `stopped`; return why it ended, for a person.

    Closes the source, and writes what was pending, whatever happens. `say` gets a line early on,
    then one a minute.

    Raises:
        RecordError, StoreError: A file cannot be written; all before it are whole and listed.
    """
    try:
        return _listen(source, recorder, stopped, say)
    finally:
        source.close()
        recorder.finish()


def _listen(
    source: Source, recorder: Recorder, stopped: Callable[[], bool], say: Callable[[str], None]
) -> str:
    tell_at_s = FIRST_PROGRESS_S
    while not recorder.complete:
        if stopped():
            return "stopped"
        for block in source.read(READ_TIMEOUT_S):
            recorder.add(block)
        health = source.health()[0]
        if source.finished:
            return health.reason
        if recorder.position_s >= tell_at_s:
            tell_at_s = (recorder.position_s // PROGRESS_EVERY_S + 1) * PROGRESS_EVERY_S
            away = "" if health.state is CaptureState.HEALTHY else f"; {health.state.value}: {health.reason}"
            say(recorder.minute_line() + away)
    if not recorder.ledger.received:
        return f"nothing came: {source.health()[0].reason}"
    return "all the time that was asked for"
