"""The memory gives back sparse mixtures of its items, always something, and says how many it uses."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as nps
from tiny_detector import FRAMES, MEL, WIDTHS, tiny_bundle, tiny_detector, tiny_windows
from torch import Tensor

from engines.runtime import open_engine
from training.errors import TrainingError
from training.losses import squared_error
from training.models import ModelDesign, make_model
from training.models.memae import Memory, MemoryAutoencoder, MemorySettings, entropy, shrink

GENERATOR = torch.Generator()
SMALL = MemorySettings(items=12, channels=8)

logits = nps.arrays(np.float32, (3, 12), elements=st.floats(-30, 30, width=32))
quick = settings(deadline=None, max_examples=60)
limits = st.sampled_from([0.0, 0.5 / 12, 2 / 12, 6 / 12, 0.99])


def batch(n: int = 6) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((n, MEL, FRAMES)).astype(np.float32))


def model(settings: MemorySettings = SMALL) -> MemoryAutoencoder:
    torch.manual_seed(0)
    return MemoryAutoencoder(MEL, widths=WIDTHS, memory=settings)


@quick
@given(logits, limits)
def test_shrunk_weights_are_a_mixture_without_those_up_to_the_limit(rows: np.ndarray, limit: float) -> None:
    weights = torch.softmax(torch.from_numpy(rows), -1)
    kept = shrink(weights, limit)
    torch.testing.assert_close(kept.sum(-1), torch.ones(3))
    assert bool((kept >= 0).all())
    survivors = (weights > limit).any(-1)
    assert bool((kept[survivors][weights[survivors] <= limit] == 0).all())


@quick
@given(logits, limits)
def test_where_no_weight_is_above_the_limit_the_nearest_item_answers(rows: np.ndarray, limit: float) -> None:
    weights = torch.softmax(torch.from_numpy(rows) / 30, -1)
    for row, kept in zip(weights, shrink(weights, limit), strict=True):
        if bool((row <= limit).all()):
            nearest = row == row.max()
            torch.testing.assert_close(kept, nearest.float() / nearest.sum())


@quick
@given(logits, limits)
def test_shrinkage_far_from_the_limit_is_the_sources(rows: np.ndarray, limit: float) -> None:
    """With weights at least 200 ramps above the limit or below it, the ramp makes half a per cent."""
    weights = torch.softmax(torch.from_numpy(rows), -1)
    limit = limit / 100
    if bool(((weights > limit) & (weights < 21 * limit)).any()):
        return
    source = torch.relu(weights - limit) * weights / ((weights - limit).abs() + 1e-12)
    torch.testing.assert_close(
        shrink(weights, limit), source / source.sum(-1, keepdim=True), rtol=0.01, atol=1e-6
    )


def test_a_rounding_across_the_limit_hardly_changes_the_mixture() -> None:
    below = torch.tensor([[0.5, 0.2 - 1e-6, 0.3 + 1e-6]])
    above = torch.tensor([[0.5, 0.2 + 1e-6, 0.3 - 1e-6]])
    assert float((shrink(below, 0.2) - shrink(above, 0.2)).abs().max()) < 1e-4


def test_an_encoder_whose_queries_find_no_item_still_learns() -> None:
    weights = torch.full((1, 12), 1 / 12) + torch.linspace(-0.01, 0.01, 12)
    weights.requires_grad_()
    kept = shrink(weights, 2 / 12)
    assert [0.0] * 11 + [1.0] == kept[0].tolist()
    (kept * torch.arange(12.0)).sum().backward()  # type: ignore[no-untyped-call]
    assert weights.grad is not None
    assert int((weights.grad != 0).sum()) >= 11


def test_no_shrinkage_leaves_the_weights_as_they_are() -> None:
    weights = torch.softmax(torch.randn(4, 12, generator=GENERATOR), -1)
    torch.testing.assert_close(shrink(weights, 0.0), weights)


def test_cosine_ignores_how_loud_a_query_is_and_the_inner_product_does_not() -> None:
    queries = torch.randn(5, 8, generator=GENERATOR)
    torch.manual_seed(0)
    cosine, inner = (Memory(replace(SMALL, addressing=kind)) for kind in ("cosine", "inner_product"))
    torch.testing.assert_close(cosine.addresses(queries), cosine.addresses(3 * queries))
    assert not torch.allclose(inner.addresses(queries), inner.addresses(30 * queries))


def test_an_item_asked_for_exactly_is_what_is_given_back_when_the_temperature_is_high() -> None:
    memory = Memory(replace(SMALL, temperature=200.0))
    torch.testing.assert_close(memory.read(memory.addresses(memory.items)), memory.items, atol=1e-3, rtol=0)


@pytest.mark.parametrize("addressing", ["cosine", "inner_product"])
@pytest.mark.parametrize("row_embedding", [True, False])
def test_gradients_reach_all_parameters(
    addressing: Literal["cosine", "inner_product"], *, row_embedding: bool
) -> None:
    memory = replace(SMALL, addressing=addressing, row_embedding=row_embedding)
    net = model(memory).train()
    net.training_loss(batch(), squared_error, GENERATOR).backward()  # type: ignore[no-untyped-call]
    silent = [n for n, p in net.named_parameters() if p.grad is None or not float(p.grad.abs().sum()) > 0]
    assert [] == silent


def test_the_training_loss_is_the_mean_error_plus_the_weighted_entropy() -> None:
    net = model(replace(SMALL, entropy_weight=0.5)).eval()
    x = batch()
    with torch.no_grad():
        found = float(net.training_loss(x, squared_error, GENERATOR))
        weights = net.addresses(x).double().numpy()
        error = float((net(x) - x).square().mean())
    disorder = -(weights * np.log(weights + 1e-12)).sum(-1).mean()
    assert error + 0.5 * disorder == pytest.approx(found, rel=1e-4)
    assert disorder > 0.1


@quick
@given(logits)
def test_entropy_lies_between_one_item_and_all(rows: np.ndarray) -> None:
    found = entropy(torch.softmax(torch.from_numpy(rows), -1))
    assert bool((found > -1e-5).all())
    assert bool((found <= math.log(12) + 1e-5).all())


@quick
@given(st.integers(0, 1000), st.floats(0.1, 300.0), st.floats(0.0, 8.0))
def test_usage_lies_between_one_and_all_items(seed: int, temperature: float, shrinkage: float) -> None:
    torch.manual_seed(seed)
    memory = replace(SMALL, temperature=temperature, shrinkage=shrinkage)
    net = MemoryAutoencoder(MEL, widths=WIDTHS, memory=memory).eval()
    assert 1.0 <= net.usage(batch(2)) <= 12.0


def test_a_collapsed_memory_uses_one_item_and_one_that_cannot_choose_uses_all() -> None:
    net = model(replace(SMALL, addressing="inner_product", shrinkage=0.0, row_embedding=False)).eval()
    torch.nn.init.zeros_(net.memory.items)
    assert 12.0 == pytest.approx(net.usage(batch()), rel=1e-5)
    net.to_query.bias = torch.nn.Parameter(torch.ones(8))
    torch.nn.init.zeros_(net.to_query.weight)
    net.memory.items.data[3] = 100.0
    assert 1.0 == pytest.approx(net.usage(batch()), rel=1e-5)


def test_the_row_embedding_lets_the_same_texture_ask_for_other_items_in_other_bands() -> None:
    net = model().eval()
    torch.nn.init.zeros_(net.to_query.weight)
    addresses = net.addresses(batch(1))
    assert not torch.allclose(addresses[:, 0], addresses[:, 1])
    assert torch.allclose(addresses[:, 0, 0], addresses[:, 0, 1])


def test_the_decoder_sees_only_what_the_memory_holds() -> None:
    net = model().eval()
    net.memory.items.data[:] = net.memory.items.data[0].clone()
    one, other = net(batch(2))
    torch.testing.assert_close(one, other)


def test_windows_of_the_default_size_are_remembered_at_an_eighth_of_their_resolution() -> None:
    net = make_model(ModelDesign("memae", (4, 4, 4, 4)), mel=128, frames=64).eval()
    assert isinstance(net, MemoryAutoencoder)
    x = torch.zeros(1, 128, 64)
    assert (1, 16, 8, 128) == tuple(net.addresses(x).shape)
    assert x.shape == net(x).shape


def test_the_bundle_judges_one_window_and_five_as_torch_does(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "b", "memae")
    assert max(v for k, v in bundle.manifest.parity.items() if k.endswith("relative")) < 1e-4
    for n in (1, 5):
        with torch.no_grad():
            expected = tiny_detector("memae")(torch.from_numpy(tiny_windows(n, seed=3)))[0].numpy()
        found = open_engine(bundle).infer(tiny_windows(n, seed=3)).score
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"items": 1}, "at least 2 items"),
        ({"shrinkage": 12.0}, "below the number of items"),
        ({"temperature": 0.0}, "must be above 0"),
        ({"addressing": "euclid"}, "give cosine or inner_product"),
    ],
)
def test_settings_that_make_no_memory_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TrainingError, match=complaint):
        replace(SMALL, **change)
