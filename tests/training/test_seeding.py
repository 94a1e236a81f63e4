"""One call makes every source of chance repeatable."""

from __future__ import annotations

import random

import numpy as np
import torch

from training.seeding import seed_everything


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))  # noqa: NPY002 - third parties use it


def test_the_same_seed_gives_the_same_draws_everywhere_and_another_seed_others() -> None:
    seed_everything(3)
    first = draws()
    seed_everything(3)
    assert first == draws()
    seed_everything(4)
    assert all(one != other for one, other in zip(first, draws(), strict=True))


def test_operations_without_a_deterministic_form_are_refused() -> None:
    seed_everything(0)
    assert torch.are_deterministic_algorithms_enabled()
