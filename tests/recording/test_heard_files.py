"""A file is heard once: what was measured of it is kept, and many together are judged as one recording."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import soundfile
from learn_rig import RATE_HZ, minute

from monitor.config import FileSource, InputQualityConfig, WindowConfig
from monitor.errors import SpeechCheckError
from monitor.listening import BlockWindows, open_ear
from monitor.messages import AudioBlock
from monitor.recording import heard, quality_meter
from monitor.recording.heard import HeardFile, heard_files, measures_of_heard
from monitor.recording.quality_meter import QualityMeter
from monitor.sources import Source, open_sources

EAR = open_ear(None, WindowConfig(), InputQualityConfig())
MINUTES = 3


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "recordings"
    folder.mkdir()
    paths = [folder / f"{number}.flac" for number in range(MINUTES)]
    for number, path in enumerate(paths):
        soundfile.write(path, minute(number), RATE_HZ, subtype="PCM_16")
    return paths


def same(one: HeardFile, other: HeardFile) -> bool:
    facts = one.facts.keys() == other.facts.keys() and all(
        np.array_equal(one.facts[key], other.facts[key]) for key in one.facts
    )
    arrays = ("minutes", "counts", "starts_s", "features")
    return facts and all(np.array_equal(getattr(one, key), getattr(other, key)) for key in arrays)


def test_what_was_heard_before_a_stop_is_not_heard_again(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, told = tmp_path / "heard", list[float]()
    first = heard_files(files[:2], EAR, place, told.append)  # then it was stopped
    assert [0.0, 60.0, 60.0] == pytest.approx(told)
    told.clear()
    opened: list[Path] = []

    def noting(sources: Sequence[FileSource]) -> Sequence[Source]:
        opened.extend(one.path for one in sources)
        return open_sources(sources)

    monkeypatch.setattr(heard, "open_sources", noting)
    every = heard_files(files, EAR, place, told.append)
    assert files[2:] == opened
    assert [118.0, 60.0] == pytest.approx(told, abs=2.0)
    assert all(map(same, first, every))

    os.utime(files[0], (1.0, 1.0))  # another recording, perhaps
    (kept,) = [
        path for path in place.iterdir() if same(heard._unpacked(files[1], path) or every[0], every[1])
    ]
    kept.write_bytes(kept.read_bytes()[:1000])  # damaged
    opened.clear()
    assert all(map(same, every[:2], heard_files(files[:2], EAR, place)))
    assert files[:2] == opened
    assert 2 == len(list(place.iterdir())), "nothing is kept of what is looked through no more"


def test_with_other_limits_of_input_quality_it_is_heard_anew(files: list[Path], tmp_path: Path) -> None:
    place = tmp_path / "heard"
    heard_files(files[:1], EAR, place)
    (before,) = place.iterdir()
    deaf = open_ear(None, WindowConfig(), InputQualityConfig(silent_below_dbfs=-20.0))
    (one,) = heard_files(files[:1], deaf, place)
    assert 0 == len(one.starts_s), "all of it is silent now"
    assert before not in list(place.iterdir())


def test_files_together_measure_what_one_recording_of_them_does(files: list[Path]) -> None:
    meter, windows, first = QualityMeter(EAR), BlockWindows("m", EAR), 0
    for path in files:
        samples, _ = soundfile.read(path, dtype="float32")
        block = AudioBlock("m", samples, RATE_HZ, first, 0, 0.0)
        meter.add(block, windows.add(block))
        first += len(samples)
    whole, parts = meter.measures(), measures_of_heard(heard_files(files, EAR), EAR)
    assert whole.peak_dbfs == parts.peak_dbfs
    assert whole.dc_offset == pytest.approx(parts.dc_offset, abs=1e-9)
    assert whole.windows == parts.windows
    assert whole.levels is not None
    assert parts.levels is not None
    assert whole.levels.median_dbfs == pytest.approx(parts.levels.median_dbfs, abs=0.05)
    assert whole.hum is not None
    assert parts.hum is not None
    assert whole.hum.level_dbfs == pytest.approx(parts.hum.level_dbfs, abs=0.5)
    assert whole.speech_share == parts.speech_share == 0.0
    assert (1, MINUTES) == (parts.variety and (parts.variety.states, parts.variety.minutes))


def test_a_file_that_could_not_be_checked_for_speech_is_not_kept(
    files: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(_detector: object) -> None:
        raise SpeechCheckError("the network is missing")

    monkeypatch.setattr(quality_meter, "SpeechMeter", missing)
    found = measures_of_heard(heard_files(files[:1], EAR, tmp_path / "heard"), EAR)
    assert (None, "the network is missing") == (found.speech_share, found.no_speech_because)
    assert not (tmp_path / "heard").exists()
    monkeypatch.undo()
    again = measures_of_heard(heard_files(files[:1], EAR, tmp_path / "heard"), EAR)
    assert 0.0 == again.speech_share
