"""What the explanations of one bundle reach, each table kept as soon as it is there."""

from __future__ import annotations

import hashlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.bundle import Bundle
from engines.errors import CodedError
from training.benchmark.judging import judge_scores
from training.benchmark.rows import circumstances
from training.benchmark.scoring import scorer_of_bundle, write_scores
from training.benchmark.sound_sets import files_to_score
from training.benchmark.streams import TRUTH
from training.benchmark.work import Workplace
from training.errors import TrainingError
from training.evaluation.truth import events_of_files, events_of_truth, files_of_paths
from training.explain.answers import Judge, models_of_objective
from training.explain.attributions import ATTRIBUTIONS
from training.explain.clips import Cut, clips_around_events, cutter_of_bundle, thinned_clips
from training.explain.explained import explain_clips
from training.explain.objective import Objective
from training.explain.settings import SETTINGS
from training.explain.study.bundles import FOLDER, Bundles
from training.explain.study.plan import IMPUTERS, SET, Part, Plan
from training.faithfulness import (
    FaithfulnessTable,
    Models,
    faithfulness_of_clips,
    table_of_tree,
    tree_of_table,
)
from training.rebuilt import detector_of_bundle


@dataclass(frozen=True, slots=True)
class Measured:
    """One part of the study, done."""

    part: Part
    table: FaithfulnessTable
    completeness_gap: float | None
    """Of Integrated Gradients, relative, median over windows."""
    head: str
    """What the bundle scores by."""
    whole: Mapping[str, float | None]
    """The shared judge's figures of the bundle on all streams; noted once a bundle, with settings `paper`."""
    cpu_s: float
    """Of explaining and judging; training is not in it."""
    available: tuple[int, int]
    """Clips with and without an event that could have been drawn."""


@dataclass(slots=True)
class Measuring:
    """A study at work in a folder that it may share with a benchmark."""

    plan: Plan
    place: Workplace
    bundles: Bundles
    _cut: dict[str, Cut] = field(default_factory=dict)
    """By front end and window: what is the same for all bundles is heard once."""

    def kept(self, part: Part) -> Measured | None:
        """Return a part if it was measured with the bundles that are there.

        Raises:
            TrainingError: Its file is damaged.
        """
        jobs = self.plan.job(part.kind, part.seed), self.plan.judge_of(part.seed)
        found = [self.bundles.found(job) for job in jobs]
        if found[0] is None or found[1] is None:
            return None
        path = self._path(part, found[0], found[1])
        return _read(path, part) if path.is_file() else None

    def measure(self, part: Part) -> Measured:
        """Return a part, measured now and kept.

        Raises:
            CodedError: A bundle cannot be made, or does not answer as it was trained.
        """
        bundle = self.bundles.bundle(self.plan.job(part.kind, part.seed))
        judging = self.bundles.bundle(self.plan.judge_of(part.seed))
        started_s = time.process_time()
        measured = self._measured(part, bundle, Judge(detector_of_bundle(judging), judging))
        measured["cpu_s"] = round(time.process_time() - started_s, 1)
        path = self._path(part, bundle, judging)
        _write(path, {**measured, "made": circumstances()})
        found = _read(path, part)
        sys.stderr.write(f"explain: {path.stem}: {found.cpu_s:.0f} CPU seconds\n")
        return found

    def _measured(self, part: Part, bundle: Bundle, judge: Judge) -> dict[str, Any]:
        streams = self.place.streams / SET
        files = files_of_paths(files_to_score(streams), relative_to=streams)
        events = events_of_files(files, events_of_truth(streams / TRUTH))
        cutter = cutter_of_bundle(bundle.folder)
        heard_by = f"{bundle.manifest.frontend_digest} {bundle.manifest.frames}"
        if heard_by not in self._cut:
            self._cut[heard_by] = clips_around_events(files, events, cutter)
        cut = self._cut[heard_by]
        objective = Objective(detector_of_bundle(bundle), SETTINGS[part.settings])
        explained = explain_clips(
            objective,
            thinned_clips(cut.clips, self.plan.clips, self.plan.normal_clips, cutter.seed),
            events,
            tuple(ATTRIBUTIONS),
            hop_s=cutter.hop_s,
            window_frames=cutter.window_frames,
        )
        models: Models = models_of_objective(objective, bundle, judge, IMPUTERS)
        table = faithfulness_of_clips(
            explained.clips, explained.methods, models, self.plan.figures_of(part.settings)
        )
        wrong = sum(clip.anomalous for clip in cut.clips)
        return {
            "table": tree_of_table(table),
            "completeness_gap": explained.completeness_gap,
            "head": str(bundle.manifest.training.get("head", {}).get("name", "")),
            "whole": self._whole(bundle) if part.settings == "paper" else {},
            "available": [wrong, len(cut.clips) - wrong],
        }

    def _whole(self, bundle: Bundle) -> Mapping[str, float | None]:
        """Return how right the bundle's own error map is in time, on all windows of all streams."""
        script, streams = self.place.shared / "bench" / "judge.py", self.place.streams / SET
        if not script.is_file():
            return {}
        with tempfile.TemporaryDirectory(prefix="wheeltapper-explain-") as folder:
            scores = Path(folder) / "scores.jsonl"
            scorer = scorer_of_bundle(bundle, calibrated=False)
            write_scores(scores, files_to_score(streams), streams, scorer)
            return judge_scores(script, streams, scores, has_limit=False).figures

    def _path(self, part: Part, bundle: Bundle, judge: Bundle) -> Path:
        what = {**self.plan.what(part), "bundle": bundle.bundle_id, "judge": judge.bundle_id}
        digest = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:10]
        name = f"{part.kind}--seed{part.seed}--{part.settings}--{digest}.json"
        return self.place.work / FOLDER / "figures" / name


def measure_all(measuring: Measuring) -> tuple[int, list[str]]:
    """Measure what is missing; return how many parts were, and a sentence for each that could not be."""
    done, failed = 0, []
    for part in measuring.plan.parts():
        try:
            if measuring.kept(part) is None:
                measuring.measure(part)
                done += 1
        except (CodedError, RuntimeError) as error:  # the latter is how torch says what it cannot do
            failed.append(f"{part.kind} seed {part.seed} {part.settings}: {error}")
            sys.stderr.write(f"explain: {failed[-1]}\n")
    return done, failed


def _write(path: Path, tree: Mapping[str, object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    part.write_text(json.dumps(tree, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    part.replace(path)


def _read(path: Path, part: Part) -> Measured:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
        wrong, normal = tree["available"]
        return Measured(
            part=part,
            table=table_of_tree(tree["table"]),
            completeness_gap=tree["completeness_gap"],
            head=tree["head"],
            whole=tree["whole"],
            cpu_s=tree["cpu_s"],
            available=(wrong, normal),
        )
    except (ValueError, TypeError, KeyError) as error:
        raise TrainingError(f"{path}: is damaged ({error}); delete it, and it is measured again") from error
