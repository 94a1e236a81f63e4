"""Where frequencies lie on the mel axis."""

from __future__ import annotations

import torch
from torch import Tensor

MEL_TOP = 2840.0
"""8 kHz in HTK mel: where the bands of the default front end end."""


def band_of_hz(hz: Tensor, mel: int) -> Tensor:
    """Return the band, in fractions, whose peak lies at `hz` in the default front end's HTK mel."""
    return 2595.0 * torch.log10(1.0 + hz / 700.0) / MEL_TOP * (mel + 1) - 1.0
