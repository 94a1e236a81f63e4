"""A recording is told apart by what was heard: people, one way of running, or several."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.config import InputQualityConfig, WindowConfig
from monitor.errors import SpeechCheckError
from monitor.listening import BlockWindows, open_ear
from monitor.messages import AudioBlock, Window
from monitor.recording import quality_meter
from monitor.recording.heard import heard_files, measures_of_heard
from monitor.recording.quality_meter import QualityMeter
from monitor.recording.sound_report import lines_of_measures, verdicts_of_sound
from monitor.recording.variety import LEAST_MINUTES, STATE_DB, VarietyMeter

EAR = open_ear(None, WindowConfig(), InputQualityConfig())
SPEECH = Path(__file__).resolve().parents[3] / "shared" / "data" / "events"


def window() -> Window:
    sound = (0.1 * np.random.default_rng(1).standard_normal(16000 * 5)).astype(np.float32)
    return BlockWindows("m", EAR).add(AudioBlock("m", sound, 16000, 0, 0, 0.0))[0]


def minutes_at(levels_db: list[float]) -> VarietyMeter:
    meter = VarietyMeter(hop_s=20.0)
    for level_db in levels_db:
        for _ in range(3):
            meter.add(np.full((128, 64), level_db / 10, np.float32))
    return meter


def test_minutes_that_sound_alike_are_one_state_and_too_little_variety() -> None:
    meter = QualityMeter(EAR)
    meter._variety = minutes_at([0.0, STATE_DB / 2] * (LEAST_MINUTES // 2))
    measures = meter.measures()
    assert (LEAST_MINUTES, 1, 0.0) == (
        measures.variety and (measures.variety.minutes, measures.variety.states, measures.variety.apart_db)
    )
    meter._sound.add_window(window())
    assert "variety" in [verdict.code for verdict in verdicts_of_sound(meter.measures())]
    meter._variety = minutes_at([0.0, 2 * STATE_DB] * (LEAST_MINUTES // 2))
    assert "variety" not in [verdict.code for verdict in verdicts_of_sound(meter.measures())]
    assert f"2 operating states in {LEAST_MINUTES} min, up to {2 * STATE_DB:.1f} dB apart" in "\n".join(
        lines_of_measures(meter.measures())
    )


def test_minutes_that_are_not_whole_and_few_minutes_say_nothing() -> None:
    meter = minutes_at([0.0] * 3)
    meter.add(np.zeros((128, 64), np.float32))
    assert 3 == meter.variety().minutes


@pytest.mark.shared_data
def test_people_who_speak_are_told_and_a_machine_alone_is_not(tmp_path: Path) -> None:
    if not SPEECH.exists():
        pytest.skip("needs ../shared/data")
    spoken = [soundfile.read(path, dtype="float32") for path in sorted(SPEECH.rglob("*george*"))[:12]]
    assert len(spoken) >= 6
    noise = 0.002 * np.random.default_rng(0).standard_normal(8000 * 30).astype(np.float32)
    people = noise.copy()
    at = 8000
    for samples, _ in spoken:
        people[at : at + len(samples)] += samples
        at += len(samples) + 4000
    for name, sound in (("alone", noise), ("people", people)):
        soundfile.write(tmp_path / f"{name}.wav", sound, 8000)
    alone = measures_of_heard(heard_files([tmp_path / "alone.wav"], EAR), EAR)
    beside = measures_of_heard(heard_files([tmp_path / "people.wav"], EAR), EAR)
    assert 0.0 == alone.speech_share
    assert (beside.speech_share or 0) > 0.1
    assert "speech" in [verdict.code for verdict in verdicts_of_sound(beside)]


def test_without_the_check_for_speech_the_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_detector: object) -> None:
        raise SpeechCheckError("the network is missing")

    monkeypatch.setattr(quality_meter, "SpeechMeter", missing)
    measures = QualityMeter(EAR).measures()
    assert measures.speech_share is None
    assert any("not looked for: the network is missing" in line for line in lines_of_measures(measures))
