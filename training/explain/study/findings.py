"""What arXiv 2601.12660 finds, and whether it holds on our sound: by the signs of all seeds, with numbers.

A claim about two models holds where all seeds of most methods agree with it, and all seeds of none speak
against it; it does not hold the other way round. The numbers stand beside the verdict.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from training.benchmark.cells import number, spread
from training.explain.page import title_of_row
from training.explain.study.compared import RANDOM, Compared, Difference
from training.explain.study.paper import paper_mean

HOLDS, FAILS, OPEN = "holds", "does not hold", "not decided"
GRADIENT_MAPS = ("saliency", "smoothgrad", "integrated_gradients", "gradshap", "gradcam")
AE, MAE = "ae", "mae"


@dataclass(frozen=True, slots=True)
class Finding:
    """One claim, and what our sound says of it."""

    claim: str
    verdict: str
    """HOLDS, FAILS or OPEN."""
    numbers: str


def findings_of(found: Compared) -> list[Finding]:
    """Return all claims that can be judged by what was measured; none without both models."""
    if not (found.of(AE) and found.of(MAE)):
        return []
    return [
        _between("MAE is more faithful than AE (frames, the paper's own figure)", found, "ff_frame"),
        _between("... and so it is by segments within the truth", found, "ff_segment"),
        _between("... and so it is by a judge and an imputer that are neither", found, "ff_frame/inpainted"),
        _between("MAE is more precise in time than AE (F1 of seconds)", found, "f1"),
        _most_faithful(found),
        _best_f1(found),
        _gradcam_is_last(found),
        _gradients_at_chance(found),
        _saliency_below_chance(found),
        _normal_at_chance(found),
    ]


def _between(claim: str, found: Compared, figure: str) -> Finding:
    """Judge a claim that MAE has more of a figure than AE."""
    methods = [method for method in found.methods(AE) if method in found.methods(MAE)]
    pairs = {method: found.difference(figure, method, MAE, AE) for method in methods}
    known = {method: pair for method, pair in pairs.items() if pair is not None}
    above, below = (sum(pair.sign == sign for pair in known.values()) for sign in (1, -1))
    verdict = HOLDS if above > len(known) / 2 and not below else OPEN
    if below > len(known) / 2 and not above:
        verdict = FAILS
    words = "; ".join(_difference(method, pair, figure) for method, pair in known.items())
    return Finding(
        claim, verdict, f"MAE minus AE, mean over percentiles (lowest to highest seed): {words}. "
        f"Above with every seed: {above} of {len(known)} methods, below with every seed: {below}.",
    )  # fmt: skip


def _difference(method: str, pair: Difference, figure: str) -> str:
    ours = spread(pair.by_seed, 3)
    theirs = [paper_mean(figure, kind, method) for kind in (MAE, AE)]
    beside = ""
    if theirs[0] is not None and theirs[1] is not None:
        beside = f", in the paper {number(theirs[0] - theirs[1], 3)}"
    return f"{title_of_row(method)} {ours}{beside}"


def _most_faithful(found: Compared) -> Finding:
    words, wins, tries = [], 0, 0
    for kind in (AE, MAE):
        means = {method: found.means(kind, "ff_frame", method) for method in found.methods(kind)}
        seeds = len(found.of(kind))
        best = [max(means, key=lambda method: means[method][seed]) for seed in range(seeds)]
        won = sum(name == "error_map" for name in best)
        wins, tries = wins + won, tries + seeds
        words.append(f"{kind}: {won} of {seeds} seeds ({', '.join(title_of_row(name) for name in best)})")
    return Finding(
        "The error map is the most faithful of all (frames)",
        _all_or_none(wins, tries),
        "; ".join(words) + ".",
    )


def _all_or_none(wins: int, tries: int) -> str:
    return HOLDS if wins == tries else FAILS if wins == 0 else OPEN


def _best_f1(found: Compared) -> Finding:
    means = {
        (kind, method): float(np.mean(found.means(kind, "f1", method)))
        for kind in (AE, MAE)
        for method in found.methods(kind)
    }
    ranked = sorted(means, key=lambda key: -means[key])
    place = ranked.index((MAE, "saliency")) + 1
    first = ", ".join(
        f"{kind} {title_of_row(method)} {number(means[kind, method], 3)}" for kind, method in ranked[:3]
    )
    chance = number(float(np.mean(found.means(MAE, "f1", RANDOM))), 3)
    return Finding(
        "MAE's saliency is the most precise in time of all",
        HOLDS if place == 1 else FAILS,
        f"Best: {first}. MAE's saliency is number {place} of {len(ranked)} with "
        f"{number(means[MAE, 'saliency'], 3)}; random frames {chance}.",
    )


def _gradcam_is_last(found: Compared) -> Finding:
    words, last, tries = [], 0, 0
    for kind in (AE, MAE):
        for figure in ("ff_frame", "f1"):
            means = {m: float(np.mean(found.means(kind, figure, m))) for m in found.methods(kind)}
            if "gradcam" not in means:
                continue
            place = sorted(means, key=lambda method: -means[method]).index("gradcam") + 1
            last, tries = last + (place == len(means)), tries + 1
            words.append(f"{kind} {figure}: number {place} of {len(means)}")
    return Finding(
        "Grad-CAM is the least faithful and the least precise",
        _all_or_none(last, tries),
        "; ".join(words) + ".",
    )


def _gradients_at_chance(found: Compared) -> Finding:
    methods = [method for method in GRADIENT_MAPS if method in found.methods(AE)]
    lifts = {method: found.lifts(AE, "ff_frame", method) for method in methods}
    near = [method for method, values in lifts.items() if values and abs(float(np.mean(values)) - 1.0) < 0.15]
    words = ", ".join(f"{title_of_row(method)} {spread(values, 2)}" for method, values in lifts.items())
    verdict = HOLDS if len(near) == len(methods) else FAILS if not near else OPEN
    return Finding(
        "The AE's gradient maps are as faithful as random frames (follows from the paper's figures)",
        verdict, f"FF over that of random frames; within .15 of 1: {len(near)} of {len(methods)}. {words}.",
    )  # fmt: skip


def _saliency_below_chance(found: Compared) -> Finding:
    values, chance = (found.means(AE, "f1", row) for row in ("saliency", RANDOM))
    pair = Difference(tuple(a - b for a, b in zip(values, chance, strict=True)))
    verdict = {-1: HOLDS, 1: FAILS, 0: OPEN}[pair.sign]
    return Finding(
        "The AE's saliency is less precise in time than random frames (follows from the paper's figures)",
        verdict, f"F1 {spread(values, 3)}, random frames {spread(chance, 3)}.",
    )  # fmt: skip


def _normal_at_chance(found: Compared) -> Finding:
    lifts = {
        (kind, method): found.lifts(kind, "ff_normal", method)
        for kind in (AE, MAE)
        for method in found.methods(kind)
        if found.means(kind, "ff_normal", method)
    }
    known: list[Sequence[float]] = [values for values in lifts.values() if values]
    if not known:
        return Finding("On normal sound, faithfulness is at chance", OPEN, "No normal clip was explained.")
    means = {key: float(np.mean(values)) for key, values in lifts.items() if values}
    worst = max(means, key=lambda key: abs(means[key] - 1.0))
    return Finding(
        "On normal sound, faithfulness is at chance (to be expected of a good method)",
        HOLDS if all(abs(value - 1.0) < 0.15 for value in means.values()) else FAILS,
        f"FF over that of random frames on normal clips: from {number(min(means.values()), 2)} to "
        f"{number(max(means.values()), 2)}; furthest off: {worst[0]} {title_of_row(worst[1])}.",
    )
