"""DRA's heads learn from the anomalies they are given and from made ones, and judge others too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from tiny_detector import FRAMES, MEL, PARAMETERS, WIDTHS, tiny_card, tiny_windows
from torch import Tensor, nn

from engines.build.export import export_bundle
from engines.runtime import open_engine
from training.data import LogMelStore, Run
from training.detector import Detector, Standardiser
from training.deviation import squared_deviation
from training.errors import TrainingError
from training.heads import Verdict
from training.losses import squared_error
from training.models import Comparison, ModelDesign, make_model
from training.models.dra import DraDetector, DraSettings
from training.models.dra_heads import DraHeads, top_mean
from training.models.feature_map import ConvolutionalFeatures, FeatureMap
from training.models.reconstructor import TrainingSound
from training.seeding import seed_everything
from training.state import Checkpoint, TrainingState
from training.train import TrainingSettings, train_reconstructor

STANDARDISE = Standardiser(
    torch.from_numpy(tiny_windows(200)).mean((0, 2)), torch.from_numpy(tiny_windows(200)).std((0, 2))
)
NONE = torch.zeros(0, MEL, FRAMES)


def normal(n: int, seed: int = 0) -> Tensor:
    x: Tensor = STANDARDISE(torch.from_numpy(tiny_windows(n, seed=seed)))
    return x


def with_tones(n: int, seed: int = 1) -> Tensor:
    """Noise with a steady line in one of the upper bands."""
    x = normal(n, seed)
    for i, band in enumerate(np.random.default_rng(seed).integers(10, 15, n)):
        x[i, band] += 4.0
    return x


def with_knocks(n: int, seed: int = 2) -> Tensor:
    """Noise with a short broadband sound."""
    x = normal(n, seed)
    for i, frame in enumerate(np.random.default_rng(seed).integers(2, FRAMES - 4, n)):
        x[i, :, frame : frame + 2] += 4.0
    return x


def sound(anomalies: Tensor = NONE) -> TrainingSound:
    return TrainingSound(STANDARDISE.mean, STANDARDISE.std, normal(8, seed=5), anomalies)


def model(anomalies: Tensor = NONE, settings: DraSettings | None = None) -> DraDetector:
    torch.manual_seed(0)
    net = DraDetector(MEL, FRAMES, features=ConvolutionalFeatures(MEL, WIDTHS), settings=settings)
    net.take_in(sound(anomalies))
    return net


def trained(anomalies: Tensor, steps: int = 60) -> DraDetector:
    net = model(anomalies).train()
    generator = torch.Generator().manual_seed(0)
    optimiser = torch.optim.AdamW(net.parameters(), lr=5e-3)
    for step in range(steps):
        optimiser.zero_grad()
        net.training_loss(normal(32, seed=100 + step), squared_error, generator).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    net.eval()
    with torch.no_grad():
        net.settle(lambda: iter([normal(64, seed=7), normal(64, seed=8)]))
    return net


@pytest.fixture(scope="module")
def taught() -> DraDetector:
    return trained(with_tones(10))


@pytest.fixture(scope="module")
def untaught() -> DraDetector:
    return trained(NONE)


@torch.no_grad()
def verdicts(net: DraDetector, x: Tensor) -> Tensor:
    verdict = net.compare(x).verdict
    assert verdict is not None
    return verdict


def auc(usual: Tensor, unusual: Tensor) -> float:
    return float((unusual[:, None] > usual[None, :]).float().mean())


def test_the_score_of_a_map_is_the_mean_of_its_largest_positions() -> None:
    maps = torch.tensor([[[[1.0, 9.0], [3.0, 7.0]], [[0.0, 0.0], [0.0, 8.0]]]])
    assert [[8.0, 4.0]] == top_mean(maps, 2).tolist()
    assert [[9.0, 8.0]] == top_mean(maps, 1).tolist()


def test_a_tenth_of_the_positions_counts_at_each_scale_and_at_least_one() -> None:
    net = make_model(ModelDesign("dra"), mel=128, frames=64)
    assert isinstance(net, DraDetector)
    assert (25, 12) == net.top  # of 16 x 16 and 16 x 8
    assert (1, 1) == model(settings=DraSettings(top_share=0.001)).top


def test_positions_count_by_their_size_whatever_their_sign() -> None:
    heads = DraHeads(1).eval()
    nn.init.ones_(heads.pseudo.weight)
    nn.init.zeros_(heads.pseudo.bias)  # type: ignore[arg-type]
    maps = torch.tensor([[[[-6.0, 1.0], [2.0, 0.0]]]])
    with torch.no_grad():
        judged = heads(maps, torch.zeros(1, 2, 1), 2)
    assert 4.0 == float(judged.scores[0, 2])
    assert [[[6.0, 1.0], [2.0, 0.0]]] == judged.positions[:, 1].tolist()


def test_the_training_loss_is_the_sum_over_the_heads_of_what_each_is_to_learn() -> None:
    net = model(with_tones(3), DraSettings(deviation="squared", pseudo_share=0.5)).eval()
    x = normal(12)
    with torch.no_grad():
        loss = float(net.training_loss(x, squared_error, torch.Generator().manual_seed(3)))
        generator = torch.Generator().manual_seed(3)
        windows, is_pseudo = net._with_pseudo(x, generator)
        seen = net._drawn_anomalies(x, generator)
        scores = net._scores_of_batch(torch.cat((windows, seen)))
    made = np.flatnonzero(is_pseudo).tolist()
    usual = np.flatnonzero(1 - is_pseudo).tolist()
    given = [12, 13, 14, 15, 16, 17]
    assert min(len(made), len(usual)) > 2
    parts = [
        (0, [*usual], [*made, *given]),
        (1, given, usual),
        (2, made, usual),
        (3, [*made, *given], usual),
    ]
    expected = 0.0
    for head, ones, zeros in parts:
        rows = torch.tensor([*ones, *zeros])
        target = torch.tensor([1.0] * len(ones) + [0.0] * len(zeros))
        expected += float(squared_deviation(scores[rows, head], target))
    assert expected == pytest.approx(loss, rel=1e-5)


def test_references_are_clean_fixed_and_averaged_over_time_but_not_over_bands(taught: DraDetector) -> None:
    assert torch.equal(sound().references, taught.references)
    first = model().references.clone()
    net = model()
    net.training_loss(normal(8), squared_error, torch.Generator().manual_seed(0))
    assert torch.equal(first, net.references)
    with torch.no_grad():
        maps = taught.features(taught.references)
    torch.testing.assert_close(maps.mean((0, 3)), taught.normal_maps[0, :, :, 0])
    assert float(taught.normal_maps[0].std(1).mean()) > 0.01, "bands differ"
    torch.testing.assert_close(taught.references.mean((0, 2)), taught(normal(2))[1, :, 0])


def test_a_pseudo_anomaly_is_made_in_the_power_domain_and_one_nobody_hears_stays_normal() -> None:
    x = normal(200)
    windows, is_pseudo = model()._with_pseudo(x, torch.Generator().manual_seed(0))
    changed = (windows != x).any(2).any(1)
    assert torch.equal(changed, is_pseudo.bool())
    assert 60 < int(is_pseudo.sum()) < 110, "of a hundred, those that are heard"
    quieter = STANDARDISE.restored(windows) < STANDARDISE.restored(x) - 1e-3
    kinds = DraSettings(kinds=("hiss",))
    assert bool(quieter.any())
    windows, _ = model(settings=kinds)._with_pseudo(x, torch.Generator().manual_seed(0))
    assert not bool((STANDARDISE.restored(windows) < STANDARDISE.restored(x) - 1e-3).any())


def test_a_seen_kind_and_an_unseen_kind_are_ranked_above_normal(taught: DraDetector) -> None:
    usual = verdicts(taught, normal(60, seed=20))
    assert auc(usual, verdicts(taught, with_tones(30, seed=21))) > 0.97
    assert auc(usual, verdicts(taught, with_knocks(30, seed=22))) > 0.9


def test_without_a_labelled_anomaly_it_works_with_made_ones(untaught: DraDetector) -> None:
    assert not untaught.heads.uses_seen
    usual = verdicts(untaught, normal(60, seed=20))
    assert auc(usual, verdicts(untaught, with_tones(30, seed=21))) > 0.9
    assert auc(usual, verdicts(untaught, with_knocks(30, seed=22))) > 0.9
    with torch.no_grad():
        scores = torch.stack([at.scores for at in untaught._judged_at_scales(normal(4))])
    assert 0.0 == float(scores[:, :, 1].abs().max())


def test_normal_sound_has_verdicts_about_0_with_heads_of_like_spread(taught: DraDetector) -> None:
    assert abs(float(verdicts(taught, torch.cat((normal(64, seed=7), normal(64, seed=8)))).mean())) < 0.01
    with torch.no_grad():
        at_scales = [at.scores for at in taught._judged_at_scales(normal(64, seed=7))]
    z = (torch.stack(at_scales).mean(0) - taught.centre) / taught.spread
    assert bool((z.std(0) < 1.5).all())


def test_the_verdict_is_the_z_scores_of_three_heads_less_that_of_the_normal_head(taught: DraDetector) -> None:
    with torch.no_grad():
        at_scales = [at.scores for at in taught._judged_at_scales(with_knocks(5))]
    z = ((at_scales[0] + at_scales[1]) / 2 - taught.centre) / taught.spread
    torch.testing.assert_close(z[:, 1] + z[:, 2] + z[:, 3] - z[:, 0], verdicts(taught, with_knocks(5)))
    assert float(z.abs().min()) > 0


def test_the_map_shows_where_the_anomaly_is(taught: DraDetector) -> None:
    x = normal(20, seed=30)
    x[:, 12, :] += 5.0
    with torch.no_grad():
        error_map = taught.compare(x).error_map
    assert x.shape == error_map.shape
    assert bool((error_map >= 0).all())
    assert float(error_map[:, 10:15].mean()) > 2 * float(error_map[:, :6].mean())


def test_the_verdict_can_be_the_score_where_there_is_one(taught: DraDetector) -> None:
    x = normal(20)
    with torch.no_grad():
        found = taught.compare(x)
    assert found.verdict is not None
    assert torch.equal(found.verdict, Verdict()(found))
    without = Comparison(x, x, torch.rand_like(x))
    with pytest.raises(TrainingError, match="gives no verdict"):
        Verdict()(without)


def test_the_bundle_judges_as_torch_does_and_holds_no_labelled_window(tmp_path: Path) -> None:
    anomalies = with_tones(10)
    net = trained(anomalies, steps=3)
    detector = Detector(STANDARDISE, net, Verdict()).eval()
    bundle = export_bundle(tmp_path / "b", detector, tiny_card("dra"), tiny_windows(36, seed=1))
    assert max(v for k, v in bundle.manifest.parity.items() if k.endswith("relative")) < 1e-4
    for n in (1, 5):
        with torch.no_grad():
            expected = detector(torch.from_numpy(tiny_windows(n, seed=3)))[0].numpy()
        found = open_engine(bundle).infer(tiny_windows(n, seed=3)).score
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    arrays = [
        onnx.numpy_helper.to_array(t) for t in onnx.load(bundle.folder / "model.onnx").graph.initializer
    ]
    assert all(array.size < anomalies[0].numel() or FRAMES not in array.shape for array in arrays)
    for windows in (anomalies, net.references):
        pattern = windows[0, 0, :4].numpy().tobytes()
        assert all(pattern not in path.read_bytes() for path in bundle.folder.iterdir())
        assert all(pattern not in tensor.numpy().tobytes() for tensor in net.state_dict().values())


def test_gradients_reach_all_parameters_and_the_seen_head_only_where_it_has_something_to_learn() -> None:
    for anomalies, silent in ((with_tones(3), set()), (NONE, {"heads.seen.weight", "heads.seen.bias"})):
        net = model(anomalies).train()
        net.training_loss(normal(16), squared_error, torch.Generator().manual_seed(0)).backward()  # type: ignore[no-untyped-call]
        assert silent == {n for n, p in net.named_parameters() if p.grad is None or not bool(p.grad.any())}


def trained_on(store: LogMelStore, checkpoint: Checkpoint | None) -> dict[str, Tensor]:
    seed_everything(0)
    net = model(with_tones(3))
    settings = TrainingSettings(epochs=3, batch_windows=16, hop_frames=8)
    train_reconstructor(net, STANDARDISE, store, (("a",), ("b",)), settings, checkpoint)
    return net.state_dict()


def test_a_training_that_was_cut_short_goes_on_to_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tiny_windows(16, seed=4).transpose(0, 2, 1)
    (tmp_path / "rows").write_bytes(np.ascontiguousarray(rows).tobytes())
    runs = [Run("a", 0, 12 * FRAMES), Run("b", 12 * FRAMES, 16 * FRAMES)]
    store = LogMelStore(tmp_path / "rows", PARAMETERS, runs, (), frames=FRAMES)
    whole = trained_on(store, None)
    checkpoint, save = Checkpoint(tmp_path, {"test": 1}), TrainingState.save

    def save_and_stop(state: TrainingState, kept: Checkpoint) -> None:
        save(state, kept)
        if len(state.history) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(TrainingState, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            trained_on(store, checkpoint)
    resumed = trained_on(store, checkpoint)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


class Fixed(FeatureMap):
    """Frozen features with a batch norm, whose statistics must not move."""

    channels = 1

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.requires_grad_(requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.norm(nn.functional.avg_pool2d(x.unsqueeze(1), 4))
        return pooled


def test_frozen_features_stay_as_they_are_while_the_heads_learn() -> None:
    net = DraDetector(MEL, FRAMES, features=Fixed()).train()
    net.take_in(sound())
    net.training_loss(normal(16), squared_error, torch.Generator().manual_seed(0)).backward()  # type: ignore[no-untyped-call]
    assert 0 == int(net.features.norm.num_batches_tracked)  # type: ignore[union-attr, arg-type]
    assert net.heads.pseudo.weight.grad is not None
    assert all(p.grad is None for p in net.features.parameters())


def test_kinds_that_learn_from_normal_sound_refuse_labelled_anomalies() -> None:
    net = make_model(ModelDesign("ae", WIDTHS), mel=MEL, frames=FRAMES)
    net.take_in(sound())
    with pytest.raises(TrainingError, match="learns from normal sound only"):
        net.take_in(sound(with_tones(2)))
    with pytest.raises(TrainingError, match="needs normal windows as references"):
        model().take_in(sound()._replace(references=NONE))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"deviation": "cubic"}, "give absolute, squared"),
        ({"scales": 0}, "at least 1"),
        ({"top_share": 0.0}, "above 0 and at most 1"),
        ({"pseudo_share": 1.0}, "between 0 and 1"),
    ],
)
def test_settings_that_cannot_be_trained_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TrainingError, match=complaint):
        replace(DraSettings(), **change)
