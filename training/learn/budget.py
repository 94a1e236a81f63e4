"""How long a model is trained on so much sound, so that an hour of it is a bundle within minutes.

The recommended recipe passes 80 times over some ten minutes of training sound. What counts is taken to be
how many windows a model saw, not how often each: pseudo anomalies are made anew for every window
(training/LOG.md). So the product of minutes and passes is kept, within bounds.
"""

from __future__ import annotations

PASSED_MINUTES = 800.0
"""Passes times minutes of training sound: 80 passes over 10 minutes, as measured in training/LOG.md."""
LEAST_EPOCHS, MOST_EPOCHS = 8, 80
TRAINING_SHARE = 0.8
"""Of the sound that is not for the limit; the rest says when to stop (training.gather.SHARES)."""
CPU_S_PER_PASSED_MINUTE = 1.0
"""With one thread, 0.7 to 1.2 measured; see training/LOG.md."""


def epochs_for(learn_s: float) -> int:
    """Return how many passes are made over `learn_s` of sound, validation included."""
    minutes = max(TRAINING_SHARE * learn_s / 60, 1e-9)
    return min(MOST_EPOCHS, max(LEAST_EPOCHS, round(PASSED_MINUTES / minutes)))


def cpu_seconds_for(learn_s: float, epochs: int) -> float:
    """Return about how many CPU seconds the passes will take; early stopping may save some."""
    return CPU_S_PER_PASSED_MINUTE * epochs * TRAINING_SHARE * learn_s / 60
