"""The table of figures: methods and chance rows by figures, and what each figure means."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from training.errors import TrainingError


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of one row."""

    value: float | None
    """Mean over the draws; None: the clips cannot answer."""
    spread: float | None
    """Standard deviation over the draws, or over the seeds of a merged table; None where there is but one."""


@dataclass(frozen=True, slots=True)
class OverPercentiles:
    """One figure at each of the table's percentiles, mean over clips (and draws)."""

    values: tuple[float, ...]
    """One for each percentile."""
    errors: tuple[float, ...]
    """Standard error of each over the clips; 0 where there is but one clip."""
    spreads: tuple[float | None, ...]
    """Standard deviation of each over the draws, or over the seeds of a merged table; None: but one."""
    area: Figure
    """Area under the values over the percentiles, divided by their range: their mean height."""
    lifts: tuple[float, ...] | None
    """Value over the share of frames that is marked, (100 - p) / 100; None where that is not chance."""
    lifts_over_random: tuple[float | None, ...] | None = None
    """Value over that of the measured random row; None where that is 0, or where a ratio says nothing."""


@dataclass(frozen=True, slots=True)
class Row:
    """What one method, or chance, reaches."""

    name: str
    """The method's, or `random`, `random_smoothed`, `oracle`."""
    is_chance: bool
    """Whether it is a row to compare with; also the oracle, which is the other end of the scale."""
    draws: int
    """By lot; 1 for a method."""
    by_percentile: Mapping[str, OverPercentiles]
    """Keys of PERCENTILE_COLUMNS, without what is not known; see `column_of`."""
    figures: Mapping[str, Figure]
    """Keys of COLUMNS; all of them."""
    removal: Mapping[str, tuple[float, ...]]
    """Keys `deletion_frames` and so on: the curve whose area is taken, at the table's `fractions`."""


@dataclass(frozen=True, slots=True)
class FaithfulnessTable:
    """All figures of one model on some clips."""

    percentiles: tuple[int, ...]
    """Of a clip's curve."""
    fractions: tuple[float, ...]
    """Share of frames (or bins) removed or added at each step of deletion and insertion; empty: left out."""
    anomalous: int
    """Anomalous clips with wrong frames: what all figures are about."""
    normal: int
    """Normal clips: for ff_normal, for moments that are not wrong, for the threshold of onsets."""
    banded: int
    """Clips of which the wrong bins are known."""
    left_out: tuple[str, ...]
    """File and start of anomalous clips in which no frame is marked as wrong."""
    removed_by: str
    """The imputer of deletion and insertion."""
    seed: int
    """Of the lots."""
    onset_threshold_share: float
    """Of normal clips that stay below the threshold of onsets."""
    rows: tuple[Row, ...]
    """Methods in the order given, then `random`, `random_smoothed`, `oracle`."""

    def row(self, name: str) -> Row:
        """Return the row of a method or of chance.

        Raises:
            KeyError: There is none of this name.
        """
        return {row.name: row for row in self.rows}[name]


@dataclass(frozen=True, slots=True)
class Column:
    """What a figure means."""

    meaning: str
    """One sentence for a reader."""
    unit: str
    """Empty for a share or an area."""
    high_is_better: bool
    """False where a small value is good."""
    chance: float | None
    """What chance gives by definition; None: see the random row."""
    lift: bool = False
    """Whether a ratio to chance means anything."""


PERCENTILE_COLUMNS: Mapping[str, Column] = {
    "ff_frame": Column(
        "share of the error that goes when the marked frames are replaced (the paper's, by the model itself)",
        "", high_is_better=True, chance=None, lift=True,
    ),
    "ff_segment": Column(
        "the same for all wrong frames of the seconds with a marked frame (the paper's; uses the truth)",
        "", high_is_better=True, chance=None,
    ),
    "ff_normal": Column(
        "ff_frame on normal clips: should be at chance", "", high_is_better=False, chance=None, lift=True
    ),
    "ff_gain": Column("ff_frame minus ff_normal", "", high_is_better=True, chance=0.0),
    "f1": Column(
        "of seconds with a marked frame against seconds with a wrong one, mean over clips (the paper's)",
        "", high_is_better=True, chance=None,
    ),
}  # fmt: skip
"""Figures at each percentile; `ff_frame/NAME` and `ff_segment/NAME` are those with a foreign imputer."""
FOREIGN = ("ff_frame", "ff_segment")
"""Those that are taken with foreign imputers too, for which a common judge's error stands in."""
COLUMNS: Mapping[str, Column] = {
    "fall_frames": Column(
        "by how much the score falls when the most important tenth of frames is imputed; 1: to normal clips",
        "", high_is_better=True, chance=None,
    ),
    "deletion_frames": Column(
        "mean height of the score as frames are imputed, most important first; 1: full clip, 0: normal clip",
        "", high_is_better=False, chance=None,
    ),
    "insertion_frames": Column(
        "the same as frames are added back to the imputed clip", "", high_is_better=True, chance=None
    ),
    "fall_bins": Column("as fall_frames, bin by bin", "", high_is_better=True, chance=None),
    "deletion_bins": Column("as deletion_frames, bin by bin", "", high_is_better=False, chance=None),
    "insertion_bins": Column("as insertion_frames, bin by bin", "", high_is_better=True, chance=None),
    "frame_auc": Column("AUC of moments of 100 ms over all clips", "", high_is_better=True, chance=0.5),
    "inside_auc": Column(
        "the same within windows that hold both wrong and normal moments", "", high_is_better=True, chance=0.5
    ),
    "onset_median_s": Column(
        "how far the first frame above the threshold lies from the onset, at half of the clips",
        "s", high_is_better=False, chance=None,
    ),
    "onset_90_s": Column("the same at nine tenths of the clips", "s", high_is_better=False, chance=None),
    "onset_missed": Column("share of clips with no frame above it", "", high_is_better=False, chance=None),
    "iou_best": Column(
        "intersection over union of wrong and highest bins, at the share of bins that is best over all clips",
        "", high_is_better=True, chance=None,
    ),
    "iou_true_area": Column(
        "the same with as many bins as are wrong", "", high_is_better=True, chance=None
    ),
    "bins_auc": Column("AUC of bins within a clip, mean over clips", "", high_is_better=True, chance=0.5),
}  # fmt: skip
"""Figures without a percentile."""


def column_of(key: str) -> Column:
    """Return what a key of a row means.

    Raises:
        TrainingError: There is no such figure.
    """
    known = {**PERCENTILE_COLUMNS, **COLUMNS}
    name, _, imputer = key.partition("/")
    if name not in known or (imputer and name not in FOREIGN):
        raise TrainingError(
            f"figure {key!r} is not known; known are {', '.join(known)} and, for an imputer, "
            f"{' and '.join(f'{key}/NAME' for key in FOREIGN)}"
        )
    column = known[name]
    if not imputer:
        return column
    return replace(column, meaning=f"{column.meaning}; filled by {imputer}, judged by the common judge")
