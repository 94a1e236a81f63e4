"""The dense control stacks five frames, and averages what overlapping stacks say of a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import FRAMES, MEL, tiny_bundle, tiny_detector, tiny_windows
from torch import Tensor

from engines.runtime import open_engine
from training.errors import TrainingError
from training.losses import squared_error
from training.models.dense import DenseAutoencoder


def model() -> DenseAutoencoder:
    torch.manual_seed(0)
    return DenseAutoencoder(MEL, FRAMES)


def batch(n: int = 4) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((n, MEL, FRAMES)).astype(np.float32))


def test_a_stack_is_five_neighbouring_frames_one_after_the_other() -> None:
    x = batch()
    stacks = model().stacked(x)
    assert (4, FRAMES - 4, 5, MEL) == tuple(stacks.shape)
    torch.testing.assert_close(stacks[2, 7, 3], x[2, :, 10])


def test_a_net_that_gives_every_stack_back_gives_the_window_back() -> None:
    net = model()
    net.layers = torch.nn.Sequential(torch.nn.Identity())
    torch.testing.assert_close(net(batch()), batch())


def test_a_frame_is_the_mean_of_what_each_stack_that_holds_it_says() -> None:
    net = model().eval()
    x = batch()
    with torch.no_grad():
        by_stack, found = net.reconstructed(net.stacked(x)), net(x)
    for frame in (0, 2, 4, 15, FRAMES - 2, FRAMES - 1):
        stacks = [s for s in range(FRAMES - 4) if s <= frame < s + 5]
        expected = torch.stack([by_stack[:, s, frame - s] for s in stacks]).mean(0)
        torch.testing.assert_close(found[:, :, frame], expected)


def test_a_stack_knows_nothing_of_other_stacks() -> None:
    net = model().eval()
    x, y = batch(1), batch(1)
    y[:, :, 20:] += 1.0
    with torch.no_grad():
        same = (net(x) == net(y)).all(1)[0]
    assert bool(same[:16].all()), "stacks of the first 16 frames end before frame 20"
    assert not bool(same[16:].any())


def test_training_judges_each_stack_by_itself() -> None:
    net = model().eval()
    with torch.no_grad():
        stacks = net.stacked(batch())
        expected = float((net.reconstructed(stacks) - stacks).square().mean())
        found = float(net.training_loss(batch(), squared_error, torch.Generator()))
    assert expected == pytest.approx(found, rel=1e-6)


def test_the_layers_are_those_of_the_published_baseline() -> None:
    net = DenseAutoencoder(128, 64)
    linear = [m for m in net.layers if isinstance(m, torch.nn.Linear)]
    assert [640, 128, 128, 128, 128, 8, 128, 128, 128, 128] == [m.in_features for m in linear]
    assert 640 == linear[-1].out_features
    assert (2, 128, 64) == tuple(net(torch.zeros(2, 128, 64)).shape)


def test_gradients_reach_all_parameters() -> None:
    net = model().train()
    net.training_loss(batch(), squared_error, torch.Generator()).backward()  # type: ignore[no-untyped-call]
    silent = [n for n, p in net.named_parameters() if p.grad is None or not float(p.grad.abs().sum()) > 0]
    assert [] == silent


def test_a_window_shorter_than_a_stack_is_refused() -> None:
    with pytest.raises(TrainingError, match="window of 4 frames is too short"):
        DenseAutoencoder(MEL, 4)


def test_the_bundle_judges_one_window_and_five_as_torch_does(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "b", "dense")
    assert max(v for k, v in bundle.manifest.parity.items() if k.endswith("relative")) < 1e-4
    for n in (1, 5):
        with torch.no_grad():
            expected = tiny_detector("dense")(torch.from_numpy(tiny_windows(n, seed=3)))[0].numpy()
        found = open_engine(bundle).infer(tiny_windows(n, seed=3)).score
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
