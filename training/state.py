"""Where a training stands after an epoch, and the checkpoint from which it goes on after a kill.

    checkpoint-<epochs>.safetensors     weights, best weights, optimiser, states of chance that are tensors
    checkpoint.json                     all else, and the name of the tensors' file; written last

Nothing in a checkpoint is code: reading one runs nothing. A training that goes on from it ends with the
same weights as one that was never stopped, on the same machine with the same number of threads.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import torch
from safetensors.torch import load_file, save
from torch import Tensor

from monitor.errors import StoreError
from monitor.store.files import write_whole
from training.errors import CheckpointError
from training.models.reconstructor import Reconstructor

CHECKPOINT = "checkpoint.json"
TENSORS = "checkpoint-*.safetensors"
FORM = 1
"""Version of this form of checkpoint."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training sound brought."""

    training_loss: float
    """Mean over its windows, each with the weights of its own step."""
    validation_loss: float
    """Mean over the held-out windows after the pass, with the same masks each time."""


@dataclass(frozen=True, slots=True)
class TrainingHistory:
    """How the training went."""

    epochs: tuple[Epoch, ...]
    """In order; fewer than the settings allow after an early stop."""
    best_epoch: int
    """Index of the epoch whose weights were kept."""

    @property
    def best_validation_loss(self) -> float:
        """The validation loss of the kept weights."""
        return self.epochs[self.best_epoch].validation_loss


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where the states of one training are kept."""

    folder: Path
    """Exists; nothing else is called checkpoint there."""
    identity: Mapping[str, Any]
    """JSON of what decides the weights: kind, settings, sound. A state of another training is refused."""

    @property
    def is_there(self) -> bool:
        """Whether a state was kept."""
        return (self.folder / CHECKPOINT).exists()


@dataclass(slots=True)
class TrainingState:
    """All that changes while a model is trained. Not thread-safe."""

    model: Reconstructor
    """On the device where it is trained."""
    optimiser: torch.optim.Optimizer
    """Of the model's weights."""
    schedule: torch.optim.lr_scheduler.LRScheduler
    """Of the optimiser's learning rate, stepped once an epoch."""
    draws: np.random.Generator
    """Order of the windows."""
    generator: torch.Generator
    """Masks; on the CPU."""
    best_weights: dict[str, Tensor]
    """Those of the epoch with the lowest validation loss."""
    history: list[Epoch] = field(default_factory=list)
    """One entry a finished epoch."""
    best_epoch: int = 0
    """Index of the lowest validation loss in `history`."""

    def add(self, epoch: Epoch) -> None:
        """Note an epoch, and keep the weights if it is the best so far."""
        self.history.append(epoch)
        if len(self.history) == 1 or epoch.validation_loss < self.history[self.best_epoch].validation_loss:
            self.best_epoch = len(self.history) - 1
            self.best_weights = copy.deepcopy(self.model.state_dict())

    def save(self, checkpoint: Checkpoint) -> None:
        """Write the state, in place of an older one, whole or not at all.

        Raises:
            CheckpointError: The disk refuses; the older one stays.
        """
        folder = checkpoint.folder
        name = TENSORS.replace("*", str(len(self.history)))
        tree = {
            "form": FORM,
            "identity": checkpoint.identity,
            "tensors": name,
            "history": [asdict(epoch) for epoch in self.history],
            "best_epoch": self.best_epoch,
            "groups": [_plain_values(group) for group in self.optimiser.state_dict()["param_groups"]],
            "schedule": _plain_values(self.schedule.state_dict()),
            "draws": self.draws.bit_generator.state,
        }
        try:
            write_whole(folder / name, save(_portable(self._tensors())), below=folder)
            write_whole(folder / CHECKPOINT, json.dumps(tree).encode(), below=folder)
        except StoreError as error:
            raise CheckpointError(
                f"{error.__cause__ or error}: free some space, then add --resume"
            ) from error
        for path in folder.glob(TENSORS):
            if path.name != name:
                path.unlink()

    def restore(self, checkpoint: Checkpoint) -> None:
        """Take over the state that was saved last; without one, change nothing.

        Raises:
            CheckpointError: It is damaged or belongs to another training.
        """
        path = checkpoint.folder / CHECKPOINT
        if not path.exists():
            return
        try:
            tree = json.loads(path.read_text(encoding="utf-8"))
            tensors = load_file(checkpoint.folder / str(tree["tensors"]))
            identity = tree["identity"]
        except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
            raise CheckpointError(f"{path}: cannot be read ({error!r}); start anew with --force") from error
        self._refuse_another(path, identity, checkpoint)
        try:
            self._take_over(tree, tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise CheckpointError(f"{path}: is not whole ({error!r}); start anew with --force") from error

    @staticmethod
    def _refuse_another(path: Path, found: Any, checkpoint: Checkpoint) -> None:  # noqa: ANN401 - any JSON
        wanted = json.loads(json.dumps(checkpoint.identity))
        if found == wanted:
            return
        keys = wanted.keys() | found.keys() if isinstance(found, dict) else wanted.keys()
        differing = sorted(
            key for key in keys if not isinstance(found, dict) or found.get(key) != wanted.get(key)
        )
        raise CheckpointError(
            f"{path}: was made with other {', '.join(differing)}; resume with the same arguments and sound, "
            "or start anew with --force"
        )

    def _take_over(self, tree: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        self.model.load_state_dict(_below(tensors, "model"))
        self.best_weights = _below(tensors, "best")
        optimiser = self.optimiser.state_dict()
        state: dict[int, dict[str, Tensor]] = {}
        for key, tensor in _below(tensors, "optimiser").items():
            index, name = key.split(".", 1)
            state.setdefault(int(index), {})[name] = tensor
        groups = [
            {**fresh, **saved} for fresh, saved in zip(optimiser["param_groups"], tree["groups"], strict=True)
        ]
        self.optimiser.load_state_dict({"state": state, "param_groups": groups})
        self.schedule.load_state_dict(tree["schedule"])
        self.draws.bit_generator.state = tree["draws"]
        self.generator.set_state(tensors["chance.masks"])
        torch.set_rng_state(tensors["chance.torch"])
        if "chance.cuda" in tensors:
            torch.cuda.set_rng_state(tensors["chance.cuda"])
        self.history[:] = [Epoch(**epoch) for epoch in tree["history"]]
        self.best_epoch = int(tree["best_epoch"])

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{key}": tensor for key, tensor in self.model.state_dict().items()}
        tensors |= {f"best.{key}": tensor for key, tensor in self.best_weights.items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{index}.{key}": tensor for key, tensor in values.items()}
        tensors |= {"chance.masks": self.generator.get_state(), "chance.torch": torch.get_rng_state()}
        if next(self.model.parameters()).is_cuda:
            tensors["chance.cuda"] = torch.cuda.get_rng_state()
        return tensors


def _portable(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return copies that share no memory, which safetensors refuses to write."""
    return {key: tensor.detach().cpu().clone().contiguous() for key, tensor in tensors.items()}


def _below(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    start = prefix + "."
    return {key[len(start) :]: tensor for key, tensor in tensors.items() if key.startswith(start)}


def _plain_values(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return what JSON gives back as it was: a tuple or None would not, and never changes in training."""
    return {
        key: value
        for key, value in tree.items()
        if isinstance(value, (bool, int, float, str)) or (isinstance(value, list) and key != "params")
    }
