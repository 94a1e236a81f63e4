"""Pseudo anomalies that are a sound of their own, added to the machine's in the power domain.

Each function returns the power of a sound, linear, shape (n, mel, frames), in units that mean nothing:
`added` sets its level against the machine's. Overtones lie where the mel axis of the default front end (HTK,
0 to 8 kHz) has them, whatever the number of bands.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.pseudo.axes import band_of_hz
from training.pseudo.draws import Draws, bands_of, frames_of
from training.pseudo.edits import band_range, rhythm, stretch

SNR_DB = (-14.0, 8.0)
"""Of the added sound while it sounds, against the mean power of the window."""
SOUNDING = 0.1
"""A frame counts as sounding if it has at least this share of the power of the loudest frame."""
HARMONICS = 12
CLICKS = 6
"""At most so many in a window; a rhythm of them where they are more than one."""
RHYTHMIC_SHARE = 0.3


def added(windows: Tensor, power: Tensor, draws: Draws) -> Tensor:
    """Return log10 of the machine's power plus that of a sound at a random SNR, shape (n, mel, frames)."""
    machine = 10.0**windows
    of_frames = power.sum(1, keepdim=True)
    sounding = (of_frames >= SOUNDING * of_frames.amax(2, keepdim=True)).to(power.dtype)
    level = (of_frames * sounding).sum(2, keepdim=True) / sounding.sum(2, keepdim=True).clamp_min(1.0)
    wanted = machine.sum(1, keepdim=True).mean(2, keepdim=True) * 10.0 ** (draws.uniform(*SNR_DB) / 10)
    return torch.log10(machine + power * wanted / level.clamp_min(1e-30))


def clicks(windows: Tensor, draws: Draws) -> Tensor:
    """Return one to six short broadband sounds, evenly apart, each dying away within a few frames."""
    frame = frames_of(windows)
    length = windows.shape[2]
    spacing = draws.uniform(0.15, 0.5) * length
    count = 1 + draws.place(torch.full_like(spacing, CLICKS - 1)) * draws.chance(0.5)
    first = draws.uniform(0.0, 1.0) * torch.where(count > 1, spacing, torch.full_like(spacing, length - 1.0))
    decay = draws.log_uniform(0.3, 3.0)
    train = torch.zeros_like(windows[:, :1])
    for i in range(CLICKS):
        since = frame - (first + i * spacing)
        # half a frame before the click the analysis window already reaches it
        one = torch.where(since >= 0, torch.exp(-since / decay), torch.exp(4.0 * since))
        train = train + one * (i < count)
    return _texture(windows, draws) * _tilt(windows, draws) * train


def tones(windows: Tensor, draws: Draws) -> Tensor:
    """Return a whine: one to twelve harmonics that stand, sweep or waver, with sharp lines."""
    frame, length = frames_of(windows), windows.shape[2]
    fundamental = draws.log_uniform(100.0, 4000.0)
    sweep = torch.where(draws.chance(0.5), draws.uniform(-1.5, 1.5), torch.zeros_like(fundamental))
    waver = draws.uniform(0.0, 0.1) * draws.chance(0.3)
    octaves = sweep * (frame / length - 0.5) + waver * (rhythm(windows, draws) - 0.5)
    hz = fundamental * 2.0**octaves
    fall = draws.uniform(0.0, 2.0)
    count = torch.where(draws.chance(0.4), torch.ones_like(fall), 2 + draws.place(fall * 0 + HARMONICS - 2))
    sharpness = draws.uniform(0.6, 1.2)
    power = torch.zeros_like(windows)
    for k in range(1, HARMONICS + 1):
        band = band_of_hz(k * hz, windows.shape[1])
        line = torch.exp(-0.5 * torch.square((bands_of(windows) - band) / sharpness))
        power = power + line * float(k) ** -fall * (k <= count)
    return power * _envelope(windows, draws)


def hiss(windows: Tensor, draws: Draws) -> Tensor:
    """Return noise in a range of bands, from an eighth of the spectrum to all of it."""
    where = band_range(windows, draws, (0.05, 1.0))
    return _texture(windows, draws) * _tilt(windows, draws) * where * _envelope(windows, draws)


def foreign(neighbours: Tensor, draws: Draws) -> Tensor:
    """Return the power of other windows' sound, moved up or down by 1/32 to 1/3 of the bands.

    `neighbours` are log10, shape (n, mel, frames). Unmoved, they would only make the machine louder.
    """
    mel = neighbours.shape[1]
    shift = (draws.sign() * draws.uniform(mel / 32, mel / 3)).round()
    row = torch.remainder(bands_of(neighbours) + shift, mel).long().expand(-1, -1, neighbours.shape[2])
    return 10.0 ** neighbours.gather(1, row) * _envelope(neighbours, draws)


def _envelope(windows: Tensor, draws: Draws) -> Tensor:
    """Return how loud a sound is over time, now and then with a rhythm, shape (n, 1, frames)."""
    beat = torch.where(draws.chance(RHYTHMIC_SHARE), rhythm(windows, draws).square(), 1.0)
    return stretch(windows, draws, 0.2) * beat


def _texture(windows: Tensor, draws: Draws) -> Tensor:
    """Return the scatter of a noise's power, exponential about 1, shape (n, mel, frames)."""
    return -torch.log(draws.noise(windows.shape[1], windows.shape[2]).clamp_min(1e-6))


def _tilt(windows: Tensor, draws: Draws) -> Tensor:
    """Return a slope of up to 30 dB from the lowest to the highest band, shape (n, mel, 1)."""
    return 10.0 ** (draws.uniform(-3.0, 3.0) * (bands_of(windows) / windows.shape[1] - 0.5))
