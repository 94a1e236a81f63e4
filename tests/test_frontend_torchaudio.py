"""The front end equals torchaudio's MelSpectrogram on real, simulated and made-up sound."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
import pytest
import soundfile
import torch
import torchaudio

from monitor.frontend import Frontend, FrontendParameters
from monitor.messages import Float32
from monitor.simulate import SimulatedMachine

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
SECONDS = 10
SCALES = [("htk", "none"), ("htk", "slaney"), ("slaney", "none"), ("slaney", "slaney")]


def torchaudio_logmel(samples: Float32, parameters: FrontendParameters) -> Float32:
    transform = torchaudio.transforms.MelSpectrogram(
        sample_rate=parameters.sample_rate_hz,
        n_fft=parameters.n_fft,
        hop_length=parameters.hop_samples,
        f_min=parameters.f_min_hz,
        f_max=parameters.f_max_hz,
        n_mels=parameters.mel_bands,
        power=2.0,
        center=False,
        norm=None if parameters.mel_norm == "none" else "slaney",
        mel_scale=parameters.mel_scale,
    )
    logmel: Float32 = torch.log10(transform(torch.from_numpy(samples)) + parameters.floor).numpy()
    return logmel


def assert_equal_to_torchaudio(samples: Float32, scale: str, norm: str) -> None:
    mel_scale: Literal["htk", "slaney"] = "htk" if scale == "htk" else "slaney"
    mel_norm: Literal["none", "slaney"] = "none" if norm == "none" else "slaney"
    # slaney's lowest bands are narrower than a bin of 15.6 Hz; torchaudio warns of more than 64 of them
    parameters = FrontendParameters(
        mel_scale=mel_scale, mel_norm=mel_norm, mel_bands=128 if scale == "htk" else 64
    )
    found = Frontend(parameters).logmel_from_samples(samples)
    np.testing.assert_allclose(found, torchaudio_logmel(samples, parameters), rtol=0, atol=1e-4)


@pytest.mark.parametrize(("scale", "norm"), SCALES)
def test_equal_to_torchaudio_on_the_simulated_pump(scale: str, norm: str) -> None:
    sound = SimulatedMachine("pump", seed=1, sample_rate_hz=16_000).next_samples(SECONDS * 16_000)
    assert_equal_to_torchaudio(sound, scale, norm)


@pytest.mark.parametrize(("scale", "norm"), SCALES)
@pytest.mark.parametrize("level", [1.0, 1e-3])
def test_equal_to_torchaudio_on_noise_loud_and_faint(scale: str, norm: str, level: float) -> None:
    noise = level * np.random.default_rng(0).uniform(-1, 1, SECONDS * 16_000)
    assert_equal_to_torchaudio(noise.astype(np.float32), scale, norm)


@pytest.mark.shared_data
@pytest.mark.parametrize(("scale", "norm"), SCALES)
@pytest.mark.parametrize("folder", ["uav", "dcase_id00"])
def test_equal_to_torchaudio_on_recordings(folder: str, scale: str, norm: str) -> None:
    paths = sorted((SHARED / folder).rglob("*.flac"))
    if not paths:
        pytest.skip(f"{SHARED / folder} is not there: evaluation sound is not shipped")
    for path in (paths[0], paths[-1]):
        samples, rate_hz = soundfile.read(path, frames=SECONDS * 16_000, dtype="float32", always_2d=True)
        assert 16_000 == rate_hz
        assert_equal_to_torchaudio(np.ascontiguousarray(samples[:, 0]), scale, norm)
