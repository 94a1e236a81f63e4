"""One machine, one recipe: a bundle from its normal sound, and how well it tells pseudo anomalies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from engines.bundle import MANIFEST
from monitor.calibration import Calibration
from monitor.config import AlarmConfig
from training.errors import TrainingError
from training.fleet.artefacts import Artefacts
from training.fleet.at_hand import sound_at_hand, with_names
from training.fleet.machines import Machine, SoundFile, digest_of_files
from training.fleet.recipes import Recipe, split_seed
from training.fleet.tasks import Task, Terms, key_of
from training.gather import CALIBRATE, NORMAL, TRAIN, gather_rows
from training.making import Terms as MakingTerms
from training.making import Trained, make_bundle
from training.train_arguments import design_of
from training.work_folder import WorkFolder

BUNDLE = "bundle"


@dataclass(frozen=True, slots=True)
class TrainWork:
    """Trains, calibrates and exports as `wheeltapper train` does."""

    data: str
    """URL or folder; every worker reads its machine's files there."""
    machine: Machine
    recipe: Recipe

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:
        """Put the bundle at `place`/bundle and return what is known of it; labelled sound is never opened."""
        arguments = self.recipe.arguments(scratch / "made", seed=self.recipe.seed(self.machine.name))
        if terms.gpu_share:
            if not torch.cuda.is_available():
                raise TrainingError("--gpu-share: torch finds no GPU on this node; leave it out")
            arguments.device = "cuda"
        usable = [file for file in self.machine.files if _is_learned_from(file)]
        at_hand = sound_at_hand(self.data, usable, scratch)
        others = [(Path(file.name), file) for file in self.machine.files if file not in at_hand]
        rows = [*((path, file) for file, path in at_hand.items()), *others]
        material = gather_rows((path, file.name, file.row) for path, file in rows)
        with WorkFolder(arguments.out, resume=False, force=False) as work:
            made = make_bundle(
                arguments,
                design_of(arguments),
                material,
                [],
                work,
                MakingTerms(
                    run="wheeltapper fleet train",
                    split_seed=split_seed(self.machine.name),
                    fitted_utc_s=terms.made_utc_s,
                    measure_head=True,
                ),
            )
        out.put_folder(made.bundle.folder, f"{place}/{BUNDLE}", last=MANIFEST)
        return _result(made, at_hand)


def train_tasks(data: str, machines: Iterable[Machine], recipes: Sequence[Recipe]) -> list[Task]:
    """Return a task for each machine and recipe, all recipes of a machine together."""
    return [
        Task(
            machine=machine.name,
            name=recipe.name,
            place=f"{machine.place}/models/{recipe.name}",
            key=key_of(digest_of_files(machine.name, filter(_is_learned_from, machine.files)), recipe.words),
            work=TrainWork(data, machine, recipe),
        )
        for machine in machines
        if not machine.fault
        for recipe in recipes
    ]


def _is_learned_from(file: SoundFile) -> bool:
    return file.row["label"] == NORMAL and file.role in {TRAIN, CALIBRATE}


def _result(made: Trained, at_hand: dict[SoundFile, Path]) -> dict[str, Any]:
    manifest = made.bundle.manifest
    head = manifest.training["head"]
    return {
        "bundle_id": manifest.bundle_id,
        "merit": head["partial_auc_on_pseudo_anomalies"][head["name"]],
        "head": head["name"],
        "epochs": len(made.history.epochs),
        "best_validation_loss": round(made.history.best_validation_loss, 6),
        "sound_s": round(made.store.seconds, 1),
        "recordings": len(made.store.recordings),
        "not_usable": {item.recording: with_names(item.reason, at_hand) for item in made.store.skipped},
        "limit": _limit(made.calibration),
        "bytes": sum(entry.size_bytes for entry in manifest.files.values()),
        "sha256": {name: entry.sha256 for name, entry in sorted(manifest.files.items())},
    }


def _limit(calibration: Calibration | None) -> dict[str, float] | None:
    if calibration is None:
        return None
    budget = AlarmConfig().false_alarms_per_week
    low, high = calibration.limit_interval(budget)
    fewest, most = calibration.false_alarms_interval(budget)
    return {
        "raw": calibration.limit_raw(budget),
        "raw_low": low,
        "raw_high": high,
        "false_alarms_per_week_low": fewest,
        "false_alarms_per_week_high": most,
        "judged_h": calibration.exposure_h,
    }
