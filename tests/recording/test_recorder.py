"""What is recorded is what was heard, sample for sample, and nothing is unaccounted for."""

from __future__ import annotations

import contextlib
import csv
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import FileSource, InputQualityConfig, SimulatedSource, SourceConfig, WindowConfig
from monitor.errors import RecordFullError
from monitor.listening import Ear, open_ear
from monitor.messages import AudioBlock, Float32
from monitor.recording.folder import RecordFolder
from monitor.recording.recorder import Recorder, record
from monitor.recording.report import RecordReport
from monitor.sources import open_sources

RATE = 8000
EAR = open_ear(None, WindowConfig(), InputQualityConfig())


def noise(count: int, seed: int = 0) -> Float32:
    wave = np.clip(0.1 * np.random.default_rng(seed).standard_normal(count), -0.9, 0.9)
    return (np.rint(wave * 2**15) / 2**15).astype(np.float32)


def folder_at(path: Path) -> contextlib.closing[RecordFolder]:
    return contextlib.closing(RecordFolder(path, source_id="m", kind="pump"))


def recorder_to(folder: RecordFolder, ear: Ear = EAR, *, limit_s: float, file_s: float = 3.0) -> Recorder:
    return Recorder("m", ear, folder, limit_s=limit_s, file_s=file_s)


def record_source(config: SourceConfig, out: Path, *, limit_s: float) -> tuple[RecordReport, list[str]]:
    said: list[str] = []
    (source,) = open_sources([config])
    with folder_at(out) as folder:
        recorder = recorder_to(folder, limit_s=limit_s)
        ended = record(source, recorder, stopped=lambda: False, say=said.append)
        return recorder.report(ended), said


def files_in_order(out: Path) -> list[tuple[Float32, int]]:
    with (out / "index.csv").open(newline="") as file:
        return [soundfile.read(out / row["file"], dtype="float32") for row in csv.DictReader(file)]


@given(st.lists(st.tuples(st.integers(0, 30_000), st.sampled_from([0, 0, 1, 3000])), min_size=1, max_size=8))
@settings(max_examples=25, deadline=None)
def test_received_is_written_or_left_out_whatever_is_lost(runs: list[tuple[int, int]]) -> None:
    stream = noise(sum(count + lost for count, lost in runs))
    limit_s, at, received = 8.0, 0, 0
    with tempfile.TemporaryDirectory() as out, folder_at(Path(out)) as folder:
        recorder = recorder_to(folder, limit_s=limit_s)
        for count, lost in runs:
            at += lost
            block = AudioBlock("m", stream[at : at + count], RATE, at, lost, 1_000_000.0 + at / RATE)
            recorder.add(block)
            at, received = at + count, received + count
            assert recorder.ledger.balances
        recorder.finish()
        ledger = recorder.ledger
        files = files_in_order(Path(out))
    assert (received, 0, 0) == (ledger.received, ledger.pending, ledger.unwritten)
    assert received == ledger.written + ledger.left_out
    assert ledger.written == sum(len(samples) for samples, _ in files)
    heard_until = 0
    for samples, _ in files:  # each is one stretch of the stream, after the one before
        places = np.flatnonzero(stream == samples[0]).tolist()
        start = next(i for i in places if np.array_equal(stream[i : i + 50], samples[:50]))
        np.testing.assert_array_equal(stream[start : start + len(samples)], samples)
        assert start >= heard_until
        heard_until = start + len(samples)
    assert heard_until <= limit_s * RATE


def test_a_file_source_is_recorded_to_its_end(tmp_path: Path) -> None:
    sound = noise(round(7.5 * RATE))
    soundfile.write(tmp_path / "a.wav", sound, RATE)
    config = FileSource(id="m", kind="file", path=tmp_path / "a.wav", pace="fast")
    report, _ = record_source(config, tmp_path / "out", limit_s=600)
    assert "the sound has ended" == report.ended
    files = files_in_order(tmp_path / "out")
    np.testing.assert_array_equal(sound[: 6 * RATE], np.concatenate([samples for samples, _ in files]))
    # the last 1.5 s are no longer than a window
    assert (6 * RATE, round(1.5 * RATE)) == (report.ledger.written, report.ledger.short)
    assert (3.0, 3.0) == (report.train_s, report.calibrate_s)


def test_a_simulated_machine_is_recorded_at_its_own_rate_for_the_time_asked(tmp_path: Path) -> None:
    config = SimulatedSource(id="m", kind="simulated", pace="fast", sample_rate_hz=22_050)
    report, said = record_source(config, tmp_path, limit_s=62.5)
    assert 62.5 * 22_050 == report.ledger.written == report.ledger.received - report.ledger.surplus
    assert {22_050} == {rate for _, rate in files_in_order(tmp_path)}
    assert 21 == len(report.files)
    early, line = said
    assert "0.2 min" in early
    assert "1.0 min  level -" in line
    assert not report.sound.shares["gap"]


def test_what_was_recorded_before_something_broke_is_kept(tmp_path: Path) -> None:
    def broken(_line: str) -> None:
        raise BrokenPipeError

    (source,) = open_sources([SimulatedSource(id="m", kind="simulated", pace="fast", sample_rate_hz=16_000)])
    with folder_at(tmp_path) as folder:
        recorder = recorder_to(folder, limit_s=600, file_s=100.0)
        with pytest.raises(BrokenPipeError):
            record(source, recorder, stopped=lambda: False, say=broken)
        assert recorder.ledger.written == recorder.ledger.received > 0
    assert source.finished
    assert 1 == len(files_in_order(tmp_path))


def test_a_full_disk_ends_it_with_whole_listed_files(small_disk: Path) -> None:
    (source,) = open_sources([SimulatedSource(id="m", kind="simulated", pace="fast", sample_rate_hz=16_000)])
    with folder_at(small_disk / "out") as folder:
        recorder = recorder_to(folder, limit_s=600)
        with pytest.raises(RecordFullError, match=r"no space left.*is kept"):
            record(source, recorder, stopped=lambda: False, say=lambda _: None)
        ledger = recorder.ledger
        files = files_in_order(small_disk / "out")
        assert list(recorder.report("full").files) == sorted(p.name for p in folder.folder.glob("*.flac*"))
    assert ledger.balances
    assert ledger.written == sum(len(samples) for samples, _ in files) > 0
    assert 0 < ledger.unwritten
    assert 0 == ledger.pending


@pytest.mark.parametrize("stop_after", [0, 5])
def test_a_request_to_stop_keeps_what_is_there(tmp_path: Path, stop_after: int) -> None:
    asked = iter(range(1000))
    stopped: Callable[[], bool] = lambda: next(asked) >= stop_after  # noqa: E731 - one expression
    (source,) = open_sources([SimulatedSource(id="m", kind="simulated", pace="fast", sample_rate_hz=16_000)])
    with folder_at(tmp_path) as folder:
        recorder = recorder_to(folder, limit_s=600)
        assert "stopped" == record(source, recorder, stopped=stopped, say=lambda _: None)
    assert stop_after * 16_000 == recorder.ledger.received
    assert recorder.ledger.written + recorder.ledger.short == recorder.ledger.received
    assert (1 if stop_after else 0) == len(files_in_order(tmp_path))
