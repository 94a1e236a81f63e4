from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.publish.error_map import area_mean, area_weights, coarse_map, row_edges_hz

SIZES = st.integers(1, 40)


@settings(deadline=None)  # shared machines are slow at times
@given(rows=SIZES, columns=SIZES, onto_rows=SIZES, onto_columns=SIZES, seed=st.integers(0, 2**32 - 1))
def test_the_mean_of_the_map_survives_at_any_shape(
    rows: int, columns: int, onto_rows: int, onto_columns: int, seed: int
) -> None:
    fine = np.random.default_rng(seed).gamma(1.0, 3.0, (rows, columns)).astype(np.float32)
    coarse = area_mean(fine, (onto_rows, onto_columns))
    assert coarse.shape == (min(rows, onto_rows), min(columns, onto_columns))
    assert float(fine.astype(np.float64).mean()) == pytest.approx(float(coarse.mean()), rel=1e-12)


def test_a_shape_that_divides_gives_the_plain_block_means() -> None:
    fine = np.arange(8 * 6, dtype=np.float32).reshape(8, 6)
    expected = fine.reshape(4, 2, 3, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(expected, area_mean(fine, (4, 3)), rtol=1e-12)


def test_a_cell_on_a_border_is_shared_by_area() -> None:
    # 3 cells onto 2: the middle one belongs half to each
    np.testing.assert_allclose([[2 / 3, 1 / 3, 0], [0, 1 / 3, 2 / 3]], area_weights(3, 2), atol=1e-15)


def test_bytes_times_scale_is_the_map_to_half_a_step() -> None:
    fine = np.random.default_rng(5).gamma(0.5, 10.0, (128, 64)).astype(np.float32)
    coarse = coarse_map(fine, (32, 16))
    error = np.abs(coarse.cells * coarse.scale - area_mean(fine, (32, 16)))
    assert error.max() <= coarse.scale / 2 * (1 + 1e-9)
    assert coarse.cells.max() == 255


def test_a_map_of_zeros_stays_zero() -> None:
    coarse = coarse_map(np.zeros((4, 4), np.float32), (2, 2))
    assert coarse.scale == 0.0
    assert not coarse.cells.any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_with_something_that_is_no_number_is_refused(value: float) -> None:
    fine = np.ones((4, 4), np.float32)
    fine[1, 2] = value
    with pytest.raises(ValueError, match="not numbers"):
        coarse_map(fine, (2, 2))


def test_row_edges_rise_within_the_front_ends_band_and_bracket_the_peaks() -> None:
    edges = band_edges_hz(FrontendParameters())
    rows = row_edges_hz(edges, 128)
    assert len(rows) == 129
    assert all(low < high for low, high in itertools.pairwise(rows))
    for band in range(128):
        assert rows[band] < edges[band + 1] < rows[band + 1]
    assert rows[::4] == row_edges_hz(edges, 32)
