"""On a box with an NVIDIA GPU and TensorRT: plans of every kind are built, run, and answer as the ONNX does.

Nothing here is faked. Where there is no GPU all of it is skipped, and the fake in test_backend_tensorrt.py
shows our own logic.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tiny_detector import tiny_windows
from tiny_kinds import CASES

from engines.backend_tensorrt import Box, TensorRTEngine, find_box, open_engine
from engines.bundle import OUTPUT_NAMES, Bundle
from engines.errors import BackendUnavailableError
from engines.runtime import EngineOutput, PlanSettings
from engines.runtime import open_engine as open_any

BundleOfCase = Callable[[str], Bundle]
pytestmark = pytest.mark.gpu
SETTLED_BYTES = 4 << 20
"""What CUDA may keep for itself between an engine that was closed and the next."""


@pytest.fixture(scope="module")
def box(bundle_of_case: BundleOfCase, tmp_path_factory: pytest.TempPathFactory) -> Box:
    try:
        found = find_box()
        open_engine(bundle_of_case("ae"), plans=PlanSettings(tmp_path_factory.mktemp("first"))).close()
    except BackendUnavailableError as error:  # no GPU, or one that this TensorRT does not support
        pytest.skip(str(error))
    return found


@pytest.fixture
def engine(box: Box, bundle_of_case: BundleOfCase, plans_at: Path) -> Iterator[TensorRTEngine]:
    assert box.gpu.name
    opened = open_engine(bundle_of_case("ae"), plans=PlanSettings(plans_at))
    yield opened
    opened.close()


def furthest(found: EngineOutput, expected: EngineOutput, name: str) -> float:
    """The largest difference in an output, relative to its largest value."""
    one, other = getattr(found, name), getattr(expected, name)
    return float(np.abs(one - other).max() / np.abs(other).max())


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("case", CASES)
def test_a_plan_of_every_kind_answers_new_windows_as_onnx_runtime_does(
    box: Box, bundle_of_case: BundleOfCase, plans_at: Path, case: str, precision: str
) -> None:
    assert box.gpu.name
    bundle, windows = bundle_of_case(case), tiny_windows(21, seed=9)
    plan = open_engine(bundle, precision=precision, plans=PlanSettings(plans_at))
    expected = open_any(bundle, backend="onnxruntime").infer(windows)
    found = plan.infer(windows)
    plan.close()
    strayed = {name: furthest(found, expected, name) for name in OUTPUT_NAMES}
    allowed = {name: 2 * plan.allowed[name] for name in OUTPUT_NAMES}  # golden windows are held to once that
    assert all(strayed[name] <= allowed[name] for name in OUTPUT_NAMES), (strayed, allowed)


def test_a_batch_that_comes_again_runs_as_a_graph_with_the_same_bits(engine: TensorRTEngine) -> None:
    windows = tiny_windows(4)
    answers = [engine.infer(windows) for _ in range(4)]
    assert not engine.backend.endswith("without CUDA graph"), engine.backend
    for name in OUTPUT_NAMES:
        for answer in answers[1:]:
            np.testing.assert_array_equal(getattr(answer, name), getattr(answers[0], name))


def test_batches_of_changing_sizes_answer_each_window_alike(engine: TensorRTEngine) -> None:
    windows = tiny_windows(64)
    whole = engine.infer(windows)
    for n in (1, 7, 7, 7, 64, 64, 1, 1, 33):
        part = engine.infer(windows[:n])
        for name in OUTPUT_NAMES:
            np.testing.assert_allclose(
                getattr(part, name), getattr(whole, name)[:n], rtol=1e-4, atol=1e-5, err_msg=f"{name} of {n}"
            )


def test_the_second_opening_builds_nothing(box: Box, bundle_of_case: BundleOfCase, plans_at: Path) -> None:
    said: list[str] = []
    for _ in range(2):
        open_engine(bundle_of_case("mae"), plans=PlanSettings(plans_at, say=said.append)).close()
    assert 1 == len([line for line in said if box.gpu.name in line]), said


def test_a_plan_cut_short_is_built_anew(box: Box, bundle_of_case: BundleOfCase, plans_at: Path) -> None:
    bundle, said = bundle_of_case("mae"), list[str]()
    open_engine(bundle, plans=PlanSettings(plans_at)).close()
    (plan,) = plans_at.glob("*.plan")
    plan.write_bytes(plan.read_bytes()[:-1000])
    engine = open_engine(bundle, plans=PlanSettings(plans_at, say=said.append))
    assert engine.infer(tiny_windows(2)).score.shape == (2,)
    engine.close()
    assert box.gpu.name in " ".join(said)


def test_closed_engines_leave_no_memory_on_the_gpu(
    box: Box, bundle_of_case: BundleOfCase, plans_at: Path
) -> None:
    def free_bytes() -> int:
        free, _ = box.cuda.checked(box.cuda.cudart.cudaMemGetInfo())
        return int(free)

    free = []
    for _ in range(5):
        engine = open_engine(bundle_of_case("ae"), plans=PlanSettings(plans_at))
        engine.infer(tiny_windows(64))
        engine.close()
        free.append(free_bytes())
    assert free[1] - free[-1] < SETTLED_BYTES, free
