"""Figures of a recording are of all of it, however often the daemon was started meanwhile."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from learn_rig import RATE_HZ, minute

from monitor.config import InputQualityConfig, MicrophoneSource, WindowConfig
from monitor.learning.documents import RecordingNow
from monitor.learning.session import Recording
from monitor.listening import open_ear
from monitor.messages import AudioBlock, read_only
from monitor.recording.learn_folder import LearnFolder

EAR = open_ear(None, WindowConfig(), InputQualityConfig())
SOURCE = MicrophoneSource(id="m", kind="microphone")


def blocks(minutes: int, *, first: int = 0, clipped: bool = False) -> list[AudioBlock]:
    """Blocks of a second each, of a hiss whose level wanders; clipped ones go beyond full scale."""
    sound = np.concatenate([minute(first + number) for number in range(minutes)])
    if clipped:
        sound = np.sign(sound).astype(np.float32)
    return [
        AudioBlock(
            source_id="m",
            samples=read_only(sound[second * RATE_HZ : (second + 1) * RATE_HZ].copy()),
            sample_rate_hz=RATE_HZ,
            first_sample=second * RATE_HZ,
            lost_samples=0,
            captured_utc_s=1.7e9 + 60 * first + second,
        )
        for second in range(60 * minutes)
    ]


def recorded(place: Path, heard: list[AudioBlock], *, killed: bool = False) -> RecordingNow:
    """Return what a daemon says after it has heard these; killed: without its last words."""
    recording = Recording(SOURCE, EAR, LearnFolder(place), 3600.0)
    for block in heard:
        recording.add(block, is_off=False)
    said = recording.now()
    recording.close() if killed else recording.finish()
    return said


def codes(said: RecordingNow) -> set[str]:
    return {one.code for one in said.advice}


@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_figures_are_of_the_whole_recording_however_often_it_is_started(
    tmp_path: Path, *, killed: bool
) -> None:
    bad, good = blocks(2, clipped=True), blocks(3, first=2)
    lossy = [replace(good[0], lost_samples=3 * RATE_HZ), *good[1:]]
    at_once = recorded(tmp_path / "at once", [*bad, *lossy])
    assert {"clipped"} <= codes(at_once)
    first = recorded(tmp_path / "twice", bad, killed=killed)
    second = recorded(tmp_path / "twice", lossy)
    assert (120.0, 300.0) == (first.done_s, second.done_s)
    assert (300.0, 300.0) == (at_once.measured_s, second.measured_s)
    assert codes(at_once) == codes(second)
    texts = {one.code: one.text for one in second.advice}
    assert "(40." in texts["clipped"] or "(39." in texts["clipped"], texts["clipped"]
    assert 3.0 == second.lost_s == at_once.lost_s
    assert at_once.states == second.states
    assert at_once.speech_share == pytest.approx(second.speech_share, abs=0.02)
    third = Recording(SOURCE, EAR, LearnFolder(tmp_path / "twice"), 3600.0)
    again = third.now()
    assert (3.0, 300.0) == (again.lost_s, again.measured_s), "before anything is heard"
    assert codes(at_once) == codes(again)
    third.close()


def test_time_that_was_left_out_is_kept_though_nothing_was_recorded_since(tmp_path: Path) -> None:
    recording = Recording(SOURCE, EAR, LearnFolder(tmp_path), 3600.0)
    for block in blocks(2):
        recording.add(block, is_off=True)
    recording.close()
    again = Recording(SOURCE, EAR, LearnFolder(tmp_path), 3600.0)
    assert 120.0 == again.now().off_s
    again.close()


def test_a_pause_costs_no_time_that_was_left_out(tmp_path: Path) -> None:
    for count in (1, 2, 3):
        recording = Recording(SOURCE, EAR, LearnFolder(tmp_path), 3600.0)
        for block in blocks(1, first=count)[:20]:
            recording.add(block, is_off=True)
        recording.finish()
        recorded(tmp_path, [])
        again = Recording(SOURCE, EAR, LearnFolder(tmp_path), 3600.0)
        assert 20.0 * count == again.now().off_s
        again.close()
    assert 3 == len((tmp_path / "measured.jsonl").read_text().splitlines()), "no line says nothing"


def test_what_was_not_measured_here_or_is_gone_does_not_count_and_is_told(tmp_path: Path) -> None:
    recorded(tmp_path, blocks(3))
    kept = tmp_path / "measured.jsonl"
    lines = kept.read_text().splitlines()
    files = [json.loads(line)["file"] for line in lines]
    gone = next(name for name in files if name)
    (tmp_path / "recordings" / gone).unlink()
    index = tmp_path / "recordings" / "index.csv"
    rows = index.read_text().splitlines(keepends=True)
    index.write_text("".join(row for row in rows if gone not in row))
    kept.write_text("\n".join([*lines, lines[-1][:100]]))  # as a power cut leaves it
    said = recorded(tmp_path, blocks(1, first=3))
    assert (180.0, 180.0) == (said.done_s, said.measured_s)
    ear = open_ear(None, WindowConfig(), InputQualityConfig(silent_below_dbfs=-70.0))
    otherwise = Recording(SOURCE, ear, LearnFolder(tmp_path), 3600.0)
    for block in blocks(1, first=4):
        otherwise.add(block, is_off=False)
    assert (240.0, 60.0) == (otherwise.now().done_s, otherwise.now().measured_s)
    otherwise.close()
