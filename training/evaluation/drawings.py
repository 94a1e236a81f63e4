"""Curves and bars of the evaluation as inline SVG, drawn from numbers alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from training.evaluation.measures import Float64
from training.evaluation.scored_windows import Bools, ScoredWindow
from training.evaluation.truth import Event

COLOURS = ("#1f5fa8", "#b5651d", "#4d7f3a")
EVENT_COLOUR = "#f3c7c0"
MOST_POINTS = 400
BARS = 48
LIMIT = 1.0
LIMIT_NAME = "the alarm limit"
CLASSES = {"windows": ("clear windows", "windows in events"), "clips": ("normal clips", "anomalous clips")}
"""What the negatives and the positives of each are called."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where numbers lie on a picture of `width` by `height`."""

    x: tuple[float, float]
    """Left and right end of the axis."""
    y: tuple[float, float]
    """Lower and upper end of the axis."""
    width: int = 640
    height: int = 220

    def point(self, x: float, y: float) -> tuple[float, float]:
        """Return the place of a number, from the top left; what lies outside is drawn at the edge."""
        across = (x - self.x[0]) / max(self.x[1] - self.x[0], 1e-12)
        up = (y - self.y[0]) / max(self.y[1] - self.y[0], 1e-12)
        inside = min(max(across, 0.0), 1.0), min(max(up, 0.0), 1.0)
        return 46 + inside[0] * (self.width - 56), 10 + (1.0 - inside[1]) * (self.height - 44)

    def picture(self, body: Sequence[str], *, title: str, x_name: str) -> str:
        """Return the whole picture with its axes."""
        left, bottom = self.point(self.x[0], self.y[0])
        right, top = self.point(self.x[1], self.y[1])
        labels = [
            _text(left, bottom + 14, f"{self.x[0]:.4g}", "start"),
            _text(right, bottom + 14, f"{self.x[1]:.4g}", "end"),
            _text((left + right) / 2, bottom + 28, x_name, "middle"),
            _text(left - 4, bottom, f"{self.y[0]:.3g}", "end"),
            _text(left - 4, top + 8, f"{self.y[1]:.3g}", "end"),
            self.box(self.x, self.y, 'fill="none" stroke="#888"'),
        ]
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" width="{self.width}" height="{self.height}" '
            f'role="img"><title>{escape(title)}</title>{"".join([*body, *labels])}</svg>'
        )

    def box(self, x: tuple[float, float], y: tuple[float, float], style: str, title: str = "") -> str:
        """Return a rectangle between two numbers on each axis, at least a pixel wide."""
        left, bottom = self.point(x[0], y[0])
        right, top = self.point(x[1], y[1])
        return (
            f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(right - left, 1.0):.1f}" '
            f'height="{bottom - top:.1f}" {style}><title>{escape(title)}</title></rect>'
        )

    def line(self, x: Float64, y: Float64, style: str) -> str:
        """Return a line through points, shapes (n,)."""
        places = [self.point(float(a), float(b)) for a, b in zip(x, y, strict=True)]
        return f'<polyline fill="none" {style} points="{" ".join(f"{a:.1f},{b:.1f}" for a, b in places)}"/>'


def _text(x: float, y: float, words: str, anchor: str, colour: str = "#333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'


def roc_picture(curves: Mapping[str, tuple[Float64, Float64]], of: str = "windows") -> str:
    """Return the curves of several detectors with the diagonal of chance; at most three are told apart."""
    frame = Frame((0.0, 1.0), (0.0, 1.0), 420, 380)
    body = [frame.line(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 'stroke="#888" stroke-dasharray="4 4"')]
    for index, (name, (wrong, found)) in enumerate(curves.items()):
        colour = COLOURS[index % len(COLOURS)]
        kept = np.unique(np.linspace(0, len(wrong) - 1, MOST_POINTS).round().astype(int))
        body.append(frame.line(wrong[kept], found[kept], f'stroke="{colour}" stroke-width="2"'))
        body.append(_text(400, 290 + 16 * index, name, "end", colour))
    body.append(_text(400, 290 + 16 * len(curves), "chance", "end", "#888"))
    return frame.picture(body, title=f"ROC of {of}", x_name=f"share of {CLASSES[of][0]} flagged")


def histogram_picture(labels: Bools, values: Float64, of: str = "windows", limit: str = LIMIT_NAME) -> str:
    """Return bars of the values of both CLASSES, each as a share of its own; `limit` says what value 1 is.

    The highest percent of each is gathered in the last bar, so that one loud window hides nothing.
    """
    classes = [
        (CLASSES[of][0], values[~labels], COLOURS[0]),
        (CLASSES[of][1], values[labels], "#c0392b"),
    ]
    classes = [(name, found, colour) for name, found, colour in classes if len(found)]
    high = max(LIMIT * 1.05, *(float(np.quantile(found, 0.99)) for _, found, _ in classes))
    edges = np.linspace(min(float(values.min()), 0.0), high, BARS + 1)
    shares = [np.histogram(np.minimum(f, edges[-1]), edges)[0] / len(f) for _, f, _ in classes]
    frame = Frame((float(edges[0]), float(edges[-1])), (0.0, max(float(share.max()) for share in shares)))
    body = []
    for index, ((name, found, colour), share) in enumerate(zip(classes, shares, strict=True)):
        for bar in np.flatnonzero(share):
            across = float(edges[bar]), float(edges[bar + 1])
            body.append(frame.box(across, (0.0, float(share[bar])), f'fill="{colour}" fill-opacity="0.5"'))
        body.append(_text(frame.width - 20, 26 + 16 * index, f"{name} ({len(found)})", "end", colour))
    body.append(_limit_line(frame, vertical=True))
    return frame.picture(body, title=f"Values of {of}", x_name=f"value (1 is {limit})")


def timeline_picture(name: str, windows: Sequence[ScoredWindow], events: Sequence[Event]) -> str:
    """Return the value of one file's windows over time, with its events shaded; gaps are not judged."""
    end_s = max(window.end_s for window in windows)
    known = [window.value for window in windows if window.value is not None]
    frame = Frame((0.0, end_s), (min([*known, 0.0]), max([*known, LIMIT * 1.2])), 640, 150)
    body = [
        frame.box((event.onset_s, event.offset_s), frame.y, f'fill="{EVENT_COLOUR}"', event.kind)
        for event in events
    ]
    body.append(_limit_line(frame, vertical=False))
    for stretch in _stretches(windows):
        at_s = np.array([(window.start_s + window.end_s) / 2 for window in stretch])
        values = np.array([window.value for window in stretch], dtype=np.float64)
        kept = _peaks(values)
        body.append(frame.line(at_s[kept], values[kept], f'stroke="{COLOURS[0]}" stroke-width="1.5"'))
    return frame.picture(body, title=f"Value over time, {name}", x_name="s")


def _limit_line(frame: Frame, *, vertical: bool) -> str:
    ends = np.array(frame.y if vertical else frame.x)
    limit = np.full(2, LIMIT)
    x, y = (limit, ends) if vertical else (ends, limit)
    return frame.line(x, y, 'stroke="#c0392b" stroke-dasharray="3 3"')


def _stretches(windows: Sequence[ScoredWindow]) -> list[list[ScoredWindow]]:
    """Return the runs of judged windows."""
    runs: list[list[ScoredWindow]] = [[]]
    for window in windows:
        if window.value is None:
            runs.append([])
        else:
            runs[-1].append(window)
    return [run for run in runs if run]


def _peaks(values: Float64) -> list[int]:
    """Return which values to draw: the highest of each of at most MOST_POINTS equal parts."""
    parts = np.array_split(np.arange(len(values)), min(len(values), MOST_POINTS))
    return [int(part[np.argmax(values[part])]) for part in parts]
