"""The speech check finds speech beside a machine, none in the machine, and refuses to guess."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from voices import RATE_HZ, active, mixed, pump, speech

from monitor.config import StoreConfig
from monitor.errors import SpeechCheckError
from monitor.messages import Float32
from monitor.privacy.speech import (
    FRAME_S,
    MARGIN_S,
    MODEL,
    SpeechDetector,
    joined,
    stretches_from_probabilities,
)
from monitor.store.protection import Spoken

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
THRESHOLD = StoreConfig().speech_threshold


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return SpeechDetector()


def covered(spoken: list[Spoken], at_s: float, voice: Float32) -> float:
    """The share of a voice's spoken samples that lie in the stretches."""
    inside = np.zeros(len(voice), bool)
    for one in spoken:
        first, last = (max(0, round((edge_s - at_s) * RATE_HZ)) for edge_s in (one.start_s, one.end_s))
        inside[first:last] = True
    return float(inside[active(voice)].mean())


def test_speech_is_found_and_the_pauses_between_sentences_are_not(detector: SpeechDetector) -> None:
    spoken = detector.spoken(speech(), RATE_HZ, THRESHOLD)
    assert covered(spoken, 0.0, speech()) > 0.99
    assert sum(one.end_s - one.start_s for one in spoken) < 11.7
    assert 4 == len(spoken)


@pytest.mark.parametrize("snr_db", [10.0, 0.0, -6.0])
def test_speech_is_found_beside_a_machine(detector: SpeechDetector, snr_db: float) -> None:
    sound = mixed(pump(16.0), speech(), 2.0, snr_db)
    assert covered(detector.spoken(sound, RATE_HZ, THRESHOLD), 2.0, speech()) > 0.9


def test_a_machine_does_not_speak(detector: SpeechDetector) -> None:
    assert [] == detector.spoken(pump(60.0), RATE_HZ, THRESHOLD)


@pytest.mark.shared_data
@pytest.mark.parametrize(
    "machine", ["uav/normal/normal-ccw_f8-11.flac", "dcase_id00/normal_id_00_00000053.flac"]
)
def test_real_voices_are_found_beside_real_machines(detector: SpeechDetector, machine: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(f"{SHARED} is not there: evaluation sound is not shipped")
    background, digits = recording(SHARED / machine)[: 8 * RATE_HZ], real_digits()
    assert sum(one.end_s - one.start_s for one in detector.spoken(background, RATE_HZ, THRESHOLD)) < 1.0
    sound = mixed(background, digits, 1.0, 5.0)
    assert covered(detector.spoken(sound, RATE_HZ, THRESHOLD), 1.0, digits) > 0.9


def real_digits() -> Float32:
    """Six digits by one speaker, 0.15 s apart."""
    with (SHARED / "index.csv").open(encoding="utf-8") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["set"] == "fsdd"]
    speaker = names[0].split("_")[1]
    pause = np.zeros(round(0.15 * RATE_HZ), np.float32)
    parts = [(recording(SHARED / name), pause) for name in names if speaker in name][:6]
    return np.concatenate([part for pair in parts for part in pair])


def recording(path: Path) -> Float32:
    samples, rate_hz = soundfile.read(path, dtype="float32")
    return np.asarray(soxr.resample(samples, rate_hz, RATE_HZ), np.float32)


def test_soft_speech_at_the_rate_of_a_sound_card_is_found(detector: SpeechDetector) -> None:
    sound = speech(48_000) * np.float32(0.003)
    assert covered(detector.spoken(sound, 48_000, THRESHOLD), 0.0, speech()) > 0.99


def test_a_knock_does_not_hide_the_speech_beside_it(detector: SpeechDetector) -> None:
    sound = (speech() * np.float32(0.01)).copy()
    sound[40_000:40_050] = 1.0
    assert covered(detector.spoken(sound, RATE_HZ, THRESHOLD), 0.0, speech()) > 0.99


def test_however_long_a_sound_is_it_is_heard_in_one_go(detector: SpeechDetector) -> None:
    sound = np.concatenate([np.zeros(20 * RATE_HZ, np.float32), speech()])  # more frames than one call takes
    assert covered(detector.spoken(sound, RATE_HZ, THRESHOLD), 20.0, speech()) > 0.99


@pytest.mark.parametrize("length", [0, 1, 511])
def test_less_than_a_frame_holds_no_speech(detector: SpeechDetector, length: int) -> None:
    assert [] == detector.spoken(np.zeros(length, np.float32), RATE_HZ, THRESHOLD)


def test_what_is_no_number_cannot_be_checked(detector: SpeechDetector) -> None:
    sound = speech().copy()
    sound[7] = np.nan
    with pytest.raises(SpeechCheckError, match="no numbers"):
        detector.spoken(sound, RATE_HZ, THRESHOLD)


def test_a_missing_network_is_refused_with_key_and_remedy(tmp_path: Path) -> None:
    with pytest.raises(
        SpeechCheckError, match=r"store\.speech: .* cannot be read .*; install wheeltapper again"
    ):
        SpeechDetector(tmp_path / "none.onnx")


def test_another_network_than_the_measured_one_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.onnx"
    other.write_bytes(MODEL.read_bytes() + b"\n")
    with pytest.raises(SpeechCheckError, match=r"store\.speech: .* has sha256"):
        SpeechDetector(other)


def test_stretches_have_margins_join_over_short_pauses_and_leave_clicks_out() -> None:
    heard = np.zeros(200, np.float32)
    heard[50:60] = heard[65:80] = 0.95
    heard[150:153] = 0.95  # 96 ms
    expected = Spoken(50 * FRAME_S - MARGIN_S, 80 * FRAME_S + MARGIN_S)
    assert [expected] == stretches_from_probabilities(heard, 0.9, 200 * FRAME_S)
    assert [Spoken(1.0, 3.0)] == joined([Spoken(2.0, 2.5), Spoken(1.0, 3.0), Spoken(3.0, 3.0)])
    assert [Spoken(0.0, 0.3)] == stretches_from_probabilities(np.ones(9, np.float32), 0.9, 0.3)


@pytest.mark.parametrize("answer", [np.nan, np.inf])
def test_an_answer_that_is_no_number_is_no_answer(monkeypatch: pytest.MonkeyPatch, answer: float) -> None:
    given = np.full(20, 0.01, np.float32)
    given[7] = answer
    monkeypatch.setattr(SpeechDetector, "_run", lambda *_: given)
    with pytest.raises(SpeechCheckError, match="no number"):
        SpeechDetector().spoken(np.zeros(RATE_HZ, np.float32), RATE_HZ, 0.9)


@pytest.mark.parametrize("failure", [MemoryError(), RuntimeError("soxr"), ValueError("channels")])
def test_whatever_fails_on_the_way_to_the_network_is_a_check_that_failed(
    monkeypatch: pytest.MonkeyPatch, failure: Exception
) -> None:
    def fail(*_: object) -> None:
        raise failure

    monkeypatch.setattr("soxr.resample", fail)
    with pytest.raises(SpeechCheckError, match=r"out of memory|soxr|channels"):
        SpeechDetector().spoken(np.zeros(48_000, np.float32), 48_000, 0.9)
