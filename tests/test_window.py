"""Windows lie on the stream's grid, whatever the blocks, and every sample is accounted for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.messages import AudioBlock, Float32, Quality, Window
from monitor.window import QualityLimits, Windower, WindowGrid, level_dbfs, stands_still

GRID = WindowGrid(
    sample_rate_hz=1000, window_samples=70, hop_samples=20, frame_samples=20, frame_hop_samples=10
)
LIMITS = QualityLimits(silent_below_dbfs=-80.0, clipped_share=0.05, flat_samples=8)


def noise(n: int, seed: int = 0) -> Float32:
    return (0.1 * np.random.default_rng(seed).standard_normal(n)).astype(np.float32)


def block(samples: Float32, first: int, lost: int = 0) -> AudioBlock:
    return AudioBlock("m", samples, 1000, first, lost, 1_000_000.0 + first / 1000)


def cut(samples: Float32, sizes: list[int]) -> tuple[list[Window], Windower]:
    windower = Windower("m", GRID, LIMITS)
    windows, at = [], 0
    for size in [*sizes, len(samples)]:
        piece = samples[at : at + size]
        windows += windower.add(block(piece, at))
        at += len(piece)
    return windows, windower


@given(st.lists(st.integers(0, 200), max_size=30))
@settings(max_examples=60, deadline=None)
def test_any_block_sizes_give_the_same_windows(sizes: list[int]) -> None:
    samples = noise(1003)
    whole, _ = cut(samples, [])
    pieces, windower = cut(samples, sizes)
    assert [w.span for w in pieces] == [w.span for w in whole]
    for window in pieces:
        first = window.span.first_sample
        np.testing.assert_array_equal(samples[first : first + 70], window.samples)
    assert windower.ledger.balances


@given(
    st.lists(st.tuples(st.integers(0, 150), st.one_of(st.just(0), st.integers(1, 2000))), max_size=25),
    st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_every_sample_is_windowed_skipped_or_pending(runs: list[tuple[int, int]], finish: bool) -> None:  # noqa: FBT001 - drawn
    windower = Windower("m", GRID, LIMITS)
    at = received = 0
    windows: list[Window] = []
    for size, lost in runs:
        at += lost
        windows += windower.add(block(noise(size, at), at, lost))
        at += size
        received += size
        assert windower.ledger.balances
        assert received == windower.ledger.received
        assert at == windower.ledger.received + windower.ledger.lost
    if finish:
        windows += windower.finish()
        assert windower.ledger.balances
        assert windower.ledger.pending == 0
    starts = [w.span.first_sample for w in windows]
    assert sorted(set(starts)) == starts
    assert all(start % GRID.frame_hop_samples == 0 for start in starts)


def test_a_window_over_a_gap_says_so_and_holds_zeros_in_its_place() -> None:
    windower = Windower("m", GRID, LIMITS)
    windows = windower.add(block(noise(60), 0)) + windower.add(block(noise(100, 1), 75, 15))
    assert [Quality.GAP, Quality.GAP, Quality.GAP, Quality.GAP, Quality.OK, Quality.OK] == [
        w.span.quality for w in windows
    ]
    assert np.count_nonzero(windows[0].samples[60:70]) == 0
    assert np.count_nonzero(windows[0].samples[:60]) == 60


def test_a_window_without_any_sample_is_absent_and_has_no_level() -> None:
    windower = Windower("m", GRID, LIMITS)
    windows = windower.add(block(noise(0), 100, 100))
    assert [(Quality.ABSENT, None)] * 2 == [(w.span.quality, w.span.level_dbfs) for w in windows]


def test_a_long_gap_makes_few_windows_and_loses_no_count() -> None:
    windower = Windower("m", GRID, LIMITS)
    windows = windower.add(block(noise(30), 0)) + windower.add(block(noise(500, 1), 10_000_030, 10_000_000))
    assert len(windows) < 60
    assert windower.ledger.balances
    assert windower.ledger.lost == 10_000_000
    assert windows[-1].span.quality is Quality.OK
    assert windows[-1].span.first_sample % GRID.hop_samples == 0


def test_the_tail_of_a_stream_is_heard_to_the_last_whole_frame() -> None:
    samples = noise(128)
    _, windower = cut(samples, [])
    (tail,) = windower.finish()
    assert tail.span.first_sample == 50
    np.testing.assert_array_equal(samples[50:120], tail.samples)
    assert (windower.ledger.lost, windower.ledger.pending) == (8, 0)
    assert windower.finish() == []


def test_a_stream_shorter_than_a_window_is_not_judged_but_not_lost() -> None:
    _, windower = cut(noise(30), [])
    (window,) = windower.finish()
    assert window.span.quality is Quality.GAP
    assert (windower.ledger.received, windower.ledger.lost, windower.ledger.pending) == (30, 40, 0)


def test_times_tile_the_frames_and_follow_the_clock_anchor() -> None:
    windows, _ = cut(noise(200), [50, 50])
    span = windows[1].span
    assert span.start_s == pytest.approx(0.020 + 0.005)
    assert span.end_s - span.start_s == pytest.approx(0.060)
    assert span.start_utc_s == pytest.approx(1_000_000.025)


def test_a_block_out_of_order_is_refused() -> None:
    windower = Windower("m", GRID, LIMITS)
    windower.add(block(noise(10), 0))
    with pytest.raises(ValueError, match="block starts at 30 after 10"):
        windower.add(block(noise(10), 30))


@pytest.mark.parametrize(
    ("samples", "quality"),
    [
        (noise(70), Quality.OK),
        (np.zeros(70, np.float32), Quality.SILENT),
        (np.float32(1e-5) * noise(70), Quality.SILENT),
        (np.full(70, 0.25, np.float32), Quality.FLAT),
        (np.concatenate([noise(40), np.zeros(8, np.float32), noise(22)]), Quality.FLAT),
        (np.concatenate([noise(40), np.zeros(7, np.float32), noise(23)]), Quality.OK),
        (np.clip(20 * noise(70), -1, 1), Quality.CLIPPED),
    ],
)
def test_bad_input_is_named(samples: Float32, quality: Quality) -> None:
    (window,) = Windower("m", GRID, LIMITS).add(block(samples, 0))
    assert quality is window.span.quality


@given(st.integers(2, 30), st.integers(0, 60), st.integers(0, 40))
@settings(deadline=None)
def test_a_run_stands_still_exactly_when_it_is_long_enough(needed: int, start: int, length: int) -> None:
    samples = noise(120, 3)
    samples[start : start + length] = 0.5
    assert stands_still(samples, needed) == (length >= needed)


def test_level_of_a_full_scale_sine_is_minus_three() -> None:
    sine = np.sin(2 * np.pi * 50 * np.arange(1000) / 1000).astype(np.float32)
    assert level_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert level_dbfs(np.zeros(10, np.float32)) == -200.0


def test_windows_cannot_be_written_to() -> None:
    (window,) = Windower("m", GRID, LIMITS).add(block(noise(70), 0))
    with pytest.raises(ValueError, match="read-only"):
        window.samples[0] = 1.0
