"""DRA: four heads that learn from normal sound, pseudo anomalies and labelled anomalies, where there are any.

C. Ding, G. Pang, C. Shen: Catching Both Gray and Black Swans: Open-set Supervised Anomaly Detection, CVPR
2022 (arXiv 2203.14506), and the authors' code.

From the source: the four heads and what each is trained on; the mean of the top 10 % of positions by |score|;
two scales whose scores are averaged; deviation loss with margin 5, the heads' losses added up; each normal
window becomes a pseudo anomaly with probability 0.5; one labelled anomaly for two normal windows.

Other than in its code: references are clean and fixed (there, new ones at each batch, half of them pseudo
anomalies by mistake). Each head's score is a z-score on normal sound before they are summed (there, the raw
sum is ruled by the head that reaches the margin most freely). Our proposals for sound: a small network that
knows the band it looks at; scales in time only; references averaged over time but not over frequency; the
pseudo anomalies of training.pseudo in place of CutMix alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from training.deviation import DEVIATIONS, MARGIN
from training.errors import TrainingError
from training.losses import PerBinLoss
from training.models.dra_heads import DraHeads, Judged, top_mean
from training.models.feature_map import FeatureMap
from training.models.reconstructor import Batches, Comparison, Reconstructor, TrainingSound
from training.pseudo import KINDS, make_pseudo

SEEN = 1
"""Place of the seen head among the four."""
LEAST_SPREAD = 0.1
"""Of a head's scores on normal sound, where the margin is 5: one that never moves must not drown others."""
AUDIBLE = 0.2
"""In log10 units (2 dB): what changes its strongest hundredth of bins by less is left as it was, normal."""


@dataclass(frozen=True, slots=True)
class DraSettings:
    """How the heads are built and trained."""

    scales: int = 2
    """The window as it is, averaged over two frames, over four, ..."""
    top_share: float = 0.1
    """Of the positions of a map: the mean of those is the score. Less for machines with short sounds."""
    deviation: str = "absolute"
    """Loss of the heads, by its name in training.deviation."""
    margin: float = MARGIN
    """How far above normal an anomaly's score is to be."""
    pseudo_share: float = 0.5
    """Of the normal windows of a batch: these become pseudo anomalies."""
    seen_share: float = 0.5
    """So many labelled anomalies are drawn for each normal window, with repetition."""
    kinds: tuple[str, ...] = tuple(KINDS)
    """Of pseudo anomalies."""

    def __post_init__(self) -> None:
        if self.deviation not in DEVIATIONS:
            raise TrainingError(f"deviation {self.deviation!r} is not known: give {', '.join(DEVIATIONS)}")
        if self.scales < 1 or self.margin <= 0 or self.seen_share <= 0:
            raise TrainingError(
                f"scales {self.scales} must be at least 1, margin {self.margin} and seen_share "
                f"{self.seen_share} above 0"
            )
        if not (0 < self.top_share <= 1 and 0 < self.pseudo_share < 1):
            raise TrainingError(
                f"top_share {self.top_share} must be above 0 and at most 1, pseudo_share {self.pseudo_share} "
                "between 0 and 1"
            )


class DraDetector(Reconstructor):
    """Judges windows by four heads; it reconstructs nothing.

    Its `reconstruction` is the mean spectrum of its references, the same for every window. Its error map is
    where the heads for seen, pseudo and residual anomalies see one, in units of their spread on normal sound.
    The loss per bin that other models train with has no meaning here and is ignored.

    Without labelled anomalies the seen head is left out of training, verdict and map.
    """

    kind: ClassVar[str] = "dra"

    def __init__(
        self, mel: int, frames: int, *, features: FeatureMap, settings: DraSettings | None = None
    ) -> None:
        super().__init__()
        self.settings = settings if settings is not None else DraSettings()
        self.size = mel, frames
        self.features = features
        self.heads = DraHeads(features.channels)
        maps = self._maps_of_nothing()
        # as numbers, so that the exported graph holds no shape that is computed
        self.top = tuple(max(int(self.settings.top_share * m.shape[2] * m.shape[3]), 1) for m in maps)
        self._declare_buffers(len(maps), features.channels, maps[0].shape[2])

    def _declare_buffers(self, scales: int, channels: int, rows: int) -> None:
        mel, frames = self.size
        self.mean: Tensor
        self.std: Tensor
        self.references: Tensor
        self.anomalies: Tensor
        self.normal_maps: Tensor
        self.spectrum: Tensor
        self.centre: Tensor
        self.spread: Tensor
        # what is known only while it is trained: in no checkpoint and in no bundle
        self.register_buffer("mean", torch.zeros(mel, 1), persistent=False)
        self.register_buffer("std", torch.ones(mel, 1), persistent=False)
        self.register_buffer("references", torch.zeros(1, mel, frames), persistent=False)
        self.register_buffer("anomalies", torch.zeros(0, mel, frames), persistent=False)
        # what stands for the references once the weights are final
        self.register_buffer("normal_maps", torch.zeros(scales, channels, rows, 1))
        self.register_buffer("spectrum", torch.zeros(mel, 1))
        # of the heads' scores on normal sound
        self.register_buffer("centre", torch.zeros(4))
        self.register_buffer("spread", torch.ones(4))

    @torch.no_grad()
    def _maps_of_nothing(self) -> list[Tensor]:
        mode = self.features.training
        maps = [self.features.eval()(x) for x in self._at_scales(torch.zeros(1, *self.size))]
        self.features.train(mode)
        return maps

    def train(self, mode: bool = True) -> DraDetector:  # noqa: FBT001, FBT002 - torch's signature
        """Set training mode, but not for frozen features: their batch norms must not move."""
        super().train(mode)
        if self.features.is_frozen:
            self.features.eval()
        return self

    def take_in(self, sound: TrainingSound) -> None:
        """Take the standardisation, the references and the labelled anomalies, for as long as it is trained.

        Raises:
            TrainingError: There is no reference.
        """
        if not len(sound.references):
            raise TrainingError("DRA needs normal windows as references, and there is none; give more sound")
        self.mean, self.std = sound.mean, sound.std
        self.references, self.anomalies = sound.references, sound.anomalies
        self.heads.uses_seen = len(sound.anomalies) > 0

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        """Return the sum of the heads' deviation losses on normal, pseudo-anomalous and seen windows."""
        del loss
        windows, is_pseudo = self._with_pseudo(x, generator)
        seen = self._drawn_anomalies(x, generator)
        is_seen = torch.cat((torch.zeros_like(is_pseudo), torch.ones(len(seen), device=x.device)))
        is_pseudo = torch.cat((is_pseudo, torch.zeros(len(seen), device=x.device)))
        scores = self._scores_of_batch(torch.cat((windows, seen)))
        abnormal = is_seen + is_pseudo
        deviation, margin = DEVIATIONS[self.settings.deviation], self.settings.margin
        total = deviation(scores[:, 0], 1.0 - abnormal, margin) + deviation(scores[:, 3], abnormal, margin)
        known = is_seen == 0
        total = total + deviation(scores[known, 2], is_pseudo[known], margin)
        if self.heads.uses_seen:
            made = is_pseudo == 0
            total = total + deviation(scores[made, 1], is_seen[made], margin)
        return total

    def _with_pseudo(self, x: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return the windows, some of them made pseudo anomalies, and 1 for these, 0 for others."""
        chosen = torch.rand(len(x), generator=generator) < self.settings.pseudo_share
        rows = torch.nonzero(chosen).flatten().to(x.device)
        made = make_pseudo(x[rows] * self.std + self.mean, generator, kinds=self.settings.kinds)
        hundredth = max(self.size[0] * self.size[1] // 100, 1)
        heard = top_mean(made.strength.unsqueeze(1), hundredth).flatten() >= AUDIBLE
        windows, is_pseudo = x.clone(), torch.zeros(len(x), device=x.device)
        windows[rows[heard]] = (made.windows[heard] - self.mean) / self.std
        is_pseudo[rows[heard]] = 1.0
        return windows, is_pseudo

    def _drawn_anomalies(self, x: Tensor, generator: torch.Generator) -> Tensor:
        if not self.heads.uses_seen:
            return self.anomalies
        count = max(round(self.settings.seen_share * len(x)), 1)
        drawn = torch.randint(len(self.anomalies), (count,), generator=generator)
        return self.anomalies[drawn.to(self.anomalies.device)]

    def _scores_of_batch(self, x: Tensor) -> Tensor:
        """Return shape (n, 4), with the references seen as the weights now see them."""
        found = []
        for scale, windows in enumerate(self._at_scales(torch.cat((x, self.references)))):
            maps = self.features(windows)
            found.append(self.heads(maps[: len(x)], _normal_map(maps[len(x) :]), self.top[scale]).scores)
        return torch.stack(found).mean(0)

    def _at_scales(self, x: Tensor) -> list[Tensor]:
        """Return the windows with 1, 2, 4, ... frames averaged to one."""
        scales = [x]
        for _ in range(self.settings.scales - 1):
            scales.append(nn.functional.avg_pool1d(scales[-1], 2))
        return scales

    def _judged_at_scales(self, x: Tensor) -> list[Judged]:
        return [
            self.heads(self.features(windows), self.normal_maps[scale], self.top[scale])
            for scale, windows in enumerate(self._at_scales(x))
        ]

    def compare(self, x: Tensor) -> Comparison:
        """Return the heads' verdict, the sum of their z-scores, and where they see something."""
        judged = self._judged_at_scales(x)
        scores = torch.stack([at.scores for at in judged]).mean(0)
        z = (scores - self.centre) / self.spread
        verdict = z[:, 1:].sum(1) - z[:, 0]
        spread = self.spread[1:].reshape(1, 3, 1, 1)
        maps = [
            nn.functional.interpolate(
                (at.positions / spread).sum(1, keepdim=True), self.size, mode="bilinear", align_corners=False
            )[:, 0]
            for at in judged
        ]
        return Comparison(x, self(x), torch.stack(maps).mean(0), verdict)

    def likeness(self, x: Tensor) -> Tensor:
        """Return how much windows are like labelled anomalies by the seen head, a z-score, shape (n,)."""
        scores = torch.stack([at.scores for at in self._judged_at_scales(x)]).mean(0)
        return (scores[:, SEEN] - self.centre[SEEN]) / self.spread[SEEN]

    def forward(self, x: Tensor) -> Tensor:
        """Return the mean spectrum of the references for every window, shape (n, mel, frames)."""
        return torch.zeros_like(x) + self.spectrum

    def settle(self, normal: Batches) -> None:
        """Fix how the references look, and the mean and spread of each head's scores on normal sound."""
        self.spectrum = self.references.mean((0, 2)).unsqueeze(1)
        scales = self._at_scales(self.references)
        self.normal_maps = torch.stack([_normal_map(self.features(windows)) for windows in scales])
        found = [torch.stack([at.scores for at in self._judged_at_scales(x)]).mean(0) for x in normal()]
        scores = torch.cat(found)
        self.centre = scores.mean(0)
        self.spread = scores.std(0).clamp_min(LEAST_SPREAD)


def _normal_map(maps: Tensor) -> Tensor:
    """Return the mean over windows and time but not over bands, shape (channels, rows, 1)."""
    return maps.mean((0, 3)).unsqueeze(2)
