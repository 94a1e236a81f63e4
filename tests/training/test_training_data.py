"""Training hears what the daemon hears; one bad recording never stops a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny_detector import FRAMES, MEL, PARAMETERS, tiny_bundle

from monitor.config import InputQualityConfig, SimulatedSource, WindowConfig
from monitor.frontend import StreamFrontend
from monitor.listening import BlockWindows, open_ear
from monitor.messages import Float32
from training.data import LogMelStore, split_by_recording, store_logmel
from training.errors import NoSoundError, TrainingError
from training.sound import (
    Recording,
    blocks_of_recording,
    recording_of_file,
    recording_of_machine,
    recordings_of_folder,
    recordings_of_index,
)

RATE_HZ = PARAMETERS.sample_rate_hz


def pump(seed: int, duration_s: float = 3.0) -> Recording:
    return recording_of_machine(
        SimulatedSource(id="p", kind="simulated", seed=seed, pace="fast", duration_s=duration_s)
    )


def noise(seconds: float) -> Float32:
    return (0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE_HZ))).astype(np.float32)


def write(path: Path, samples: Float32, rate_hz: int = RATE_HZ) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, samples, rate_hz, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


def store(folder: Path, recordings: list[Recording]) -> LogMelStore:
    return store_logmel(folder / "logmel.f32", recordings, PARAMETERS, frames=FRAMES)


def test_windows_in_training_equal_those_of_the_daemon_resampling_included(tmp_path: Path) -> None:
    ear = open_ear(
        tiny_bundle(tmp_path / "bundle").folder, WindowConfig(hop_frames=FRAMES // 2), InputQualityConfig()
    )
    cut, stream = BlockWindows("p", ear), StreamFrontend(ear.frontend)
    blocks = blocks_of_recording(pump(5))
    heard = np.stack(
        [stream.logmel_from_window(window).values for block in blocks for window in cut.add(block)]
    )
    trained = store(tmp_path, [pump(5)])
    windows = trained.windows(trained.window_starts(hop_frames=FRAMES // 2))
    assert len(heard) > 10
    np.testing.assert_allclose(windows[: len(heard)], heard[: len(windows)], rtol=0, atol=2e-5)
    assert abs(len(windows) - len(heard)) <= 3, "only the tail, held back by resampler and windower, differs"


def test_bad_recordings_are_skipped_and_named_and_the_others_used(tmp_path: Path) -> None:
    good = write(tmp_path / "a" / "good.wav", noise(2.0))
    short = write(tmp_path / "a" / "short.wav", noise(0.1))
    silent = write(tmp_path / "a" / "silent.wav", np.zeros(2 * RATE_HZ, np.float32))
    torn = tmp_path / "a" / "torn.flac"
    write(torn, noise(2.0))
    torn.write_bytes(torn.read_bytes()[: torn.stat().st_size // 2])
    text = tmp_path / "a" / "text.wav"
    text.write_text("this is not sound")
    paths = [text, short, torn, silent, tmp_path / "missing.wav", good]
    found = store(tmp_path, [recording_of_file(path, path.name) for path in paths])
    assert ("good.wav",) == found.recordings
    reasons = {item.recording: item.reason for item in found.skipped}
    assert ["text.wav", "short.wav", "torn.flac", "silent.wav", "missing.wav"] == list(reasons)
    assert "is not sound that libsndfile can read" in reasons["text.wav"]
    assert "is damaged" in reasons["torn.flac"]
    assert "there is no such file" in reasons["missing.wav"]
    assert reasons["short.wav"] == reasons["silent.wav"] == f"no {FRAMES} frames of good input in a row"


def test_no_window_reaches_over_a_stretch_of_bad_input(tmp_path: Path) -> None:
    sound = noise(4.0)
    sound[2 * RATE_HZ - 4000 : 2 * RATE_HZ + 4000] = 0.0
    found = store(tmp_path, [recording_of_file(write(tmp_path / "gap.wav", sound))])
    assert 2 == len(found.runs)
    windows = found.windows(found.window_starts(hop_frames=1))
    assert windows.min() > -8.0, "digital silence, -10, is in no window"
    whole = store(tmp_path, [recording_of_file(write(tmp_path / "whole.wav", noise(4.0)))])
    assert 0.3 < whole.seconds - found.seconds < 1.0


def test_when_nothing_can_be_used_the_reasons_are_told(tmp_path: Path) -> None:
    with pytest.raises(
        NoSoundError, match=r"none of 1 recordings can be used \(x: .*no such file.*at least 0\.3 s"
    ):
        store(tmp_path, [recording_of_file(tmp_path / "x.wav", "x")])


def test_two_recordings_of_one_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="the same name"):
        store(tmp_path, [pump(1), pump(1)])


def test_windows_never_mix_recordings(tmp_path: Path) -> None:
    low, high = noise(1.0), 100 * noise(1.0)
    paths = [write(tmp_path / "low.wav", low), write(tmp_path / "high.wav", np.clip(high, -0.99, 0.99))]
    found = store(tmp_path, [recording_of_file(path, path.stem) for path in paths])
    for name in found.recordings:
        windows = found.windows(found.window_starts(hop_frames=1, recordings={name}))
        levels = windows.mean((1, 2))
        assert np.ptp(levels) < 0.5
    assert found.window_starts(hop_frames=3, phase=2)[0] == 2


def test_a_run_hardly_longer_than_a_window_gives_one_at_every_phase(tmp_path: Path) -> None:
    found = store(tmp_path, [pump(1, 2.0)])
    run = found.runs[0]
    whole = LogMelStore(tmp_path / "logmel.f32", PARAMETERS, found.runs, (), frames=run.end - run.first - 2)
    starts = [whole.window_starts(hop_frames=32, phase=phase).tolist() for phase in range(6)]
    assert [[0], [1], [2], [0], [1], [2]] == starts


def test_statistics_are_those_of_the_frames(tmp_path: Path) -> None:
    found = store(tmp_path, [pump(1, 2.0), pump(2, 2.0)])
    starts = found.window_starts(hop_frames=FRAMES, recordings=found.recordings[:1])
    run = found.runs[0]
    frames = found.windows(np.arange(run.first, run.end - FRAMES + 1))[:, :, 0]
    mean, std = found.band_statistics(found.recordings[:1])
    assert (MEL,) == mean.shape == std.shape
    assert len(starts) > 3
    np.testing.assert_allclose(mean, frames.mean(0), atol=0.05)
    np.testing.assert_allclose(std, frames.std(0), atol=0.05)


def test_an_index_gives_the_files_of_a_role_and_set(tmp_path: Path) -> None:
    index = tmp_path / "index.csv"
    index.write_text("file,set,role\na/1.wav,uav,train\na/2.wav,uav,test\nb/3.wav,fan,train\n")
    assert ["a/1.wav", "b/3.wav"] == [r.name for r in recordings_of_index(index, roles={"train"})]
    assert ["b/3.wav"] == [r.name for r in recordings_of_index(index, roles={"train"}, sets={"fan"})]
    with pytest.raises(NoSoundError, match="no row has role calibrate; it has the roles test, train"):
        recordings_of_index(index, roles={"calibrate"})


def test_an_index_without_its_columns_is_refused_by_their_names(tmp_path: Path) -> None:
    (tmp_path / "index.csv").write_text("path,label\na.wav,normal\n")
    with pytest.raises(TrainingError, match="lacks the columns file, role"):
        recordings_of_index(tmp_path / "index.csv", roles={"train"})


def test_a_folder_gives_its_sound_files_in_order(tmp_path: Path) -> None:
    for name in ("b.wav", "a/z.FLAC", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert ["a/z.FLAC", "b.wav"] == [r.name for r in recordings_of_folder(tmp_path)]
    with pytest.raises(NoSoundError, match="holds no sound files"):
        recordings_of_folder(tmp_path / "nothing")


def test_a_machine_without_an_end_is_refused() -> None:
    with pytest.raises(TrainingError, match="never ends; give it duration_s"):
        recording_of_machine(SimulatedSource(id="p", kind="simulated"))


@pytest.mark.parametrize("count", [2, 3, 10])
def test_a_split_puts_no_recording_on_both_sides(count: int) -> None:
    names = [f"r{i}" for i in range(count)]
    training, validation = split_by_recording(names, validation_share=0.2, seed=1)
    assert set(names) == set(training) | set(validation)
    assert not set(training) & set(validation)
    assert validation
    assert (training, validation) == split_by_recording(names, validation_share=0.2, seed=1)


def test_a_single_recording_cannot_be_split() -> None:
    with pytest.raises(TrainingError, match="give at least two"):
        split_by_recording(["one"], validation_share=0.2, seed=1)


@pytest.mark.shared_data
def test_the_index_of_the_shared_data_can_be_read(tmp_path: Path) -> None:
    index = Path(__file__).resolve().parents[3] / "shared" / "data" / "index.csv"
    if not index.exists():
        pytest.skip(f"{index} is not there: evaluation sound is not shipped")
    recordings = recordings_of_index(index, roles={"calibrate"}, sets={"uav"})
    assert 8 == len(recordings)
    found = store_logmel(tmp_path / "f", recordings[:1], replace(PARAMETERS, n_fft=1024), frames=FRAMES)
    assert 55 < found.seconds < 61
