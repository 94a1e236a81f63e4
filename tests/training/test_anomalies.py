"""Labelled anomalies: only their stretches count, every window holds some of one, and none is normal too."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_verbs import ran

from engines.bundle import open_bundle
from monitor.frontend import FrontendParameters
from training.anomalies import (
    OVERLAP_S,
    WINDOWS_MAX,
    Stretch,
    gather_anomalies,
    store_anomalies,
    windows_of_anomalies,
)
from training.errors import NoSoundError, TrainingError

RATE_HZ = 16_000
PARAMETERS = FrontendParameters()


def write(path: Path, seconds: float, *, noise: tuple[float, float] | None = None, seed: int = 0) -> Path:
    """A soft hiss, loud from `noise[0]` to `noise[1]` seconds."""
    draws = np.random.default_rng(seed)
    samples = 0.01 * draws.standard_normal(round(seconds * RATE_HZ))
    if noise is not None:
        samples[round(noise[0] * RATE_HZ) : round(noise[1] * RATE_HZ)] *= 30
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, RATE_HZ)
    return path


def index(folder: Path, *rows: str, columns: str = "file,role,label,onset_s,offset_s") -> Path:
    (folder / "index.csv").write_text("\n".join([columns, *rows]) + "\n")
    return folder / "index.csv"


def test_an_index_gives_its_anomalies_with_their_times_and_a_folder_whole_files(tmp_path: Path) -> None:
    index(tmp_path, "a.wav,train,normal,,", "b.wav,train,anomaly,,", "c.wav,test,anomaly,1.5,4")
    expected = [Stretch(tmp_path / "b.wav"), Stretch(tmp_path / "c.wav", 1.5, 4.0)]
    assert expected == gather_anomalies([tmp_path])
    assert expected == gather_anomalies([tmp_path / "index.csv", tmp_path]), "each once"
    sound = write(tmp_path / "more" / "d.wav", 0.1)
    assert [Stretch(sound)] == gather_anomalies([tmp_path / "more"]) == gather_anomalies([sound])


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ("a.wav,train,anomaly,2,", "give seconds for both, or leave both empty"),
        ("a.wav,train,anomaly,x,3", "has onset_s 'x'"),
        ("a.wav,train,anomaly,3,2", "lasts from 3.0 to 2.0 s"),
        ("a.wav,train,anomaly,0,inf", "lasts from 0.0 to inf s"),
    ],
)
def test_times_that_cannot_be_are_refused(tmp_path: Path, row: str, complaint: str) -> None:
    with pytest.raises(TrainingError, match=complaint):
        gather_anomalies([index(tmp_path, row)])


def test_paths_without_anomalies_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NoSoundError, match="no row has label anomaly"):
        gather_anomalies([index(tmp_path, "a.wav,train,normal,,")])
    with pytest.raises(TrainingError, match="is no folder, no index"):
        gather_anomalies([tmp_path / "nowhere"])


@pytest.mark.parametrize("length_s", [0.1, 0.6, 3.0])
def test_every_window_holds_some_of_the_anomaly_and_they_reach_to_both_sides(
    tmp_path: Path, length_s: float
) -> None:
    onset_s, offset_s = 7.3, 7.3 + length_s
    path = write(tmp_path / "a.wav", 20.0, noise=(onset_s, offset_s))
    store = store_anomalies(tmp_path / "rows", [Stretch(path, onset_s, offset_s)], PARAMETERS)
    windows = windows_of_anomalies(store)
    assert len(windows) > 5
    loud_frames = (windows.mean(1) > -0.5).sum(1)
    least = min(OVERLAP_S, 0.5 * length_s) / PARAMETERS.hop_s
    assert int(loud_frames.min()) >= int(least) - 1
    middle = [float(np.flatnonzero(window.mean(0) > -0.5).mean()) for window in windows]
    assert min(middle) < 20
    assert max(middle) > 44


def test_a_file_without_times_counts_from_end_to_end(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 10.0)
    store = store_anomalies(tmp_path / "rows", [Stretch(path)], PARAMETERS)
    assert 9.0 < store.seconds <= 10.0


def test_an_anomaly_at_the_edge_of_a_file_counts_and_one_beyond_it_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.wav", 8.0)
    edge, beyond = Stretch(path, 0.0, 1.0), Stretch(path, 30.0, 31.0)
    store = store_anomalies(tmp_path / "rows", [edge, beyond], PARAMETERS)
    assert (edge.name,) == store.recordings
    assert [beyond.name] == [item.recording for item in store.skipped]


def test_many_windows_are_thinned_evenly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_anomalies(tmp_path / "rows", [Stretch(write(tmp_path / "a.wav", 10.0))], PARAMETERS)
    every = windows_of_anomalies(store)
    assert len(every) < WINDOWS_MAX
    monkeypatch.setattr("training.anomalies.WINDOWS_MAX", 3)
    thinned = windows_of_anomalies(store)
    assert 3 == len(thinned)
    assert np.array_equal(every[[0, -1]], thinned[[0, -1]])


def test_the_command_learns_from_them_names_them_and_takes_no_file_for_both(tmp_path: Path) -> None:
    for seed in range(3):
        write(tmp_path / "normal" / f"{seed}.wav", 66, seed=seed)
    write(tmp_path / "calibrate" / "c.wav", 330, seed=9)
    write(tmp_path / "faults" / "f.wav", 8, noise=(3, 5))
    index(tmp_path / "faults", "f.wav,train,anomaly,3,5")
    data = ("--data", tmp_path / "normal", "--calibrate", tmp_path / "calibrate")
    tiny = ("--widths", "4,4", "--epochs", "1", "--threads", "1", "--out", tmp_path / "b")
    run = ran("train", "dra", *data, "--anomalies", tmp_path / "faults", *tiny)
    assert 0 == run.code, run.err
    assert "1 learned from; judge the bundle on none of them" in run.out
    manifest = open_bundle(tmp_path / "b").manifest
    assert [f"{tmp_path / 'faults' / 'f.wav'} 3-5 s"] == manifest.training["anomalies"]
    assert "dra" == manifest.kind
    twice = ("--anomalies", tmp_path / "normal" / "1.wav")
    refused = ran("train", "dra", *data, *twice, *tiny[:-1], tmp_path / "c")
    assert 2 == refused.code
    assert "is given as normal sound and to --anomalies" in refused.err
    refused = ran("train", "ae", *data, "--anomalies", tmp_path / "faults", *tiny[:-1], tmp_path / "c")
    assert 2 == refused.code
    assert "learns from normal sound only" in refused.err
