"""What was measured, one JSON file a trial, so that an interrupted run goes on."""

from __future__ import annotations

import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from training.ablations.material import CLIP_SET
from training.ablations.questions import CLIPS, Question, Variant
from training.ablations.trial import Result, Trial
from training.benchmark.rows import circumstances
from training.benchmark.streams import digest_of_set
from training.errors import TrainingError
from training.train import TrainingSettings

FOLDER = "trials"
STREAM_SET = "uav"


@dataclass(slots=True)
class Keep:
    """The folder of trials; a trial's name changes with its recipe and its data."""

    shared: Path
    streams: Path
    """Folder of the benchmark's sets of streams."""
    work: Path
    _digests: dict[str, str] = field(default_factory=dict)

    def path(self, question: Question, variant: Variant, seed: int) -> Path:
        """Return where a trial is kept, whether it is there or not."""
        name = CLIP_SET if question.asked_on == CLIPS else STREAM_SET
        if name not in self._digests:
            self._digests[name] = digest_of_set(self.shared, self.streams, name)
        settings = {key: value for key, value in asdict(TrainingSettings()).items() if key != "loss"}
        # an option that nobody chose is left out, so that a new one does not make all trials others
        design = {key: value for key, value in asdict(variant.design).items() if value is not None}
        recipe = {"data": self._digests[name], "settings": settings, **asdict(variant), "design": design}
        digest = hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:10]
        words = re.sub(r"[^a-z0-9]+", "-", variant.name.lower()).strip("-")
        return self.work / FOLDER / f"{question.name}--{words}--seed{seed}--{digest}.json"

    def trial(self, question: Question, variant: Variant, seed: int) -> Trial | None:
        """Return a trial if it was made.

        Raises:
            TrainingError: Its file is damaged.
        """
        path = self.path(question, variant, seed)
        if not path.is_file():
            return None
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))["trial"]
            return Trial(**{**tree, "results": tuple(Result(**result) for result in tree["results"])})
        except (ValueError, TypeError, KeyError) as error:
            raise TrainingError(f"{path}: is damaged ({error}); delete it, and it is made again") from error

    def add(self, path: Path, trial: Trial) -> None:
        """Keep a trial; it is there wholly or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{path.name}.part-{os.getpid()}")
        tree: dict[str, Any] = {"trial": asdict(trial), "made": circumstances()}
        part.write_text(json.dumps(tree, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(path)
