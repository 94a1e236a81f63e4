"""How an explanation is computed: what is differentiated, in which units, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from training.errors import TrainingError

SCALARS = ("error", "score")
UNITS = ("raw", "standardised")


@dataclass(frozen=True, slots=True)
class AttributionSettings:
    """What is differentiated and how; PAPER and OURS are the two that are compared."""

    scalar: Literal["error", "score"]
    """`error`: mean((g(x) - x)^2) of the unmasked reconstruction g, with the gradient through both x, as in
    arXiv 2601.12660. `score`: the bundle's own, its masks and its scoring head included."""
    units: Literal["raw", "standardised"]
    """Of x: `raw` log10 mel power, in which the baseline 0 is a roar; or `standardised` per band, in which it
    is the mean of normal sound."""
    smooth_samples: int = 25
    """Of SmoothGrad."""
    smooth_sigma: float = 0.1
    """Of SmoothGrad's noise, in `units`."""
    path_steps: int = 50
    """Of Integrated Gradients, Gauss-Legendre."""
    shap_samples: int = 25
    """Of GradSHAP."""
    shap_sigma: float = 0.09
    """Of GradSHAP's noise, in `units`."""
    baseline: float = 0.0
    """Of Integrated Gradients and GradSHAP, in `units`."""
    seed: int = 1_986
    """Of all noise. Every window gets the same draws, so that its map does not depend on its company."""

    def __post_init__(self) -> None:
        if self.scalar not in SCALARS or self.units not in UNITS:
            raise TrainingError(
                f"scalar {self.scalar!r} and units {self.units!r}: give {' or '.join(SCALARS)}, "
                f"{' or '.join(UNITS)}"
            )
        counts = (self.smooth_samples, self.path_steps, self.shap_samples)
        if min(counts) < 1 or min(self.smooth_sigma, self.shap_sigma) < 0:
            raise TrainingError(
                f"samples and steps {counts} must be at least 1, sigmas {self.smooth_sigma} and "
                f"{self.shap_sigma} not below 0"
            )


PAPER = AttributionSettings(scalar="error", units="raw")
"""As arXiv 2601.12660 does it; the samples, steps and sigmas are its own in both."""
OURS = AttributionSettings(scalar="score", units="standardised")
"""What the alarm hangs on, from the mean of normal sound on."""
SETTINGS = {"paper": PAPER, "ours": OURS}
"""By the names that commands and reports have for them."""
