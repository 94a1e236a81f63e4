"""What a lane hears reaches the recording, in order and counted, and never holds the lane up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.config import InputQualityConfig, MicrophoneSource, WindowConfig
from monitor.errors import RecordError
from monitor.learning.session import Checking, Recording
from monitor.learning.tap import HELD_S, Taps
from monitor.listening import open_ear
from monitor.messages import AudioBlock, read_only
from monitor.recording.learn_folder import LearnFolder

EAR = open_ear(None, WindowConfig(), InputQualityConfig())
RATE_HZ = 16_000
SOURCE = MicrophoneSource(id="m", kind="microphone")


def blocks(seconds: float, *, level: float = 0.05, first: int = 0) -> list[AudioBlock]:
    """Blocks of a second each."""
    draws = np.random.default_rng(0)
    return [
        AudioBlock(
            source_id="m",
            samples=read_only((level * draws.standard_normal(RATE_HZ)).astype(np.float32)),
            sample_rate_hz=RATE_HZ,
            first_sample=first + second * RATE_HZ,
            lost_samples=0,
            captured_utc_s=1.7e9 + second,
        )
        for second in range(int(seconds))
    ]


def test_a_tap_that_nobody_empties_drops_the_newest_and_says_how_much() -> None:
    taps = Taps()
    tap = taps.open("m")
    heard = blocks(HELD_S + 11)
    for block in heard[:-1]:
        taps.hear(block)
    taken = tap.take()
    assert heard[: len(taken)] == taken
    assert HELD_S <= len(taken) <= HELD_S + 1
    taps.hear(heard[-1])
    (late,) = tap.take()
    assert (len(heard) - 1 - len(taken)) * RATE_HZ == late.lost_samples
    taps.close("m")
    taps.hear(heard[0])
    assert [] == tap.take()


def test_a_recording_goes_on_where_the_one_before_ended_and_ends_when_all_is_there(tmp_path: Path) -> None:
    first = Recording(SOURCE, EAR, LearnFolder(tmp_path), 30.0)
    for block in blocks(12):
        first.add(block, is_off=False)
    with pytest.raises(RecordError, match="wait for it"):
        Recording(SOURCE, EAR, LearnFolder(tmp_path), 30.0)
    first.finish()
    second = Recording(SOURCE, EAR, LearnFolder(tmp_path), 30.0)
    assert 12.0 == second.done_s
    for block in blocks(25, first=999):
        second.add(block, is_off=False)
    assert second.is_over(0.0)
    assert 30.0 == second.now().done_s
    second.finish()
    files = sorted((tmp_path / "recordings").glob("*.flac"))
    assert [12.0, 18.0] == sorted(soundfile.info(str(file)).duration for file in files)


def test_sound_of_a_machine_that_is_off_is_left_out_and_no_file_goes_over_the_hole(tmp_path: Path) -> None:
    recording = Recording(SOURCE, EAR, LearnFolder(tmp_path), 60.0)
    for second, block in enumerate(blocks(30)):
        recording.add(block, is_off=10 <= second < 20)
    now = recording.now()
    assert (20.0, 10.0, 0.0) == (now.done_s, now.off_s, now.lost_s)
    assert 20 == len(now.levels_dbfs)
    assert all(level is not None and -27.0 < level < -25.0 for level in now.levels_dbfs)
    recording.finish()
    files = sorted((tmp_path / "recordings").glob("*.flac"))
    assert [10.0, 10.0] == [soundfile.info(str(file)).duration for file in files]


def test_a_check_of_silence_forbids_recording_and_says_what_to_do() -> None:
    check = Checking(EAR, 6.0, now_s=100.0)
    assert not check.is_over(100.0)
    for block in blocks(6, level=0.0):
        check.add(block, is_off=True)
    assert check.is_over(100.0)
    assert ("almost-silent",) == check.result().forbids
    assert "Mend it, then resume" in check.objection()
    assert Checking(EAR, 6.0, now_s=100.0).is_over(112.0), "it waits for no device for ever"


def test_a_check_that_joins_a_running_stream_counts_nothing_before_it_as_lost() -> None:
    check = Checking(EAR, 6.0, now_s=100.0)
    for block in blocks(6, first=1000 * RATE_HZ):
        check.add(block, is_off=False)
    assert () == check.result().advice
