"""A stretch of a sound file is heard as the whole file is there, to the bit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from engines.runtime import open_engine
from monitor.config import InputQualityConfig, WindowConfig
from monitor.listening import DEMO_BUNDLE, Ear, open_ear
from monitor.recordings import BATCH, EVERYTHING, Stretch, inferences_of_file

RATE_HZ = 44_100
SECONDS = 150
Heard = list[tuple[float, float | None, bytes]]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hiss at a rate that must be resampled, silent just before the second boundary."""
    path = tmp_path_factory.mktemp("sound") / "hiss.wav"
    samples = 0.05 * np.random.default_rng(1).standard_normal(SECONDS * RATE_HZ)
    samples[RATE_HZ * 96 : RATE_HZ * 98] = 0.0
    soundfile.write(path, samples, RATE_HZ)
    return path


@pytest.fixture(scope="module")
def ear() -> Ear:
    return open_ear(DEMO_BUNDLE.with_name("ae"), WindowConfig(hop_frames=16), InputQualityConfig())


def heard(file: Path, ear: Ear, stretch: Stretch = EVERYTHING) -> Heard:
    engine = open_engine(ear.bundle, threads=1)
    found = inferences_of_file(file, ear, engine, stretch=stretch)
    return [
        (
            span.start_s,
            None if answer is None else answer.raw,
            b"" if answer is None else bytes(answer.error_map),
        )
        for span, answer in found
    ]


def test_stretches_joined_are_the_whole_file(file: Path, ear: Ear) -> None:
    whole = heard(file, ear)
    assert any(raw is None for _, raw, _ in whole[3 * BATCH - 4 : 3 * BATCH]), (
        "the silence is felt at a boundary"
    )
    stretches = [Stretch(0, BATCH), Stretch(BATCH, 3 * BATCH), Stretch(3 * BATCH)]
    parts = [heard(file, ear, stretch) for stretch in stretches]
    assert [BATCH, 2 * BATCH, len(whole) - 3 * BATCH] == [len(part) for part in parts]
    assert whole == [window for part in parts for window in part]


def test_a_stretch_behind_the_end_of_a_file_is_empty(file: Path, ear: Ear) -> None:
    assert [] == heard(file, ear, Stretch(100 * BATCH))
