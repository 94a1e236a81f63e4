"""Pseudo anomalies made of the window's own sound: patches moved, bands raised or lowered, a rhythm.

Each function maps raw log-mel (n, mel, frames), log10, to the same shape, other in each window.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.pseudo.draws import Draws, bands_of, frames_of

AREA_SHARE = (0.02, 0.15)
"""Of a pasted rectangle, as in DRA."""
ASPECT = (0.3, 1 / 0.3)
"""Its share of the bands over its share of the frames, as in DRA."""
PATCH_GAIN_DB = (3.0, 6.0)
"""Louder or softer; in place of DRA's jitter of colours."""
SHIFT_BANDS = (2, 8)
BAND_GAIN_DB = (3.0, 12.0)
BAND_SHARE = (1 / 64, 0.25)
"""Of the bands: from a single tone of the machine to a quarter of its spectrum."""
RHYTHM_DB = (3.0, 12.0)
"""From the strongest to the softest moment."""
PERIOD_FRAMES = (4.0, 32.0)
"""Of a rhythm: at the default front end 8 to 1 times a second."""


def cut_and_paste(windows: Tensor, draws: Draws) -> Tensor:
    """Paste one rectangle, 3 to 6 dB louder or softer, at a random place of the same window.

    After the CutMix of C. Ding, G. Pang, C. Shen: Catching Both Gray and Black Swans: Open-set Supervised
    Anomaly Detection, CVPR 2022 (arXiv 2203.14506), with a gain where that jitters colours.
    """
    height, width = _rectangle(windows, draws)
    _, mel, frames = windows.shape
    source = draws.place(mel - height), draws.place(frames - width)
    target = draws.place(mel - height), draws.place(frames - width)
    gain = draws.sign() * draws.uniform(*PATCH_GAIN_DB) / 10
    moved = _moved(windows, source[0] - target[0], source[1] - target[1])
    return torch.where(_inside(windows, target, (height, width)), moved + gain, windows)


def shift_patch(windows: Tensor, draws: Draws) -> Tensor:
    """Move what is in one rectangle 2 to 8 bands up or down, over what is there."""
    height, width = _rectangle(windows, draws)
    _, mel, frames = windows.shape
    target = draws.place(mel - height), draws.place(frames - width)
    low, high = SHIFT_BANDS
    shift = draws.sign() * (low + draws.place(torch.full_like(height, high - low)))
    # where the shift would read beyond the spectrum it goes the other way
    beyond = (target[0] + shift < 0) | (target[0] + height - 1 + shift > mel - 1)
    shift = torch.where(beyond, -shift, shift)
    moved = _moved(windows, shift, torch.zeros_like(shift))
    return torch.where(_inside(windows, target, (height, width)), moved, windows)


def change_band_gain(windows: Tensor, draws: Draws) -> Tensor:
    """Raise or lower a range of bands by 3 to 12 dB with soft edges, all the time or during a stretch."""
    gain = draws.sign() * draws.uniform(*BAND_GAIN_DB) / 10
    return windows + gain * band_range(windows, draws, BAND_SHARE) * stretch(windows, draws, 0.5)


def modulate(windows: Tensor, draws: Draws) -> Tensor:
    """Give the machine's own sound a rhythm of 3 to 12 dB, in all bands or in a range of them."""
    depth = draws.uniform(*RHYTHM_DB) / 10
    where = torch.where(draws.chance(0.5), 1.0, band_range(windows, draws, (0.1, 0.5)))
    return windows + depth * (rhythm(windows, draws) - 0.5) * where


def splice(windows: Tensor, draws: Draws, neighbours: Tensor) -> Tensor:
    """Replace a stretch of all bands by another window's sound, moved, recoloured or pulsed, equally loud.

    What a machine sounds like that has changed, where the level says nothing.
    """
    mel = windows.shape[1]
    shift = draws.sign() * (SHIFT_BANDS[0] + draws.place(torch.full_like(windows[:, :1, :1], 4.0)))
    shift = torch.where(draws.chance(0.6), shift, torch.zeros_like(shift))
    other = _moved(neighbours, shift, torch.zeros_like(shift))
    depth = torch.where(draws.chance(0.6), draws.uniform(0.1, 0.35), torch.zeros_like(shift))
    other = other + depth * draws.curve(mel).unsqueeze(2)
    period = draws.uniform(2.0, 10.0)
    pulses = torch.remainder(frames_of(windows), period) / period * draws.uniform(0.3, 1.5)
    other = other - torch.where(draws.chance(0.3), pulses, torch.zeros_like(pulses))
    inside = (stretch(windows, draws, 0.1) > 0.5).to(windows.dtype)
    level = _level(windows, inside) - _level(other, inside)
    return windows * (1.0 - inside) + (other + level) * inside


def _level(windows: Tensor, inside: Tensor) -> Tensor:
    """Return log10 of the power where `inside` is 1, shape (n, 1, 1)."""
    return torch.log10((10.0**windows * inside).sum((1, 2), keepdim=True).clamp_min(1e-30))


def rhythm(windows: Tensor, draws: Draws) -> Tensor:
    """Return waves from 0 to 1, from a sine to nearly square, shape (n, 1, frames)."""
    period, phase = draws.log_uniform(*PERIOD_FRAMES), draws.uniform(0.0, 2 * torch.pi)
    sharpness = draws.log_uniform(0.5, 8.0)
    wave = torch.sin(2 * torch.pi * frames_of(windows) / period + phase)
    return 0.5 + 0.5 * torch.tanh(sharpness * wave) / torch.tanh(sharpness)


def band_range(windows: Tensor, draws: Draws, share: tuple[float, float]) -> Tensor:
    """Return 1 within a range of bands and 0 outside, falling over about a band, shape (n, mel, 1)."""
    mel = windows.shape[1]
    half = 0.5 * mel * draws.log_uniform(*share)
    centre = draws.uniform(0.0, mel - 1.0)
    return torch.sigmoid(3.0 * (half + 0.5 - (bands_of(windows) - centre).abs()))


def stretch(windows: Tensor, draws: Draws, whole: float) -> Tensor:
    """Return 1 during a stretch and 0 outside, shape (n, 1, frames); all the time with probability `whole`.

    A stretch lasts from a tenth of the window to all of it and may begin before it or end after it.
    """
    frames = windows.shape[2]
    length = frames * draws.log_uniform(0.1, 1.0)
    centre = draws.uniform(0.0, frames - 1.0)
    ramp = draws.log_uniform(0.3, 4.0)
    soft = torch.sigmoid((0.5 * length - (frames_of(windows) - centre).abs()) / (0.25 * ramp))
    return torch.where(draws.chance(whole), torch.ones_like(soft), soft)


def _rectangle(windows: Tensor, draws: Draws) -> tuple[Tensor, Tensor]:
    """Return height in bands and width in frames, whole, shape (n, 1, 1)."""
    _, mel, frames = windows.shape
    area, aspect = draws.uniform(*AREA_SHARE), draws.log_uniform(*ASPECT)
    height = (mel * torch.sqrt(area * aspect)).round().clamp(1, mel)
    width = (frames * torch.sqrt(area / aspect)).round().clamp(1, frames)
    return height, width


def _inside(windows: Tensor, first: tuple[Tensor, Tensor], size: tuple[Tensor, Tensor]) -> Tensor:
    bands, frames = bands_of(windows) - first[0], frames_of(windows) - first[1]
    return (bands >= 0) & (bands < size[0]) & (frames >= 0) & (frames < size[1])


def _moved(windows: Tensor, bands: Tensor, frames: Tensor) -> Tensor:
    """Return the windows as read so many bands and frames further on, held at their borders."""
    count, mel, length = windows.shape
    row = (bands_of(windows) + bands).clamp(0, mel - 1).long()
    column = (frames_of(windows) + frames).clamp(0, length - 1).long()
    flat = (row * length + column).reshape(count, -1)
    return windows.reshape(count, -1).gather(1, flat).reshape(windows.shape)
