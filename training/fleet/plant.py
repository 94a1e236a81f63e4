"""What is done with a plant, each from its machines to a summary: train, evaluate, score."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from training.evaluation.truth import Event
from training.fleet.artefacts import Artefacts
from training.fleet.campaign import Engine, perform_all
from training.fleet.choosing import Chosen, choose, chosen_of, keep_chosen
from training.fleet.evaluate_work import FIGURES, evaluate_tasks
from training.fleet.hearing import Hearing
from training.fleet.machines import Machine
from training.fleet.recipes import Recipe
from training.fleet.score_work import PIECES, score_tasks
from training.fleet.summary import Cell, Row, Summary, named, trouble_of
from training.fleet.tasks import Report, Task, Terms, reports_of
from training.fleet.train_work import train_tasks

NO_BUNDLE = "has no bundle in {bundles}; train it: wheeltapper fleet train --out {bundles}"


@dataclass(frozen=True, slots=True)
class Plant:
    """What all three are given."""

    data: str
    """URL or folder of the sound."""
    machines: tuple[Machine, ...]
    terms: Terms
    engine: Engine


def train_plant(plant: Plant, recipes: Sequence[Recipe]) -> Summary:
    """Train each machine by each recipe, choose, and keep the choices; what is done already stays."""
    tasks = train_tasks(plant.data, plant.machines, recipes)
    reports = perform_all(tasks, plant.terms, plant.engine, "fleet train")
    out = Artefacts(plant.terms.out)
    kept = chosen_of(out, plant.machines)
    by_machine: dict[str, list[Report]] = {machine.name: [] for machine in plant.machines}
    for task in tasks:
        by_machine[task.machine].append(reports[task.place])
    rows = []
    for machine in plant.machines:
        mine = by_machine[machine.name]
        chosen = choose(machine, mine)
        if chosen is not None and kept.get(machine.name) != chosen:
            keep_chosen(out, machine, chosen)
        rows.append(_row_of_training(machine, mine, chosen))
    return Summary("Training of the fleet", tuple(rows))


def evaluate_plant(plant: Plant, bundles: str, hearing: Hearing, truth: Mapping[str, list[Event]]) -> Summary:
    """Judge each machine's bundle on its labelled sound."""
    chosen = chosen_of(Artefacts(bundles), plant.machines)
    tasks = evaluate_tasks((plant.data, bundles), plant.machines, chosen, hearing, truth)
    reports = perform_all(tasks, plant.terms, plant.engine, "fleet evaluate")
    by_machine = {task.machine: reports[task.place] for task in tasks}
    rows = []
    for machine in plant.machines:
        fault = machine.fault or NO_BUNDLE.format(bundles=bundles)
        rows.append(_row_of_evaluation(machine, by_machine.get(machine.name), fault))
    return Summary("Evaluation of the fleet", tuple(rows))


def score_plant(plant: Plant, bundles: str, hearing: Hearing, *, piece_bytes: int) -> Summary:
    """Score each machine's recordings with its bundle into one file of lines a machine."""
    chosen = chosen_of(Artefacts(bundles), plant.machines)
    planned = {
        machine.name: score_tasks(
            (plant.data, bundles), machine, chosen[machine.name], hearing, piece_bytes=piece_bytes
        )
        for machine in plant.machines
        if not machine.fault and machine.name in chosen
    }
    joined = _scored(plant, planned)
    rows = []
    for machine in plant.machines:
        fault = machine.fault or NO_BUNDLE.format(bundles=bundles)
        rows.append(_row_of_scores(machine, joined.get(machine.name), fault))
    return Summary("Scores of the fleet", tuple(rows))


def _scored(plant: Plant, planned: Mapping[str, tuple[list[Task], Task]]) -> dict[str, Report]:
    """Return the report of each machine: of its join, or of the first piece that failed."""
    out = Artefacts(plant.terms.out)
    known = reports_of(out, [join for _, join in planned.values()])
    left = {name: found for name, found in planned.items() if found[1].place not in known}
    pieces = [piece for tasks, _ in left.values() for piece in tasks]
    reports = perform_all(pieces, plant.terms, plant.engine, "fleet score")
    failed = {
        piece.machine: reports[piece.place] for piece in reversed(pieces) if not reports[piece.place].done
    }
    joins = [join for name, (_, join) in left.items() if name not in failed]
    known |= perform_all(joins, plant.terms, plant.engine, "fleet score, joining")
    by_machine = {name: known[join.place] for name, (_, join) in planned.items() if join.place in known}
    for machine in plant.machines:
        if machine.name in left and machine.name in by_machine and by_machine[machine.name].done:
            out.remove(f"{machine.place}/{PIECES}")
    return {**failed, **by_machine}


def _row_of_training(machine: Machine, reports: Sequence[Report], chosen: Chosen | None) -> Row:
    best: Mapping[str, Any] = {}
    if chosen is not None:
        best = next(report.result for report in reports if report.name == chosen.recipe)
    limit: Mapping[str, float] = best.get("limit") or {}
    merit = best.get("merit")
    figures: dict[str, Cell] = {
        "recipe": None if chosen is None else chosen.recipe,
        "merit": merit,
        "head": best.get("head"),
        "sound_h": best["sound_s"] / 3600 if best else None,
        "limit": limit.get("raw"),
        "false_alarms_per_week": _range(limit),
        "cpu_s": round(sum(report.cost.get("cpu_s", 0.0) for report in reports), 1),
    }
    said = [machine.fault] if machine.fault else []
    said += [f"{report.name}: {report.error} [{report.code}]" for report in reports if not report.done]
    said += [f"{why}" for why in best.get("not_usable", {}).values()]
    return _row(machine.name, figures, trouble_of(merit, low_is_bad=True), said, has_result=bool(best))


def _row_of_evaluation(machine: Machine, report: Report | None, fault: str) -> Row:
    result = report.result if report is not None else {}
    names = (*FIGURES, "false_alarms", "clear_h", "events", "files")
    figures: dict[str, Cell] = {name: result.get(name) for name in names}
    trouble = trouble_of(result.get("window_auc"), low_is_bad=True)
    return _row(machine.name, figures, trouble, _said(report, fault), has_result=bool(result))


def _row_of_scores(machine: Machine, report: Report | None, fault: str) -> Row:
    result = report.result if report is not None else {}
    judged = result.get("judged", 0)
    share = result["at_limit"] / judged if judged else None
    figures: dict[str, Cell] = {
        "share_at_limit": share,
        **{name: result.get(name) for name in ("at_limit", "judged", "windows", "highest", "highest_at")},
    }
    return _row(machine.name, figures, trouble_of(share), _said(report, fault), has_result=bool(result))


def _said(report: Report | None, fault: str) -> list[str]:
    """Return what was wrong with a machine that has one task; `fault` where it has none."""
    if report is None:
        return [fault]
    if not report.done:
        return [f"{report.error} [{report.code}]"]
    return list(report.result.get("not_usable", {}).values())


def _row(
    machine: str, figures: Mapping[str, Cell], trouble: float, said: Sequence[str], *, has_result: bool
) -> Row:
    state = "failed" if not has_result else "partly" if said else "done"
    return Row(machine, state, figures, trouble, named(said))


def _range(limit: Mapping[str, float]) -> str | None:
    if not limit:
        return None
    return f"{limit['false_alarms_per_week_low']:.2g} to {limit['false_alarms_per_week_high']:.2g}"
