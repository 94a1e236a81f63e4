from __future__ import annotations

import numpy as np
import pytest

from monitor.simulate.chunk import Chunk
from monitor.simulate.noise import Convolution, ShapedNoise, Spectrum, band_power
from monitor.simulate.room import room_response
from monitor.simulate.tones import TABLE_POINTS, read_table, side_bands, table_of

SLOPE = Spectrum(-30.0, ((20, 0), (500, 0), (8000, -24), (24000, -40)))


def render(rate_hz: int, seconds: int) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    n = rate_hz // 2
    noise = ShapedNoise("flow", SLOPE, n, rate_hz)
    chunks = [
        noise.render(Chunk(1, index, rate_hz, np.zeros(n), start_load=0.0, end_load=0.0))
        for index in range(2 * seconds)
    ]
    return np.concatenate(chunks)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_noise_has_the_power_of_its_spectrum_in_each_band_at_every_rate(rate_hz: int) -> None:
    sound = render(rate_hz, 10)
    power = 2 * np.abs(np.fft.rfft(sound)) ** 2 / len(sound) ** 2
    hz = np.fft.rfftfreq(len(sound), 1 / rate_hz)
    for low_hz, high_hz in ((100, 400), (400, 1500), (1500, 4000), (4000, 7500)):
        heard = power[(hz >= low_hz) & (hz < high_hz)].sum()
        assert pytest.approx(10 * np.log10(band_power((SLOPE,), low_hz, high_hz)), abs=0.5) == 10 * np.log10(
            heard
        )


def test_a_spectrum_has_its_level_between_20_hz_and_8_khz() -> None:
    assert pytest.approx(1e-3, rel=0.05) == band_power((SLOPE,), 20.0, 8000.0)


def test_powers_of_independent_noises_add() -> None:
    assert pytest.approx(2 * band_power((SLOPE,), 100, 900)) == band_power((SLOPE, SLOPE), 100, 900)


@pytest.mark.parametrize(("chunk", "taps"), [(100, 1), (100, 37), (100, 100), (8000, 2400), (11025, 3307)])
def test_streamed_convolution_equals_the_whole(chunk: int, taps: int) -> None:
    random = np.random.default_rng(1)
    kernel = random.standard_normal(taps).astype(np.float32)
    sound = random.standard_normal(4 * chunk).astype(np.float32)
    stream = Convolution(kernel, chunk)
    streamed = np.concatenate([stream.filter(part) for part in sound.reshape(4, chunk)])
    whole = np.convolve(sound.astype(np.float64), kernel.astype(np.float64))[: 4 * chunk]
    assert np.abs(streamed - whole).max() < 1e-3 * np.std(whole)


def test_a_kernel_longer_than_a_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match="101 samples"):
        Convolution(np.ones(101, dtype=np.float32), 100)


@pytest.mark.parametrize("rate_hz", [16_000, 44_100, 48_000])
def test_a_room_keeps_the_power_and_dies_away(rate_hz: int) -> None:
    response = room_response(rate_hz, seed=1).astype(np.float64)
    gain = np.abs(np.fft.rfft(response)) ** 2
    assert pytest.approx(1.0, rel=0.05) == gain[: round(8000 * len(response) / rate_hz)].mean()
    early, late = np.split(response**2, [round(0.075 * rate_hz)])
    assert late.sum() < 0.05 * early.sum()
    assert response[0] == response.max(), "the direct sound comes first"


def test_a_table_holds_its_lines_at_their_levels() -> None:
    table = table_of([(3, -20.0), (7, -40.0)], phase_seed=1)
    spectrum = np.abs(np.fft.rfft(table[:-1])) / TABLE_POINTS * np.sqrt(2.0)
    assert pytest.approx(0.1, rel=1e-3) == spectrum[3]
    assert pytest.approx(0.01, rel=1e-3) == spectrum[7]
    assert pytest.approx(0.0101, rel=1e-3) == float(np.mean(table[:-1] ** 2))


def test_a_table_read_at_any_turn_is_the_sum_of_its_lines() -> None:
    table = table_of([(200, 0.0)], phase_seed=1)
    turns = np.random.default_rng(2).uniform(-3, 1e6, 1000)
    random = np.random.default_rng(1)
    expected = np.sqrt(2.0) * np.cos(2 * np.pi * (200 * turns + random.random()))
    assert np.abs(read_table(table, turns) - expected).max() < 2e-3


def test_side_bands_lie_on_either_side_and_lower() -> None:
    lines = side_bands(23, -30.0, (12.0, 20.0))
    assert [23, 22, 24, 21, 25] == [order for order, _ in lines]
    assert all(level_dbfs <= -42.0 for order, level_dbfs in lines if order != 23)
