"""Checks a microphone and records normal sound from the blocks that the daemon hears anyway.

Belongs to one thread, which is not one that captures or judges.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from dataclasses import replace

import numpy as np

from monitor.config import SourceConfig
from monitor.learning.documents import Advice, CheckNow, RecordingNow
from monitor.listening import Ear
from monitor.messages import AudioBlock
from monitor.recording.folder import RecordFolder
from monitor.recording.learn_folder import LearnFolder
from monitor.recording.measured import KeptMeter
from monitor.recording.microphone import PATIENCE, MicrophoneCheck
from monitor.recording.recorder import Recorder
from monitor.recording.sound_meter import SoundMeasures
from monitor.recording.sound_report import Verdict, verdicts_of_sound
from monitor.worded import DETAIL, Worded, worded

FILE_S = 60.0
"""A kill costs this much sound at most."""
LEVELS = 60
"""Seconds whose levels are shown."""
ADVISE_EVERY_S = 60.0
FIRST_ADVICE_S = 10.0
ENDLESS_S = 1e7
"""The recorder's own limit, which the session's comes before."""
GAP_MAX_S = 60.0
"""A longer gap is recorded as one of this length: no more than its being there is learned from."""


class Checking:
    """Listens for a while before hours are spent."""

    def __init__(self, ear: Ear, wanted_s: float, now_s: float) -> None:
        self._check = MicrophoneCheck(ear, wanted_s)
        self._given_up_s = now_s + PATIENCE * wanted_s

    def add(self, block: AudioBlock, *, is_off: bool) -> None:
        """Take the next block, whether or not the machine runs."""
        del is_off
        if not self._check.complete:
            self._check.add(block)

    def is_over(self, now_s: float) -> bool:
        """Whether it has heard enough, or too little for too long."""
        return self._check.complete or now_s >= self._given_up_s

    def now(self) -> CheckNow:
        """Return how far it is, without what only the end tells."""
        return CheckNow(heard_s=self._check.heard_s, wanted_s=self._check.wanted_s)

    def result(self) -> CheckNow:
        """Return what was found."""
        report = self._check.report()
        measures, levels, hum = report.measures, report.measures.levels, report.measures.hum
        return self.now().model_copy(
            update={
                "level_dbfs": None if levels is None else levels.median_dbfs,
                "peak_dbfs": measures.peak_dbfs,
                "mains_hz": None if hum is None else hum.mains_hz,
                "mains_db": None if hum is None else hum.above_neighbours_db,
                "advice": tuple(map(_advice, (*verdicts_of_sound(measures), *report.hints))),
                "forbids": tuple(verdict.code for verdict in report.forbids),
            }
        )

    def objection(self) -> Worded:
        """Return why nothing should be recorded, with the remedy."""
        found = self.result()
        forbidding = [one for one in found.advice if one.code in found.forbids]
        return worded(
            "microphone-useless",
            "{reasons}. Mend it, then resume, which checks again; go_on records all the same",
            reasons=[worded(f"advice-{one.code}", DETAIL, detail=one.text) for one in forbidding],
        )

    def close(self) -> None:
        """Nothing is held."""


class Recording:
    """Records one source into its learn folder, which it holds until it is closed."""

    def __init__(self, source: SourceConfig, ear: Ear, work: LearnFolder, wanted_s: float) -> None:
        """Go on with what is there.

        Raises:
            RecordError: Another process records there, or what is there cannot be gone on with.
            StoreError: The disk refuses.
        """
        self._wanted_s = wanted_s
        self._levels: deque[float | None] = deque(maxlen=LEVELS)
        self._peaks: deque[float] = deque(maxlen=LEVELS)
        self._second: list[np.ndarray] = []
        self._heard = self._end = self._rate_hz = 0
        self._heard_s = 0.0
        self._was_off = False
        self._advice: tuple[Advice, ...] = ()
        self._measures: SoundMeasures | None = None
        self._measured_s = 0.0
        self._kept_with: str | None = None
        self._advise_at_s = FIRST_ADVICE_S
        with contextlib.ExitStack() as undo:
            undo.enter_context(work)
            kind = getattr(source, "machine", source.kind)
            self._folder = RecordFolder(work.recordings, source_id=source.id, kind=kind, continues=True)
            undo.callback(self._folder.close)
            self._meter = KeptMeter(ear, work.measured, self._folder.names)
            self._recorder = Recorder(
                source.id, ear, self._folder, limit_s=ENDLESS_S, file_s=FILE_S, meter=self._meter
            )
            self._undo = undo.pop_all()
        if self._meter.measured_s:
            self._advise()

    @property
    def done_s(self) -> float:
        """Sound that is there, what waits for its file included."""
        return self._folder.seconds_before + self._heard_s

    def is_over(self, now_s: float) -> bool:
        """Whether all that was wanted is there; no longer gap ends it."""
        del now_s
        return self.done_s >= self._wanted_s

    def add(self, block: AudioBlock, *, is_off: bool) -> None:
        """Take the next block, or leave it out while the machine is off; after the end, nothing.

        Raises:
            RecordError, StoreError: A file cannot be written; all before it are whole and listed.
        """
        length_s = len(block.samples) / block.sample_rate_hz
        if is_off:
            self._meter.pass_over(off_s=length_s)
            if self._meter.unkept_off_s >= ADVISE_EVERY_S:
                self._meter.keep(None)
            self._was_off = True
            return
        if self.is_over(0.0):
            return
        self._meter.pass_over(lost_s=block.lost_samples / block.sample_rate_hz)
        lost = min(block.lost_samples, round(GAP_MAX_S * block.sample_rate_hz))
        if self._was_off:  # where sound was left out, no file goes on
            lost, self._was_off = max(1, lost), False
        block = replace(block, first_sample=self._end + lost, lost_samples=lost)
        self._end = block.end_sample
        self._heard_s += length_s
        self._recorder.add(block)
        self._keep_measures()
        self._show_level(block)
        if self._heard_s >= self._advise_at_s:
            self._advise_at_s = (self._heard_s // ADVISE_EVERY_S + 1) * ADVISE_EVERY_S
            self._advise()

    def now(self) -> RecordingNow:
        """Return how it goes."""
        measures = self._measures
        return RecordingNow(
            done_s=self.done_s,
            wanted_s=self._wanted_s,
            measured_s=self._measured_s,
            lost_s=self._meter.lost_s,
            off_s=self._meter.off_s,
            levels_dbfs=tuple(self._levels),
            peak_dbfs=_dbfs(max(self._peaks, default=0.0) ** 2),
            advice=self._advice,
            speech_share=None if measures is None else measures.speech_share,
            states=None if measures is None or measures.variety is None else measures.variety.states,
        )

    def finish(self) -> None:
        """Write what is pending, and close.

        Raises:
            RecordError, StoreError: A file cannot be written; all before it are whole and listed.
        """
        try:
            self._recorder.finish()
            self._keep_measures()
            self._meter.keep(None)
        finally:
            self.close()

    def close(self) -> None:
        """Let others record there; what is pending is dropped. May be called again."""
        self._undo.close()

    def _advise(self) -> None:
        self._measures = self._meter.measures()
        self._measured_s = self._meter.measured_s
        self._advice = tuple(map(_advice, verdicts_of_sound(self._measures)))

    def _keep_measures(self) -> None:
        """Keep what was measured up to a file that has become whole."""
        file = self._recorder.last_file
        if file is not None and file != self._kept_with:
            self._kept_with = file
            self._meter.keep(file)

    def _show_level(self, block: AudioBlock) -> None:
        """Note level and peak of each whole second."""
        if block.sample_rate_hz != self._rate_hz:
            self._second, self._heard, self._rate_hz = [], 0, block.sample_rate_hz
        self._second.append(block.samples)
        self._heard += len(block.samples)
        if self._heard >= self._rate_hz:
            sound = np.concatenate(self._second)
            self._second, self._heard = [], 0
            self._levels.append(_dbfs(float(np.var(sound, dtype=np.float64))))
            self._peaks.append(float(np.abs(sound).max(initial=0.0)))


def _dbfs(power: float) -> float | None:
    return 10.0 * math.log10(power) if power > 0.0 else None


def _advice(verdict: Verdict) -> Advice:
    return Advice(code=verdict.code, text=verdict.text)
