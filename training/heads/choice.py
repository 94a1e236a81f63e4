"""Which head scores a bundle: the one that best tells pseudo anomalies from normal sound.

Judged on validation recordings and on pseudo anomalies made of them; never on a labelled test. No weight of
the model and no whitening has learned from them; what hfrae and dra settle after training, and the units of
the joint heads' views, have. The head that is kept is fitted to all normal sound.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from torch import nn

from training.errors import TrainingError
from training.evaluation.measures import Float64, partial_auc
from training.heads.joint import fit_joint_views
from training.heads.residual import fit_residual_mahalanobis
from training.heads.simple import MeanError, TopBins, Verdict, WorstStretch
from training.heads.views import VIEWS, View
from training.models.reconstructor import Comparison

Comparisons = Callable[[], Iterator[Comparison]]
"""Goes through what a model makes of some windows, anew at each call."""


CHANCE = 0.5


@dataclass(frozen=True, slots=True)
class HeadSound:
    """What heads are fitted to and chosen by."""

    learned: Comparisons
    """Normal windows that the model's weights were fitted to."""
    unseen: Comparisons
    """Normal windows of other recordings."""
    pseudo: Comparisons
    """Pseudo anomalies made of the unseen ones."""


def _joint(views: Mapping[str, View]) -> Callable[[HeadSound, bool], nn.Module]:
    def fitted(sound: HeadSound, on_trial: bool) -> nn.Module:  # noqa: FBT001 - HEADS says what it means
        return fit_joint_views(sound.learned(), sound.unseen(), views=views, only_learned=on_trial)

    return fitted


def _mahalanobis(sound: HeadSound, on_trial: bool) -> nn.Module:  # noqa: FBT001 - HEADS says what it means
    more = iter(()) if on_trial else sound.unseen()
    return fit_residual_mahalanobis(chain(sound.learned(), more))


HEADS: Mapping[str, Callable[[HeadSound, bool], nn.Module]] = {
    **{name: _joint(views) for name, views in VIEWS.items()},
    "mahalanobis": _mahalanobis,
    "mean": lambda *_: MeanError(),
    "top": lambda *_: TopBins(),
    "worst": lambda *_: WorstStretch(),
    "verdict": lambda *_: Verdict(),
}
"""Name -> fits it to all normal sound, or on trial to the learned part only. Among equals the first wins."""


@dataclass(frozen=True, slots=True)
class ChosenHead:
    """A head, and why it was taken."""

    name: str
    """Its key in HEADS."""
    head: nn.Module
    """Fitted."""
    partial_aucs: Mapping[str, float]
    """Of each head that was tried, on pseudo anomalies, up to 10 % false alarms; chance is .5."""


def choose_head(
    sound: HeadSound,
    name: str | None = None,
    *,
    among: Collection[str] | None = None,
    on_trial: bool = False,
) -> ChosenHead:
    """Return the head `name`, fitted, or without a name the best one on pseudo anomalies, of those `among`.

    `on_trial`: a head that is named is measured all the same.

    Raises:
        TrainingError: The name is not known, or there are too few windows.
    """
    if name is not None:
        if name not in HEADS:
            raise TrainingError(f"scoring head {name!r} is not known; known are {', '.join(HEADS)}")
        if not on_trial:
            return ChosenHead(name, HEADS[name](sound, False), {})
        among = {name}
    first = next(sound.unseen(), None)
    gives_verdict = first is not None and first.verdict is not None
    suitable = {
        key: fit
        for key, fit in HEADS.items()
        if (key != "verdict" or gives_verdict) and (among is None or key in among)
    }
    heads = {key: fit(sound, True) for key, fit in suitable.items()}
    normal, pseudo = _scores(heads, sound.unseen), _scores(heads, sound.pseudo)
    found = {key: _partial_auc(normal[key], pseudo[key]) for key in heads}
    best = max(found, key=found.__getitem__)
    return ChosenHead(best, suitable[best](sound, False), found)


def _partial_auc(normal: Float64, pseudo: Float64) -> float:
    unusual = np.concatenate((np.zeros(len(normal), bool), np.ones(len(pseudo), bool)))
    area = partial_auc(unusual, np.concatenate((normal, pseudo)))
    return CHANCE if area is None else area


def _scores(heads: Mapping[str, nn.Module], windows: Comparisons) -> dict[str, Float64]:
    """Return what each head says; the model, which takes the time, goes through the windows once for all."""
    scores: dict[str, list[Float64]] = {key: [] for key in heads}
    for found in windows():
        for key, head in heads.items():
            scores[key].append(head(found).cpu().double().numpy())
    return {key: np.concatenate(parts) for key, parts in scores.items()}
