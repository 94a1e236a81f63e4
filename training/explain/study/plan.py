"""What the study measures: models by seeds by settings, on the same clips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from training.benchmark.plan import Job, Method
from training.explain.answers import INPAINTED
from training.explain.settings import SETTINGS
from training.faithfulness import Settings

SET = "uav"
"""The streams with faults and foreign sounds."""
PERCENTILES = (90, 92, 94, 96, 98, 99)
"""Those of which the paper's faithfulness could be read."""
IMPUTERS = (INPAINTED,)
"""Beside the model itself: a masked autoencoder of another seed fills in what is hidden from it."""
JUDGE = "mae"


@dataclass(frozen=True, slots=True)
class Part:
    """One table: a model with a seed, explained in one way."""

    kind: str
    seed: int
    settings: str
    """A key of SETTINGS."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a whole study measures."""

    kinds: tuple[str, ...] = ("ae", "mae", "mdae")
    """The paper's two, and the recommended one; `mae` is the judge of all."""
    words: tuple[str, ...] = ()
    """Options of `wheeltapper train` for all of them; none: its defaults."""
    seeds: int = 3
    """Of each kind, explained as in the paper."""
    own_seeds: int = 1
    """Of each kind, explained in our own way too."""
    clips: int = 8
    """With an event, drawn by lot; the same for all."""
    normal_clips: int = 3
    """Without any."""
    draws: int = 2
    """By lot, behind each chance row."""
    steps: int = 4
    """Of deletion and insertion, in our own way only."""

    def job(self, kind: str, seed: int) -> Job:
        """Return the training of one bundle, as the benchmark names it."""
        return Job(Method(kind, (kind, *self.words)), seed, SET)

    def parts(self) -> Iterator[Part]:
        """Yield what is to be measured, the first seed of all first, the paper's way first."""
        for name, seeds in (("paper", self.seeds), ("ours", min(self.own_seeds, self.seeds))):
            for seed in range(seeds):
                for kind in self.kinds:
                    yield Part(kind, seed, name)

    def judge_of(self, seed: int) -> Job:
        """Return the masked autoencoder that judges models of this seed: of another seed, where there is."""
        return self.job(JUDGE, (seed + 1) % self.seeds)

    def figures_of(self, settings: str) -> Settings:
        """Return how the figures are taken."""
        return Settings(
            percentiles=PERCENTILES,
            draws=self.draws,
            steps=self.steps if settings == "ours" else 0,
            batch_windows=64,
        )

    def what(self, part: Part) -> dict[str, object]:
        """Return what decides a part's figures beside its bundles, JSON-able."""
        return {
            "settings": repr(SETTINGS[part.settings]),
            "figures": repr(self.figures_of(part.settings)),
            "clips": [self.clips, self.normal_clips],
            "imputers": list(IMPUTERS),
        }
