"""The one place where randomness and determinism are set."""

from __future__ import annotations

import os
import random

import numpy as np
import torch


def seed_everything(seed: int) -> None:
    """Make this process's training repeatable: same seed, same machine, same thread count, same weights.

    The thread count is part of it because sums are then taken in another order; set it with
    torch.set_num_threads before. An operation without a deterministic form raises RuntimeError.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS demands it for determinism
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - third parties may draw from the global generator
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True)
