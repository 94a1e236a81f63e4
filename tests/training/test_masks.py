"""Every patch is hidden exactly once, whatever the grid."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from training.errors import TrainingError
from training.models.mae import MaskedAutoencoder
from training.models.masks import PatchGrid, complementary_masks, random_masks


@st.composite
def grids(draw: st.DrawFn) -> PatchGrid:
    rows, columns = draw(st.integers(1, 8)), draw(st.integers(2, 8))
    height, width = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    return PatchGrid(rows * height, columns * width, height, width)


@given(grids(), st.integers(2, 6), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_complementary_masks_hide_each_bin_once_and_whole_patches(
    grid: PatchGrid, count: int, seed: int
) -> None:
    count = min(count, grid.patches)
    masks = complementary_masks(grid, count, torch.Generator().manual_seed(seed))
    assert (count, grid.mel, grid.frames) == tuple(masks.shape)
    assert torch.equal(torch.ones(grid.mel, grid.frames), masks.sum(0))
    assert torch.equal(masks, (masks > 0.5).float())
    tiles = masks.reshape(count, grid.rows, grid.patch_mel, grid.columns, grid.patch_frames)
    assert torch.equal(tiles.amax((2, 4)), tiles.amin((2, 4)))
    hidden = tiles.amax((2, 4)).sum((1, 2))
    assert hidden.max() - hidden.min() <= 1


@given(grids(), st.floats(0.05, 0.95), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_random_masks_hide_the_same_share_of_every_window(grid: PatchGrid, ratio: float, seed: int) -> None:
    masks = random_masks(grid, 3, ratio, torch.Generator().manual_seed(seed))
    hidden = masks.reshape(3, grid.rows, grid.patch_mel, grid.columns, grid.patch_frames).amax((2, 4))
    assert [max(1, round(ratio * grid.patches))] * 3 == hidden.sum((1, 2)).int().tolist()


def test_random_masks_differ_between_windows() -> None:
    masks = random_masks(PatchGrid(16, 16, 4, 4), 2, 0.5, torch.Generator().manual_seed(0))
    assert not torch.equal(masks[0], masks[1])


def test_patches_that_do_not_tile_the_window_are_refused() -> None:
    with pytest.raises(TrainingError, match="5 x 4 do not tile a window of 16 x 16; choose divisors"):
        PatchGrid(16, 16, 5, 4)


def test_more_masks_than_patches_are_refused() -> None:
    with pytest.raises(TrainingError, match="5 complementary masks of 4 patches"):
        complementary_masks(PatchGrid(8, 8, 4, 4), 5, torch.Generator())


def test_a_bin_is_judged_without_being_seen() -> None:
    torch.manual_seed(0)
    model = MaskedAutoencoder(PatchGrid(16, 16, 4, 4), widths=(4, 8)).eval()
    x = torch.randn(1, 16, 16)
    changed = x.clone()
    changed[0, 4:8, 8:12] += 5.0  # one whole patch
    with torch.no_grad():
        before, after = model(x), model(changed)
    assert torch.equal(before[0, 4:8, 8:12], after[0, 4:8, 8:12])
    assert not torch.equal(before, after), "its neighbours do see it"


def test_the_masks_do_not_depend_on_the_training_seed() -> None:
    torch.manual_seed(1)
    one = MaskedAutoencoder(PatchGrid(16, 16, 4, 4), widths=(4, 8)).masks
    torch.manual_seed(2)
    other = MaskedAutoencoder(PatchGrid(16, 16, 4, 4), widths=(4, 8)).masks
    assert torch.equal(one, other)
