"""An explanation as one HTML file that needs nothing else: pictures, curves, the truth, and the table."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from engines.runtime import Float32
from training.evaluation.drawings import COLOURS, EVENT_COLOUR, Frame
from training.evaluation.png import data_uri_of_png, png_of_matrix
from training.evaluation.report import number, page, table
from training.explain.attributions import ATTRIBUTIONS
from training.explain.tree import Explanation
from training.faithfulness import COLUMNS, FaithfulnessTable, Row, column_of

BRIGHT, DARK = 99.5, 1.0
"""Percentiles of a picture that are its brightest and its darkest colour."""
CURVE_HEIGHT = 110
WIDE = 'style="width:594px;height:128px;margin-left:46px;display:block"'
"""Of a picture: its frames stand above those of the curve below it."""
HOW_TO_READ = (
    "<p>Low frequencies are at the bottom, time runs to the right. Shaded: what the truth says is wrong. "
    "Signed maps: green is 0, yellow makes the score higher, violet makes it lower.</p>"
)
SCALARS = {
    "error": "mean((g(x) - x)^2) of the unmasked reconstruction g, as in arXiv 2601.12660",
    "score": "the bundle's own score, its masks and its scoring head included",
}
TITLES = {"random": "random frames", "random_smoothed": "random stretches", "oracle": "the truth itself"}
"""Of the rows beside the methods."""


def html_of_explanation(explanation: Explanation) -> str:
    """Return the whole page. The same explanation gives the same page, to the byte."""
    title = f"Explanation of {explanation.bundle_id}"
    parts = [
        f"<h1>{escape(title)}</h1>",
        _facts(explanation),
        *_figures(explanation),
        "<h2>Clips</h2>",
        HOW_TO_READ,
        *(_clip(explanation, index) for index in range(len(explanation.explained.clips.files))),
        *_percentiles(explanation.table),
        _unreadable(explanation),
    ]
    return page(title, parts)


def title_of_row(name: str) -> str:
    """Return what people call a method or a row of chance."""
    return ATTRIBUTIONS[name].title if name in ATTRIBUTIONS else TITLES.get(name, name)


def _facts(explanation: Explanation) -> str:
    settings, gap = explanation.settings, explanation.explained.completeness_gap
    clips = explanation.explained.clips
    how = (
        f"Settings '{explanation.settings_name}': what is explained is {SCALARS[settings.scalar]}; "
        f"x is {settings.units} log-mel, and the baseline is {settings.baseline:g} of it."
    )
    wrong, count = int(clips.anomalous.sum()), len(clips.files)
    known = f"{wrong} of them touch an event" if clips.events else "the most unusual ones of the files"
    facts = [how, f"{count} clips of {explanation.clip_s:.1f} s: {known}."]
    if gap is not None:
        facts.append(
            f"Integrated Gradients should add up to what the score gained over the baseline; with "
            f"{settings.path_steps} steps they miss it by {100 * gap:.1f} % (median of the windows)."
        )
    if explanation.left_out:
        names = ", ".join(ATTRIBUTIONS[name].title for name in explanation.left_out)
        facts.append(f"Left out, as not defined for kind {explanation.kind}: {names}.")
    return "<ul>" + "".join(f"<li>{escape(fact)}</li>" for fact in facts) + "</ul>"


def _figures(explanation: Explanation) -> Iterator[str]:
    yield "<h2>How far they can be trusted</h2>"
    found = explanation.table
    if found is None:
        yield f"<p>No figures: {escape(explanation.no_table_because)}</p>"
        return
    yield (
        f"<p>Over {found.anomalous} clips with a known event and {found.normal} without one. Foreign "
        f"imputations are judged by {escape(explanation.judged_by)}. What a method must beat is the better "
        "of the two rows by lot; the truth itself is the other end of the scale.</p>"
    )
    names = ["", *(title_of_row(row.name) for row in found.rows)]
    keys = list(found.rows[0].by_percentile)
    yield "<h3>Means over the percentiles</h3>"
    yield table(names, [[key, *(_mean(row, key) for row in found.rows)] for key in keys]) + _meanings(keys)
    known = [key for key in COLUMNS if any(row.figures[key].value is not None for row in found.rows)]
    yield "<h3>Without a percentile</h3>"
    yield table(names, [[key, *(number(row.figures[key].value) for row in found.rows)] for key in known])
    yield _meanings(known)


def _percentiles(found: FaithfulnessTable | None) -> Iterator[str]:
    if found is None:
        return
    yield "<h2>At each percentile</h2>"
    for key in found.rows[0].by_percentile:
        yield f"<details><summary>{escape(key)}</summary>{_by_percentile(found, key)}</details>"


def _mean(row: Row, key: str) -> str:
    over = row.by_percentile.get(key)
    return number(None if over is None else over.area.value)


def _meanings(keys: Sequence[str]) -> str:
    return (
        "<ul>"
        + "".join(f"<li>{escape(key)}: {escape(column_of(key).meaning)}</li>" for key in keys)
        + "</ul>"
    )


def _by_percentile(found: FaithfulnessTable, key: str) -> str:
    rows = [
        [title_of_row(row.name), *(number(value) for value in over.values), number(over.area.value)]
        for row in found.rows
        for over in [row.by_percentile[key]]
    ]
    return table(["", *(f"{percentile}th" for percentile in found.percentiles), "mean"], rows)


def _clip(explanation: Explanation, index: int) -> str:
    explained = explanation.explained
    clips, start_s = explained.clips, explained.clips.start_s[index]
    events = ", ".join(event.kind or "event" for event in explanation.events_of_clip(index)) or "no event"
    place = f"{clips.files[index]}, {start_s:.2f} to {start_s + explanation.clip_s:.2f} s: {events}"
    low, high = (float(np.percentile(clips.values[index], share)) for share in (DARK, BRIGHT))
    parts = [
        f"<h3>{escape(place)}</h3>",
        _picture("Input", clips.values[index], low, high),
        _picture("Reconstruction", explained.reconstruction[index], low, high),
    ]
    for method in explained.methods:
        title = ATTRIBUTIONS[method.name].title
        if method.maps is not None:
            parts.append(_picture(title, method.maps[index], *_range(method.name, method.maps[index])))
        parts.append(_curve(explanation, index, title, method.curves[index]))
    return "".join(parts)


def _range(name: str, values: Float32) -> tuple[float, float]:
    high = max(float(np.percentile(np.abs(values), BRIGHT)), 1e-12)
    return (-high if ATTRIBUTIONS[name].signed else 0.0), high


def _picture(title: str, values: Float32, low: float, high: float) -> str:
    png = data_uri_of_png(png_of_matrix(values, low=low, high=high))
    return f'<figcaption>{escape(title)}</figcaption><img {WIDE} src="{png}" alt="{escape(title)}">'


def _curve(explanation: Explanation, index: int, title: str, values: Float32) -> str:
    start_s = explanation.explained.clips.start_s[index]
    end_s = start_s + explanation.clip_s
    heights = np.asarray(values, dtype=np.float64)
    low, high = min(float(heights.min()), 0.0), max(float(heights.max()), 0.0)
    frame = Frame((start_s, end_s), (low, high if high > low else low + 1.0), 650, CURVE_HEIGHT)
    body = [
        frame.box(
            (max(event.onset_s, start_s), min(event.offset_s, end_s)),
            frame.y,
            f'fill="{EVENT_COLOUR}"',
            event.kind,
        )
        for event in explanation.events_of_clip(index)
    ]
    at_s = np.asarray(start_s + (np.arange(len(heights)) + 0.5) * explanation.explained.clips.hop_s)
    body.append(frame.line(at_s, heights, f'stroke="{COLOURS[0]}" stroke-width="1"'))
    return frame.picture(body, title=f"{title}, summed over the bands", x_name="s")


def _unreadable(explanation: Explanation) -> str:
    if not explanation.unreadable:
        return ""
    rows: Sequence[Sequence[str]] = [[name, why] for name, why in explanation.unreadable.items()]
    return "<h2>Files that could not be read, or not to their end</h2>" + table(["file", "why"], rows)
