"""The evaluation as JSON: every figure beside chance and the controls."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict

from training.evaluation.evaluate import BUNDLE, GAUSSIAN, Evaluation
from training.evaluation.figures import Figures

SCHEMA = 1
HALF = ("file_auc", "file_pauc", "file_peak_auc", "window_auc", "window_pauc", "frame_auc", "inside_auc")
"""Figures for which chance is .5."""


def tree_of_evaluation(evaluation: Evaluation) -> dict[str, object]:
    """Return the report as JSON-able; what the sound cannot answer is None."""
    windows = evaluation.windows(BUNDLE)
    judged = sum(window.value is not None for window in windows)
    events = [event for found in evaluation.events.values() for event in found]
    return {
        "schema": SCHEMA,
        "bundle": evaluation.bundle_id,
        "data": {
            "files": len(evaluation.files),
            "files_with_events": sum(bool(found) for found in evaluation.events.values()),
            "events": len(events),
            "events_by_kind": dict(sorted(Counter(event.kind for event in events).items())),
            "windows": len(windows),
            "judged_windows": judged,
            "judged_hours": judged * evaluation.hop_s / 3600.0,
            "control_fitted_on_windows": evaluation.normal_windows,
            "unreadable": dict(evaluation.unreadable),
        },
        "detectors": {name: asdict(found) for name, found in evaluation.figures.items()},
        "chance": chance_of_figures(evaluation.figures[BUNDLE]),
        "false_alarms": (
            None
            if evaluation.false_alarms is None
            else asdict(evaluation.false_alarms) | {"kept": evaluation.false_alarms.kept}
        ),
        "notes": notes_of_evaluation(evaluation),
    }


def chance_of_figures(figures: Figures) -> Mapping[str, float | None]:
    """Return what the bundle's figures would be if its values were drawn by lot."""
    return {
        **dict.fromkeys(HALF, 0.5),
        "recall_at_limit": figures.recall_at_limit_chance,
        "recall_at_1pc": figures.recall_at_1pc_chance,
    }


def notes_of_evaluation(evaluation: Evaluation) -> list[str]:
    """Return, as sentences, what a reader must know before quoting a figure."""
    notes = []
    events = [event for found in evaluation.events.values() for event in found]
    if not events:
        notes.append(
            "No file is labelled an anomaly and no events were given: all sound is taken as normal, and only "
            "false alarms can be measured."
        )
    whole = sum(event.offset_s == float("inf") for event in events)
    if whole:
        notes.append(
            f"Of {whole} anomalous files no times are known: each counts as one event from its beginning to "
            "its end, although the machine may sound normal in between."
        )
    if GAUSSIAN not in evaluation.figures:
        notes.append(
            "The Gaussian control is left out: it is fitted on normal sound, and none was given (--normal). "
            "Without it nobody knows whether a net was needed."
        )
    notes += [_beaten(name, evaluation) for name in evaluation.figures if _is_beaten(name, evaluation)]
    silent = len(evaluation.heard) - sum(w.value is not None for w in evaluation.windows(BUNDLE))
    if silent:
        notes.append(f"{silent} windows could not be judged (their input is bad) and are in no figure.")
    if evaluation.unreadable:
        notes.append(f"{len(evaluation.unreadable)} files could not be read, or not to their end.")
    return notes


def _is_beaten(name: str, evaluation: Evaluation) -> bool:
    ours, theirs = evaluation.figures[BUNDLE].window_auc, evaluation.figures[name].window_auc
    return name != BUNDLE and ours is not None and theirs is not None and theirs >= ours


def _beaten(name: str, evaluation: Evaluation) -> str:
    return (
        f"The control '{name}' separates the windows as well as the bundle or better (AUC "
        f"{evaluation.figures[name].window_auc:.3f}): on this sound the bundle has earned nothing."
    )
