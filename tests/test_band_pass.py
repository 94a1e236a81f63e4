"""One band of a clip: all of it, nothing else, and at its place in time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor import band_pass
from monitor.band_pass import Band, band_passed
from monitor.errors import QueryError
from monitor.messages import Float32

RATE_HZ = 16_000


def passed(samples: Float32, band: Band, *, block: int = 5000, rate_hz: int = RATE_HZ) -> Float32:
    def blocks() -> Iterator[Float32]:
        for first in range(0, len(samples), block):
            yield samples[first : first + block]

    return np.concatenate([*band_passed(blocks(), band, rate_hz), np.zeros(0, np.float32)])


def tone(hz: float, seconds: float = 2.0, rate_hz: int = RATE_HZ) -> Float32:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)).astype(np.float32)


def level_db(samples: Float32, of: Float32) -> float:
    inside = slice(len(samples) // 4, -len(samples) // 4)  # away from the ends, where the tone begins
    return float(10 * np.log10(np.mean(samples[inside] ** 2) / np.mean(of[inside] ** 2) + 1e-12))


@pytest.mark.parametrize(
    ("low_hz", "high_hz"), [(1000, 2000), (0, 500), (3000, 9000), (990, 1010 + 20), (5000, 5600)]
)
def test_the_band_is_heard_unchanged_and_everything_else_is_gone(low_hz: float, high_hz: float) -> None:
    band = Band(low_hz, high_hz)
    inside = tone((low_hz + min(high_hz, 8000)) / 2)
    assert abs(level_db(passed(inside, band), inside)) < 0.1
    edge_hz = max(50.0, 0.3 * (high_hz - low_hz))
    for outside_hz in (low_hz - edge_hz, high_hz + edge_hz):
        if 20 < outside_hz < 7900:
            outside = tone(outside_hz)
            assert level_db(passed(outside, band), outside) < -55


def test_nothing_moves_in_time() -> None:
    click = np.zeros(40_000, np.float32)
    click[12_345] = 0.5
    answer = passed(click, Band(1000, 3000))
    assert 12_345 == int(np.abs(answer).argmax())
    assert np.allclose(answer[12_345 - 500 : 12_345], answer[12_345 + 1 : 12_345 + 501][::-1], atol=1e-7)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(0, 150_000), block=st.integers(100, 200_000))
def test_the_sound_is_as_long_as_before_however_it_is_cut(count: int, block: int) -> None:
    samples = (0.1 * np.random.default_rng(count).standard_normal(count)).astype(np.float32)
    whole = passed(samples, Band(500, 2500), block=max(count, 1))
    parts = passed(samples, Band(500, 2500), block=block)
    assert count == len(parts) == len(whole)
    assert np.allclose(whole, parts, atol=1e-6)


def test_a_long_sound_is_filtered_as_if_in_one_piece() -> None:
    band = Band(500, 2500)
    samples = (0.1 * np.random.default_rng(1).standard_normal(200_000)).astype(np.float32)
    taps = band_pass._taps(band, RATE_HZ)
    whole = scipy.signal.fftconvolve(samples.astype(np.float64), taps, mode="same")
    assert np.allclose(whole, passed(samples, band), atol=1e-6)


def test_a_high_rate_needs_no_other_filter() -> None:
    sound = tone(40_000, 0.5, 192_000)
    assert abs(level_db(passed(sound, Band(39_990, 40_010), rate_hz=192_000), sound)) < 0.2


@pytest.mark.parametrize(
    ("low_hz", "high_hz"),
    [(-1, 100), (100, 100), (100, 110), (200, 100), (float("nan"), 1), (1, float("nan"))],
)
def test_a_band_that_cannot_be_is_refused(low_hz: float, high_hz: float) -> None:
    with pytest.raises(QueryError, match="cannot be heard alone"):
        Band(low_hz, high_hz)


def test_a_band_above_what_the_clip_holds_is_refused() -> None:
    with pytest.raises(QueryError, match="nothing above 8000 Hz"):
        passed(tone(100), Band(9000, 10_000))
