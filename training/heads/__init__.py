"""Scoring heads: how a Comparison of n windows becomes (n,) scores, high means unusual, inside the graph."""

from training.heads.choice import HEADS, ChosenHead, HeadSound, choose_head
from training.heads.joint import JointViews, fit_joint_views
from training.heads.residual import ResidualMahalanobis, fit_residual_mahalanobis
from training.heads.simple import MeanError, TopBins, Verdict, WorstStretch
from training.heads.unfitted import unfitted_head

__all__ = [
    "HEADS",
    "ChosenHead",
    "HeadSound",
    "JointViews",
    "MeanError",
    "ResidualMahalanobis",
    "TopBins",
    "Verdict",
    "WorstStretch",
    "choose_head",
    "fit_joint_views",
    "fit_residual_mahalanobis",
    "unfitted_head",
]
