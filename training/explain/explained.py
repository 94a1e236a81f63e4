"""Clips explained by every method."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engines.runtime import Float32
from training.errors import TrainingError
from training.evaluation.truth import Events
from training.explain.attributions import attribute, completeness_gap, defined_methods
from training.explain.clips import Clip
from training.explain.objective import Objective
from training.faithfulness import Clips, Importance, clips_of_sound, importance_of_maps
from training.faithfulness.windows import clips_of_windows, windows_of_clips


@dataclass(frozen=True, slots=True)
class Explained:
    """What a detector makes of clips, in the units of its settings."""

    clips: Clips
    """With their truth; values in the units of the settings."""
    methods: tuple[Importance, ...]
    """With maps."""
    reconstruction: Float32
    """Shape (n, mel, frames)."""
    scores: Float32
    """Of the windows of each clip, shape (n, windows)."""
    completeness_gap: float | None
    """Of Integrated Gradients: the median over windows, relative; None where it was not asked for."""


def explain_clips(
    objective: Objective,
    clips: Sequence[Clip],
    events: Events,
    methods: Sequence[str],
    *,
    hop_s: float,
    window_frames: int,
) -> Explained:
    """Explain all clips; methods that are not defined for the model's kind are left out.

    Raises:
        TrainingError: A method is not known, or none is left.
    """
    defined = defined_methods(objective.kind, methods)
    if not defined:
        raise TrainingError(
            f"methods {', '.join(methods)}: none is defined for kind {objective.kind}; ask for others"
        )
    logmel = windows_of_clips(np.stack([clip.logmel for clip in clips]), window_frames)
    values = objective.values_arrays(logmel)
    importances, gap = [], None
    for name in defined:
        maps = attribute(objective.detector, logmel, name, objective.settings).map
        importances.append(importance_of_maps(name, clips_of_windows(maps, len(clips))))
        if name == "integrated_gradients":
            gaps = completeness_gap(objective.detector, logmel, maps, objective.settings)
            gap = float(np.median(gaps))
    return Explained(
        clips=clips_of_sound(
            clips_of_windows(values, len(clips)),
            [(clip.file, clip.start_s) for clip in clips],
            events,
            hop_s=hop_s,
            window_frames=window_frames,
        ),
        methods=tuple(importances),
        reconstruction=clips_of_windows(objective.reconstruction_arrays(values), len(clips)),
        scores=objective.score_arrays(values).reshape(len(clips), -1),
        completeness_gap=gap,
    )
