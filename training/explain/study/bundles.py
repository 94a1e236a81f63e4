"""The bundles that are explained: trained as the benchmark trains them, and kept."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from engines.bundle import MANIFEST, WEIGHTS, Bundle, open_bundle
from training.benchmark.methods import trained_bundle
from training.benchmark.plan import Job
from training.benchmark.sound_sets import SoundSet, sound_set_of_streams
from training.benchmark.work import Workplace

FOLDER = "explained"
"""Inside the benchmark's work folder: the bundles that it has no use for, and all figures."""


@dataclass(slots=True)
class Bundles:
    """Gives the bundle of a training, and trains it where it is not there yet."""

    place: Workplace
    scratch: Path
    """For the log-mel of the training sound."""
    _sound: SoundSet | None = None

    @property
    def own(self) -> Path:
        """Where what is trained here is kept."""
        return self.place.work / FOLDER / "bundles"

    def found(self, job: Job) -> Bundle | None:
        """Return the bundle of a training if it was made, by the benchmark or here, with its weights."""
        name = self.place.name(job)
        for folder in (self.own / name, self.place.work / "bundles" / name):
            if (folder / MANIFEST).is_file():
                bundle = open_bundle(folder)
                if WEIGHTS in bundle.manifest.files:
                    return bundle
        return None

    def bundle(self, job: Job) -> Bundle:
        """Return the bundle of a training, trained now if need be.

        Raises:
            TrainingError: It cannot be trained on this sound.
        """
        bundle = self.found(job)
        if bundle is None:
            name = self.place.name(job)
            sys.stderr.write(f"explain: training {name}\n")
            if self._sound is None:
                self._sound = sound_set_of_streams(self.place.streams / job.set, self.scratch / "logmel")
            bundle = trained_bundle(job, self._sound, self.own / name).bundle
        return bundle
