"""`wheeltapper retrain` makes a candidate of labels, goes on where it was cut short, and judges it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_verbs import ran
from past import Past, past_in

import training.taught
from engines.bundle import open_bundle
from monitor.bundles.library import Library
from monitor.messages import Float32
from monitor.promotion.learned import learned_from
from monitor.store import Label
from training.state import Checkpoint, TrainingState

RATE_HZ = 16_000
RECORDINGS = {"train": (3, 30.0), "calibrate": (6, 60.0)}
"""Role -> how many, and seconds of each: little to learn from, and what a limit needs at the least."""
TINY = ("--widths", "4,4", "--epochs", "1", "--threads", "1")
CLIP_S, FLAGGED_S = 10.0, 4.0


def hiss(seconds: float, seed: int) -> Float32:
    draws = np.random.default_rng(seed)
    level = np.repeat(np.exp(0.2 * draws.standard_normal(round(4 * seconds))), RATE_HZ // 4)
    return np.clip(0.05 * level * draws.standard_normal(len(level)), -1, 1).astype(np.float32)


def whining(seed: int) -> Float32:
    """A clip with a whine while its window is flagged."""
    samples = hiss(CLIP_S, seed)
    t = np.arange(2 * RATE_HZ) / RATE_HZ
    samples[round(FLAGGED_S * RATE_HZ) :][: len(t)] += (0.1 * np.sin(2 * np.pi * 3000 * t)).astype(np.float32)
    return samples


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings of a hiss whose level wanders, by role."""
    folder = tmp_path_factory.mktemp("normal")
    made = [(role, seconds) for role, (count, seconds) in RECORDINGS.items() for _ in range(count)]
    (folder / "index.csv").write_text(
        "file,role\n" + "".join(f"{number}.flac,{role}\n" for number, (role, _) in enumerate(made))
    )
    for number, (_, seconds) in enumerate(made):
        soundfile.write(folder / f"{number}.flac", hiss(seconds, number), RATE_HZ, subtype="PCM_16")
    return folder


def add(past: Past, event_id: str, at_s: float) -> None:
    past.add_event(event_id, start_s=at_s + FLAGGED_S)
    past.add_clip(event_id, whining(round(at_s)), start_s=at_s)
    past.add_window(event_id, start_s=at_s + FLAGGED_S)
    past.end_event(event_id, at_s=at_s + 7.0)


def labelled(state_dir: Path) -> None:
    """Four whines, a belt, a false alarm, one that ann and bob see differently, one that nobody knows."""
    with past_in(state_dir) as past:
        names = [*(f"whine-{n}" for n in range(4)), "belt", "fine", "disputed", "odd"]
        for number, event_id in enumerate(names):
            add(past, event_id, 100.0 * number)
        for event_id in names[:4]:
            past.add_label(event_id, "anomaly", "whine")
        past.add_label("belt", "anomaly", "belt")
        past.add_label("fine", "no_anomaly")
        past.add_label("disputed", "anomaly", "whine")
        past.store.add_label(Label("disputed", "no_anomaly", "bob", 5.0))
        past.add_label("odd", "unsure")


def config(folder: Path) -> Path:
    path = folder / "config.yaml"
    path.write_text(
        f"state_dir: {folder / 'state'}\nsources: [{{id: pump, kind: microphone}}]\n"
        "alarm: {false_alarms_per_week: 2}\n"
    )
    return path


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_labels_become_a_candidate_that_says_what_it_learned_from_though_it_was_cut_short(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labelled(tmp_path / "state")
    words = ("retrain", "pump", "--config", config(tmp_path), "--data", sound, *TINY)
    save = TrainingState.save

    def save_and_stop(state: TrainingState, checkpoint: Checkpoint) -> None:
        save(state, checkpoint)
        if checkpoint.folder.name == "lesson":
            raise KeyboardInterrupt

    monkeypatch.setattr(training.taught, "MOST_PASSES", 2)
    monkeypatch.setattr(TrainingState, "save", save_and_stop)
    assert 130 == ran(*words).code, "Ctrl-C while the labels are learned"
    monkeypatch.setattr(TrainingState, "save", save)
    library = Library(tmp_path / "state", "pump")
    assert None is library.roles().candidate
    again = ran(*words)
    assert 0 == again.code, again.err
    assert "going on with the epochs that are kept" in again.out
    for line in (
        "labels     5 anomalies (belt 1, whine 4); 1 no anomaly; left out: 1 unsure, 0 withdrawn, 1 disputed",
        "disputed   disputed: bob says no anomaly, ann says anomaly (whine); left out until they agree",
        "learned    2 anomalies (whine 2), 5 s; 1 no anomaly, 10 s",
        "kept apart 2 events (whine 2) to judge by",
        "unseen     1 anomalies (belt 1): fewer than 3 of a kind, to judge by",
        "of 2 reach the limit; live",
        "of 1 reach the limit; live",
        "at most 2 a week, 90 % interval",
    ):
        assert line in again.out
    name = library.roles().candidate
    assert name is not None
    bundle = open_bundle(library.version_folder(name))
    assert ("taught", "wheeltapper retrain") == (bundle.manifest.kind, bundle.manifest.training["run"])
    labels = json.loads((bundle.folder / "labels.json").read_text())
    assert "labels.json" in bundle.manifest.files
    assert {"schema": 1, "unseen_kinds": ["belt"]} == {key: labels[key] for key in ("schema", "unseen_kinds")}
    assert not {*labels["used"]} & {*labels["held_out"]}
    assert {*(f"whine-{n}" for n in range(4)), "belt", "fine"} == {*labels["used"], *labels["held_out"]}
    assert ["ann", "bob"] == sorted(one["who"] for one in labels["who_disagreed"][0]["said"])
    assert learned_from(bundle.folder) == frozenset(labels["used"])
    assert "nothing is made anew" in ran(*words).out


def test_without_labels_that_serve_it_says_what_is_missing(sound: Path, tmp_path: Path) -> None:
    with past_in(tmp_path / "state") as past:
        words = ("retrain", "pump", "--config", config(tmp_path))
        assert "nothing was learned on this box for pump" in ran(*words).err
        assert "nobody has labelled an event" in ran(*words, "--data", sound).err
        for number in range(3):
            past.add_event(f"bad-{number}", start_s=100.0 * number)
            past.add_label(f"bad-{number}", "anomaly", "whine" if number else "belt")
        assert "no kind has 3 labelled events yet" in ran(*words, "--data", sound).err
        past.add_label("bad-0", "anomaly", "whine")
        assert "no sound serves (no sound of it was kept)" in ran(*words, "--data", sound).err
