"""HFRAE learns the features of a frozen encoder, and its map says where they are not as ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_detector import tiny_windows
from torch import Tensor

from engines.backend_onnx import open_engine
from engines.build.export import ModelCard, export_bundle
from monitor.frontend import FrontendParameters
from training.commission import train_detector
from training.data import LogMelStore, Run
from training.detector import Detector, Standardiser
from training.errors import TrainingError
from training.heads import Verdict
from training.losses import absolute_error, mean_over, squared_error
from training.models import ModelDesign, make_model
from training.models.encoders.own import OwnEncoder
from training.models.feature_levels import FeatureLevel, Moments, blur, cosine_error, interpolation
from training.models.hfrae import HierarchicalFeatureAutoencoder
from training.models.masks import PatchGrid
from training.split import Split
from training.state import Checkpoint, TrainingState
from training.train import TrainingSettings

MEL, FRAMES = 32, 64
WIDTHS = (4, 8, 8)
GENERATOR = torch.Generator().manual_seed(0)
PARAMETERS = FrontendParameters(n_fft=512, hop_samples=256, mel_bands=MEL)


def sound(n: int, seed: int) -> Tensor:
    """Standardised windows of a hum that wanders over the bands, in a little noise."""
    draws = np.random.default_rng(seed)
    t = np.arange(FRAMES) + 200 * draws.random((n, 1))
    centre = MEL / 2 + 6 * np.sin(t / 9)
    bands = np.exp(-0.5 * np.square(np.arange(MEL)[:, None] - centre[:, None, :]) / 6)
    return torch.from_numpy(3 * bands - 0.7 + 0.2 * draws.standard_normal(bands.shape)).float()


def batches() -> list[Tensor]:
    return [sound(16, seed) for seed in range(4)]


def untrained() -> HierarchicalFeatureAutoencoder:
    torch.manual_seed(0)
    encoder = OwnEncoder(PatchGrid(MEL, FRAMES, 8, 4), widths=WIDTHS)
    return HierarchicalFeatureAutoencoder(encoder, MEL, FRAMES, widths=WIDTHS)


@pytest.fixture(scope="module")
def model() -> HierarchicalFeatureAutoencoder:
    """Trained by hand for a few steps, then settled."""
    net = untrained()
    net.prepare(lambda: iter(batches()), GENERATOR)
    optimiser = torch.optim.Adam([w for w in net.parameters() if w.requires_grad], lr=5e-3)
    net.train()
    for _ in range(12):
        for x in batches():
            optimiser.zero_grad()
            net.training_loss(x, squared_error, GENERATOR).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
    net.eval()
    with torch.no_grad():
        net.settle(lambda: iter(batches()))
    return net


def test_training_moves_the_decoder_and_never_the_encoder() -> None:
    net = untrained()
    net.prepare(lambda: iter(batches()[:1]), GENERATOR)
    frozen = {key: value.clone() for key, value in net.encoder.state_dict().items()}
    decoder = {key: value.clone() for key, value in net.decoder.state_dict().items()}
    optimiser = torch.optim.Adam(net.parameters())
    net.train()
    for x in batches()[:1]:
        net.training_loss(x, squared_error, GENERATOR).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    assert all(torch.equal(value, net.encoder.state_dict()[key]) for key, value in frozen.items())
    assert not all(torch.equal(value, net.decoder.state_dict()[key]) for key, value in decoder.items())


def test_it_learns_normal_features(model: HierarchicalFeatureAutoencoder) -> None:
    with torch.no_grad():
        before = float(untrained().training_loss(sound(32, 9), squared_error, GENERATOR))
        after = float(model.training_loss(sound(32, 9), squared_error, GENERATOR))
    assert after < 0.6 * before


def test_the_read_out_reconstructs_log_mel_and_no_gradient_of_it_reaches_the_decoder(
    model: HierarchicalFeatureAutoencoder,
) -> None:
    x = sound(32, 9)
    with torch.no_grad():
        found = model.compare(x)
    assert x.shape == found.reconstruction.shape
    assert torch.equal(found.reconstruction, model(x))
    assert float((found.reconstruction - x).square().mean()) < 0.7 * float(x.square().mean())
    net = untrained().eval()
    errors, _ = net.errors(x)
    of_levels = errors[0].mean() + errors[1].mean() + errors[2].mean()
    of_read_out = net.training_loss(x, squared_error, GENERATOR) - of_levels
    weights = [*net.decoder.parameters()]
    gradients = torch.autograd.grad(of_read_out, weights, allow_unused=True)
    assert max(float(g.abs().max()) for g in gradients if g is not None) < 1e-6
    torch.testing.assert_close(mean_over(squared_error(net(x), x)), of_read_out)


def test_the_verdict_is_the_mean_of_the_map(model: HierarchicalFeatureAutoencoder) -> None:
    with torch.no_grad():
        found = model.compare(sound(5, 2))
    assert found.verdict is not None
    torch.testing.assert_close(found.error_map.mean((1, 2)), found.verdict)


def test_the_loss_of_bins_is_not_the_users_choice() -> None:
    net, x = untrained().eval(), sound(4, 1)
    one = net.training_loss(x, squared_error, GENERATOR)
    assert torch.equal(one, net.training_loss(x, absolute_error, GENERATOR))


def test_on_normal_sound_every_level_counts_the_same(model: HierarchicalFeatureAutoencoder) -> None:
    with torch.no_grad():
        x = torch.cat(batches())
        z = model.z_maps(model.errors(x)[0])
    assert (3, len(x), MEL, FRAMES) == tuple(z.shape)
    means, deviations = z.mean((1, 2, 3)).tolist(), z.std((1, 2, 3)).tolist()
    assert max(abs(mean) for mean in means) < 0.1
    assert all(0.3 < deviation < 1.1 for deviation in deviations)


def test_a_foreign_patch_raises_the_map_there_and_not_elsewhere(
    model: HierarchicalFeatureAutoencoder,
) -> None:
    x = sound(16, 21)
    foreign = x.clone()
    foreign[:, 8:16, 40:48] += 3.0
    with torch.no_grad():
        rise = model.compare(foreign).error_map - model.compare(x).error_map
    inside = float(rise[:, 8:16, 40:48].mean())
    assert inside > 0.5
    assert float(rise[:, :, :16].abs().mean()) < 0.2 * inside
    assert float(rise[:, :, 56:].abs().mean()) < 0.5 * inside


def test_the_map_is_above_zero_and_finite_for_any_sound(model: HierarchicalFeatureAutoencoder) -> None:
    for x in (torch.zeros(2, MEL, FRAMES), 1e3 * sound(2, 5), torch.full((2, MEL, FRAMES), -20.0)):
        with torch.no_grad():
            found = model.compare(x)
        assert bool((found.error_map > 0).all())
        assert bool(torch.isfinite(found.error_map).all())


def test_a_cosine_error_is_one_minus_the_cosine_and_knows_no_length() -> None:
    wanted, found = torch.randn(2, 3, 5, 4, 4, generator=GENERATOR)
    expected = 1.0 - torch.cosine_similarity(wanted, found, dim=1)
    torch.testing.assert_close(expected, cosine_error(wanted, found), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(expected, cosine_error(7.0 * wanted, 0.1 * found), atol=1e-5, rtol=1e-5)
    assert float(cosine_error(wanted, wanted).abs().max()) < 1e-10


def test_moments_of_batches_are_those_of_the_whole() -> None:
    whole = 5.0 + 2.0 * torch.randn(10, 3, 4, 6, generator=GENERATOR)
    moments = Moments((0, 2, 3))
    for part in (whole[:3], whole[3:]):
        moments.add(part)
    torch.testing.assert_close(whole.double().mean((0, 2, 3)), moments.mean.flatten())
    torch.testing.assert_close(whole.double().std((0, 2, 3), correction=0), moments.std.flatten())


def test_going_up_to_the_mel_grid_keeps_what_is_the_same_everywhere() -> None:
    level = FeatureLevel(3, (4, 8), (MEL, FRAMES))
    torch.testing.assert_close(
        torch.full((1, MEL, FRAMES), 2.5), level.z_on_mel_grid(torch.full((1, 4, 8), 2.5))
    )
    torch.testing.assert_close(torch.ones(FRAMES), blur(FRAMES).sum(0))
    rows = torch.arange(4.0)
    torch.testing.assert_close(torch.tensor([0.0, 0.25, 0.75, 1.25]), (rows @ interpolation(4, 8))[:4])


@pytest.mark.parametrize(("widths", "channels"), [((4, 4, 8, 8), 64), ((4, 4, 8), 16)])
def test_a_quarter_as_many_numbers_pass_the_bottleneck_as_the_window_has_bins(
    widths: tuple[int, ...], channels: int
) -> None:
    net = make_model(ModelDesign("hfrae", widths, encoder="own"), mel=128, frames=64)
    assert isinstance(net, HierarchicalFeatureAutoencoder)
    assert channels == net.decoder.narrow.out_channels
    stride = net.encoder.strides[2]
    assert 128 * 64 == 4 * channels * (128 // stride) * (64 // stride)


def test_a_window_that_the_levels_do_not_divide_is_refused() -> None:
    with pytest.raises(TrainingError, match="multiples of 8"):
        HierarchicalFeatureAutoencoder(
            OwnEncoder(PatchGrid(36, 32, 12, 4), widths=WIDTHS), 36, 32, widths=WIDTHS
        )


def test_only_hfrae_has_an_encoder_to_choose() -> None:
    with pytest.raises(TrainingError, match="leave 'own' out or train hfrae"):
        ModelDesign("ae", encoder="own")


def test_the_bundle_answers_as_torch_does(model: HierarchicalFeatureAutoencoder, tmp_path: Path) -> None:
    detector = Detector(Standardiser(torch.zeros(MEL), torch.ones(MEL)), model, Verdict()).eval()
    card = ModelCard("hfrae", PARAMETERS, [0.0] * MEL, [1.0] * MEL)
    bundle = export_bundle(tmp_path / "b", detector, card, sound(36, 30).numpy())
    assert max(v for k, v in bundle.manifest.parity.items() if k.endswith("relative")) < 1e-4
    alone = open_engine(bundle).infer(sound(36, 30).numpy()[:1]).score
    with torch.no_grad():
        np.testing.assert_allclose(detector(sound(36, 30))[0][:1].numpy(), alone, rtol=1e-3, atol=1e-3)


def detector_of_noise(folder: Path) -> dict[str, Tensor]:
    """The weights of an hfrae on an encoder of its own, trained in `folder` for two epochs."""
    rows = tiny_windows(60, seed=5).transpose(0, 2, 1).reshape(-1, 16)
    path = folder / "rows"
    path.write_bytes(rows.tobytes())
    cut = len(rows) // 3
    runs = [Run(name, i * cut, (i + 1) * cut) for i, name in enumerate("abc")]
    store = LogMelStore(
        path, FrontendParameters(n_fft=256, hop_samples=128, mel_bands=16), runs, (), frames=32
    )
    settings = TrainingSettings(epochs=2, batch_windows=16)
    detector, _ = train_detector(
        ModelDesign("hfrae", (4, 4, 8), encoder="own"),
        store,
        Split(("a",), ("b",), ("a", "b"), ("c",)),
        settings,
        keep_in=folder,
    )
    return detector.state_dict()


class CutShort(Exception):  # noqa: N818 - it is a kill, no error
    """Stands for a kill right after an epoch was kept."""


def test_a_training_that_was_cut_short_ends_with_the_same_weights_encoder_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    whole.mkdir()
    cut.mkdir()
    save = TrainingState.save

    def save_and_stop(state: TrainingState, checkpoint: Checkpoint) -> None:
        save(state, checkpoint)
        raise CutShort

    with monkeypatch.context() as patch:
        patch.setattr(TrainingState, "save", save_and_stop)
        with pytest.raises(CutShort):
            detector_of_noise(cut)
    with monkeypatch.context() as patch:
        patch.setattr(OwnEncoder, "pretrain", lambda *_: pytest.fail("the checkpoint has the encoder"))
        found = detector_of_noise(cut)
    expected = detector_of_noise(whole)
    assert all(torch.equal(value, found[key]) for key, value in expected.items())
