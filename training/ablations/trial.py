"""One variant with one seed: trained, read in every way, judged."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from training.ablations.gradients import scaled_to_squared_error
from training.ablations.material import ClipMaterial, StreamMaterial
from training.ablations.questions import LABELLED_STREAMS, Question, Variant
from training.ablations.readings import Scored, fit_heads, scored_store
from training.benchmark.rows import code_digest
from training.commission import train_model
from training.data import LogMelStore
from training.detector import Detector
from training.evaluation.figures import Figures, figures_of_windows
from training.evaluation.measures import auc, partial_auc
from training.evaluation.scored_windows import ScoredWindow, files_of_windows
from training.evaluation.truth import Event, Events
from training.split import Split
from training.train import TrainingSettings, loss_for_sound

FAULT = "fault:"
"""Kinds of real faults of the machine begin so."""

Measured = Mapping[str, "float | None"]
"""Figures by name; None where the sound cannot answer."""


@dataclass(frozen=True, slots=True)
class Result:
    """One row of figures."""

    label: str
    """The variant's name, and after a comma how it was read."""
    head: str
    """Which scoring head."""
    figures: Measured


@dataclass(frozen=True, slots=True)
class Trial:
    """What one variant with one seed gave."""

    question: str
    variant: str
    seed: int
    results: tuple[Result, ...]
    cpu_s: float
    """Of this process, training and judging."""
    epochs: int
    """That were trained."""
    loss: str
    """As a manifest would name it, barrier and factor included."""
    kind_learned: str = ""
    """Of the labelled anomalies, where kinds are told apart."""
    code: str = field(default_factory=code_digest)
    """Of the source that decides what a trial gives."""


def run_trial(
    question: Question,
    variant: Variant,
    seed: int,
    material: StreamMaterial | ClipMaterial,
    settings: TrainingSettings | None = None,
) -> Trial:
    """Train and judge a variant; `settings` are TrainingSettings() but for what the variant says."""
    started_s = time.process_time()
    split = material.split(seed)
    settings = _settings(variant, seed, material.store, split, settings or TrainingSettings())
    if isinstance(material, StreamMaterial):
        kind, anomalies = "", None
        if question.asked_on == LABELLED_STREAMS:
            labels = material.labelled(seed, variant.labels)
            kind, anomalies = labels.kind, labels.anomalies
        detector, history = train_model(variant.design, material.store, split, settings, anomalies=anomalies)
        results = _judged_streams(variant, detector, split, material, kind)
    else:
        kind = ""
        anomalies, reserved = material.dealt(seed, variant.labels)
        detector, history = train_model(variant.design, material.store, split, settings, anomalies=anomalies)
        results = _judged_clips(variant, detector, split, material, reserved)
    return Trial(
        question=question.name,
        variant=variant.name,
        seed=seed,
        results=tuple(results),
        cpu_s=round(time.process_time() - started_s, 1),
        epochs=len(history.epochs),
        loss=settings.loss.__name__,
        kind_learned=kind,
    )


def _settings(
    variant: Variant, seed: int, store: LogMelStore, split: Split, base: TrainingSettings
) -> TrainingSettings:
    settings = replace(
        base,
        seed=seed,
        epochs=min(variant.epochs, base.epochs),
        batch_windows=min(variant.batch_windows, base.batch_windows),
        learning_rate=variant.learning_rate_factor * base.learning_rate,
        loss=loss_for_sound(variant.loss, store, split.training),
    )
    if not variant.is_matched:
        return settings
    loss = scaled_to_squared_error(settings.loss, variant.design, store, split, settings)
    return replace(settings, loss=loss)


def _label(variant: Variant, reading: str) -> str:
    return f"{variant.name}, {reading}" if reading else variant.name


def _judged_streams(
    variant: Variant, detector: Detector, split: Split, material: StreamMaterial, kind: str
) -> list[Result]:
    scored = scored_store(detector, fit_heads(detector, material.store, split.head), material.tested)
    results = []
    for reading, head in scored.values:
        windows = _windows(scored, reading, head, material.tested)
        figures = figures_of_windows(windows, material.events, has_limit=False)
        measured = by_kind(windows, material.events, figures, kind) if kind else _overall(figures)
        results.append(Result(_label(variant, reading), head, measured))
    return results


def _windows(scored: Scored, reading: str, head: str, store: LogMelStore) -> list[ScoredWindow]:
    hop_s = store.parameters.hop_s
    length_s = store.parameters.samples_of_frames(store.frames) / store.parameters.sample_rate_hz
    return [
        ScoredWindow(recording, start * hop_s, start * hop_s + length_s, float(value), profile)
        for recording, start, value, profile in zip(
            scored.recordings,
            scored.start_frames.tolist(),
            scored.values[reading, head],
            scored.profiles[reading],
            strict=True,
        )
    ]


def _overall(figures: Figures) -> Measured:
    return {
        "window_auc": figures.window_auc,
        "recall_at_1pc": figures.recall_at_1pc,
        "recall_at_1pc_chance": figures.recall_at_1pc_chance,
        "frame_auc": figures.frame_auc,
        "inside_auc": figures.inside_auc,
    }


def by_kind(windows: list[ScoredWindow], events: Events, figures: Figures, seen: str) -> Measured:
    """Return figures of the kind that was learned, of other foreign sounds, and of real faults."""
    kinds = {event.kind for of_file in events.values() for event in of_file}
    faults = {kind for kind in kinds if kind.startswith(FAULT)}
    return {
        "seen_auc": _auc_of_kinds(windows, events, {seen}),
        "unseen_auc": _auc_of_kinds(windows, events, kinds - faults - {seen}),
        "fault_auc": _auc_of_kinds(windows, events, faults),
        "seen_recall": _recall_of_kinds(figures, {seen}),
        "unseen_recall": _recall_of_kinds(figures, kinds - {seen}),
    }


def _auc_of_kinds(windows: list[ScoredWindow], events: Events, kinds: Collection[str]) -> float | None:
    """Return how well windows in events of these kinds are told from windows that are clear of all events."""
    chosen: dict[str, list[Event]] = {
        name: [event for event in of_file if event.kind in kinds] for name, of_file in events.items()
    }
    whole, part = files_of_windows(windows, events), files_of_windows(windows, chosen)
    hits = [part[name].values[part[name].hit] for name in whole]
    clear = [file.values[file.clear] for file in whole.values()]
    return _auc(np.concatenate(clear), np.concatenate(hits))


def _auc(normal: NDArray[np.float64], unusual: NDArray[np.float64]) -> float | None:
    return auc(_labels(normal, unusual), np.concatenate([normal, unusual]))


def _labels(normal: NDArray[np.float64], unusual: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.concatenate([np.zeros(len(normal), bool), np.ones(len(unusual), bool)])


def _recall_of_kinds(figures: Figures, kinds: Collection[str]) -> float | None:
    groups = [group for group in figures.by_kind if group.name in kinds]
    found = sum(group.found_at_1pc or 0 for group in groups)
    events = sum(group.events for group in groups)
    return found / events if events else None


def _judged_clips(
    variant: Variant, detector: Detector, split: Split, material: ClipMaterial, reserved: Collection[str]
) -> list[Result]:
    heads = fit_heads(detector, material.store, split.head)
    normal = scored_store(detector, heads, material.normal)
    anomalous = scored_store(detector, heads, material.anomalous)
    results = []
    for reading, head in normal.values:
        means = [_means_of_clips(scored, (reading, head), reserved) for scored in (normal, anomalous)]
        pauc = partial_auc(_labels(*means), np.concatenate(means))
        results.append(Result(_label(variant, reading), head, {"auc": _auc(*means), "pauc": pauc}))
    return results


def _means_of_clips(scored: Scored, key: tuple[str, str], left_out: Collection[str]) -> NDArray[np.float64]:
    recordings, values = np.array(scored.recordings), scored.values[key]
    names = [name for name in dict.fromkeys(scored.recordings) if name not in left_out]
    return np.array([values[recordings == name].mean() for name in names])
