"""The log-mel of a stream is the log-mel of the whole, and each frame is computed once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.errors import FrontendError
from monitor.frontend import (
    Frontend,
    FrontendParameters,
    StreamFrontend,
    band_edges_hz,
    mel_filterbank,
    parameters_from_tree,
)
from monitor.messages import AudioBlock, Float32
from monitor.window import QualityLimits, Windower, WindowGrid

PARAMETERS = FrontendParameters(n_fft=64, hop_samples=32, mel_bands=12)
GRID = WindowGrid(
    sample_rate_hz=16_000,
    window_samples=PARAMETERS.samples_of_frames(16),
    hop_samples=5 * 32,
    frame_samples=64,
    frame_hop_samples=32,
)
LIMITS = QualityLimits(-80.0, 1.0, 10_000)


def noise(n: int) -> Float32:
    return (0.1 * np.random.default_rng(n).standard_normal(n)).astype(np.float32)


@given(st.lists(st.integers(1, 900), max_size=20))
@settings(max_examples=40, deadline=None)
def test_windows_of_any_blocks_equal_the_log_mel_of_the_whole(sizes: list[int]) -> None:
    samples = noise(6000)
    frontend = Frontend(PARAMETERS)
    whole = frontend.logmel_from_samples(samples)
    windower, stream = Windower("m", GRID, LIMITS), StreamFrontend(frontend)
    at = 0
    windows = []
    for size in [*sizes, len(samples)]:
        piece = samples[at : at + size]
        windows += windower.add(AudioBlock("m", piece, 16_000, at, 0, 0.0))
        at += len(piece)
    for window in windows:
        first = window.span.first_sample // 32
        values = stream.logmel_from_window(window).values
        # matrix products of other sizes may round differently in the last place
        np.testing.assert_allclose(values, whole[:, first : first + 16], rtol=0, atol=2e-5)
    assert stream.computed_frames == 16 + 5 * (len(windows) - 1)


def test_a_window_after_dropped_ones_is_computed_afresh() -> None:
    samples = noise(9000)
    frontend = Frontend(PARAMETERS)
    whole = frontend.logmel_from_samples(samples)
    windows = Windower("m", GRID, LIMITS).add(AudioBlock("m", samples, 16_000, 0, 0, 0.0))
    stream = StreamFrontend(frontend)
    for window in (windows[0], windows[2], windows[40], windows[41]):
        first = window.span.first_sample // 32
        np.testing.assert_allclose(
            stream.logmel_from_window(window).values, whole[:, first : first + 16], rtol=0, atol=2e-5
        )


def test_a_window_off_the_grid_is_refused() -> None:
    grid = WindowGrid(16_000, GRID.window_samples, 33, 64, 32)
    windows = Windower("m", grid, LIMITS).add(AudioBlock("m", noise(2000), 16_000, 0, 0, 0.0))
    with pytest.raises(FrontendError, match="1 samples off the frame grid"):
        StreamFrontend(Frontend(PARAMETERS)).logmel_from_window(windows[1])


def test_less_than_a_frame_is_refused() -> None:
    with pytest.raises(FrontendError, match="63 samples are less than one frame of 64"):
        Frontend(PARAMETERS).logmel_from_samples(noise(63))


def test_silence_is_the_floor() -> None:
    values = Frontend(PARAMETERS).logmel_from_samples(np.zeros(640, np.float32))
    np.testing.assert_allclose(values, -10.0, atol=1e-6)


def test_a_sine_peaks_in_its_own_band() -> None:
    parameters = FrontendParameters()
    t = np.arange(16_000) / 16_000
    values = Frontend(parameters).logmel_from_samples(np.sin(2 * np.pi * 1000 * t).astype(np.float32))
    band = int(values.mean(axis=1).argmax())
    edges = band_edges_hz(parameters)
    assert edges[band] < 1000 < edges[band + 2]


@pytest.mark.parametrize("scale", ["htk", "slaney"])
def test_filters_cover_the_bands_and_nothing_else(scale: str) -> None:
    parameters = parameters_from_tree(
        {
            "sample_rate_hz": 16_000,
            "n_fft": 1024,
            "hop_samples": 512,
            "mel_bands": 40,
            "f_min_hz": 100.0,
            "f_max_hz": 7000.0,
            "mel_scale": scale,
            "mel_norm": "none",
            "floor": 1e-10,
        }
    )
    filters = mel_filterbank(parameters)
    assert (513, 40) == filters.shape
    bins_hz = np.linspace(0, 8000, 513)
    assert filters[(bins_hz <= 100) | (bins_hz >= 7000)].max() < 1e-12
    assert (filters.max(axis=0) > 0).all()


def test_every_parameter_changes_the_digest() -> None:
    base = FrontendParameters()
    others = [
        FrontendParameters(sample_rate_hz=32_000),
        FrontendParameters(n_fft=2048),
        FrontendParameters(hop_samples=256),
        FrontendParameters(mel_bands=64),
        FrontendParameters(f_min_hz=50.0),
        FrontendParameters(f_max_hz=7000.0),
        FrontendParameters(mel_scale="slaney"),
        FrontendParameters(mel_norm="slaney"),
        FrontendParameters(floor=1e-8),
    ]
    assert len({base.digest, *(p.digest for p in others)}) == 10
    assert base.digest == FrontendParameters().digest


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"f_max_hz": 9000.0}, "half the sample rate"),
        ({"mel_scale": "bark"}, "'bark'"),
        ({"hop_samples": 0}, "hop 0"),
    ],
)
def test_impossible_parameters_are_refused(change: dict[str, object], sentence: str) -> None:
    tree = {f: getattr(FrontendParameters(), f) for f in FrontendParameters.__dataclass_fields__}
    with pytest.raises(FrontendError, match=sentence):
        parameters_from_tree({**tree, **change})


def test_a_manifest_with_unknown_front_end_keys_is_refused() -> None:
    with pytest.raises(FrontendError, match="missing or unknown"):
        parameters_from_tree({"sample_rate_hz": 16_000, "wavelet": True})
