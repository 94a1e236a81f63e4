"""What every engine promises, whichever library runs it. A new backend is added to BACKENDS and must pass."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures_tensorrt import Install
from tiny_detector import FRAMES, MEL, tiny_bundle, tiny_windows

from engines.bundle import Bundle
from engines.errors import BackendUnavailableError, EngineInputError
from engines.golden import check_golden
from engines.runtime import BACKENDS, Engine, EngineOutput, PlanSettings, open_engine
from monitor.testing.tensorrt_fake import FakeTensorRT


@pytest.fixture(scope="module", params=["ae", "mae"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return tiny_bundle(tmp_path_factory.mktemp("bundles") / request.param, request.param)


FAKE = "tensorrt, faked"
"""Its own logic without a GPU: buffers, cuts, graphs; what a GPU computes is for a box that has one."""


@pytest.fixture(
    params=[
        FAKE,
        *(pytest.param(name, marks=[pytest.mark.gpu] * (name == "tensorrt")) for name in sorted(BACKENDS)),
    ]
)
def engine(
    request: pytest.FixtureRequest, bundle: Bundle, install: Install, plans_at: Path
) -> Iterator[Engine]:
    name = request.param
    if name == FAKE:
        install(FakeTensorRT())
        name = "tensorrt"
    try:
        opened = open_engine(bundle, backend=name, plans=PlanSettings(plans_at))
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    yield opened
    opened.close()


def arrays(output: EngineOutput) -> tuple[np.ndarray, ...]:
    return (output.score, output.error_map, output.reconstruction)


@pytest.mark.parametrize("n", [1, 2, 5, 64])
def test_outputs_are_float32_in_the_promised_shapes_for_any_batch(engine: Engine, n: int) -> None:
    output = engine.infer(tiny_windows(n))
    assert [(n,), (n, MEL, FRAMES), (n, MEL, FRAMES)] == [a.shape for a in arrays(output)]
    assert [np.float32] * 3 == [a.dtype for a in arrays(output)]
    assert (output.error_map >= 0).all()


def test_a_window_gets_the_same_answer_in_any_batch(engine: Engine) -> None:
    windows = tiny_windows(7)
    whole = arrays(engine.infer(windows))
    for size in (1, 2, 3):
        for first in range(0, 7, size):
            part = arrays(engine.infer(windows[first : first + size]))
            for expected, found in zip(whole, part, strict=True):
                np.testing.assert_allclose(found, expected[first : first + size], rtol=1e-4, atol=1e-5)


def test_the_same_batch_gives_the_same_bits_twice(engine: Engine) -> None:
    windows = tiny_windows(3)
    for one, other in zip(arrays(engine.infer(windows)), arrays(engine.infer(windows)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_outputs_belong_to_the_caller(engine: Engine) -> None:
    first = arrays(engine.infer(tiny_windows(2)))
    kept = [a.copy() for a in first]
    engine.infer(tiny_windows(2, seed=5))
    for expected, found in zip(kept, first, strict=True):
        np.testing.assert_array_equal(expected, found, "a later call wrote into an earlier answer")
        found[:] = -1.0  # writable, and nothing of the engine's
    for expected, found in zip(kept, arrays(engine.infer(tiny_windows(2))), strict=True):
        np.testing.assert_array_equal(expected, found)


def test_the_batch_is_not_changed_and_need_not_be_contiguous(engine: Engine) -> None:
    wide = np.repeat(tiny_windows(3), 2, axis=2)
    before = wide.copy()
    strided = wide[:, :, ::2]
    assert not strided.flags.c_contiguous
    found = engine.infer(strided)
    np.testing.assert_array_equal(before, wide)
    np.testing.assert_array_equal(engine.infer(tiny_windows(3)).score, found.score)


@pytest.mark.parametrize(
    "batch",
    [
        np.zeros((0, MEL, FRAMES), np.float32),
        np.zeros((MEL, FRAMES), np.float32),
        np.zeros((1, MEL + 1, FRAMES), np.float32),
        np.zeros((1, FRAMES, MEL), np.float32),
        np.zeros((1, MEL, FRAMES), np.float64),
    ],
    ids=["empty", "one axis short", "a band more", "transposed", "float64"],
)
def test_another_shape_or_dtype_is_refused_with_both(engine: Engine, batch: np.ndarray) -> None:
    sentence = rf"takes float32 \(n, {MEL}, {FRAMES}\), got {batch.dtype} \({batch.shape[0]},"
    with pytest.raises(EngineInputError, match=sentence):
        engine.infer(batch)


def test_the_engine_agrees_with_what_training_saw(engine: Engine) -> None:
    assert ["score", "error_map", "reconstruction"] == [row.output for row in check_golden(engine)]


def test_the_error_map_is_the_squared_difference_in_units_of_each_bands_spread(engine: Engine) -> None:
    windows = tiny_windows(4)
    output = engine.infer(windows)
    difference = np.square(output.reconstruction - windows)
    ratio = output.error_map / np.maximum(difference, 1e-9)
    for band in range(MEL):  # the same factor, 1 / std squared, for every bin of a band
        usable = difference[:, band] > 1e-3
        assert np.ptp(ratio[:, band][usable]) < 1e-2 * ratio[:, band][usable].mean()


def test_a_backend_nobody_has_is_named_with_those_that_exist(bundle: Bundle) -> None:
    with pytest.raises(BackendUnavailableError, match="'abacus' is not known; known are auto, onnxruntime"):
        open_engine(bundle, backend="abacus")
