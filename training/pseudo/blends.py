"""Windows mixed with others in the power domain, as sounds mix in air: the same sound, farther away.

A technician labels a handful of events, the loud ones. Mixed into other normal windows at a lower share the
same sounds are as a model will meet them: softer, over another stretch of the machine. The machine's own
level stays. What is no anomaly must be mixed alike, or mixing itself would betray the anomaly: the mean of
two noises is smoother than one.
"""

from __future__ import annotations

import torch
from torch import Tensor

UNMIXED_SHARE = 1 / 3
"""Of the windows: these stay as they are."""


def blended(windows: Tensor, others: Tensor, generator: torch.Generator, least_share: float) -> Tensor:
    """Return each window with `least_share` to 1 (log-uniform) of its power, the rest that of another one.

    All log10, shape (n, mel, frames); `generator` lives on the CPU.
    """
    size = (len(windows), 1, 1)
    share = least_share ** torch.rand(size, generator=generator)
    stays = torch.rand(size, generator=generator) < UNMIXED_SHARE
    share = torch.where(stays, torch.ones(size), share).to(windows.device)
    return torch.log10(share * 10.0**windows + (1.0 - share) * 10.0**others)
