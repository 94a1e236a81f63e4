"""Fills the table: every figure for every method, and for chance."""

from __future__ import annotations

from collections.abc import Sequence

from training.faithfulness.clips import Clips, Importance, Models, Settings
from training.faithfulness.figures import FaithfulnessTable


def faithfulness_of_clips(
    clips: Clips, methods: Sequence[Importance], models: Models, settings: Settings | None = None
) -> FaithfulnessTable:
    """Return what each method reaches on the clips, beside random frames, random stretches and the truth.

    Anomalous clips without a wrong frame are left out of all figures, and named in the table. The order of
    the clips changes nothing, for the lots of a clip hang on its file and start.

    Raises:
        TrainingError: No anomalous clip has a wrong frame, or a method has another number of clips or frames.
    """
    raise NotImplementedError
