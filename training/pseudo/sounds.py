"""Sounds with a shape in time and a colour: bursts of noise and voices of many harmonics.

Linear power, shape (n, mel, frames), in units that mean nothing, as in training.pseudo.additions. They are
drawn from a wider family than any machine's faults: what matters is that no two are alike.
"""

from __future__ import annotations

import torch
from torch import Tensor

from training.pseudo.axes import band_of_hz
from training.pseudo.draws import Draws, bands_of, frames_of

SHORTEST_FRAMES = 3.0
"""About a tenth of a second, at the default front end."""
VOICE_HARMONICS = 24


def bursts(windows: Tensor, draws: Draws) -> Tensor:
    """Return noise of a random colour, over all bands or around one, that sounds for a while."""
    mel = windows.shape[1]
    colour = 10.0 ** (draws.curve(mel).unsqueeze(2) * draws.uniform(0.3, 1.2))
    width = mel * draws.log_uniform(0.02, 0.5)
    hump = torch.exp(-0.5 * torch.square((bands_of(windows) - draws.uniform(0.0, mel - 1.0)) / width))
    around = torch.where(draws.chance(0.6), hump, torch.ones_like(hump))
    return colour * around * _scatter(windows, draws) * sounding(windows, draws)


def voices(windows: Tensor, draws: Draws) -> Tensor:
    """Return up to 24 harmonics that glide, under formants, sometimes with a breath of noise."""
    mel, frames = windows.shape[1:]
    span = torch.where(draws.chance(0.5), draws.log_uniform(0.02, 0.4), torch.zeros(1, device=windows.device))
    pitch = draws.log_uniform(90.0, 4000.0) * 2.0 ** (draws.curve(frames).unsqueeze(1) * span)
    fall, count = draws.uniform(0.0, 2.0), 1.0 + draws.uniform(0.0, VOICE_HARMONICS - 1.0)
    power = torch.zeros_like(windows)
    for k in range(1, VOICE_HARMONICS + 1):
        line = torch.exp(-1.02 * torch.square(bands_of(windows) - band_of_hz(k * pitch, mel)))
        power = power + line * float(k) ** -fall * (k <= count)
    formants = 10.0 ** (0.5 * draws.curve(mel).unsqueeze(2))
    breath = torch.where(
        draws.chance(0.5), draws.log_uniform(0.01, 1.0), torch.zeros(1, device=windows.device)
    )
    mean = power.mean((1, 2), keepdim=True)
    return (power + breath * mean * _scatter(windows, draws)) * formants * sounding(windows, draws)


def sounding(windows: Tensor, draws: Draws) -> Tensor:
    """Return how loud a sound is over time, shape (n, 1, frames): dying away, steady, wavering or pulsed.

    It lasts from a tenth of a second to the whole window and may begin before it or end after it.
    """
    frames = windows.shape[2]
    length = draws.log_uniform(SHORTEST_FRAMES, float(frames))
    since = frames_of(windows) - (draws.uniform(0.0, 1.0) * (frames + length / 6) - length / 2)
    inside = ((since >= 0) & (since < length)).to(windows.dtype)
    edge = draws.uniform(1.0, 6.0)
    dying = torch.exp(-since.clamp_min(0.0) / draws.log_uniform(1.0, 20.0))
    steady = (torch.minimum(since, length - since) / edge).clamp(0.1, 1.0)
    wavering = 10.0 ** (0.6 * draws.curve(frames, knots=(8, 16)).unsqueeze(1))
    period = draws.uniform(3.0, 16.0)
    pulsed = 10.0 ** (-torch.remainder(since, period) / period * draws.uniform(1.0, 3.0))
    shape = draws.noise(1, 1)
    loudness = torch.where(shape < 0.35, dying, torch.where(shape < 0.7, steady, wavering))
    return inside * torch.where(shape < 0.85, loudness, pulsed)


def _scatter(windows: Tensor, draws: Draws) -> Tensor:
    """Return the power of a noise averaged over a few bins, about 1, shape (n, mel, frames)."""
    noise = draws.noise(windows.shape[1], windows.shape[2]).clamp_min(1e-6)
    other = draws.noise(windows.shape[1], windows.shape[2]).clamp_min(1e-6)
    return -0.5 * torch.log(noise * other)
