"""Writes the golden log-mel: `make golden`. A change of it means that every bundle must be made anew.

The sound is made of sums and products of exact numbers only, so that it is the same on every machine.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from monitor.frontend import Frontend, FrontendParameters
from monitor.messages import Float32

GOLDEN = Path(__file__).with_name("logmel.npz")
SCALES = ("htk", "slaney")


def golden_sound() -> Float32:
    """Return a quarter of a second at 16 kHz: a stepped chirp, clicks, and noise of a fixed generator."""
    n = np.arange(4000, dtype=np.int64)
    chirp = ((n * n // 50) % 200 - 100) / 400.0
    clicks = np.where(n % 997 == 0, 0.5, 0.0)
    noise = ((n * 1_103_515_245 + 12_345) % 2_147_483_648 / 2_147_483_648 - 0.5) / 50.0
    return (chirp + clicks + noise).astype(np.float32)


def golden_logmel(scale: str) -> Float32:
    """Return the log-mel of the golden sound, shape (mel, frames)."""
    parameters = FrontendParameters(mel_scale="htk" if scale == "htk" else "slaney")
    return Frontend(parameters).logmel_from_samples(golden_sound())


if __name__ == "__main__":
    np.savez_compressed(GOLDEN, **{scale: golden_logmel(scale) for scale in SCALES})
