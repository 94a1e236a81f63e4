"""The denoiser gives normal windows back and takes out what was put in."""

from __future__ import annotations

import pytest
import torch
from tiny_detector import FRAMES, MEL
from torch import Tensor

from training.errors import TrainingError
from training.losses import squared_error
from training.models import ModelDesign, make_model
from training.models.dae import Cleaner, DenoisingAutoencoder
from training.models.mdae import MaskedDenoisingAutoencoder
from training.models.reconstructor import TrainingSound

WIDTHS = (8, 12)


def normal(n: int, seed: int) -> Tensor:
    """A machine: steady noise of unit variance in all bands."""
    return torch.randn(n, MEL, FRAMES, generator=torch.Generator().manual_seed(seed))


def sound() -> TrainingSound:
    return TrainingSound(
        torch.full((MEL, 1), -4.0), torch.full((MEL, 1), 0.2), normal(2, 9), torch.zeros(0, MEL, FRAMES)
    )


@pytest.fixture(scope="module")
def taught() -> DenoisingAutoencoder:
    torch.manual_seed(0)
    model = DenoisingAutoencoder(MEL, FRAMES, widths=WIDTHS)
    model.take_in(sound())
    optimiser = torch.optim.AdamW(model.parameters(), lr=5e-3)
    generator = torch.Generator().manual_seed(0)
    for step in range(120):
        optimiser.zero_grad()
        model.training_loss(normal(32, step), squared_error, generator).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return model.eval()


def with_whine(windows: Tensor) -> Tensor:
    """The windows with one band five deviations louder during the second half."""
    loud = windows.clone()
    loud[:, 3, FRAMES // 2 :] += 5.0
    return loud


def test_a_foreign_sound_is_taken_out_where_it_is_and_nothing_elsewhere(taught: DenoisingAutoencoder) -> None:
    with torch.no_grad():
        found = taught.compare(with_whine(normal(40, 1_000)))
    taken = found.x - found.reconstruction
    assert 1.5 < float(taken[:, 3, FRAMES // 2 + 1 :].mean())
    assert float(taken[:, 8:].abs().mean()) < 0.4
    assert float(found.error_map[:, 3, -1].mean()) > 10 * float(found.error_map[:, 8:].mean())


def test_normal_windows_come_back_nearly_as_they_were(taught: DenoisingAutoencoder) -> None:
    x = normal(40, 2_000)
    with torch.no_grad():
        left = float(torch.square(taught(x) - x).mean())
    assert left < 0.2  # where a net that knew nothing of the single bins would leave 1.0


def test_the_error_map_is_what_was_taken_out_averaged_over_time(taught: DenoisingAutoencoder) -> None:
    x = with_whine(normal(2, 3_000))
    with torch.no_grad():
        found = taught.compare(x)
    squares = torch.square(found.x - found.reconstruction)
    assert float(squares[0, 3, 4:13].mean()) == pytest.approx(float(found.error_map[0, 3, 8]), rel=1e-4)
    assert float(squares[0, 3, :5].mean()) == pytest.approx(float(found.error_map[0, 3, 0]), rel=1e-4)


def test_the_same_generator_gives_the_same_loss() -> None:
    torch.manual_seed(0)
    model = DenoisingAutoencoder(MEL, FRAMES, widths=WIDTHS)
    model.take_in(sound())
    losses = [
        model.training_loss(normal(8, 0), squared_error, torch.Generator().manual_seed(5)).item()
        for _ in range(2)
    ]
    assert losses[0] == losses[1]


def test_a_window_that_cannot_be_halved_often_enough_is_refused() -> None:
    with pytest.raises(TrainingError, match="cannot be halved 4 times; give multiples of 16"):
        make_model(ModelDesign("dae"), mel=MEL, frames=24)


def test_the_cleaner_knows_which_band_it_looks_at() -> None:
    torch.manual_seed(0)
    cleaner = Cleaner(MEL, WIDTHS).eval()
    with torch.no_grad():
        known = cleaner(normal(2, 0))
        cleaner.bands.zero_()
        assert not torch.equal(known, cleaner(normal(2, 0)))


def test_mdae_hands_the_head_what_the_masked_net_left_unexplained() -> None:
    torch.manual_seed(0)
    model = make_model(ModelDesign("mdae", widths=(8, 8, 8, 8)), mel=MEL, frames=32).eval()
    assert isinstance(model, MaskedDenoisingAutoencoder)
    x = torch.randn(3, MEL, 32)
    with torch.no_grad():
        found = model.compare(x)
        assert torch.equal(found.unexplained, x - model.masked(x))
        assert torch.equal(found.reconstruction, model.denoiser(x))
