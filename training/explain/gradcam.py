"""Grad-CAM: where the last map before the bottleneck carries the score.

R. R. Selvaraju et al., ICCV 2017. The channels of a convolution's output, each weighted by the mean of the
score's gradient over it, are summed; the sign stays (no ReLU), and the map is interpolated to the window, as
in arXiv 2601.12660. Captum's LayerGradCam does the same and is used by the paper; it keeps a layer's last
call only, while ours sums all calls: the four masks of `mae` pass one layer at once, the two scales of `dra`
one after the other. Where a layer is called once the two are equal (a test says so).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from training.errors import TrainingError
from training.explain.objective import Objective
from training.models.convolutional import ConvolutionalCoder
from training.models.dae import Cleaner

STAGE = 3
"""Layers of each stage of a ConvolutionalCoder and of ConvolutionalFeatures: convolution, norm, bend."""


@dataclass(frozen=True, slots=True)
class Looked:
    """A place in a net whose maps have the axes (n, channels, mel, frames)."""

    module: nn.Module
    at_input: bool = False
    """Whether what goes in is looked at, and not what comes out."""


LAYERS: Mapping[str, Callable[[Any], tuple[Looked, ...]]] = {
    "ae": lambda model: (_of_coder(model.coder),),
    "mae": lambda model: (_of_coder(model.coder),),
    "memae": lambda model: (_of_coder(model.coder),),
    # the paper's own: the last convolution before the transformer
    "skip_transformer": lambda model: (Looked(model.to_level_4[6].pair.second[0]),),
    # the deepest level as the decoder gets it, whatever the encoder
    "hfrae": lambda model: (Looked(model.decoder.narrow, at_input=True),),
    # no bottleneck: the map that the heads judge, at each scale
    "dra": lambda model: (Looked(model.features.layers[-STAGE]),),
    "dae": lambda model: (_of_cleaner(model.cleaner),),
    "mdae": lambda model: (_of_cleaner(model.denoiser.cleaner), _of_coder(model.masked.coder)),
    "taught": lambda model: (_of_cleaner(model.denoiser.cleaner), _of_coder(model.masked.coder)),
}
"""Kind -> the last convolutions before the bottleneck. `dense` has no map in time and frequency."""


def _of_coder(coder: ConvolutionalCoder) -> Looked:
    stages = coder.reduction.bit_length() - 1
    return Looked(coder.encoder[STAGE * (stages - 1)])


def _of_cleaner(cleaner: Cleaner) -> Looked:
    deepest: Any = cleaner.down[-1]
    return Looked(deepest[-1][0])


def gradcam(objective: Objective, values: Tensor) -> Tensor:
    """Return the signed maps, shape (n, mel, frames), of values of that shape.

    Raises:
        TrainingError: The kind has no layer with a map.
    """
    if objective.kind not in LAYERS:
        raise TrainingError(
            f"Grad-CAM is not defined for kind {objective.kind}: none of its layers has a map in time and "
            f"frequency; leave it out, or take another kind: {', '.join(LAYERS)}"
        )
    given = values.detach().requires_grad_()
    with _maps_of(LAYERS[objective.kind](objective.detector.reconstructor)) as maps:
        score = objective.score(given)
    gradients = torch.autograd.grad(score.sum(), maps, allow_unused=True)
    total = torch.zeros_like(values)
    for channels, gradient in zip(maps, gradients, strict=True):
        if gradient is None:  # a net that has no say in the score
            continue
        weighted = (gradient.mean((2, 3), keepdim=True) * channels).sum(1, keepdim=True)
        sized = nn.functional.interpolate(weighted, values.shape[1:], mode="bilinear", align_corners=False)
        # a window's masks follow each other
        total += sized.detach().reshape(len(values), -1, *values.shape[1:]).sum(1)
    return total


@contextmanager
def _maps_of(places: tuple[Looked, ...]) -> Iterator[list[Tensor]]:
    """Give a list that every call of the places adds its map to."""
    maps: list[Tensor] = []

    def keep_output(module: nn.Module, given: tuple[Tensor, ...], output: Tensor) -> None:
        del module, given
        maps.append(output)

    def keep_input(module: nn.Module, given: tuple[Tensor, ...]) -> None:
        del module
        maps.append(given[0])

    handles = [
        place.module.register_forward_pre_hook(keep_input)
        if place.at_input
        else place.module.register_forward_hook(keep_output)
        for place in places
    ]
    try:
        yield maps
    finally:
        for handle in handles:
            handle.remove()
