"""Errors that a person who trains a detector may meet."""

from __future__ import annotations

from engines.errors import CodedError


class TrainingError(CodedError):
    """Data or settings from which no detector can be trained; the text says what to change."""

    code = "training"


class NoSoundError(TrainingError):
    """No recording could be read, or none is long enough for one window."""

    code = "training-no-sound"


class CheckpointError(TrainingError):
    """A training cannot be kept, or cannot go on from what was kept."""

    code = "training-checkpoint"
