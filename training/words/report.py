"""The measurement as Markdown: summary, rows for each event, confusion tables, examples."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from monitor.describe import sentence
from monitor.explanation import SoundKind
from training.words.judge import Judged, confusion

GOOD_OVERLAP, GOOD_PERIOD = 0.5, 0.05
TOLD = 1e9
"""A period that was told at all has a smaller error."""
KINDS_ADDED = frozenset({SoundKind.KNOCK, SoundKind.RHYTHM, SoundKind.TONE, SoundKind.HISS})


def markdown_of_parts(parts: Mapping[str, Sequence[Judged]]) -> str:
    """Return the whole report; `parts` by what they are called in the headings."""
    lines = _summary(parts)
    for name, judged in parts.items():
        lines += ["", f"### {name}", "", *_rows(judged), "", *_loudness(judged), "", *_confusion(judged)]
    return "\n".join([*lines, "", "### Examples", "", *_examples(parts)]) + "\n"


def _summary(parts: Mapping[str, Sequence[Judged]]) -> list[str]:
    lines = [
        "| sound | events | right kind | chance | band overlap | overlap >= .5 | period within 5 % |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, judged in parts.items():
        lines.append(_summary_row(name, judged))
        added = [one for one in judged if one.event.kind in KINDS_ADDED]
        if 0 < len(added) < len(judged):
            lines.append(_summary_row(f"... of these knocks, rhythms, tones, hiss ({name})", added))
    return [*lines, "", "Chance is the share of the most frequent kind: what always saying it would get."]


def _summary_row(name: str, judged: Sequence[Judged]) -> str:
    majority = max(Counter(one.event.kind for one in judged).values()) / len(judged)
    cells = [
        f"{len(judged)}",
        _share(one.right for one in judged),
        f"{majority:.2f}",
        f"{np.mean([one.overlap for one in judged]):.2f}",
        _share(one.overlap >= GOOD_OVERLAP for one in judged),
        _periods(judged),
    ]
    return f"| {name} | {' | '.join(cells)} |"


def _periods(judged: Sequence[Judged]) -> str:
    errors = [one.period_error for one in judged if one.period_error is not None]
    if not errors:
        return "-"
    good, told = (sum(error <= limit for error in errors) for limit in (GOOD_PERIOD, TOLD))
    return f"{good} of {told} told, {len(errors)} true"


def _share(values: Iterable[bool]) -> str:
    return f"{np.mean(list(values)):.2f}"


def _rows(judged: Sequence[Judged]) -> list[str]:
    titles = ("event", "machine", "should be", "events", "right kind", "band overlap (least)")
    lines = [f"| {' | '.join(titles)} | dB: error, spread | period |", f"{'|---' * 8}|"]
    for (name, machine), ones in _grouped(judged, lambda one: (one.event.name, one.stream.machine)):
        errors = [
            one.finding.change_db - one.event.change_db for one in ones if one.event.change_db is not None
        ]
        level = f"{np.mean(errors):+.1f}, {np.std(errors):.1f}" if errors else "-"
        overlaps = [one.overlap for one in ones]
        lines.append(
            f"| {name} | {machine} | {ones[0].event.kind.value} | {len(ones)} | "
            f"{_share(one.right for one in ones)} | {np.mean(overlaps):.2f} ({min(overlaps):.2f}) | "
            f"{level} | {_periods(ones)} |"
        )
    return lines


def _loudness(judged: Sequence[Judged]) -> list[str]:
    lines = ["| loudness | events | right kind | band overlap |", "|---|---|---|---|"]
    for (loudness,), ones in _grouped(judged, lambda one: (one.event.loudness,)):
        overlap = np.mean([one.overlap for one in ones])
        lines.append(f"| {loudness} | {len(ones)} | {_share(o.right for o in ones)} | {overlap:.2f} |")
    return lines


def _grouped(
    judged: Sequence[Judged], key: Callable[[Judged], tuple[str, ...]]
) -> list[tuple[tuple[str, ...], list[Judged]]]:
    groups: dict[tuple[str, ...], list[Judged]] = {}
    for one in judged:
        groups.setdefault(key(one), []).append(one)
    return sorted(groups.items(), key=lambda item: item[0])


def _confusion(judged: Sequence[Judged]) -> list[str]:
    table = confusion(judged)
    said = [kind for kind in SoundKind if any(kind in row for row in table.values())]
    lines = [
        f"| is \\ is called | {' | '.join(kind.value for kind in said)} |",
        "|---" * (len(said) + 1) + "|",
    ]
    for kind in SoundKind:
        if kind in table:
            cells = [str(table[kind].get(other, "")) for other in said]
            lines.append(f"| **{kind.value}** | {' | '.join(cells)} |")
    return lines


def _examples(parts: Mapping[str, Sequence[Judged]]) -> list[str]:
    """Return the first event of each name with its sentences."""
    lines, seen = [], set()
    for judged in parts.values():
        for one in judged:
            if one.event.name in seen:
                continue
            seen.add(one.event.name)
            truth = f"{one.event.name}, {one.stream.machine}, {one.event.loudness}"
            lines.append(f"- {truth}: {sentence(one.explanation, 'en')} / {sentence(one.explanation, 'de')}")
    return lines
