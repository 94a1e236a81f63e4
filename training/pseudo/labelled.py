"""Labelled sounds, put into other normal windows as made ones are: softer, elsewhere, coloured otherwise."""

from __future__ import annotations

import torch
from torch import Tensor

from training.pseudo.additions import added
from training.pseudo.draws import Draws, bands_of, frames_of

LEAST_EXCESS = 0.12
"""In log10: what lies less above the normal sound is its own scatter."""
MOST_BANDS = 2
"""A labelled sound is moved up or down by so many at the most: another part of the machine, another speed."""
COLOUR = 0.3
"""Standard deviation of the drawn curve over the bands, log10: 3 dB, as another place in the room makes."""


def excess_power(windows: Tensor, normal: Tensor) -> Tensor:
    """Return the power in windows that is not normal sound's, linear, shape (n, mel, frames).

    Both are log10 of that shape; `normal` is what the windows would have been without it.
    """
    beyond = windows - normal > LEAST_EXCESS
    return torch.where(beyond, 10.0**windows - 10.0**normal, torch.zeros_like(windows))


def with_labelled(windows: Tensor, sounds: Tensor, draws: Draws) -> Tensor:
    """Return log10 of each window's power and that of one of the `sounds`, shape (n, mel, frames).

    `windows` are log10 of that shape, `sounds` linear powers of shape (m, mel, frames). A sound may begin
    before the window or end after it; its level is drawn as that of the made ones.
    """
    _, mel, frames = windows.shape
    chosen = sounds[draws.place(windows.new_full((len(windows), 1, 1), len(sounds) - 1)).long().flatten()]
    later = (draws.uniform(-0.5, 0.5) * frames).round()
    higher = draws.uniform(-MOST_BANDS - 0.5, MOST_BANDS + 0.5).round()
    frame, band = frames_of(windows) - later, bands_of(windows) - higher
    inside = (frame >= 0) & (frame < frames) & (band >= 0) & (band < mel)
    moved = chosen.gather(2, frame.clamp(0, frames - 1).long().expand(-1, mel, -1))
    moved = moved.gather(1, band.clamp(0, mel - 1).long().expand(-1, -1, frames))
    colour = 10.0 ** (COLOUR * draws.curve(mel).unsqueeze(2))
    return added(windows, moved * inside * colour, draws)
