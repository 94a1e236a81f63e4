"""What is explained: one number a window, the map that belongs to it, and the reconstruction behind both."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from engines.runtime import Float32
from training.detector import Detector
from training.errors import TrainingError
from training.explain.settings import AttributionSettings
from training.models.mae import MaskedAutoencoder
from training.models.reconstructor import Reconstructor

WITHOUT_RECONSTRUCTION = ("dra", "hfrae")
"""Kinds that judge features: their `reconstruction` decides nothing, so that its error explains nothing."""


class Objective:
    """A detector with settings, in the units in which it is differentiated.

    Raises:
        TrainingError: The settings ask for the error of a reconstruction that decides nothing.
    """

    def __init__(self, detector: Detector, settings: AttributionSettings) -> None:
        kind = detector.reconstructor.kind
        if settings.scalar == "error" and kind in WITHOUT_RECONSTRUCTION:
            raise TrainingError(
                f"kind {kind} judges features, and its reconstruction decides nothing: the error of it "
                "(settings 'paper') explains nothing; take settings 'ours', the bundle's own score"
            )
        self.detector = detector
        self.settings = settings

    @property
    def kind(self) -> str:
        """Of the model."""
        return self.detector.reconstructor.kind

    def values_of_logmel(self, logmel: Tensor) -> Tensor:
        """Return raw log-mel, shape (n, mel, frames), in the units of the settings."""
        if self.settings.units == "raw":
            return logmel
        standardised: Tensor = self.detector.standardiser(logmel)
        return standardised

    def score(self, values: Tensor) -> Tensor:
        """Return what is differentiated, shape (n,), of values in the units of the settings."""
        if self.settings.scalar == "error":
            return self.error_map(values).mean((1, 2))
        score: Tensor = self.detector.head(self.detector.reconstructor.compare(self._standardised(values)))
        return score

    def error_map(self, values: Tensor) -> Tensor:
        """Return (g(x) - x)^2 bin by bin, or the bundle's own error map, shape (n, mel, frames)."""
        if self.settings.scalar == "error":
            return (self.reconstruction(values) - values).square()
        return self.detector.reconstructor.compare(self._standardised(values)).error_map

    def reconstruction(self, values: Tensor) -> Tensor:
        """Return what normal sound would have been there, in the same units, shape (n, mel, frames).

        The bundle's own, or g: in one pass that sees all, whatever the bundle is scored by.
        """
        model, x = self.detector.reconstructor, self._standardised(values)
        found = unmasked(model, x) if self.settings.scalar == "error" else model.compare(x).reconstruction
        if self.settings.units == "raw":
            return self.detector.standardiser.restored(found)
        return found

    def _standardised(self, values: Tensor) -> Tensor:
        if self.settings.units == "standardised":
            return values
        standardised: Tensor = self.detector.standardiser(values)
        return standardised

    def tensor(self, values: Float32) -> Tensor:
        """Return an array as a tensor of the detector's own precision."""
        return torch.from_numpy(values).to(self.detector.standardiser.mean.dtype)

    def values_arrays(self, logmel: Float32) -> Float32:
        """Return raw log-mel, shape (n, mel, frames), in the units of the settings."""
        with torch.no_grad():
            return _array(self.values_of_logmel(self.tensor(logmel)))

    def logmel_arrays(self, values: Float32) -> Float32:
        """Return raw log-mel of values in the units of the settings, shape (n, mel, frames)."""
        if self.settings.units == "raw":
            return values
        with torch.no_grad():
            return _array(self.detector.standardiser.restored(self.tensor(values)))

    def reconstruction_arrays(self, values: Float32) -> Float32:
        """Return reconstruction() of an array."""
        with torch.no_grad():
            return _array(self.reconstruction(self.tensor(values)))

    def score_arrays(self, values: Float32) -> Float32:
        """Return score() of an array."""
        with torch.no_grad():
            return _array(self.score(self.tensor(values)))


def unmasked(model: Reconstructor, x: Tensor) -> Tensor:
    """Return the reconstruction of standardised windows with nothing hidden, shape (n, mel, frames)."""
    if isinstance(model, MaskedAutoencoder):
        return model.fill_in(x, torch.zeros_like(x))
    found: Tensor = model(x)
    return found


def _array(values: Tensor) -> Float32:
    return np.asarray(values.numpy(), dtype=np.float32)
