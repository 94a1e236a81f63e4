"""Blurred speech is no speech any more, and the machine's spectrum is what it was."""

from __future__ import annotations

import numpy as np
import pytest
from voices import RATE_HZ, band_levels_db, likeness, mixed, pump, speech

from monitor.config import StoreConfig
from monitor.privacy.blur import blurred, silenced, smeared
from monitor.privacy.spectra import samples_from_spectra, spectra_from_samples
from monitor.privacy.speech import SpeechDetector
from monitor.store.protection import Spoken

HALF = [Spoken(4.0, 8.0)]


def test_nothing_is_understood_of_blurred_speech() -> None:
    detector, threshold = SpeechDetector(), StoreConfig().speech_threshold
    sound = mixed(pump(14.0), speech(), 1.0, 10.0)
    clean = np.pad(speech(), (RATE_HZ, 0))
    spoken = detector.spoken(sound, RATE_HZ, threshold)
    result = blurred(sound, RATE_HZ, spoken, np.random.default_rng(1))
    assert [] == detector.spoken(result, RATE_HZ, threshold)
    assert likeness(clean, sound) > 0.6
    # two sounds that have nothing to do with each other reach as much
    assert likeness(clean, result) < 0.15


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_blurring_keeps_the_levels_of_a_machine(rate_hz: int) -> None:
    sound = pump(12.0, rate_hz)
    result = blurred(sound, rate_hz, HALF, np.random.default_rng(1))
    part = slice(4 * rate_hz, 8 * rate_hz)
    change_db = band_levels_db(result[part], rate_hz) - band_levels_db(sound[part], rate_hz)
    assert np.abs(change_db).max() < 1.0
    assert not np.array_equal(result[part], sound[part])


def test_blurring_leaves_all_outside_the_stretches_as_it_was() -> None:
    sound = pump(12.0)
    result = blurred(sound, RATE_HZ, HALF, np.random.default_rng(1))
    for part in (slice(0, 4 * RATE_HZ), slice(8 * RATE_HZ, None)):
        assert np.array_equal(sound[part], result[part])


def test_blurring_leaves_what_lies_above_speech_as_it_was() -> None:
    time_s = np.arange(12 * 48_000) / 48_000
    leak = (0.1 * np.sin(2 * np.pi * 12_000 * time_s) * (1 + np.sin(2 * np.pi * 4 * time_s))).astype(
        np.float32
    )
    result = blurred(leak, 48_000, HALF, np.random.default_rng(1))
    assert np.abs(result - leak).max() < 1e-3


def test_what_is_withheld_is_silent_and_the_rest_as_it_was() -> None:
    sound = pump(12.0)
    result = silenced(sound, RATE_HZ, HALF)
    assert 0.0 == np.abs(result[round(4.05 * RATE_HZ) : round(7.95 * RATE_HZ)]).max()
    for part in (slice(0, 4 * RATE_HZ), slice(8 * RATE_HZ, None)):
        assert np.array_equal(sound[part], result[part])


def test_a_smeared_map_shows_no_moment_of_a_stretch() -> None:
    values = np.random.default_rng(1).normal(size=(128, 64)).astype(np.float32)
    result = smeared(values, 0.032, [Spoken(0.5, 1.0)])
    first, last = 15, 32  # every frame that the stretch touches
    assert np.allclose(result[:, first:last], values[:, first:last].mean(axis=1, keepdims=True), atol=1e-6)
    assert np.array_equal(np.delete(result, np.s_[first:last], 1), np.delete(values, np.s_[first:last], 1))


@pytest.mark.parametrize("length", [0, 1, 255, 256, 1000])
def test_spectra_that_are_left_alone_give_the_sound_back(length: int) -> None:
    sound = np.random.default_rng(2).normal(size=length).astype(np.float32)
    assert np.allclose(sound, samples_from_spectra(spectra_from_samples(sound, 256), 256, length), atol=1e-6)
