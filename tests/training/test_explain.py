"""Attributions are the derivatives that they say they are, of what they say, for every kind of model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from tiny_detector import FRAMES, MEL, tiny_detector, tiny_windows
from torch import Tensor, nn

from monitor.messages import Float32
from training.detector import Detector, Standardiser
from training.errors import TrainingError
from training.evaluation.measures import auc
from training.explain import (
    ATTRIBUTIONS,
    OURS,
    PAPER,
    AttributionSettings,
    Objective,
    attribute,
    completeness_gap,
    defined_methods,
)
from training.explain.gradcam import LAYERS
from training.heads import MeanError, fit_joint_views
from training.losses import PerBinLoss
from training.models import MODELS, TAUGHT, ModelDesign, make_model
from training.models.reconstructor import Reconstructor

KINDS = sorted(MODELS)
JUDGE_FEATURES = ("dra", "hfrae")
CASES = [(kind, OURS) for kind in KINDS] + [(kind, PAPER) for kind in KINDS if kind not in JUDGE_FEATURES]
NAMED = [f"{kind}-{'ours' if settings is OURS else 'paper'}" for kind, settings in CASES]
FEW = {"smooth_samples": 3, "path_steps": 4, "shap_samples": 3}
"""Enough to see that everything runs."""


@pytest.fixture(scope="module")
def detector_of_kind() -> Callable[[str], Detector]:
    made: dict[str, Detector] = {}

    def detector(kind: str) -> Detector:
        if kind not in made:
            made[kind] = _hfrae() if kind == "hfrae" else tiny_detector(kind)
        return made[kind]

    return detector


def _hfrae() -> Detector:
    windows = torch.from_numpy(tiny_windows(40))
    standardiser = Standardiser(windows.mean((0, 2)), windows.std((0, 2)))
    torch.manual_seed(0)
    model = make_model(ModelDesign("hfrae", (4, 8, 8), encoder="own"), mel=MEL, frames=FRAMES)
    with torch.no_grad():
        model.settle(lambda: iter([standardiser(windows)]))
    return Detector(standardiser, model, MeanError()).eval()


class Silent(Reconstructor):
    """Takes the mean of every band for normal, so that all derivatives are known."""

    kind = "ae"

    def training_loss(self, x: Tensor, loss: PerBinLoss, generator: torch.Generator) -> Tensor:
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)


def silent() -> Detector:
    return Detector(Standardiser(torch.zeros(MEL), torch.ones(MEL)), Silent(), MeanError()).eval()


def with_burst(n: int, at: int) -> Float32:
    """Windows with four frames, from `at` on, that are far louder."""
    windows = tiny_windows(n, seed=21)
    windows[:, :, at : at + 4] += 2.0
    return windows


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=NAMED)
def test_every_kind_is_explained_by_every_method_that_is_defined_for_it(
    detector_of_kind: Callable[[str], Detector], kind: str, settings: AttributionSettings
) -> None:
    detector, windows = detector_of_kind(kind), tiny_windows(2, seed=5)
    for method in defined_methods(kind):
        found = attribute(detector, windows, method, replace(settings, **cast("Any", FEW)))
        assert (2, MEL, FRAMES) == found.map.shape, method
        assert np.float32 == found.map.dtype == found.curve.dtype
        assert np.isfinite(found.map).all(), method
        assert found.map.std() > 0, method
        assert ATTRIBUTIONS[method].signed or found.map.min() >= 0, method
        np.testing.assert_allclose(found.map.sum(1), found.curve, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", JUDGE_FEATURES)
def test_the_error_of_a_reconstruction_that_decides_nothing_is_refused(
    detector_of_kind: Callable[[str], Detector], kind: str
) -> None:
    with pytest.raises(TrainingError, match=f"kind {kind} judges features.*take settings 'ours'"):
        attribute(detector_of_kind(kind), tiny_windows(1), "saliency", PAPER)


def test_a_kind_without_a_map_has_no_gradcam(detector_of_kind: Callable[[str], Detector]) -> None:
    with pytest.raises(TrainingError, match="Grad-CAM is not defined for kind dense"):
        attribute(detector_of_kind("dense"), tiny_windows(1), "gradcam", OURS)
    assert set(ATTRIBUTIONS) - {"gradcam"} == set(defined_methods("dense"))
    assert set(MODELS) - {"dense"} | {TAUGHT} == set(LAYERS)


def test_a_method_that_nobody_knows_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(TrainingError, match="'lime' is not known; known are error_map, saliency"):
        attribute(silent(), tiny_windows(1), "lime")


@pytest.mark.parametrize(
    "options", [{"scalar": "loss"}, {"units": "dB"}, {"smooth_samples": 0}, {"shap_sigma": -1.0}]
)
def test_settings_that_mean_nothing_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(TrainingError, match=r"give |must be"):
        replace(OURS, **cast("Any", options))


@pytest.mark.parametrize("settings", [PAPER, OURS], ids=["paper", "ours"])
def test_of_a_mean_of_squares_every_method_gives_what_can_be_worked_out(
    settings: AttributionSettings,
) -> None:
    x, bins = tiny_windows(2, seed=6), MEL * FRAMES
    found = {name: attribute(silent(), x, name, settings).map for name in ATTRIBUTIONS if name != "gradcam"}
    np.testing.assert_allclose(np.square(x), found["error_map"], rtol=1e-5)
    np.testing.assert_allclose(np.abs(2 * x) / bins, found["saliency"], rtol=1e-4)
    np.testing.assert_allclose(np.square(x) / bins, found["integrated_gradients"], rtol=1e-3, atol=1e-9)
    # by lot: the mean of x (x + noise) 2 a / bins over a in [0, 1]
    assert 0.98 < np.corrcoef(np.square(x).ravel(), found["gradshap"].ravel())[0, 1]
    assert 0.99 < np.corrcoef(np.abs(x).ravel(), found["smoothgrad"].ravel())[0, 1]


@pytest.mark.parametrize(("kind", "settings"), CASES, ids=NAMED)
def test_gradients_are_those_of_finite_differences(kind: str, settings: AttributionSettings) -> None:
    detector = _hfrae() if kind == "hfrae" else tiny_detector(kind)
    objective = Objective(detector.double(), settings)
    x = objective.values_of_logmel(objective.tensor(tiny_windows(2, seed=7))).requires_grad_()
    assert torch.float64 == x.dtype
    (gradient,) = torch.autograd.grad(objective.score(x).sum(), x)
    step = 1e-6
    for seed in range(3):
        way = torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        with torch.no_grad():
            slope = (objective.score(x + step * way) - objective.score(x - step * way)) / (2 * step)
        np.testing.assert_allclose((gradient * way).sum((1, 2)).numpy(), slope.numpy(), rtol=1e-3, atol=1e-7)


@pytest.mark.parametrize("kind", ["ae", "mae", "dae"])
@pytest.mark.parametrize("settings", [PAPER, OURS], ids=["paper", "ours"])
def test_integrated_gradients_add_up_to_what_the_score_gained(
    detector_of_kind: Callable[[str], Detector], kind: str, settings: AttributionSettings
) -> None:
    detector, windows = detector_of_kind(kind), with_burst(2, at=9)
    gaps = []
    for steps in (4, 400):
        exact = replace(settings, path_steps=steps)
        maps = attribute(detector, windows, "integrated_gradients", exact).map
        gaps.append(completeness_gap(detector, windows, maps, exact).max())
    assert gaps[1] < 0.02
    assert gaps[1] < gaps[0]


def test_fifty_steps_leave_a_gap_of_less_than_five_percent(
    detector_of_kind: Callable[[str], Detector],
) -> None:
    detector, windows = detector_of_kind("mae"), with_burst(3, at=9)
    maps = attribute(detector, windows, "integrated_gradients", OURS).map
    assert completeness_gap(detector, windows, maps, OURS).max() < 0.05
    assert completeness_gap(detector, windows, 1.2 * maps, OURS).min() > 0.1


@pytest.mark.parametrize("kind", ["ae", "mae", "memae", "skip_transformer", "dae"])
def test_gradcam_is_captums_where_a_layer_is_called_once(
    detector_of_kind: Callable[[str], Detector], kind: str
) -> None:
    detector, windows = detector_of_kind(kind), with_burst(2, at=9)
    objective = Objective(detector, OURS)
    (place,) = LAYERS[kind](detector.reconstructor)
    x = objective.values_of_logmel(objective.tensor(windows)).requires_grad_()
    theirs = LayerGradCam(objective.score, place.module).attribute(x, relu_attributions=False)
    sized = nn.functional.interpolate(theirs, (MEL, FRAMES), mode="bilinear", align_corners=False)
    expected = sized.detach().reshape(2, -1, MEL, FRAMES).sum(1).numpy()
    found = attribute(detector, windows, "gradcam", OURS).map
    np.testing.assert_allclose(expected, found, rtol=1e-3, atol=1e-5 * np.abs(expected).max())


def test_gradcam_of_dra_sees_both_scales(detector_of_kind: Callable[[str], Detector]) -> None:
    detector = detector_of_kind("dra")
    (place,) = LAYERS["dra"](detector.reconstructor)
    objective, sizes = Objective(detector, OURS), []
    handle = place.module.register_forward_hook(lambda _m, _i, output: sizes.append(output.shape[3]))
    objective.score_arrays(objective.values_arrays(tiny_windows(1)))
    handle.remove()
    assert [FRAMES // 4, FRAMES // 8] == sizes


@pytest.mark.parametrize("method", ATTRIBUTIONS)
def test_a_map_hangs_on_the_seed_alone_and_not_on_its_company(
    detector_of_kind: Callable[[str], Detector], method: str
) -> None:
    detector, windows = detector_of_kind("mae"), tiny_windows(3, seed=8)
    settings = replace(OURS, **cast("Any", FEW))
    np.random.seed(3)  # noqa: NPY002 - the global generator is what must not matter
    whole = attribute(detector, windows, method, settings).map
    alone = attribute(detector, windows[2:], method, settings).map
    np.testing.assert_allclose(whole[2:], alone, rtol=1e-3, atol=1e-6 * float(np.abs(alone).max()))
    other = attribute(detector, windows, method, replace(settings, seed=2)).map
    assert ATTRIBUTIONS[method].draws != np.allclose(whole, other)


def test_the_global_generators_stay_where_they_were() -> None:
    torch.manual_seed(4)
    np.random.seed(4)  # noqa: NPY002 - the global generator is what is looked at
    kept = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]  # noqa: NPY002
    attribute(silent(), tiny_windows(1), "gradshap")
    assert torch.equal(kept[0], torch.get_rng_state())
    np.testing.assert_array_equal(kept[1], np.random.get_state()[1])  # type: ignore[index]  # noqa: NPY002


def test_samples_in_small_portions_explain_alike(
    detector_of_kind: Callable[[str], Detector], monkeypatch: pytest.MonkeyPatch
) -> None:
    detector, windows = detector_of_kind("ae"), with_burst(1, at=9)
    whole = {name: attribute(detector, windows, name).map for name in ATTRIBUTIONS}
    monkeypatch.setattr("training.explain.attributions.BINS_AT_ONCE", 7 * MEL * FRAMES)
    for name, expected in whole.items():
        found = attribute(detector, windows, name).map
        alike = np.corrcoef(expected.ravel(), found.ravel())[0, 1]
        assert alike > (0.9 if ATTRIBUTIONS[name].draws else 0.9999), name
        assert 0.8 < found.std() / expected.std() < 1.25, name


@pytest.mark.parametrize("method", [name for name in ATTRIBUTIONS if name != "gradcam"])
def test_a_curve_is_at_chance_on_normal_sound_and_right_on_a_burst(
    detector_of_kind: Callable[[str], Detector], method: str
) -> None:
    detector, n = detector_of_kind("ae"), 24
    settings = replace(PAPER, units="standardised", **cast("Any", FEW))
    wrong = np.zeros(FRAMES, bool)
    wrong[12:16] = True

    def area(windows: Float32) -> float:
        curves = attribute(detector, windows, method, settings).curve
        return float(np.mean([auc(wrong, curve) or 0.0 for curve in curves]))

    assert abs(area(tiny_windows(n, seed=9)) - 0.5) < 0.12
    assert area(with_burst(n, at=12)) > 0.9


def test_the_unmasked_pass_is_what_the_papers_error_is_taken_of(
    detector_of_kind: Callable[[str], Detector],
) -> None:
    windows = tiny_windows(2, seed=10)
    paper, ours = (Objective(detector_of_kind("mae"), settings) for settings in (PAPER, OURS))
    seen = paper.reconstruction_arrays(windows)
    hidden = ours.reconstruction_arrays(ours.values_arrays(windows))
    restored = detector_of_kind("mae").standardiser.restored(torch.from_numpy(hidden)).numpy()
    assert np.abs(seen - restored).max() > 0.005
    expected = np.square(seen - windows).mean((1, 2))
    np.testing.assert_allclose(expected, paper.score_arrays(windows), rtol=1e-5)


def test_the_joint_head_is_explained_too() -> None:
    detector = tiny_detector("mdae")
    learned, unseen = (detector.compare(torch.from_numpy(tiny_windows(60, seed=seed))) for seed in (2, 3))
    with torch.no_grad():
        detector.head = fit_joint_views([learned], [unseen])
    windows = with_burst(2, at=9)
    scores = Objective(detector, OURS)
    expected, *_ = detector(torch.from_numpy(windows))
    np.testing.assert_allclose(
        expected.detach().numpy(), scores.score_arrays(scores.values_arrays(windows)), rtol=1e-4
    )
    assert attribute(detector, windows, "integrated_gradients").map.std() > 0
