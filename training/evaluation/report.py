"""The evaluation as one HTML file that needs nothing else: no network, no script, no second file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby

import numpy as np

from training.evaluation.drawings import histogram_picture, roc_picture, timeline_picture
from training.evaluation.evaluate import BUNDLE, Evaluation
from training.evaluation.figures import Figures, Group
from training.evaluation.gallery import Picture
from training.evaluation.measures import roc_curve
from training.evaluation.png import data_uri_of_png, png_of_matrix
from training.evaluation.report_tree import chance_of_figures, notes_of_evaluation
from training.evaluation.scored_windows import files_of_windows, window_labels

MOST_TIMELINES = 24
UNKNOWN = "n/a"
BRIGHT = 99.5
"""Percentile of all error maps shown that is the brightest colour."""
FIGURES = (
    ("file_auc", "AUC of files, mean value"),
    ("file_pauc", "pAUC of files (FPR to .1, McClish)"),
    ("file_peak_auc", "AUC of files, highest value"),
    ("window_auc", "AUC of windows"),
    ("window_pauc", "pAUC of windows (FPR to .1, McClish)"),
    ("recall_at_limit", "events found at value ≥ 1"),
    ("clear_share_at_limit", "clear windows flagged at value ≥ 1"),
    ("recall_at_1pc", "events found at 1 % of clear windows"),
    ("frame_auc", "AUC of moments (100 ms)"),
    ("inside_auc", "AUC inside windows"),
)
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
  color: #222; background: #fff; }
table { border-collapse: collapse; margin: .5rem 0 1.5rem; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; display: block; }
svg text { font: 12px system-ui, sans-serif; }
figure { display: inline-block; margin: 0 1rem 1rem 0; vertical-align: top; max-width: 22rem; }
figcaption { font-size: 13px; overflow-wrap: anywhere; }
img { width: 10rem; height: 12rem; image-rendering: pixelated; }
"""


def html_of_evaluation(evaluation: Evaluation) -> str:
    """Return the whole page. The same evaluation gives the same page, to the byte."""
    title = f"Evaluation of {evaluation.bundle_id}"
    notes = "".join(f"<li>{escape(note)}</li>" for note in notes_of_evaluation(evaluation))
    parts = [
        f"<h1>{escape(title)}</h1>",
        _facts(evaluation),
        f"<ul>{notes}</ul>" if notes else "",
        "<h2>Figures, beside chance and the controls</h2>",
        _figures(evaluation),
        "<h2>False alarms</h2>",
        _false_alarms(evaluation),
        *_groups(evaluation),
        "<h2>Windows</h2>",
        *_curves(evaluation),
        "<h2>The most anomalous windows</h2>",
        _gallery(evaluation.gallery.pictures),
        "<h2>Value over time</h2>",
        *_timelines(evaluation),
        _unreadable(evaluation.unreadable),
    ]
    return page(title, parts)


def page(title: str, parts: Sequence[str]) -> str:
    """Return a page that needs nothing else; `parts` are its markup, empty ones are left out."""
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>{''.join(f'{part}{chr(10)}' for part in parts if part)}</body></html>\n"
    )


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts; nothing in them is markup."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def number(value: float | None) -> str:
    """Return a figure as it stands in a table."""
    return UNKNOWN if value is None else f"{value:.3f}"


def _facts(evaluation: Evaluation) -> str:
    judged = sum(window.value is not None for window in evaluation.windows(BUNDLE))
    events = sum(len(found) for found in evaluation.events.values())
    return (
        f"<p>{len(evaluation.files)} files, {judged * evaluation.hop_s / 3600:.2f} h judged in "
        f"{judged} windows, {events} events. Value 1 is the alarm limit, "
        "0 the median of normal sound; high means unusual.</p>"
    )


def _figures(evaluation: Evaluation) -> str:
    chance = chance_of_figures(evaluation.figures[BUNDLE])
    rows = [
        [words, *(number(getattr(f, name)) for f in evaluation.figures.values()), number(chance.get(name))]
        for name, words in FIGURES
    ]
    return table(["", *evaluation.figures, "chance"], rows)


def _false_alarms(evaluation: Evaluation) -> str:
    found = evaluation.false_alarms
    if found is None:
        return "<p>There is no clear sound to measure them on.</p>"
    low, high = found.per_week_interval
    least, most = found.promised_interval
    verdict = "agree" if found.kept else "do not agree: the calibration's promise is not kept on this sound"
    rows = [
        ["measured", f"{found.per_week:.3g}", f"{low:.3g} to {high:.3g}"],
        ["promised by the calibration", f"{found.promised_per_week:.3g}", f"{least:.3g} to {most:.3g}"],
    ]
    return (
        f"<p>{found.alarms} alarms in {found.hours:.2f} h of clear sound (high windows less than "
        f"{found.gap_s:g} s apart are one). The intervals {verdict}.</p>"
        + table(["", "a week", "90 % interval"], rows)
    )


def _groups(evaluation: Evaluation) -> list[str]:
    figures = evaluation.figures
    return [
        part
        for title, name in (("Events by kind", "by_kind"), ("Events by SNR", "by_snr"))
        if getattr(figures[BUNDLE], name)
        for part in (f"<h2>{title}</h2>", _group_table(figures, name))
    ]


def _group_table(figures: Mapping[str, Figures], name: str) -> str:
    rows = []
    for groups in zip(*(getattr(found, name) for found in figures.values()), strict=True):
        own: Group = groups[0]
        at_1pc = [_count(group.found_at_1pc) for group in groups]
        rows.append([own.name, str(own.events), _count(own.found_at_limit), *at_1pc])
    header = ["", "events", "found at value ≥ 1", *(f"{detector} at 1 %" for detector in figures)]
    return table(header, rows)


def _count(count: int | None) -> str:
    return UNKNOWN if count is None else str(count)


def _curves(evaluation: Evaluation) -> list[str]:
    curves = {}
    for name in evaluation.figures:
        labels, values = window_labels(files_of_windows(evaluation.windows(name), evaluation.events))
        if labels.any() and not labels.all():
            curves[name] = roc_curve(labels, values)
    labels, values = window_labels(files_of_windows(evaluation.windows(BUNDLE), evaluation.events))
    histogram = histogram_picture(labels, values) if len(values) else "<p>No window could be judged.</p>"
    return [histogram, roc_picture(curves) if curves else ""]


def _gallery(pictures: Sequence[Picture]) -> str:
    if not pictures:
        return "<p>No window could be judged.</p>"
    bright = float(np.percentile(np.stack([picture.error_map for picture in pictures]), BRIGHT))
    return (
        "<p>Left the sound (log-mel, each in its own colours), right the error map (all in the same colours: "
        f"yellow is {bright:.3g} and more). Low frequencies are at the bottom, time runs to the right.</p>"
    ) + "".join(_figure(picture, bright) for picture in pictures)


def _figure(picture: Picture, bright: float) -> str:
    low, high = (float(np.percentile(picture.logmel, share)) for share in (1.0, 99.5))
    sound = data_uri_of_png(png_of_matrix(picture.logmel, low=low, high=high))
    error = data_uri_of_png(png_of_matrix(picture.error_map, low=0.0, high=bright))
    place = f"{picture.file}, {picture.start_s:.2f} to {picture.end_s:.2f} s"
    return (
        f'<figure><img src="{sound}" alt="log-mel of {escape(place)}"> '
        f'<img src="{error}" alt="error map of {escape(place)}">'
        f"<figcaption>value {picture.value:.2f}: {escape(place)}</figcaption></figure>"
    )


def _timelines(evaluation: Evaluation) -> list[str]:
    windows = evaluation.windows(BUNDLE)
    by_file = {name: list(found) for name, found in groupby(windows, key=lambda window: window.file)}
    shown = list(by_file.items())[:MOST_TIMELINES]
    parts = [
        f"<figure style='max-width:100%'><figcaption>{escape(name)}</figcaption>"
        f"{timeline_picture(name, found, evaluation.events.get(name, ()))}</figure>"
        for name, found in shown
    ]
    if len(by_file) > len(shown):
        parts.append(f"<p>The first {len(shown)} of {len(by_file)} files; all are in scores.jsonl.</p>")
    return ["<p>Shaded: events. Dashed: the alarm limit.</p>", *parts]


def _unreadable(unreadable: Mapping[str, str]) -> str:
    if not unreadable:
        return ""
    rows = [[name, why] for name, why in unreadable.items()]
    return "<h2>Files that could not be read, or not to their end</h2>" + table(["file", "why"], rows)
