"""One machine's bundle on its labelled recordings: the report that `wheeltapper evaluate` writes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import NoSoundError
from training.evaluation.evaluate import BUNDLE, Evaluation, Listener, controls_of_files, evaluate
from training.evaluation.report import html_of_evaluation
from training.evaluation.report_tree import tree_of_evaluation
from training.evaluation.truth import LABELS, TEST_ROLE, Event, LabelledFile, events_of_files
from training.fleet.artefacts import Artefacts
from training.fleet.at_hand import bundle_at_hand, sound_at_hand, with_names
from training.fleet.choosing import Chosen
from training.fleet.hearing import Hearing
from training.fleet.machines import Machine, SoundFile
from training.fleet.tasks import Task, Terms, key_of
from training.gather import NORMAL, TRAIN

FIGURES = ("window_auc", "recall_at_limit", "clear_share_at_limit", "recall_at_1pc", "file_auc")


@dataclass(frozen=True, slots=True)
class EvaluateWork:
    """Judges a bundle on a machine's rows of role test, or all where there are none."""

    data: str
    bundles: str
    chosen: Chosen
    hearing: Hearing
    judged: tuple[SoundFile, ...]
    controlled: tuple[SoundFile, ...]
    """Normal files of role train that the controls are fitted on."""
    truth: tuple[tuple[str, tuple[Event, ...]], ...]
    """Events of this machine's files, where they were given."""

    def do(self, place: str, out: Artefacts, terms: Terms, scratch: Path) -> Mapping[str, Any]:
        """Put report.json, report.html and scores.jsonl at `place` and return the figures."""
        if not self.judged:
            raise NoSoundError("no file is labelled normal or anomaly; add rows of role test")
        bundle = bundle_at_hand(self.bundles, self.chosen.bundle, self.chosen.bundle_id, scratch)
        at_hand = sound_at_hand(self.data, [*self.judged, *self.controlled], scratch)
        files, normal = (_labelled(group, at_hand) for group in (self.judged, self.controlled))
        events = events_of_files(files, {name: list(found) for name, found in self.truth})
        ear, engine, scorer = self.hearing.opened(bundle, threads=terms.threads)
        with (scratch / "scores.jsonl").open("w", encoding="utf-8") as sink:
            listener = Listener(
                ear=ear,
                engine=engine,
                scorer=scorer,
                budget_per_week=self.hearing.false_alarms_per_week,
                sink=lambda line: sink.write(json.dumps(line) + "\n"),
                channel=self.hearing.channel,
            )
            controls, bad = controls_of_files(normal, listener) if normal else (None, {})
            found = evaluate(files, events, listener, controls)
        engine.close()
        out.put(scratch / "scores.jsonl", f"{place}/scores.jsonl")
        tree = tree_of_evaluation(found)
        out.write_text(f"{place}/report.json", with_names(json.dumps(tree, indent=2), at_hand) + "\n")
        out.write_text(f"{place}/report.html", html_of_evaluation(found))
        unreadable = {name: with_names(why, at_hand) for name, why in {**bad, **found.unreadable}.items()}
        return _result(found, unreadable)


def evaluate_tasks(
    where: tuple[str, str],
    machines: Iterable[Machine],
    chosen: Mapping[str, Chosen],
    hearing: Hearing,
    truth: Mapping[str, list[Event]],
) -> list[Task]:
    """Return a task for each machine that has a bundle; `where` are the URLs of data and bundles."""
    tasks = []
    for machine in machines:
        if machine.fault or machine.name not in chosen:
            continue
        judged = _judged(machine)
        controlled = tuple(
            f for f in machine.files if f.role == TRAIN and f.label in {NORMAL, ""} and f not in judged
        )
        events = tuple((f.name, tuple(truth[f.name])) for f in judged if f.name in truth)
        work = EvaluateWork(*where, chosen[machine.name], hearing, judged, controlled, events)
        key = key_of(machine.digest, chosen[machine.name].bundle_id, repr(hearing), repr(events))
        tasks.append(Task(machine.name, "evaluation", f"{machine.place}/evaluation", key, work))
    return tasks


def _judged(machine: Machine) -> tuple[SoundFile, ...]:
    labelled = [file for file in machine.files if file.label in {*LABELS, ""}]
    return tuple([file for file in labelled if file.role == TEST_ROLE] or labelled)


def _labelled(files: Iterable[SoundFile], at_hand: Mapping[SoundFile, Path]) -> list[LabelledFile]:
    return [LabelledFile(f.name, at_hand[f], f.label == "anomaly", f.kind) for f in files]


def _result(found: Evaluation, unreadable: Mapping[str, str]) -> dict[str, Any]:
    figures = found.figures[BUNDLE]
    alarms = found.false_alarms
    return {
        "bundle_id": found.bundle_id,
        **{name: getattr(figures, name) for name in FIGURES},
        "files": len(found.files),
        "events": sum(map(len, found.events.values())),
        "windows": len(found.heard),
        "false_alarms": None if alarms is None else alarms.alarms,
        "clear_h": None if alarms is None else alarms.hours,
        "not_usable": dict(unreadable),
    }
