"""Recordings come by role, each once, and are shared out whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tiny_detector import FRAMES, MEL, PARAMETERS

from training.data import LogMelStore, Run
from training.errors import NoSoundError, TrainingError
from training.gather import LEAST_WINDOWS, SHARES, gather, split_of
from training.split import SCORING_HOP_FRAMES


def store_of(folder: Path, windows: list[int]) -> LogMelStore:
    """A store of silent recordings "0", "1", ... of so many windows each."""
    frames = [FRAMES + SCORING_HOP_FRAMES * (count - 1) for count in windows]
    ends = np.cumsum(frames).tolist()
    (folder / "rows").write_bytes(np.zeros((ends[-1], MEL), np.float32).tobytes())
    runs = [Run(str(i), end - frames[i], end) for i, end in enumerate(ends)]
    return LogMelStore(folder / "rows", PARAMETERS, runs, (), frames=FRAMES)


def touched(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_recordings_of_one_length_are_shared_out_as_documented(tmp_path: Path) -> None:
    split = split_of(store_of(tmp_path, [100] * 40), (), seed=0)
    shares = {role: len(getattr(split, role)) / 40 for role in SHARES}
    assert pytest.approx(SHARES, abs=0.03) == shares
    assert set(split.head) == {*split.training, *split.validation}
    assert not set(split.head) & set(split.calibration)


def test_who_is_given_calibration_sound_shares_out_the_rest_without(tmp_path: Path) -> None:
    store = store_of(tmp_path, [100] * 15 + [300])
    split = split_of(store, {"15"}, seed=0)
    assert ("15",) == split.calibration
    assert (12, 3, 15) == (len(split.training), len(split.validation), len(split.head))


def test_another_seed_deals_otherwise_and_the_same_the_same(tmp_path: Path) -> None:
    store = store_of(tmp_path, [100] * 40)
    assert split_of(store, (), seed=1) == split_of(store, (), seed=1)
    assert split_of(store, (), seed=1) != split_of(store, (), seed=2)


def test_one_very_long_recording_leaves_nobody_without(tmp_path: Path) -> None:
    split = split_of(store_of(tmp_path, [1000, 10, 300]), (), seed=0)
    assert (("0",), ("1",), ("2",)) == (split.training, split.validation, split.calibration)


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([1000] * 2, "2 usable recordings are too few .* at least 3 are needed"),
        ([100] * 8, "too little sound for calibration: 2 recordings give 200 windows, 300 are needed"),
        ([1000, 9, 300], "too little sound for validation: 1 recordings give 9 windows, 10 are needed"),
    ],
)
def test_too_little_is_refused_with_what_is_needed(tmp_path: Path, windows: list[int], said: str) -> None:
    with pytest.raises(TrainingError, match=said):
        split_of(store_of(tmp_path, windows), (), seed=0)


def test_as_much_sound_as_a_refusal_asks_for_suffices(tmp_path: Path) -> None:
    whole = max(LEAST_WINDOWS[role] / share for role, share in SHARES.items())
    split_of(store_of(tmp_path, [round(whole) // 40] * 40), (), seed=0)


def test_a_folder_with_an_index_is_taken_by_it_and_one_without_whole(tmp_path: Path) -> None:
    touched(tmp_path, "with/a.flac", "with/b.flac", "with/c.flac", "bare/x/a.wav", "bare/notes.txt")
    (tmp_path / "with" / "index.csv").write_text(
        "file,set,label,role\na.flac,fan,normal,train\nb.flac,fan,normal,calibrate\nc.flac,pump,normal,train\n"
    )
    gathered = gather([tmp_path / "with", tmp_path / "bare"], sets={"fan"})
    names = [str(path.relative_to(tmp_path)) for path in gathered.train]
    assert ["with/a.flac", "bare/x/a.wav"] == names
    assert ["b.flac"] == [path.name for path in gathered.calibrate]
    assert {"of another set": 1} == gathered.left_out


def test_a_file_that_is_named_twice_serves_once(tmp_path: Path) -> None:
    touched(tmp_path, "a/1.wav", "a/2.wav", "b/3.wav")
    gathered = gather([tmp_path / "a", tmp_path / "a" / "1.wav", tmp_path / "b" / ".." / "a" / "2.wav"])
    assert 2 == len(gathered.train)


def test_nothing_to_train_on_is_refused_with_what_was_there(tmp_path: Path) -> None:
    touched(tmp_path, "a.wav")
    (tmp_path / "index.csv").write_text("file,label,role\na.wav,anomaly,train\n")
    with pytest.raises(NoSoundError, match=r"nothing to train on \(1 with label anomaly\)"):
        gather([tmp_path])
    with pytest.raises(TrainingError, match=r"is no folder, no index\.csv and no sound file"):
        gather([tmp_path / "nowhere"])
