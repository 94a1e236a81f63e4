"""Every figure of one importance, clip by clip where it has a value for each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from training.faithfulness.chance import lots_of_clips
from training.faithfulness.clips import Clips, Float32, Float64, Importance
from training.faithfulness.deletion import Removing, area, removing
from training.faithfulness.figures import COLUMNS
from training.faithfulness.marks import (
    Chunks,
    Ranks,
    chunks_of_frames,
    marked_frames,
    ranks_of_values,
    segments_in_truth,
)
from training.faithfulness.models import Models, Settings
from training.faithfulness.overlap import best_overlap, bins_auc, overlap_at_true_area
from training.faithfulness.precision import (
    chunk_f1,
    error_not_exceeded,
    moments_auc,
    onset_errors_s,
    threshold_of_normal,
)
from training.faithfulness.removal import Removal, removal_by_imputer, removal_by_itself
from training.faithfulness.windows import reconstruct_clips, score_clips

ITSELF = ""
"""What a key has behind it where no foreign imputer fills."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one importance reaches in one draw."""

    per_clip: Mapping[str, Float64]
    """Key of a percentile column -> shape (percentiles, clips)."""
    figures: Mapping[str, float | None]
    """Every key of COLUMNS."""
    removal: Mapping[str, Float64]
    """Key such as `deletion_frames` -> shape (fractions,)."""


@dataclass(frozen=True, slots=True)
class Bench:
    """The clips with all that does not depend on what is held for important."""

    wrong: Clips
    """Anomalous, each with a wrong frame."""
    normal: Clips
    """Maybe none."""
    settings: Settings
    """How figures are taken."""
    chunks: Chunks
    """Of a clip's frames."""
    removals: Mapping[str, Removal]
    """Of the wrong clips: by the model under test ITSELF, and by each foreign imputer, `/NAME`."""
    removal_of_normal: Removal | None
    """None where there is no normal clip."""
    removing: Removing | None
    """None where deletion and insertion are left out."""

    def measured(self, of_wrong: Importance, of_normal: Importance, draw: int) -> Measured:
        """Return all figures of one importance, given for the wrong and for the normal clips."""
        ranks = self._ranks(self.wrong, of_wrong.curves, draw)
        curves, figures_of_frames = self._removed("frames", ranks)
        figures: dict[str, float | None] = dict.fromkeys(COLUMNS)
        figures |= figures_of_frames | self._in_time(of_wrong.curves, of_normal.curves)
        if of_wrong.maps is not None:
            flat = of_wrong.maps.reshape(len(of_wrong.maps), -1)
            bins = self._ranks(self.wrong, flat, draw)
            curves_of_bins, figures_of_bins = self._removed("bins", bins)
            curves |= curves_of_bins
            figures |= figures_of_bins | self._in_band(flat, bins)
        return Measured(self._per_clip(ranks, of_normal, draw), figures, curves)

    def _ranks(self, clips: Clips, values: Float32, draw: int) -> Ranks:
        lots = lots_of_clips(clips.names, values.shape[1:], "ties", self.settings.seed, draw)
        return ranks_of_values(values, lots)

    def _per_clip(self, ranks: Ranks, of_normal: Importance, draw: int) -> dict[str, Float64]:
        truth = self.wrong.truth_frames
        marks = [marked_frames(ranks, percentile) for percentile in self.settings.percentiles]
        segments = [segments_in_truth(marked, truth, self.chunks) for marked in marks]
        found: dict[str, Float64] = {}
        for imputer, removal in self.removals.items():
            found["ff_frame" + imputer] = removal.over(marks)
            found["ff_segment" + imputer] = removal.over(segments)
        found["f1"] = np.array([chunk_f1(marked, truth, self.chunks) for marked in marks])
        if self.removal_of_normal is not None:
            usual = self._ranks(self.normal, of_normal.curves, draw)
            of_percentiles = [marked_frames(usual, percentile) for percentile in self.settings.percentiles]
            found["ff_normal"] = self.removal_of_normal.over(of_percentiles)
        return found

    def _removed(self, what: str, ranks: Ranks) -> tuple[dict[str, Float64], dict[str, float | None]]:
        if self.removing is None:
            return {}, {}
        both = {
            f"deletion_{what}": self.removing.deletion(ranks),
            f"insertion_{what}": self.removing.insertion(ranks),
        }
        curves = {key: curve for key, curve in both.items() if curve is not None}
        figures: dict[str, float | None] = {key: area(curve) for key, curve in curves.items()}
        return curves, figures | {f"fall_{what}": self.removing.fall(ranks)}

    def _in_time(self, curves: Float32, of_normal: Float32) -> dict[str, float | None]:
        frame_auc, inside_auc = moments_auc((self.wrong, self.normal), (curves, of_normal))
        found: dict[str, float | None] = {"frame_auc": frame_auc, "inside_auc": inside_auc}
        threshold = threshold_of_normal(of_normal, self.settings.quiet_share)
        if threshold is None:
            return found
        errors_s = onset_errors_s(curves, self.wrong.truth_frames, threshold, self.wrong.hop_s)
        return found | {
            "onset_median_s": error_not_exceeded(errors_s, 0.5),
            "onset_90_s": error_not_exceeded(errors_s, 0.9),
            "onset_missed": float(np.isinf(errors_s).mean()) if len(errors_s) else None,
        }

    def _in_band(self, maps: Float32, ranks: Ranks) -> dict[str, float | None]:
        bins = self.wrong.truth_bins
        banded = self.wrong.banded
        if bins is None or not banded.any():
            return {}
        truth, ranks = bins[banded].reshape(int(banded.sum()), -1), ranks[banded]
        return {
            "iou_best": best_overlap(ranks, truth),
            "iou_true_area": float(overlap_at_true_area(ranks, truth).mean()),
            "bins_auc": bins_auc(maps[banded], truth),
        }


def bench_of_clips(clips: Clips, models: Models, settings: Settings) -> Bench:
    """Return the clips that figures are about, with the models' errors of them as they are."""
    of_windows = clips.window_frames, settings.batch_windows
    reconstruct, judge = (
        reconstruct_clips(model, *of_windows) for model in (models.reconstruct, models.judge)
    )
    wrong, normal = clips.only(clips.annotated), clips.only(~clips.anomalous)
    removals = {ITSELF: removal_by_itself(wrong.values, reconstruct)} | {
        f"/{name}": removal_by_imputer(wrong.values, imputer, judge)
        for name, imputer in models.imputers.items()
    }
    score, imputer = score_clips(models.score, *of_windows), models.imputers[models.removed_by]
    return Bench(
        wrong=wrong,
        normal=normal,
        settings=settings,
        chunks=chunks_of_frames(wrong.values.shape[2], wrong.hop_s, settings.chunk_s),
        removals=removals,
        removal_of_normal=removal_by_itself(normal.values, reconstruct) if len(normal.values) else None,
        removing=removing(wrong.values, normal.values, imputer, score, settings.fractions)
        if settings.steps
        else None,
    )
