"""What tells an odd window from the rest: mean, spread and peaks of groups of bands."""

from __future__ import annotations

import numpy as np

from monitor.messages import Float32

GROUPS = 16
"""Neighbouring bands are taken together: fewer numbers to estimate from little sound."""
PEAK_SHARE = 0.1
"""The peaks are the mean of the highest tenth of the frames: what lasts a fifth of a second."""
FEATURES = 3 * GROUPS


def features_of_logmel(logmel: Float32) -> Float32:
    """Return shape (FEATURES,): mean, log spread and peaks of groups of bands, from (mel, frames) log10."""
    groups = logmel.reshape(GROUPS, -1, logmel.shape[1]).mean(axis=1)
    highest = max(1, round(PEAK_SHARE * logmel.shape[1]))
    peaks = np.sort(groups, axis=1)[:, -highest:].mean(axis=1)
    spread = np.log10(groups.std(axis=1) + 1e-3)
    return np.concatenate([groups.mean(axis=1), spread, peaks]).astype(np.float32)
