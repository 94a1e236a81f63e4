"""Every defect that recorded sound can have is told, with its remedy, and good sound is left in peace."""

from __future__ import annotations

import numpy as np
import pytest

from monitor.config import InputQualityConfig, WindowConfig
from monitor.listening import BlockWindows, Ear, open_ear
from monitor.messages import AudioBlock, Float32, Quality
from monitor.recording.hum import HumMeter
from monitor.recording.sound_meter import SoundMeasures, SoundMeter
from monitor.recording.sound_report import lines_of_measures, verdicts_of_sound

RATE = 16_000
SECONDS = 30


@pytest.fixture(scope="module")
def ear() -> Ear:
    return open_ear(None, WindowConfig(), InputQualityConfig())


def machine(level_dbfs: float, *, vary: bool = True) -> Float32:
    """Noise whose level wanders by 3 dB, as a machine's does, or not at all."""
    t = np.arange(SECONDS * RATE) / RATE
    noise = 10 ** (level_dbfs / 20) * np.random.default_rng(5).standard_normal(len(t))
    return np.asarray(noise * (1 + 0.2 * vary * np.sin(t / 3)), np.float32)


def tone(hz: float, amplitude: float) -> Float32:
    t = np.arange(SECONDS * RATE) / RATE
    return np.asarray(amplitude * np.sin(2 * np.pi * hz * t), np.float32)


def measures_of(samples: Float32, ear: Ear, *, lost: int = 0) -> SoundMeasures:
    """Measure sound with `lost` samples missing in its middle."""
    meter, windows = SoundMeter(), BlockWindows("m", ear)
    hum = HumMeter(window_samples=ear.grid.window_samples, sample_rate_hz=RATE)
    half = len(samples) // 2
    for block in (
        AudioBlock("m", samples[:half], RATE, 0, 0, 0.0),
        AudioBlock("m", samples[half:], RATE, half + lost, lost, 0.0),
    ):
        meter.add_block(block)
        for window in windows.add(block):
            meter.add_window(window)
            if window.span.quality not in {Quality.GAP, Quality.ABSENT}:
                hum.add(window.samples)
    return meter.measures(hum.hum())


def stuck(samples: Float32) -> Float32:
    still = samples.copy()
    still[5 * RATE : 12 * RATE] = 0.02
    return still


SOUNDS = {
    "": machine(-30.0),
    "almost-silent silent": machine(-90.0),
    "too-quiet": machine(-65.0),
    "steady": machine(-30.0, vary=False),
    "clipped": np.clip(machine(-6.0), -1.0, 1.0),
    "flat": stuck(machine(-30.0)),
    "hum": machine(-50.0) + tone(50.1, 0.01),
    "offset": machine(-30.0) + np.float32(0.05),
}


@pytest.mark.parametrize(("codes", "samples"), SOUNDS.items(), ids=lambda x: x if isinstance(x, str) else "")
def test_each_defect_has_its_verdict_and_no_other(codes: str, samples: Float32, ear: Ear) -> None:
    measures = measures_of(samples, ear)
    assert codes.split() == [verdict.code for verdict in verdicts_of_sound(measures)]
    text = "\n".join(lines_of_measures(measures))
    assert ("nothing to complain of" in text) == (not codes)


def test_lost_samples_are_told_and_do_not_count_as_silence(ear: Ear) -> None:
    whole, broken = measures_of(machine(-30.0), ear), measures_of(machine(-30.0), ear, lost=60 * RATE)
    assert ["gap"] == [verdict.code for verdict in verdicts_of_sound(broken)]
    assert whole.levels is not None
    assert broken.levels is not None
    assert whole.levels.median_dbfs == pytest.approx(broken.levels.median_dbfs, abs=0.5)
    assert broken.heard_windows < broken.windows


def test_levels_leave_the_offset_out_and_peaks_do_not(ear: Ear) -> None:
    measures = measures_of(tone(440.0, 0.1) + np.float32(0.2), ear)
    assert measures.levels is not None
    assert -23.01 == pytest.approx(measures.levels.median_dbfs, abs=0.01)
    assert 20 * np.log10(0.3) == pytest.approx(measures.peak_dbfs, abs=0.01)
    assert 0.2 == pytest.approx(measures.dc_offset, abs=1e-5)


@pytest.mark.parametrize("hz", [49.8, 60.0])
def test_hum_is_found_with_its_level(hz: float, ear: Ear) -> None:
    hum = measures_of(machine(-50.0) + tone(hz, 0.01), ear).hum
    assert hum is not None
    assert round(hz, -1) == hum.mains_hz
    assert -43.0 == pytest.approx(hum.level_dbfs, abs=1.5)
    assert hum.above_neighbours_db > 30


def test_a_machine_that_turns_at_48_hz_does_not_hum(ear: Ear) -> None:
    hum = measures_of(machine(-50.0) + tone(48.2, 0.01), ear).hum
    assert hum is not None
    assert hum.above_neighbours_db < 15


def test_no_sound_at_all_is_one_verdict() -> None:
    assert ["nothing"] == [verdict.code for verdict in verdicts_of_sound(SoundMeter().measures())]


def test_a_recording_is_told_only_what_can_be_wrong_with_sound(ear: Ear) -> None:
    measures = measures_of(machine(-30.0), ear)
    assert {"gap", "silent", "flat", "clipped", "absent"} == set(measures.shares)
    (windows,) = [line for line in lines_of_measures(measures) if line.startswith("windows ")]
    assert windows.endswith(": gap 0.0%, silent 0.0%, flat 0.0%, clipped 0.0%, absent 0.0%")
