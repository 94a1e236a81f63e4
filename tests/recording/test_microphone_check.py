"""The check of a microphone says what forbids recording, and what speaks for another place."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from monitor.config import FileSource, InputQualityConfig, WindowConfig
from monitor.listening import open_ear
from monitor.recording.microphone import CHECK_S, MicrophoneReport, check_microphone
from monitor.sources import open_sources

EAR = open_ear(None, WindowConfig(), InputQualityConfig())
SECONDS = int(CHECK_S) + 2


def noise(rate_hz: int, *, low_hz: float = 0.0, high_hz: float = 1e6, seconds: int = SECONDS) -> np.ndarray:
    spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(rate_hz * seconds))
    hz = np.fft.rfftfreq(rate_hz * seconds, 1 / rate_hz)
    sound = np.fft.irfft(spectrum * ((hz >= low_hz) & (hz <= high_hz)))
    return np.asarray(sound * (0.05 / sound.std()))


def checked(path: Path, sound: np.ndarray, rate_hz: int) -> MicrophoneReport:
    soundfile.write(path, sound, rate_hz, subtype="PCM_24")
    (source,) = open_sources([FileSource(id="m", kind="file", path=path, pace="fast")])
    try:
        return check_microphone(source, EAR, stopped=lambda: False)
    finally:
        source.close()


@pytest.mark.parametrize(
    ("rate_hz", "low_hz", "high_hz", "hints"),
    [
        (16_000, 0.0, 1e6, []),
        (16_000, 0.0, 80.0, ["rumble", "muffled"]),
        (16_000, 200.0, 2000.0, ["muffled"]),
        (8_000, 0.0, 1e6, ["narrow"]),
    ],
)
def test_the_spectrum_and_the_rate_speak_for_another_place(
    tmp_path: Path, rate_hz: int, low_hz: float, high_hz: float, hints: list[str]
) -> None:
    report = checked(tmp_path / "sound.wav", noise(rate_hz, low_hz=low_hz, high_hz=high_hz), rate_hz)
    assert hints == [hint.code for hint in report.hints]
    assert () == report.forbids
    assert "" == report.ended
    assert all(any(hint.text in line for line in report.lines()) for hint in report.hints)


def test_digital_silence_forbids_recording(tmp_path: Path) -> None:
    report = checked(tmp_path / "silence.wav", np.zeros(16_000 * SECONDS), 16_000)
    assert ["almost-silent"] == [verdict.code for verdict in report.forbids]


def test_sound_that_ends_early_is_told_with_the_reason(tmp_path: Path) -> None:
    report = checked(tmp_path / "short.wav", noise(16_000, seconds=5), 16_000)
    assert report.ended
    assert report.ended in report.lines()[0]
