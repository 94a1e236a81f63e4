"""docs/ablations.md from the trials that are there: tables, and sentences that come from the rule alone."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.ablations.questions import EPOCHS, QUESTIONS, WIDTHS, Question
from training.ablations.rule import Difference, difference, sentence
from training.ablations.trial import Trial
from training.benchmark.rows import code_digest

BySeed = Mapping[int, "float | None"]
Figures = Mapping[tuple[str, str], Mapping[str, BySeed]]
"""(row, head) -> figure's name -> value by seed."""
WIDTH = 110
INTRODUCTION = f"""# Ablations

Does each part of the methods earn its place? Variants differ in one thing and are scored alike. Written by
`python -m training.ablations`; do not edit.

    python -m training.ablations                  measures what is missing (needs ../shared), and writes this
    python -m training.ablations --only a,c       measures only these questions
    python -m training.ablations --report-only    measures nothing

Nets of {", ".join(map(str, WIDTHS))} channels (half of the default) and {EPOCHS} epochs unless
said, on the benchmark's streams `uav` (docs/benchmark.md says what the figures mean) or on ToyCar clips:
compare rows with each other, not with the benchmark. A seed sets first weights, order, masks and which
recordings train and which stop. Nothing was chosen by these tables.

**Figures** are mean (lowest to highest seed). Chance is .5 in every AUC; for recall it stands below the
table. **Head** `mean` is the plain mean of the error map, `Mahalanobis` the whitened log error of the
window and of its worst half second (training/heads/residual.py), fitted anew for each row on the same
normal recordings. Heads that also look at the input are left out: they would hide what the net does.
`verdict` is DRA's own score.

**The rule of the answers**: x is above y only if it is so in every seed, paired by seed; else there is no
answer. Between two variants that do not differ, three seeds still give an answer once in four: the more
comparisons, the more answers by chance. The number in brackets is the mean difference.
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the trials that there are."""

    question: Question
    trials: tuple[Trial, ...]
    missing: int
    """Trials that were to be made and are not there."""


def report_of(asked: Sequence[Asked]) -> str:
    """Return the whole report as Markdown."""
    parts = [INTRODUCTION]
    parts += ["\n".join(_section(item)) for item in asked]
    left_out = [question.name for question in QUESTIONS if question not in {item.question for item in asked}]
    if left_out:
        parts.append(f"Questions {', '.join(left_out)} were left out.")
    return "\n".join(parts).rstrip() + "\n"


def _section(item: Asked) -> Iterator[str]:
    question, figures = item.question, figures_of_trials(item.trials)
    yield f"## {question.name}: {question.asked}\n"
    yield textwrap.fill(question.protocol, WIDTH) + "\n"
    if not item.trials:
        yield "Not measured yet.\n"
        return
    yield from _table(question, figures)
    yield from _notes(item, figures)
    for first, second in question.pairs:
        found = _differences(question, figures, first, second)
        if found:
            yield f"- {sentence(first, second, found)}"
    yield ""


def figures_of_trials(trials: Sequence[Trial]) -> Figures:
    """Return all figures by row, head, name and seed, in the order of the trials."""
    found: dict[tuple[str, str], dict[str, dict[int, float | None]]] = {}
    for trial in trials:
        for result in trial.results:
            row = found.setdefault((result.label, result.head), {})
            for name, value in result.figures.items():
                row.setdefault(name, {})[trial.seed] = value
    return found


def _table(question: Question, figures: Figures) -> Iterator[str]:
    headings = ["variant", "head", *(heading for _, heading in question.figures), "seeds"]
    yield f"| {' | '.join(headings)} |"
    yield "|" + "---|" * len(headings)
    for (label, head), by_name in figures.items():
        cells = [_cell(by_name.get(name, {})) for name, _ in question.figures]
        seeds = max(len(by_seed) for by_seed in by_name.values())
        yield f"| {label} | {head} | {' | '.join(cells)} | {seeds} |"
    yield ""


def _cell(by_seed: BySeed) -> str:
    values = [value for value in by_seed.values() if value is not None]
    if not values:
        return "-"
    numbers = [f"{value:.3f}".removeprefix("0") for value in (np.mean(values), min(values), max(values))]
    return f"{numbers[0]} ({numbers[1]} to {numbers[2]})"


def _notes(item: Asked, figures: Figures) -> Iterator[str]:
    if old := sum(trial.code != code_digest() for trial in item.trials):
        yield f"{old} trials were made before the last change of the training code."
    chances = [
        value
        for by_name in figures.values()
        for value in by_name.get("recall_at_1pc_chance", {}).values()
        if value is not None
    ]
    if chances:
        yield f"Chance of recall at 1 %: {np.mean(chances):.3f}.".replace("0.", ".")
    losses = dict.fromkeys(f"{trial.variant}: {trial.loss}" for trial in item.trials)
    if any(trial.loss != "squared_error" for trial in item.trials):
        yield f"Losses by seed: {'; '.join(losses)}."
    kinds = dict.fromkeys(
        f"{trial.seed}: {trial.kind_learned}" for trial in item.trials if trial.kind_learned
    )
    if kinds:
        yield f"Kind learned, by seed: {', '.join(kinds)}."
    cpu_min = sum(trial.cpu_s for trial in item.trials) / 60.0
    missing = f"; {item.missing} more were not made" if item.missing else ""
    yield f"{len(item.trials)} nets were trained and judged in {cpu_min:.1f} CPU minutes{missing}.\n"


def _differences(question: Question, figures: Figures, first: str, second: str) -> list[Difference]:
    heads = [head for label, head in figures if label == first and (second, head) in figures]
    headings = dict(question.figures)
    return [
        difference(
            f"{headings[name]} ({head})" if len(heads) > 1 else headings[name],
            figures[first, head].get(name, {}),
            figures[second, head].get(name, {}),
        )
        for head in heads
        for name in question.answering
    ]
