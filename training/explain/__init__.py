"""What made the score what it is: attributions of a bundle's own score, and how far they can be trusted.

settings       what is differentiated, in which units: the paper's way and ours
objective      the number, the map and the reconstruction behind it
attributions   error map, saliency, SmoothGrad, Integrated Gradients, GradSHAP, Grad-CAM
gradcam        the last, with the layer of each kind
"""

from training.explain.attributions import (
    ATTRIBUTIONS,
    Attribution,
    Method,
    attribute,
    completeness_gap,
    defined_methods,
)
from training.explain.objective import Objective
from training.explain.settings import OURS, PAPER, SETTINGS, AttributionSettings

__all__ = [
    "ATTRIBUTIONS",
    "OURS",
    "PAPER",
    "SETTINGS",
    "Attribution",
    "AttributionSettings",
    "Method",
    "Objective",
    "attribute",
    "completeness_gap",
    "defined_methods",
]
