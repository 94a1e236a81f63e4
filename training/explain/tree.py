"""An explanation as JSON: what was explained, how, every curve, and how far it can be trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from training.evaluation.truth import Event
from training.explain.explained import Explained
from training.explain.settings import AttributionSettings
from training.faithfulness import FaithfulnessTable, tree_of_table

SCHEMA = 1
DIGITS = 6


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything that a report shows."""

    bundle_id: str
    kind: str
    """Of the model."""
    settings_name: str
    """A key of SETTINGS."""
    settings: AttributionSettings
    explained: Explained
    table: FaithfulnessTable | None
    """None where nothing is known of the truth."""
    no_table_because: str
    """Why there is no table; empty where there is one."""
    left_out: tuple[str, ...]
    """Methods that are not defined for the kind."""
    judged_by: str
    """Which model judges foreign imputations."""
    unreadable: Mapping[str, str]
    """What was wrong with files that could not be read, or not to their end."""

    def events_of_clip(self, index: int) -> list[Event]:
        """Return the events that a clip touches."""
        clips = self.explained.clips
        start_s = clips.start_s[index]
        end_s = start_s + self.clip_s
        found = clips.events.get(clips.files[index], ())
        return [event for event in found if event.onset_s < end_s and event.offset_s > start_s]

    @property
    def clip_s(self) -> float:
        """How long a clip is."""
        return int(self.explained.clips.values.shape[2]) * self.explained.clips.hop_s


def tree_of_explanation(explanation: Explanation) -> dict[str, object]:
    """Return the report as JSON-able; what is not known is None."""
    explained, table = explanation.explained, explanation.table
    return {
        "schema": SCHEMA,
        "bundle": explanation.bundle_id,
        "kind": explanation.kind,
        "settings": {"name": explanation.settings_name, **asdict(explanation.settings)},
        "methods": [method.name for method in explained.methods],
        "methods_left_out": list(explanation.left_out),
        "completeness_gap": explained.completeness_gap,
        "judged_by": explanation.judged_by,
        "faithfulness": None if table is None else tree_of_table(table),
        "no_faithfulness_because": explanation.no_table_because or None,
        "hop_s": explained.clips.hop_s,
        "clips": [_clip(explanation, index) for index in range(len(explained.clips.files))],
        "unreadable": dict(explanation.unreadable),
    }


def _clip(explanation: Explanation, index: int) -> dict[str, object]:
    clips = explanation.explained.clips
    start_s = clips.start_s[index]
    return {
        "file": clips.files[index],
        "start_s": start_s,
        "end_s": start_s + explanation.clip_s,
        "anomalous": bool(clips.anomalous[index]),
        "events": [_event(event) for event in explanation.events_of_clip(index)],
        "window_scores": [round(float(score), DIGITS) for score in explanation.explained.scores[index]],
        "curves": {
            method.name: [float(f"{value:.{DIGITS}g}") for value in method.curves[index]]
            for method in explanation.explained.methods
        },
    }


def _event(event: Event) -> dict[str, object]:
    return {
        "onset_s": event.onset_s,
        "offset_s": event.offset_s if math.isfinite(event.offset_s) else None,
        "kind": event.kind,
        "snr_db": event.snr_db,
    }
