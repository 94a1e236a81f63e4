"""What is chosen about a model before it is trained: its kind, its size, and what only some kinds have."""

from __future__ import annotations

from dataclasses import dataclass

from training.errors import TrainingError

WIDTHS = (32, 64, 96, 128)
"""Channels of each stage of the convolutional models, for machines of which nothing is known."""
OWN_OPTIONS = {
    "scored": "mae",
    "patch": "mae",
    "mask_ratio": "mae",
    "memory": "memae",
    "encoder": "hfrae",
    "deviation": "dra",
}
"""Option -> the one kind that has it; all others refuse it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long a kind of model is trained, and in what portions."""

    epochs: int = 20
    """At most so many passes over the training sound."""
    batch_windows: int = 64
    """Windows in one step; fewer mean more steps where there is little sound."""
    patience_epochs: int = 6
    """Stop when the validation loss has not fallen for so long."""


@dataclass(frozen=True, slots=True)
class ModelDesign:
    """A kind of model with its options; None is what we recommend for the kind.

    Raises:
        TrainingError: An option is set that the kind does not have.
    """

    kind: str
    """A name in training.models.MODELS."""
    widths: tuple[int, ...] = WIDTHS
    """Channels of each stage, where the kind's source does not fix them."""
    scored: str | None = None
    """mae: `masked` (complementary masks, each bin filled in once) or `unmasked`, as in its paper."""
    patch: tuple[int, int] | None = None
    """mae: size of a patch, (mel, frames)."""
    mask_ratio: float | None = None
    """mae: share of the patches that is hidden in training."""
    memory: str | None = None
    """memae: `sparse`, `dense` (nothing is shrunk to 0) or `none` (the same net without a memory)."""
    encoder: str | None = None
    """hfrae: the frozen encoder, a name in training.models.encoders."""
    deviation: str | None = None
    """dra: loss of the heads, a name in training.deviation."""
    head: str | None = None
    """How comparisons are scored, a name in training.heads.HEADS; None: the best one on pseudo anomalies."""

    def __post_init__(self) -> None:
        for option, kind in OWN_OPTIONS.items():
            value = getattr(self, option)
            if value is not None and kind != self.kind:
                raise TrainingError(
                    f"kind {self.kind!r} has no {option} to choose; leave {value!r} out or train {kind}"
                )

    @property
    def chosen(self) -> dict[str, object]:
        """The kind's own options that were set, by name."""
        options = {option: getattr(self, option) for option in OWN_OPTIONS}
        return {option: value for option, value in options.items() if value is not None}
