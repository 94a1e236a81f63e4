from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_time import FakeTime

from monitor.config import FileSource
from monitor.errors import AudioFileError
from monitor.messages import AudioBlock, CaptureState
from monitor.sources import Source, open_sources
from monitor.sources.file import Recording
from monitor.sources.paced import PacedSource

RATE = 8000


def wav(path: Path, seconds: float = 1.05, channels: int = 2) -> Path:
    count = round(seconds * RATE)
    ramp = np.linspace(-0.9, 0.9, count)
    soundfile.write(
        path, np.stack([ramp * (i + 1) / channels for i in range(channels)], axis=1), RATE, "FLOAT"
    )
    return path


def opened(path: Path, **settings: object) -> Source:
    (source,) = open_sources(
        [FileSource.model_validate({"id": "pump", "kind": "file", "path": path, "pace": "fast", **settings})]
    )
    return source


def all_blocks(source: Source) -> list[AudioBlock]:
    blocks: list[AudioBlock] = []
    while not source.finished:
        blocks += source.read(1.0)
    return blocks


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg"])
def test_every_format_is_read_to_its_end(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 2 * RATE), RATE)
    assert 2 * RATE == sum(len(block.samples) for block in all_blocks(opened(path)))


def test_the_channel_that_is_asked_for_is_the_one_that_is_heard(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav")
    (first, second) = (
        np.concatenate([b.samples for b in all_blocks(opened(path, channel=channel))]) for channel in (1, 2)
    )
    np.testing.assert_allclose(second, 2 * first, atol=1e-6)


def test_a_repeated_file_goes_on_seamlessly(tmp_path: Path) -> None:
    path = wav(tmp_path / "a.wav", seconds=0.7)
    source = opened(path, repeat=True)
    blocks = [block for _ in range(5) for block in source.read(1.0)]
    source.close()
    sound = np.concatenate([block.samples for block in blocks])
    once = soundfile.read(path, dtype="float32")[0][:, 0]
    np.testing.assert_array_equal(np.tile(once, 8)[: 5 * RATE], sound)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda _: None, "no such file"),
        (lambda path: path.write_bytes(b"this is no sound at all"), "not sound that libsndfile can read"),
        (lambda path: soundfile.write(path, np.zeros(0), RATE, format="WAV"), "holds no sound"),
        (lambda path: soundfile.write(path, np.zeros(10), RATE, format="WAV"), "has 1 channels"),
    ],
)
def test_a_file_that_cannot_work_is_refused_at_once(tmp_path: Path, make: object, words: str) -> None:
    path = tmp_path / "a.wav"
    assert callable(make)
    make(path)
    with pytest.raises(AudioFileError, match=words):
        opened(path, channel=2)


def test_a_file_is_handed_over_in_blocks_of_the_length_that_was_asked_for(tmp_path: Path) -> None:
    source = opened(wav(tmp_path / "a.wav"), pace="real_time", block_ms=250)
    (block,) = source.read(1.0)
    source.close()
    assert RATE // 4 == len(block.samples)


def test_a_file_damaged_in_the_middle_ends_there_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    soundfile.write(path, np.random.default_rng(0).uniform(-0.5, 0.5, 20 * RATE), RATE)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) // 2))
    source = opened(path)
    received = sum(len(block.samples) for block in all_blocks(source))
    assert 5 * RATE < received < 20 * RATE
    health = source.health()[0]
    assert CaptureState.ENDED is health.state
    assert "damaged" in health.reason


def test_values_beyond_full_scale_and_nan_are_made_harmless(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, np.array([0.5, 3.0, -3.0, np.nan, np.inf, 0.25]), RATE, "FLOAT")
    (block,) = all_blocks(opened(path))
    assert [0.5, 1.0, -1.0, 0.0, 1.0, 0.25] == block.samples.tolist()


def test_real_time_hands_over_a_block_exactly_when_it_has_been_recorded(
    tmp_path: Path, fake_time: FakeTime
) -> None:
    source = PacedSource("pump", Recording(wav(tmp_path / "a.wav")), "real_time", clocks=fake_time.clocks)
    times, waits = [], 0
    while not source.finished:
        blocks = source.read(0.03)
        waits += not blocks
        times += [(fake_time.now_s - 100.0, block.first_sample) for block in blocks]
    assert [(0.1 * (i + 1), 800 * i) for i in range(11)] == [pytest.approx(t) for t in times]
    assert 30 <= waits


def test_a_late_reader_gets_what_is_overdue_at_once_and_loses_nothing(
    tmp_path: Path, fake_time: FakeTime
) -> None:
    source = PacedSource("pump", Recording(wav(tmp_path / "a.wav")), "real_time", clocks=fake_time.clocks)
    source.read(1.0)
    fake_time.wait(0.75)
    before_s = fake_time.now_s
    blocks = [block for _ in range(7) for block in source.read(0.0)]
    assert [800 * (i + 1) for i in range(7)] == [block.first_sample for block in blocks]
    assert before_s == fake_time.now_s


def test_a_fast_file_is_stamped_by_its_own_length(tmp_path: Path, fake_time: FakeTime) -> None:
    source = PacedSource("pump", Recording(wav(tmp_path / "a.wav", 3.0)), "fast", clocks=fake_time.clocks)
    stamps = [block.captured_utc_s for block in all_blocks(source)]
    assert [1.7e9 + 100.0 + i for i in range(3)] == pytest.approx(stamps)
