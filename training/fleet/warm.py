"""Importing this does once, in the server that tasks are forked from, what every training would do first.

Torch imports its determinism and its exporter on first use: two seconds, more than a small training takes.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch
from torch import Tensor, nn

from engines.build.export import write_onnx
from training.fleet import evaluate_work, score_work, train_work
from training.seeding import seed_everything

__all__ = ["evaluate_work", "score_work", "train_work"]


class _Nothing(nn.Module):
    """Has the outputs of every model and no weights."""

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return logmel.mean((1, 2)), logmel + 0.0, logmel * 1.0


def _warm() -> None:
    torch.set_num_threads(1)  # a fork must find no pool of threads
    seed_everything(0)
    with tempfile.TemporaryDirectory() as folder:
        write_onnx(Path(folder) / "nothing.onnx", _Nothing(), (2, 2))


_warm()
