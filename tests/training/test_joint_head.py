"""The joint head weighs views by how far normal recordings stray; the choice goes by pseudo anomalies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from training.errors import TrainingError
from training.heads import HEADS, HeadSound, TopBins, WorstStretch, choose_head, fit_joint_views
from training.heads.views import (
    STEADY,
    VIEWS,
    highest_error,
    offset,
    slowness,
    spectrum,
    unsteadiness,
    worst_error,
)
from training.heads.whitening import fit_whitening
from training.models import Comparison, ModelDesign, make_model

MEL, FRAMES = 16, 32


def windows(n: int, seed: int, *, offset: float = 0.0) -> Tensor:
    """Noise, each window raised or lowered as a whole by about `offset`."""
    generator = torch.Generator().manual_seed(seed)
    noise = torch.randn(n, MEL, FRAMES, generator=generator)
    return noise + offset * torch.randn(n, 1, 1, generator=generator)


def found(x: Tensor) -> Comparison:
    """What a model that predicts 0 everywhere makes of windows."""
    return Comparison(x, torch.zeros_like(x), x.square())


def sound(pseudo: Tensor) -> HeadSound:
    def of(x: Tensor) -> Iterator[Comparison]:
        return map(found, torch.split(x, 40))

    return HeadSound(lambda: of(windows(300, 0)), lambda: of(windows(120, 1)), lambda: of(pseudo))


def test_a_view_that_strays_on_unseen_recordings_weighs_little() -> None:
    learned = [found(windows(300, 0))]
    views = {"spectrum": spectrum, "unsteadiness": unsteadiness}
    steady = fit_joint_views(learned, [found(windows(200, 1))], views=views)
    straying = fit_joint_views(learned, [found(windows(200, 1, offset=2.0))], views=views)
    assert float(straying.spread[0]) > 3 * float(steady.spread[0])
    unsteady = 1
    assert float(steady.spread[unsteady]) == pytest.approx(float(straying.spread[unsteady]), rel=0.01)


def test_normal_sound_scores_about_0_and_each_view_one_unit_at_its_largest_twentieth() -> None:
    head = fit_joint_views([found(windows(600, 0))], [found(windows(400, 1))])
    with torch.no_grad():
        units = (head.distances(found(windows(400, 2))) - head.centre) / head.spread
    assert units.median(0).values.abs().max() < 0.25
    assert 0.02 < float((units > 1).float().mean()) < 0.1


def test_slowness_tells_a_swing_from_noise_of_the_same_power_and_is_blind_to_level() -> None:
    noise = windows(50, 3)
    swing = torch.sin(torch.arange(FRAMES) * 2 * torch.pi / 16).expand_as(noise) * 2**0.5
    of_noise, of_swing = slowness(1)(found(noise)), slowness(1)(found(swing))
    assert (50, 1, 3 * MEL) == tuple(of_noise.shape)
    share = of_noise.reshape(50, 3, MEL).exp().mean((0, 2))
    # the mean of n independent values has a variance of 1 / n, and 1 / FRAMES goes with the mean
    wanted = torch.tensor([(1 / n - 1 / FRAMES) / (1 - 1 / FRAMES) for n in (2, 4, 8)])
    torch.testing.assert_close(share, wanted, atol=0, rtol=0.15)
    assert float(of_swing.reshape(50, 3, MEL)[:, :2].min()) > -0.3
    assert float(of_swing.max()) < 0.05
    torch.testing.assert_close(of_noise, slowness(1)(found(7.0 * noise + 5.0)), rtol=0, atol=0.1)


def test_slowness_of_groups_is_the_mean_over_their_bands() -> None:
    x = found(windows(5, 4))
    fine = slowness(1)(x).reshape(5, 3, MEL // 8, 8).mean(3)
    torch.testing.assert_close(fine.flatten(1), slowness(8)(x).flatten(1))


def test_windows_too_short_for_the_longest_mean_are_judged_by_the_others() -> None:
    assert (4, 1, 2 * MEL) == tuple(slowness(1)(found(windows(4, 0)[:, :, :8])).shape)


def test_what_comes_and_goes_slowly_scores_higher_with_slowness_than_without() -> None:
    """A swing in noise that is as strong with it as without."""
    learned, unseen = [found(windows(600, 0))], [found(windows(400, 1))]
    swing = 1.1 * torch.sin(torch.arange(FRAMES) * 2 * torch.pi / 16)
    quiet, swinging = found(windows(300, 2)), found((1 - 1.1**2 / 2) ** 0.5 * windows(300, 5) + swing)
    aucs = {}
    for name in ("joint", "without"):
        views = {key: view for key, view in VIEWS["joint"].items() if name == "joint" or key != "slowness"}
        with torch.no_grad():
            head = fit_joint_views(learned, unseen, views=views)
            aucs[name] = float((head(swinging)[:, None] > head(quiet)[None]).float().mean())
    assert aucs["joint"] > aucs["without"] + 0.1


def test_a_constant_offset_is_in_the_spectrum_but_not_in_the_unsteadiness() -> None:
    x = windows(4, 3)
    raised = x + 3.0
    torch.testing.assert_close(unsteadiness(found(x)), unsteadiness(found(raised)), rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(spectrum(found(x)) + 3.0, spectrum(found(raised)))
    torch.testing.assert_close(offset(found(x)) + 3.0, offset(found(raised)))


def test_unsteadiness_is_of_what_the_model_left_unexplained() -> None:
    x, residual = windows(4, 3), windows(4, 4) * 5.0
    judged = found(x)._replace(residual=residual)
    expected = torch.log(residual.var(2, correction=0) + 1e-4).unsqueeze(1)
    torch.testing.assert_close(expected, unsteadiness(judged))


def test_the_distance_of_a_view_is_the_mahalanobis_distance_of_its_features() -> None:
    learned, unseen, judged = windows(200, 0), windows(100, 1), windows(5, 2)
    head = fit_joint_views([found(learned)], [found(unseen)], views={"spectrum": spectrum})
    samples = torch.cat((learned, unseen)).mean(2).double().numpy()
    whitening = fit_whitening(samples)
    inverse = whitening.matrix @ whitening.matrix.T
    centred = judged.mean(2).double().numpy() - samples.mean(0)
    expected = np.sqrt(np.einsum("nd,de,ne->n", centred, inverse, centred))
    np.testing.assert_allclose(expected, head.distances(found(judged))[:, 0].numpy(), rtol=1e-4)


def test_the_head_that_finds_the_pseudo_anomalies_is_chosen() -> None:
    louder = windows(120, 5)
    louder[:, 2, 10:14] += 4.0  # a few bins of one band
    chosen = choose_head(sound(louder))
    assert set(HEADS) - {"verdict"} == set(chosen.partial_aucs)
    assert max(chosen.partial_aucs.values()) == chosen.partial_aucs[chosen.name]
    assert chosen.partial_aucs[chosen.name] > chosen.partial_aucs["mean"]


def test_among_equals_the_first_is_chosen() -> None:
    assert next(iter(HEADS)) == choose_head(sound(windows(120, 5) * 100.0)).name


def test_a_model_with_a_verdict_may_be_judged_by_it() -> None:
    knows = sound(windows(120, 5))

    def with_verdict(x: Iterator[Comparison], value: float) -> Iterator[Comparison]:
        return (batch._replace(verdict=torch.full((len(batch.x),), value)) for batch in x)

    told = HeadSound(
        lambda: with_verdict(knows.learned(), 0.0),
        lambda: with_verdict(knows.unseen(), 0.0),
        lambda: with_verdict(knows.pseudo(), 1.0),
    )
    assert "verdict" == choose_head(told).name


def test_a_model_may_leave_only_some_heads_to_the_choice() -> None:
    chosen = choose_head(sound(windows(120, 5) * 3.0), among=("joint", "worst"))
    assert {"joint", "worst"} == chosen.partial_aucs.keys()


def test_a_denoiser_is_not_judged_by_the_map_that_learned_the_pseudo_anomalies() -> None:
    for kind in ("dae", "mdae"):
        model = make_model(ModelDesign(kind, (4, 4, 4, 4)), mel=32, frames=32)
        assert ("joint", "joint_coarse") == model.scoring_heads


def test_a_head_can_be_asked_for_by_name() -> None:
    chosen = choose_head(sound(windows(120, 5)), "worst")
    assert isinstance(chosen.head, WorstStretch)
    assert {} == chosen.partial_aucs
    with pytest.raises(TrainingError, match="scoring head 'best' is not known; known are joint"):
        choose_head(sound(windows(120, 5)), "best")


def test_too_little_unseen_sound_is_refused() -> None:
    with pytest.raises(
        TrainingError, match="2 windows of normal sound that was not learned from are too few"
    ):
        fit_joint_views([found(windows(20, 0))], [found(windows(2, 1))])


def test_top_bins_and_worst_stretch_see_what_the_mean_does_not() -> None:
    quiet = torch.zeros(1, MEL, FRAMES)
    short = quiet.clone()
    short[0, :, 20:22] = 1.0
    found_short = Comparison(quiet, quiet, short)
    assert 1.0 == float(TopBins()(found_short))
    assert 2 / 16 == pytest.approx(float(WorstStretch()(found_short)))


def test_the_highest_and_the_worst_error_are_logs_of_what_the_simple_heads_say() -> None:
    judged = found(windows(6, 3))
    top = TopBins()(judged)
    torch.testing.assert_close(torch.log(top + 1e-4), highest_error(judged)[:, 0, 0])
    quarter_seconds = judged.error_map.mean(1).unfold(1, 8, 2).mean(2).amax(1)
    torch.testing.assert_close(torch.log(quarter_seconds + 1e-4), worst_error(judged)[:, 0, 0])


def test_on_trial_the_whitening_has_not_seen_what_it_is_judged_by() -> None:
    learned, unseen = [found(windows(100, 0))], [found(windows(100, 1) * 3.0)]
    on_trial = fit_joint_views(learned, unseen, views=STEADY, only_learned=True)
    kept = fit_joint_views(learned, unseen, views=STEADY)
    with torch.no_grad():
        assert on_trial.distances(unseen[0]).mean() > 1.3 * kept.distances(unseen[0]).mean()
    assert torch.equal(on_trial.spread, kept.spread)
