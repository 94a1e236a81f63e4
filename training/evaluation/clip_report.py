"""The judgement of clips as one HTML page and as JSON, every figure beside chance and the controls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from html import escape

import numpy as np

from training.evaluation.clips import JudgedClips
from training.evaluation.drawings import histogram_picture, roc_picture
from training.evaluation.evaluate import BUNDLE
from training.evaluation.measures import roc_curve
from training.evaluation.report import number, page, table

SCHEMA = 1
EXPLANATION = (
    "<p>High means unusual; a clip's score is the mean of its windows. The Gaussian is one on the mean "
    "log-mel of the normal clips of role train, the level the mean power.</p>"
)
QUANTILE = 0.99
UNIT = f"the {QUANTILE} quantile of the normal clips"
CHANCE = 0.5
FIGURES = (
    ("auc", "AUC of clips, mean over windows"),
    ("pauc", "pAUC of clips (FPR to .1, McClish)"),
    ("peak_auc", "AUC of clips, highest window"),
)


def tree_of_judged_clips(bundle_id: str, judged: Sequence[JudgedClips]) -> dict[str, object]:
    """Return the report as JSON-able values."""
    return {
        "schema": SCHEMA,
        "bundle": bundle_id,
        "chance": {name: CHANCE for name, _ in FIGURES},
        "clips": {
            found.file: {
                "normal": int((~found.labels).sum()),
                "anomalous": int(found.labels.sum()),
                "control_fitted_on_clips": found.fitted_on,
                "detectors": {name: asdict(figures) for name, figures in found.figures.items()},
            }
            for found in judged
        },
        "notes": notes_of_judged_clips(judged),
    }


def lines_of_scores(bundle_id: str, judged: Sequence[JudgedClips]) -> Iterator[dict[str, object]]:
    """Yield what each detector said of each clip, JSON-able; high means unusual, on each one's own scale."""
    for found in judged:
        highest = found.scores[BUNDLE].highest
        for index, name in enumerate(found.names):
            yield {
                "file": found.file,
                "clip": name,
                "anomaly": bool(found.labels[index]),
                "bundle": bundle_id,
                "highest": None if highest is None else float(highest[index]),
                "mean": {detector: float(said.mean[index]) for detector, said in found.scores.items()},
            }


def notes_of_judged_clips(judged: Sequence[JudgedClips]) -> list[str]:
    """Return, as sentences, what a reader must know before quoting a figure."""
    return [
        f"{found.file}: the control '{name}' separates the clips as well as the bundle or better (AUC "
        f"{number(figures.auc)}): here the bundle has earned nothing."
        for found in judged
        for name, figures in found.figures.items()
        if name != BUNDLE and _reaches(figures.auc, found.figures[BUNDLE].auc)
    ]


def _reaches(theirs: float | None, ours: float | None) -> bool:
    return theirs is not None and ours is not None and theirs >= ours


def html_of_judged_clips(bundle_id: str, judged: Sequence[JudgedClips]) -> str:
    """Return the whole page. The same judgement gives the same page, to the byte."""
    title = f"Evaluation of {bundle_id} on clips"
    notes = "".join(f"<li>{escape(note)}</li>" for note in notes_of_judged_clips(judged))
    parts = [
        f"<h1>{escape(title)}</h1>",
        EXPLANATION,
        f"<ul>{notes}</ul>" if notes else "",
        *(part for found in judged for part in _parts(found)),
    ]
    return page(title, parts)


def _parts(found: JudgedClips) -> list[str]:
    rows = [
        [words, *(number(getattr(figures, name)) for figures in found.figures.values()), number(CHANCE)]
        for name, words in FIGURES
    ]
    own = found.scores[BUNDLE].mean
    centre, high = np.quantile(own[~found.labels], (0.5, QUANTILE))
    curves = {name: roc_curve(found.labels, said.mean) for name, said in found.scores.items()}
    normal, anomalous = int((~found.labels).sum()), int(found.labels.sum())
    fitted = f"the Gaussian is fitted on {found.fitted_on} others"
    return [
        f"<h2>{escape(found.file)}</h2>",
        f"<p>{normal} normal and {anomalous} anomalous clips; {fitted}.</p>",
        table(["", *found.figures, "chance"], rows),
        histogram_picture(found.labels, (own - centre) / max(high - centre, 1e-12), "clips", UNIT),
        roc_picture(curves, "clips"),
    ]


def summary_of_judged_clips(judged: Sequence[JudgedClips]) -> list[str]:
    """Return the figures as lines for a person."""
    lines = [f"{'':16}{'':10}" + "".join(f"{name:>12}" for name, _ in FIGURES)]
    for found in judged:
        for detector, figures in found.figures.items():
            cells = [getattr(figures, name) for name, _ in FIGURES]
            words = "".join(f"{'-' if cell is None else format(cell, '.3f'):>12}" for cell in cells)
            lines.append(f"{found.file:16}{detector:10}{words}")
    lines.append(f"{'':16}{'chance':10}" + "".join(f"{CHANCE:>12.3f}" for _ in FIGURES))
    return lines + [f"note: {note}" for note in notes_of_judged_clips(judged)]
