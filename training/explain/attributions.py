"""The error map and six attributions of a bundle's score, each as a map and as a curve in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from captum.attr import GradientShap, IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor

from engines.runtime import Float32
from training.detector import Detector
from training.errors import TrainingError
from training.explain.gradcam import LAYERS, gradcam
from training.explain.objective import Objective
from training.explain.settings import OURS, AttributionSettings

BINS_AT_ONCE = 64 * 128 * 64
"""Of all windows and samples that go through a net together: bounds the memory, whatever is asked."""


@dataclass(frozen=True, slots=True)
class Attribution:
    """What a method holds for important."""

    map: Float32
    """Shape (n, mel, frames)."""
    curve: Float32
    """Shape (n, frames): the map summed over the bands, as in the paper."""


@dataclass(frozen=True, slots=True)
class Method:
    """One way to explain a score."""

    title: str
    """For people."""
    signed: bool
    """Whether a map has values below 0: what makes the score smaller."""
    draws: bool
    """Whether it draws noise."""
    explain: Callable[[Objective, Tensor, int], Tensor]
    """(objective, values (n, mel, frames), most windows and samples at once) -> maps of that shape."""


def _error_map(objective: Objective, values: Tensor, most: int) -> Tensor:
    del most
    with torch.no_grad():
        return objective.error_map(values)


def _saliency(objective: Objective, values: Tensor, most: int) -> Tensor:
    del most
    found: Tensor = Saliency(objective.score).attribute(values.requires_grad_(), abs=True)
    return found


def _smoothgrad(objective: Objective, values: Tensor, most: int) -> Tensor:
    settings = objective.settings
    found: Tensor = NoiseTunnel(Saliency(objective.score)).attribute(
        values.requires_grad_(),
        nt_type="smoothgrad",
        nt_samples=settings.smooth_samples,
        nt_samples_batch_size=min(most, settings.smooth_samples),
        stdevs=settings.smooth_sigma,
        abs=True,
    )
    return found


def _integrated_gradients(objective: Objective, values: Tensor, most: int) -> Tensor:
    settings = objective.settings
    found: Tensor = IntegratedGradients(objective.score).attribute(
        values.requires_grad_(),
        baselines=settings.baseline,
        n_steps=settings.path_steps,
        method="gausslegendre",
        internal_batch_size=max(most, len(values)),
    )
    return found


def _gradshap(objective: Objective, values: Tensor, most: int) -> Tensor:
    settings = objective.settings
    baseline = torch.full_like(values[:1], settings.baseline)
    total, left = torch.zeros_like(values), settings.shap_samples
    while left:
        samples = min(most, left)
        found: Tensor = GradientShap(objective.score).attribute(
            values.requires_grad_(), baselines=baseline, n_samples=samples, stdevs=settings.shap_sigma
        )
        total += samples * found.detach()
        left -= samples
    return total / settings.shap_samples


def _gradcam(objective: Objective, values: Tensor, most: int) -> Tensor:
    del most
    return gradcam(objective, values)


ATTRIBUTIONS: Mapping[str, Method] = {
    "error_map": Method("Error map", signed=False, draws=False, explain=_error_map),
    "saliency": Method("Saliency", signed=False, draws=False, explain=_saliency),
    "smoothgrad": Method("SmoothGrad", signed=False, draws=True, explain=_smoothgrad),
    "integrated_gradients": Method(
        "Integrated Gradients", signed=True, draws=False, explain=_integrated_gradients
    ),
    "gradshap": Method("GradSHAP", signed=True, draws=True, explain=_gradshap),
    "gradcam": Method("Grad-CAM", signed=True, draws=False, explain=_gradcam),
}
"""Name -> method, in the order of reports. The arithmetic of all but the first and the last is captum's."""


def attribute(
    detector: Detector, logmel: Float32, method: str, settings: AttributionSettings = OURS
) -> Attribution:
    """Return what a method makes of raw log-mel windows, shape (n, mel, frames), n at least 1.

    The same windows, settings and version of torch give the same map; other windows beside them change it
    by roundings only. Nothing is left of what is drawn: the global generators stay as they were.

    Raises:
        TrainingError: The method is not known, or not defined for this kind of model or scalar.
    """
    if method not in ATTRIBUTIONS:
        raise TrainingError(f"method {method!r} is not known; known are {', '.join(ATTRIBUTIONS)}")
    objective = Objective(detector, settings)
    most = max(BINS_AT_ONCE // (logmel.shape[1] * logmel.shape[2]), 1)
    values = objective.values_of_logmel(objective.tensor(logmel)).detach()
    explained = ATTRIBUTIONS[method]
    parts = []
    count = 1 if explained.draws else _windows_at_once(method, settings, most)
    for first in range(0, len(values), count):
        batch = values[first : first + count].clone()
        with _drawn_from(settings.seed):
            parts.append(explained.explain(objective, batch, most).detach())
    found = torch.cat(parts)
    return Attribution(
        np.asarray(found.numpy(), dtype=np.float32), np.asarray(found.sum(1).numpy(), dtype=np.float32)
    )


def defined_methods(kind: str, asked: Sequence[str] = tuple(ATTRIBUTIONS)) -> tuple[str, ...]:
    """Return those of the methods that are defined for a kind of model: all, but Grad-CAM without a map."""
    return tuple(name for name in asked if name != "gradcam" or kind in LAYERS)


def completeness_gap(
    detector: Detector, logmel: Float32, maps: Float32, settings: AttributionSettings = OURS
) -> Float32:
    """Return by how much each window's map fails to add up to score - score of the baseline, relative.

    Of Integrated Gradients, whose maps add up but for the steps between which the score is not smooth.
    Shape (n,) from two of (n, mel, frames).
    """
    objective = Objective(detector, settings)
    with torch.no_grad():
        values = objective.values_of_logmel(objective.tensor(logmel))
        promised = objective.score(values) - objective.score(torch.full_like(values[:1], settings.baseline))
    wanted = promised.numpy()
    gap = np.abs(maps.sum((1, 2), dtype=np.float64) - wanted) / np.maximum(np.abs(wanted), 1e-12)
    return np.asarray(gap, dtype=np.float32)


def _windows_at_once(method: str, settings: AttributionSettings, most: int) -> int:
    return max(most // settings.path_steps, 1) if method == "integrated_gradients" else most


@contextmanager
def _drawn_from(seed: int) -> Iterator[None]:
    """Let captum draw from generators of our own: it takes torch's and NumPy's global ones."""
    kept = np.random.get_state()  # noqa: NPY002 - captum draws its path from the global generator
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the same
        try:
            yield
        finally:
            np.random.set_state(kept)  # noqa: NPY002 - the same
