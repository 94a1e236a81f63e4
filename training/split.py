"""Who serves what: recordings by purpose, and how windows are laid over them."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import TrainingError

SCORING_HOP_FRAMES = 32
"""From one scored window to the next: the daemon's default."""
SCORING_BATCH = 64
"""Windows that are scored at once."""


@dataclass(frozen=True, slots=True)
class Split:
    """Which recordings serve what; none serves twice, but that the head may learn from what the model did."""

    training: tuple[str, ...]
    """The model's weights and the standardisation are fitted to these."""
    validation: tuple[str, ...]
    """These say when to stop training."""
    head: tuple[str, ...]
    """Models settle on these, and heads are fitted to them too; often those of training and validation."""
    calibration: tuple[str, ...]
    """The alarm limit is fitted to the scores of these."""

    def __post_init__(self) -> None:
        apart = set(self.head) - set(self.training) - set(self.validation)
        names = [*self.training, *self.validation, *apart, *self.calibration]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise TrainingError(f"recordings {', '.join(twice)} serve twice; a split is by recording")
