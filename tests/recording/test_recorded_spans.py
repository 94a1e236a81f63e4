"""A bundle says when the sound was recorded that it has learned; what it says is read whole or refused."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.promotion.learned import LABELS, learned_from, recorded_in
from monitor.recording.given import GivenFile
from monitor.recording.material import make_material
from monitor.recording.spans import began, recorded_spans
from training.recorded import files_of_recorded
from training.retrain.removed import LabelledStretch

RATE_HZ = 8000


def recording(folder: Path, name: str, seconds: float) -> GivenFile:
    path = folder / f"{name}.flac"
    soundfile.write(path, np.zeros(round(seconds * RATE_HZ)), RATE_HZ, subtype="PCM_16")
    return GivenFile(path, "train", seconds)


def test_recordings_that_follow_each_other_are_one_span_without_what_was_set_aside(tmp_path: Path) -> None:
    files = [
        recording(tmp_path, "pump-20251009T080000Z", 60.0),
        recording(tmp_path, "pump-20251009T080100Z", 60.0),
        recording(tmp_path, "pump-20251009T093000Z-2", 10.0),
        recording(tmp_path, "from-elsewhere", 30.0),
    ]
    cut = LabelledStretch(files[1].path, 20.0, 30.0, "bad")
    made = make_material(tmp_path / "material", files, [cut], source_id="pump", key="k")
    first, later = began(files[0].path), began(files[2].path)
    assert first is not None
    assert later is not None
    expected = [(first, first + 80.0), (first + 90.0, first + 120.0), (later, later + 10.0)]
    assert expected == recorded_spans(made.folder)
    text = files_of_recorded(recorded_spans(made.folder))[LABELS]
    (tmp_path / LABELS).write_text(text)
    assert (tuple(expected), frozenset()) == (recorded_in(tmp_path), learned_from(tmp_path))


def test_sound_without_a_time_makes_no_claim(tmp_path: Path) -> None:
    files = [recording(tmp_path, "flight-7", 30.0)]
    made = make_material(tmp_path / "material", files, [], source_id="pump", key="k")
    assert {} == files_of_recorded(recorded_spans(made.folder))
    assert () == recorded_in(tmp_path)


@pytest.mark.parametrize("recorded", [7, [[1.0]], [["a", "b"]], [None], {"a": 1}])
def test_spans_that_are_none_are_refused(tmp_path: Path, recorded: object) -> None:
    (tmp_path / LABELS).write_text(json.dumps({"schema": 1, "used": [], "recorded": recorded}))
    with pytest.raises(ValueError, match=r"labels|unpack|convert"):
        recorded_in(tmp_path)
