"""Windows, scores and candidates to try the parts of a shadow run with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from fixtures_live import DEMO, copy_bundle

from engines.bundle import FileEntry, open_bundle, sha256_of_file, write_manifest
from monitor.alarm import AlarmSnapshot
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.calibration import fit_calibration, save_calibration
from monitor.machine import Machine
from monitor.messages import LogMel, Quality, Score, Span
from monitor.shadow.watch import Heard

BY = By("anna", "terminal", 1.8e9, "c-1")
HOP_S = 32 * 512 / 16_000
"""From one window of the demo bundles to the next."""
T0 = 1_790_000_000.0


def score_at(
    start_s: float,
    value: float | None,
    *,
    length_s: float = 2.0,
    quality: Quality = Quality.OK,
    bundle_id: str = "mae-1",
    source_id: str = "pump-1",
) -> Score:
    """A window's score."""
    span = Span(source_id, int(start_s * 16_000), start_s, start_s + length_s, T0 + start_s, quality, -30.0)
    return Score(span, value, None, value, None, bundle_id)


def heard(score: Score, logmel: LogMel | None = None, *, machine: object = None) -> Heard:
    """A window as the live bundle has settled it."""
    live = SimpleNamespace(ear=SimpleNamespace(hop_s=1.0), clips=None) if machine is None else machine
    return Heard(cast("Machine", live), score, logmel, AlarmSnapshot(score.span.source_id))


def with_limit(folder: Path, kind: str, times: float) -> Path:
    """A demo bundle whose limit is `times` that of scores around 1."""
    bundle = open_bundle(copy_bundle(DEMO / kind, folder))
    scores = np.random.default_rng(0).exponential(size=5_000) * times
    fitted = fit_calibration(
        scores, hop_s=HOP_S, bundle_id=bundle.bundle_id, fitted_utc_s=1.8e9, source="test"
    )
    path = bundle.calibration_path
    save_calibration(fitted, path)
    entry = FileEntry(sha256_of_file(path), path.stat().st_size)
    files = {**bundle.manifest.files, path.name: entry}
    write_manifest(folder, replace(bundle.manifest, files=files))
    return folder


def library_with(state_dir: Path, live: Path, *candidates: Path, source_id: str = "pump-1") -> Library:
    """A library with a live version, and the last of `candidates` as its candidate."""
    state_dir.mkdir(parents=True, exist_ok=True)
    library = Library(state_dir, source_id)
    library.install(live, BY)
    library.promote(BY)
    for folder in candidates:
        library.install(folder, BY)
    return library


def ignored(*_args: Any, **_keys: Any) -> None:  # noqa: ANN401 - takes whatever it is given
    """Do nothing with it."""
