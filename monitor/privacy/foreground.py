"""Takes a machine's steady sound out, so that what comes and goes beside it is heard by the speech check.

Spectral subtraction (Boll, IEEE Transactions on Acoustics, Speech, and Signal Processing 27, 1979), with the
median over time as the steady part: speech leaves every band again, a machine does not.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from monitor.messages import Float32
from monitor.privacy.spectra import samples_from_spectra, spectra_from_samples

SIZE = 512
"""32 ms at 16 kHz."""
MEAN_OF_MEDIAN = 1.44
"""Power of noise has this mean for a median of 1 (exponential distribution: 1 / ln 2)."""
LEAST_GAIN = 0.1
"""Steady sound stays at -20 dB: gone altogether it would leave a babble behind."""
NEAR = (3, 5)
"""Bands and frames over which the power is averaged before it is held against the steady part."""
PIECE = 60 * 16_000
"""A longer sound is taken piece by piece, in bounded memory."""


def foreground(samples: Float32) -> Float32:
    """Return what is not steady in a sound at 16 kHz, shape (n,), as long as it was."""
    pieces = [samples[first : first + PIECE] for first in range(0, len(samples), PIECE)]
    return np.concatenate([_foreground_of_piece(piece) for piece in pieces] or [samples])


def _foreground_of_piece(samples: Float32) -> Float32:
    spectra = spectra_from_samples(samples, SIZE)
    power = np.abs(spectra) ** 2
    steady = MEAN_OF_MEDIAN * np.median(power, axis=0)
    near = _mean_near(_mean_near(power, NEAR[1]).T, NEAR[0]).T
    gain = np.maximum(1.0 - steady / np.maximum(near, 1e-20), LEAST_GAIN)
    return samples_from_spectra(spectra * gain, SIZE, len(samples))


def _mean_near(values: NDArray[np.float64], width: int) -> NDArray[np.float64]:
    """Return the mean over `width` neighbours, an odd number, along the first axis; zeros beyond the ends."""
    padded = np.pad(values, ((width // 2, width // 2), (0, 0)))
    return np.asarray(sum(padded[at : at + len(values)] for at in range(width)) / width)
