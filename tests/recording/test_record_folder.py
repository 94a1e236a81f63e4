"""A folder of recordings is always in order: whole files, an index that lists them, one writer."""

from __future__ import annotations

import contextlib
import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.errors import RecordError
from monitor.messages import Float32
from monitor.recording.folder import COLUMNS, RecordFolder, Role, roles_by_time
from monitor.recording.pieces import Piece
from training.sound import recordings_of_index

START_UTC_S = 1_750_000_000.0
SHARED_INDEX = Path(__file__).resolve().parents[3] / "shared" / "data" / "index.csv"


def sound(seconds: float, rate_hz: int = 8000) -> Float32:
    wave = 0.1 * np.sin(np.arange(round(seconds * rate_hz)) / 7)
    return (np.rint(wave * 2**15) / 2**15).astype(np.float32)


def piece(number: int, seconds: float = 1.0) -> Piece:
    return Piece(sound(seconds), 8000, START_UTC_S + number)


def open_folder(folder: Path, role: Role | None = None) -> contextlib.closing[RecordFolder]:
    return contextlib.closing(RecordFolder(folder, source_id="pump-1", kind="microphone", role=role))


def index(folder: Path) -> list[dict[str, str]]:
    with (folder / "index.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(
    ("seconds", "calibrate"),
    [([], 0), ([60.0], 0), ([60.0] * 2, 1), ([60.0] * 3, 1), ([60.0] * 10, 3), ([60.0, 60.0, 5.0], 2)],
)
def test_the_last_part_of_the_time_is_for_calibration(seconds: list[float], calibrate: int) -> None:
    roles = roles_by_time(seconds)
    assert ["train"] * (len(seconds) - calibrate) + ["calibrate"] * calibrate == roles


def test_files_are_listed_with_the_samples_that_were_given(tmp_path: Path) -> None:
    with open_folder(tmp_path / "new" / "out") as folder:
        names = [folder.add(piece(number)) for number in range(4)]
        rows = index(folder.folder)
    assert "pump-1-20250615T150640Z.flac" == names[0]
    assert names == [row["file"] for row in rows]
    assert ["train", "train", "train", "calibrate"] == [row["role"] for row in rows]
    expected = {"set": "pump-1", "label": "normal", "kind": "microphone", "rate_hz": "8000"}
    assert expected == {key: rows[0][key] for key in expected}
    assert "1.000" == rows[0]["seconds"]
    heard, rate_hz = soundfile.read(folder.folder / names[0], dtype="float32")
    assert 8000 == rate_hz
    np.testing.assert_array_equal(piece(0).samples, heard)
    assert 3 == len(recordings_of_index(folder.folder / "index.csv", roles=["train"]))


@pytest.mark.shared_data
def test_the_columns_are_those_of_the_shared_data() -> None:
    if not SHARED_INDEX.exists():
        pytest.skip("shared data are not there")
    assert ",".join(COLUMNS) == SHARED_INDEX.read_text().splitlines()[0]


def test_a_second_run_adds_and_leaves_the_first_ones_rows_as_they_were(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        first = [folder.add(piece(number)) for number in range(3)]
    before = index(tmp_path)
    with open_folder(tmp_path, role="calibrate") as folder:
        assert 3 == folder.listed_before
        assert 0 == folder.adopted
        # the clock was set back: the same second, another name
        again = folder.add(piece(0))
    assert again not in first
    assert before == index(tmp_path)[:3]
    assert [(again, "calibrate")] == [(row["file"], row["role"]) for row in index(tmp_path)[3:]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name,class\na.wav,normal\n", "has the columns name, class, not file, set"),
        ("", "has the columns \\(none\\)"),
        (",".join(COLUMNS) + "\na.wav,b\n", "row 2 has 2 fields, not 8"),
    ],
)
def test_a_foreign_index_is_refused_and_left_as_it_is(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "index.csv").write_text(text)
    with pytest.raises(RecordError, match=sentence):
        open_folder(tmp_path)
    assert ["index.csv"] == [path.name for path in tmp_path.iterdir()]
    assert text == (tmp_path / "index.csv").read_text()
    (tmp_path / "index.csv").unlink()
    with open_folder(tmp_path):
        pass  # the refusal has let go of the lock


def test_two_recordings_never_write_to_one_folder(tmp_path: Path) -> None:
    with open_folder(tmp_path), pytest.raises(RecordError, match="another recording writes there"):
        open_folder(tmp_path)


def test_what_a_kill_left_is_listed_or_removed(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        name = folder.add(piece(0))
    orphan = "pump-1-20250615T150700Z.flac"
    (tmp_path / orphan).write_bytes((tmp_path / name).read_bytes())
    (tmp_path / "pump-1-20250615T150800Z.flac.part").write_bytes(b"half")
    (tmp_path / "foreign.flac").write_bytes(b"not ours")
    with open_folder(tmp_path) as folder:
        assert 1 == folder.adopted
    assert [name, orphan] == [row["file"] for row in index(tmp_path)]
    assert {name, orphan, "foreign.flac", "index.csv"} == {path.name for path in tmp_path.iterdir()}


def test_a_folder_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="give another folder with --out"):
        open_folder(tmp_path / "file")


def test_a_file_that_the_index_can_not_list_does_not_stay(tmp_path: Path) -> None:
    with open_folder(tmp_path) as folder:
        (tmp_path / "index.csv").unlink()
        (tmp_path / "index.csv").mkdir()
        with pytest.raises(RecordError, match=r"index\.csv: Is a directory; give a folder"):
            folder.add(piece(0))
        assert [] == folder.roles
    assert ["index.csv"] == [path.name for path in tmp_path.iterdir()]
