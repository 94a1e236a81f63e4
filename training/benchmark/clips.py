"""One row of clips of precomputed log-mel: AUC and pAUC, with the controls on the same clips."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from engines.runtime import open_engine
from training.benchmark.methods import trained_bundle
from training.benchmark.plan import Job
from training.benchmark.rows import Row, circumstances
from training.benchmark.sound_sets import SoundSet
from training.evaluation.clips import judge_clips
from training.evaluation.evaluate import BUNDLE


def row_of_clips(job: Job, sound: SoundSet, clips: Path, bundle: Path) -> Row:
    """Measure a method with one seed on a file of clips; no alarm limit is needed for an AUC."""
    trained = trained_bundle(job, sound, bundle)
    judged = judge_clips(clips, open_engine(trained.bundle, threads=1))
    figures = {name: asdict(found) for name, found in judged.figures.items()}
    counts = {"normal": float((~judged.labels).sum()), "anomalous": float(judged.labels.sum())}
    return Row(
        method=job.method.name,
        kind=job.method.kind,
        set=job.set,
        seed=job.seed,
        figures=figures.pop(BUNDLE) | counts,
        head=trained.head,
        costs=trained.costs,
        no_limit_because="clips are judged by AUC",
        controls=figures,
        made=circumstances(),
    )
