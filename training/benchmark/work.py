"""Does what a plan still lacks: one row after the other, each kept as soon as it is there."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from engines.errors import CodedError
from training.benchmark.clips import row_of_clips
from training.benchmark.controls import row_of_control
from training.benchmark.methods import Places, row_of_method
from training.benchmark.plan import CLIP_SETS, Job, Plan
from training.benchmark.rows import Row, read_row, row_path, write_row
from training.benchmark.sound_sets import SoundSet, sound_set_of_clips, sound_set_of_streams
from training.benchmark.streams import clips_path, digest_of_set


@dataclass(slots=True)
class Workplace:
    """Where a benchmark is at work; two processes may share the folders."""

    shared: Path
    work: Path
    streams: Path
    _digests: dict[str, str] = field(default_factory=dict)

    def name(self, job: Job) -> str:
        """Return what a job's row is kept under."""
        if job.set not in self._digests:
            self._digests[job.set] = digest_of_set(self.shared, self.streams, job.set)
        return job.name(self._digests[job.set])

    def row(self, job: Job) -> Row | None:
        """Return a job's row if it was measured."""
        return read_row(row_path(self.work, self.name(job)))

    def rows(self, plan: Plan) -> tuple[list[Row], list[Job]]:
        """Return what was measured of a plan and what is missing."""
        pairs = [(job, self.row(job)) for job in plan.jobs()]
        return [row for _, row in pairs if row is not None], [job for job, row in pairs if row is None]


@dataclass(frozen=True, slots=True)
class Done:
    """What a run did."""

    measured: int
    """Rows."""
    failed: tuple[str, ...]
    """A sentence for each row that could not be measured."""


def measure(place: Workplace, plan: Plan, only: Collection[str] = (), *, force: bool = False) -> Done:
    """Measure the rows that are missing, or all with `force`; one that fails is named and stops no other."""
    measured, failed = 0, []
    with tempfile.TemporaryDirectory(prefix="wheeltapper-benchmark-") as folder:
        sounds: dict[tuple[str, int], SoundSet] = {}
        for job in plan.jobs(only):
            if not force and place.row(job) is not None:
                continue
            name = place.name(job)
            sys.stderr.write(f"benchmark: {name}\n")
            try:
                key = (job.set, job.method.frames)
                if key not in sounds:
                    sounds[key] = _sound(place, *key, Path(folder))
                write_row(row_path(place.work, name), _row(place, job, sounds[key]))
                measured += 1
            except (CodedError, RuntimeError) as error:  # the latter is how torch says what it cannot do
                failed.append(f"{name}: {error}")
                sys.stderr.write(f"benchmark: {failed[-1]}\n")
    return Done(measured, tuple(failed))


def _sound(place: Workplace, name: str, frames: int, folder: Path) -> SoundSet:
    logmel = folder / f"{name}-{frames}.logmel"
    if name in CLIP_SETS:
        return sound_set_of_clips(clips_path(place.shared, name), logmel, frames=frames)
    return sound_set_of_streams(place.streams / name, logmel, frames=frames)


def _row(place: Workplace, job: Job, sound: SoundSet) -> Row:
    name = place.name(job)
    bundle = place.work / "bundles" / name
    if job.is_of_clips:
        return row_of_clips(job, sound, clips_path(place.shared, job.set), bundle)
    places = Places(
        judge=place.shared / "bench" / "judge.py",
        streams=place.streams / job.set,
        scores=place.work / "scores" / f"{name}.jsonl",
        bundle=bundle,
    )
    return row_of_control(job, places) if job.method.is_control else row_of_method(job, sound, places)
