"""Several views of a window judged together, each by its own Mahalanobis distance.

What betrays a fault differs: a knock is a short excess of error, a worn bearing an unsteadiness, a lost screw
another spectrum. Each view's distance is put in units of how far it strays on normal recordings that the
model has not learned from, so that a view in which recordings of the same machine differ anyway (its level,
the room) weighs little, and one in which they agree weighs much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor, nn

from training.heads.residual import LEAST_WINDOWS, require_windows
from training.heads.views import JOINT, View
from training.heads.whitening import Whitener, Whitening, fit_whitening
from training.models.reconstructor import Comparison

STRAYING_SHARE = 0.05
"""Of normal windows that may lie further out than one unit of a view."""
LEAST_UNSEEN_WINDOWS = 3
"""Only the units of the views rest on them."""
LEAST_SPREAD = 1e-3
"""Of a view's distances; smaller ones are rounding."""


class JointViews(nn.Module):
    """The sum of how far each view lies from normal, in units of its straying on unseen normal sound."""

    def __init__(self, views: Mapping[str, View], whitenings: Iterable[Whitening]) -> None:
        super().__init__()
        self.views = tuple(views.values())
        self.whiteners = nn.ModuleList(Whitener(whitening) for whitening in whitenings)
        self.centre: Tensor
        self.spread: Tensor
        self.register_buffer("centre", torch.zeros(len(self.views)))
        self.register_buffer("spread", torch.ones(len(self.views)))

    def distances(self, found: Comparison) -> Tensor:
        """Return the distance of each view's worst stretch, shape (n, views)."""
        return self.distances_of_features([view(found) for view in self.views])

    def distances_of_features(self, features: Sequence[Tensor]) -> Tensor:
        """Return shape (n, views) from one (n, stretches, dimensions) for each view."""
        pairs = zip(features, self.whiteners, strict=True)
        return torch.stack([whitener(of_view).amax(1) for of_view, whitener in pairs], dim=1)

    def forward(self, found: Comparison) -> Tensor:
        """Return the sum over the views, shape (n,)."""
        return ((self.distances(found) - self.centre) / self.spread).sum(1)


def fit_joint_views(
    learned: Iterable[Comparison],
    unseen: Iterable[Comparison],
    *,
    views: Mapping[str, View] = JOINT,
    only_learned: bool = False,
) -> JointViews:
    """Fit each view's whitening to all normal sound, and its unit to how far the unseen part of it strays.

    With `only_learned` the whitening stays one that has not seen that part: for judging the head by it.

    The unit is measured with a whitening that has not seen that part: distances of what it was fitted to come
    out too small.

    Raises:
        TrainingError: There are too few windows of either.
    """
    known = [_features(found, views) for found in learned]
    held = [_features(found, views) for found in unseen]
    learned_windows, unseen_windows = (sum(len(batch[0]) for batch in batches) for batches in (known, held))
    require_windows(learned_windows, LEAST_WINDOWS, "normal sound that was learned from")
    require_windows(unseen_windows, LEAST_UNSEEN_WINDOWS, "normal sound that was not learned from")
    strangers = JointViews(views, _whitenings(known))
    distances = torch.cat([strangers.distances_of_features(batch) for batch in held])
    head = strangers if only_learned else JointViews(views, _whitenings(known + held))
    head.centre = distances.median(0).values
    head.spread = (distances.quantile(1.0 - STRAYING_SHARE, dim=0) - head.centre).clamp_min(LEAST_SPREAD)
    return head


def _features(found: Comparison, views: Mapping[str, View]) -> list[Tensor]:
    return [view(found).cpu() for view in views.values()]


def _whitenings(batches: Sequence[Sequence[Tensor]]) -> list[Whitening]:
    """Return one whitening for each view, fitted to all stretches of all batches."""
    return [
        fit_whitening(torch.cat([part.flatten(0, 1) for part in of_view]).double().numpy())
        for of_view in zip(*batches, strict=True)
    ]
