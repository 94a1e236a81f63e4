from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.messages import AudioBlock, Float32, read_only
from monitor.resample import Resampler

RATES = st.sampled_from([(48000, 16000), (44100, 16000), (8000, 16000), (16000, 16000), (22050, 16000)])
STRETCHES = st.lists(
    st.tuples(st.integers(0, 300) | st.sampled_from([0, 1, 1, 2]), st.integers(0, 1500)),
    min_size=1,
    max_size=12,
)
"""Lost samples and then samples that are there."""


def blocks_from(
    stretches: Sequence[tuple[int, int]], rate_hz: int, sound: Float32 | None = None, start: int = 0
) -> list[AudioBlock]:
    blocks, position = [], start
    for lost, count in stretches:
        position += lost
        samples = np.zeros(count, np.float32) if sound is None else sound[position : position + count]
        blocks.append(
            AudioBlock(
                source_id="pump",
                samples=read_only(samples.copy()),
                sample_rate_hz=rate_hz,
                first_sample=position,
                lost_samples=lost,
                captured_utc_s=1000.0 + position / rate_hz,
            )
        )
        position += count
    return blocks


def resampled(blocks: Sequence[AudioBlock], model_rate_hz: int) -> list[AudioBlock]:
    resampler = Resampler(blocks[0].sample_rate_hz, model_rate_hz)
    out = [piece for block in blocks for piece in resampler.add(block)]
    return out + resampler.flush()


def nearest(total: int, rate_hz: int, model_rate_hz: int) -> int:
    return math.floor(Fraction(total * model_rate_hz, rate_hz) + Fraction(1, 2))


@given(rates=RATES, stretches=STRETCHES)
def test_samples_out_and_lost_add_up_to_the_device_time_exactly(
    rates: tuple[int, int], stretches: list[tuple[int, int]]
) -> None:
    rate_hz, model_rate_hz = rates
    out = resampled(blocks_from(stretches, rate_hz), model_rate_hz)
    total = sum(lost + count for lost, count in stretches)
    accounted = sum(len(block.samples) + block.lost_samples for block in out)
    if stretches[-1][1]:
        assert nearest(total, rate_hz, model_rate_hz) == accounted
    else:  # a loss of less than half a sample at the very end is nothing
        assert abs(nearest(total, rate_hz, model_rate_hz) - accounted) <= 1


@given(rates=RATES, stretches=STRETCHES)
def test_blocks_out_follow_each_other_and_are_read_only(
    rates: tuple[int, int], stretches: list[tuple[int, int]]
) -> None:
    end = 0
    for block in resampled(blocks_from(stretches, rates[0]), rates[1]):
        assert end + block.lost_samples == block.first_sample
        assert 0 <= block.lost_samples
        assert rates[1] == block.sample_rate_hz
        assert not block.samples.flags.writeable
        assert np.float32 == block.samples.dtype
        end = block.end_sample


@given(rates=RATES, before=st.integers(10, 2000), lost=st.integers(1, 5), after=st.integers(10, 2000))
def test_a_gap_of_any_size_stays_a_gap(rates: tuple[int, int], before: int, lost: int, after: int) -> None:
    out = resampled(blocks_from([(0, before), (lost, after)], rates[0]), rates[1])
    assert 1 <= sum(block.lost_samples for block in out)


@settings(deadline=None)
@given(
    rates=RATES,
    cuts=st.lists(st.integers(1, 9000), min_size=1, max_size=20),
    gap=st.sampled_from([0, 1, 4801]),
)
def test_samples_do_not_depend_on_the_sizes_of_the_blocks(
    rates: tuple[int, int], cuts: list[int], gap: int
) -> None:
    rate_hz, model_rate_hz = rates
    sound = np.random.default_rng(3).uniform(-0.5, 0.5, rate_hz).astype(np.float32)
    half = rate_hz // 2

    def cut(first: int, end: int, lost: int) -> list[tuple[int, int]]:
        edges = [first, *(e for e in np.cumsum(cuts) + first if e < end), end]
        sizes = np.diff(edges)
        return [(lost if i == 0 else 0, int(size)) for i, size in enumerate(sizes)]

    whole = resampled(blocks_from([(0, half), (gap, half - gap)], rate_hz, sound), model_rate_hz)
    pieces = cut(0, half, 0) + cut(half + gap, rate_hz, gap)
    parts = resampled(blocks_from(pieces, rate_hz, sound), model_rate_hz)
    expected, actual = (np.concatenate([block.samples for block in out]) for out in (whole, parts))
    assert expected.shape == actual.shape
    np.testing.assert_allclose(actual, expected, atol=1e-6)


@pytest.mark.parametrize("rate_hz", [48000, 44100, 22050, 8000, 16000])
def test_a_sine_comes_out_where_it_went_in(rate_hz: int) -> None:
    sine = np.sin(2 * np.pi * 1000 * np.arange(rate_hz) / rate_hz).astype(np.float32) * 0.5
    out = resampled(blocks_from([(0, rate_hz // 10)] * 10, rate_hz, sine), 16000)
    actual = np.concatenate([block.samples for block in out])
    expected = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(len(actual)) / 16000)
    np.testing.assert_allclose(actual[400:-400], expected[400:-400], atol=1e-4)


def test_after_a_gap_sound_lies_within_half_a_sample_of_its_place() -> None:
    sine = np.sin(2 * np.pi * 100 * np.arange(48000) / 48000).astype(np.float32) * 0.5
    out = resampled(blocks_from([(0, 10000), (1235, 30000)], 48000, sine), 16000)
    late = np.concatenate([block.samples for block in out if block.first_sample >= 4000])
    first = next(block.first_sample for block in out if block.first_sample >= 4000)
    expected = 0.5 * np.sin(2 * np.pi * 100 * (first + np.arange(len(late))) / 16000)
    half_a_sample = 0.5 * 2 * np.pi * 100 / 16000 * 0.5
    np.testing.assert_allclose(late[400:-400], expected[400:-400], atol=half_a_sample + 1e-3)


def test_sound_from_both_sides_of_a_gap_never_mixes() -> None:
    sound = np.concatenate([np.zeros(9000, np.float32), np.full(9000, 0.5, np.float32)])
    out = resampled(blocks_from([(0, 8999), (1, 9000)], 48000, sound), 16000)
    before = np.concatenate([block.samples for block in out if block.end_sample <= 3000])
    assert 0.0 == np.abs(before).max()


def test_equal_rates_hand_the_block_through_untouched() -> None:
    (block,) = blocks_from([(0, 100)], 16000)
    (out,) = Resampler(16000, 16000).add(block)
    assert block is out


def test_utc_is_that_of_the_sample_not_of_its_delivery() -> None:
    out = resampled(blocks_from([(0, 4800), (480, 4800), (0, 4800)], 48000), 16000)
    for block in out:
        assert 1000.0 + block.first_sample / 16000 == pytest.approx(block.captured_utc_s, abs=1e-4)


def test_an_absent_device_is_reported_in_real_time() -> None:
    resampler = Resampler(48000, 16000)
    blocks = blocks_from([(0, 4800), (48000, 0), (48000, 0)], 48000)
    assert 1600 >= sum(len(out.samples) for out in resampler.add(blocks[0]))
    assert [0, 16000] == [out.lost_samples for out in resampler.add(blocks[1])]
    assert [16000] == [out.lost_samples for out in resampler.add(blocks[2])]


def test_a_device_that_returns_at_another_rate_is_followed() -> None:
    resampler = Resampler(48000, 16000)
    first = blocks_from([(0, 4800), (4800, 0)], 48000)
    second = blocks_from([(441, 4410), (0, 4410)], 44100, start=9600)
    out = [piece for block in first + second for piece in resampler.add(block)] + resampler.flush()
    ends = 0
    for block in out:
        assert ends + block.lost_samples == block.first_sample
        ends = block.end_sample
    assert 3200 + 160 + 3200 == ends
    assert 1600 + 3200 == sum(len(block.samples) for block in out)


def test_drift_does_not_build_up_over_a_day() -> None:
    resampler = Resampler(44100, 16000)
    start = 24 * 3600 * 44100
    far = blocks_from([(0, 10), (start - 10, 44100)], 44100)
    out = [piece for block in far for piece in resampler.add(block)] + resampler.flush()
    assert (24 * 3600 + 1) * 16000 == out[-1].end_sample
