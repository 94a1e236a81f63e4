"""What a window is looked at for by the heads that judge several views jointly.

A view makes features of a comparison; training.heads.joint measures how far they lie from normal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from training.heads.residual import LOG_FLOOR
from training.heads.simple import error_of_worst_stretch, top_of_bins
from training.models.reconstructor import Comparison

View = Callable[[Comparison], Tensor]
"""Features of stretches of each window, shape (n, stretches, dimensions); the worst stretch counts."""
GROUP_BANDS = 16
"""Bands that are averaged before a logarithm: few dimensions are estimated well from little sound."""
WORST_FRAMES = 8
"""A quarter of a second at the default front end."""
WORST_STEP_FRAMES = 2
SLOW_FRAMES = (2, 4, 8)
COARSE_BANDS = 8
"""In a group, where there is too little sound to know each band."""


def unsteadiness(found: Comparison) -> Tensor:
    """Return the log of the variance over time of what is left unexplained in each band, shape (n, 1, mel).

    A constant offset, by which recordings of the same machine differ most, is not in it.
    """
    return _log_power(_varying(found)).unsqueeze(1)


def slowness(group_bands: int) -> View:
    """Return the view that says how much of the unsteadiness is slow, by groups of so many bands.

    Sounds last and machines swing, while what nobody can predict of a noise is new in each frame: the log of
    the power of the residual averaged over two, four and eight frames (a quarter of a second), less that of
    its single frames. Shape (n, 1, 3 mel / group_bands).
    """

    def view(found: Comparison) -> Tensor:
        varying = _varying(found)
        quick = _log_power(varying)
        lengths = [length for length in SLOW_FRAMES if length <= varying.shape[2] // 2]
        slow = [_log_power(nn.functional.avg_pool1d(varying, length, length)) - quick for length in lengths]
        return nn.functional.avg_pool1d(torch.stack(slow, dim=1), group_bands).flatten(1).unsqueeze(1)

    return view


def _varying(found: Comparison) -> Tensor:
    """Return what is left unexplained without its mean over time, shape (n, mel, frames)."""
    residual = found.unexplained
    return residual - residual.mean(2, keepdim=True)


def _log_power(residual: Tensor) -> Tensor:
    """Return shape (n, mel)."""
    return torch.log(residual.square().mean(2) + LOG_FLOOR)


def error_by_bands(found: Comparison) -> Tensor:
    """Return the log of the error over the window by groups of bands, shape (n, 1, mel / 16)."""
    grouped = nn.functional.avg_pool2d(found.error_map.unsqueeze(1), (GROUP_BANDS, 1)).squeeze(1)
    return torch.log(grouped.mean(2) + LOG_FLOOR).unsqueeze(1)


def highest_error(found: Comparison) -> Tensor:
    """Return the log of the mean over the highest twentieth of the error map, shape (n, 1, 1)."""
    return torch.log(top_of_bins(found.error_map) + LOG_FLOOR).reshape(-1, 1, 1)


def worst_error(found: Comparison) -> Tensor:
    """Return the log of the error in the worst quarter of a second, shape (n, 1, 1)."""
    worst = error_of_worst_stretch(found.error_map, WORST_FRAMES, WORST_STEP_FRAMES)
    return torch.log(worst + LOG_FLOOR).reshape(-1, 1, 1)


def spectrum(found: Comparison) -> Tensor:
    """Return the mean of each band over the window, shape (n, 1, mel): the Gaussian control's features."""
    return found.x.mean(2).unsqueeze(1)


def offset(found: Comparison) -> Tensor:
    """Return by how much each band lies above or below what was predicted, shape (n, 1, mel)."""
    return found.unexplained.mean(2).unsqueeze(1)


_IN_ANY_SOUND: Mapping[str, View] = {
    "unsteadiness": unsteadiness,
    "error by bands": error_by_bands,
    "highest error": highest_error,
    "worst error": worst_error,
}
JOINT: Mapping[str, View] = {**_IN_ANY_SOUND, "slowness": slowness(1)}
"""For faults and foreign sounds that come and go, whatever differs between recordings of the machine."""
JOINT_COARSE: Mapping[str, View] = {**_IN_ANY_SOUND, "slowness": slowness(COARSE_BANDS)}
"""The same, from less sound."""
STEADY: Mapping[str, View] = {"spectrum": spectrum, "offset": offset}
"""For faults that change the sound for good, on machines whose recordings are alike."""
VIEWS: Mapping[str, Mapping[str, View]] = {"joint": JOINT, "joint_coarse": JOINT_COARSE, "steady": STEADY}
"""Name of a head -> what it looks at."""
