"""Pseudo anomalies: normal windows with something wrong in them, and where.

For models that learn what a change looks like without having heard a fault. Windows go in and come out as
raw log10 log-mel; the caller standardises. Sounds are added in the power domain, as they add in air. One
generator decides everything: the same seed, windows and kinds give the same draws.

The list follows DRA's CutMix (arXiv 2203.14506) for what is cut and pasted; the rest is our own proposal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from training.errors import TrainingError
from training.pseudo import additions, edits, sounds
from training.pseudo.draws import Draws

__all__ = ["KINDS", "Pseudo", "make_pseudo"]

Make = Callable[[Tensor, Draws, Tensor], Tensor]
"""(windows, draws, another window for each) -> changed windows, all log10 of shape (n, mel, frames)."""


class Pseudo(NamedTuple):
    """Windows that were changed, and how much."""

    windows: Tensor
    """Raw log-mel, log10, shape (n, mel, frames)."""
    strength: Tensor
    """By how many log10 units each bin was changed, up or down, not below 0, shape (n, mel, frames).

    Near 0 everywhere where a soft sound drowned in the machine's: the caller decides what is worth finding.
    """
    kind: Tensor
    """Which of the kinds asked for each window has, int64, shape (n,)."""


def _edit(edit: Callable[[Tensor, Draws], Tensor]) -> Make:
    return lambda windows, draws, neighbours: edit(windows, draws)  # noqa: ARG005 - one signature for all


def _addition(sound: Callable[[Tensor, Draws], Tensor]) -> Make:
    return lambda windows, draws, neighbours: additions.added(windows, sound(windows, draws), draws)  # noqa: ARG005


def _foreign(windows: Tensor, draws: Draws, neighbours: Tensor) -> Tensor:
    return additions.added(windows, additions.foreign(neighbours, draws), draws)


KINDS: dict[str, Make] = {
    "cut_and_paste": _edit(edits.cut_and_paste),
    "shift_patch": _edit(edits.shift_patch),
    "band_gain": _edit(edits.change_band_gain),
    "modulation": _edit(edits.modulate),
    "clicks": _addition(additions.clicks),
    "tones": _addition(additions.tones),
    "hiss": _addition(additions.hiss),
    "foreign": _foreign,
    "bursts": _addition(sounds.bursts),
    "voices": _addition(sounds.voices),
    "splice": edits.splice,
}
"""Kind -> makes it."""


def make_pseudo(
    windows: Tensor,
    generator: torch.Generator,
    *,
    kinds: Sequence[str] = tuple(KINDS),
) -> Pseudo:
    """Return each of the windows, shape (n, mel, frames), log10, with one kind of change drawn for it.

    `generator` lives on the CPU. Kinds that need another window take one half the batch away, which in a
    batch in order of time is not the same moment; a window that is alone has only itself.

    Raises:
        TrainingError: A kind is not known, or there is none.
    """
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown or not kinds:
        raise TrainingError(
            f"pseudo anomalies {', '.join(unknown) or '(none)'} are not known; known are {', '.join(KINDS)}"
        )
    drawn = torch.randint(len(kinds), (len(windows),), generator=generator)
    changed, neighbours = windows.clone(), windows.roll(max(1, len(windows) // 2), 0)
    for index, kind in enumerate(kinds):
        rows = torch.nonzero(drawn == index).flatten()
        if len(rows):
            rows = rows.to(windows.device)
            draws = Draws(generator, len(rows), windows.device)
            changed[rows] = KINDS[kind](windows[rows], draws, neighbours[rows])
    return Pseudo(changed, (changed - windows).abs(), drawn.to(windows.device))
