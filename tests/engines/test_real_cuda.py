"""On a box with an NVIDIA GPU: our memory, streams and CUDA graphs, with a plan that only copies on the GPU.

TensorRT is stood in for by `_Copies`, whose work is real and asynchronous, so that any GPU can show our half,
even one that the TensorRT at hand does not support. test_real_gpu.py shows both halves.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from engines.bundle import INPUT_NAME, OUTPUT_NAMES
from engines.errors import BackendUnavailableError, EngineError
from engines.runtime import EngineOutput, Float32
from engines.tensorrt.cuda import FLOAT32_BYTES, Cuda, find_cuda
from engines.tensorrt.library import Library
from engines.tensorrt.session import Session
from monitor.testing.tensorrt_fake_box import FakeLogger

pytestmark = pytest.mark.gpu
MEL, FRAMES, MAX_BATCH = 16, 24, 8
WINDOW_BYTES = MEL * FRAMES * FLOAT32_BYTES


class _Copies:
    """An engine and its context: score is a window's first value, both maps are the window."""

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self._names = (INPUT_NAME, *OUTPUT_NAMES)
        self._memory: dict[str, int] = {}
        self._n = 0
        self.num_io_tensors = len(self._names)
        self.enqueued = 0
        """Calls that were put on a stream, captured or not; a graph that is launched puts none."""

    def get_tensor_name(self, index: int) -> str:
        return self._names[index]

    def get_tensor_mode(self, name: str) -> str:
        return "in" if name == INPUT_NAME else "out"

    def get_tensor_dtype(self, _name: str) -> str:
        return "float"

    def create_execution_context(self) -> _Copies:
        return self

    def set_input_shape(self, _name: str, shape: tuple[int, ...]) -> bool:
        self._n = shape[0]
        return True

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return (self._n,) if name == "score" else (self._n, MEL, FRAMES)

    def set_tensor_address(self, name: str, address: int) -> bool:
        self._memory[name] = address
        return True

    def execute_async_v3(self, stream: int) -> bool:
        self.enqueued += 1
        cudart, checked, given = self._cuda.cudart, self._cuda.checked, self._memory[INPUT_NAME]
        kind = cudart.cudaMemcpyKind.cudaMemcpyDeviceToDevice
        for name in ("error_map", "reconstruction"):
            copied = cudart.cudaMemcpyAsync(self._memory[name], given, self._n * WINDOW_BYTES, kind, stream)
            checked(copied)
        first = (FLOAT32_BYTES, given, WINDOW_BYTES, FLOAT32_BYTES, self._n, kind, stream)
        checked(cudart.cudaMemcpy2DAsync(self._memory["score"], *first))
        return True


@pytest.fixture(scope="module")
def cuda() -> Cuda:
    try:
        found = find_cuda()
        found.gpu()
    except BackendUnavailableError as error:
        pytest.skip(str(error))
    return found


@pytest.fixture
def copies(cuda: Cuda) -> _Copies:
    return _Copies(cuda)


@pytest.fixture
def session(cuda: Cuda, copies: _Copies) -> Iterator[Session]:
    opened = session_of(cuda, copies)
    yield opened
    opened.close()


def session_of(cuda: Cuda, copies: _Copies) -> Session:
    runtime = SimpleNamespace(deserialize_cuda_engine=lambda _plan: copies)
    trt: Any = SimpleNamespace(
        ILogger=FakeLogger,
        Runtime=lambda _log: runtime,
        TensorIOMode=SimpleNamespace(INPUT="in", OUTPUT="out"),
        DataType=SimpleNamespace(FLOAT="float"),
    )
    opened = Session(Library(trt, "tensorrt", "copies"), cuda, b"")
    opened.allocate(MAX_BATCH, (MEL, FRAMES))
    return opened


def windows(n: int, seed: int) -> Float32:
    return np.random.default_rng(seed).standard_normal((n, MEL, FRAMES)).astype(np.float32)


def assert_copied(found: EngineOutput, given: Float32) -> None:
    np.testing.assert_array_equal(found.score, given[:, 0, 0])
    np.testing.assert_array_equal(found.error_map, given)
    np.testing.assert_array_equal(found.reconstruction, given)


def test_new_values_go_through_a_graph_that_was_captured_once(session: Session, copies: _Copies) -> None:
    for seed in range(6):
        given = windows(5, seed)
        assert_copied(session.infer(given), given)
    assert 5 == session.graph_batch, session.graph_refused
    assert 3 == copies.enqueued, "plain twice, captured once, launched from then on"


def test_batches_of_changing_sizes_are_never_mixed_up(session: Session) -> None:
    for seed, n in enumerate((1, 8, 8, 8, 3, 3, 3, 1, 1, 8, 2, 2)):
        given = windows(n, seed)
        assert_copied(session.infer(given), given)


def test_answers_stay_what_they_were_when_the_next_batch_is_computed(session: Session) -> None:
    first = windows(2, 1)
    answer = session.infer(first)
    session.infer(windows(2, 2))
    assert_copied(answer, first)


def test_two_sessions_on_one_gpu_do_not_disturb_each_other(cuda: Cuda, session: Session) -> None:
    other = session_of(cuda, _Copies(cuda))
    for seed in range(0, 8, 2):
        one, two = windows(4, seed), windows(4, seed + 1)
        assert_copied(session.infer(one), one)
        assert_copied(other.infer(two), two)
    other.close()


def test_closing_gives_the_memory_back(cuda: Cuda) -> None:
    def taken_bytes() -> int:
        free, total = cuda.checked(cuda.cudart.cudaMemGetInfo())
        return int(total) - int(free)

    taken = []
    for seed in range(40):
        opened = session_of(cuda, _Copies(cuda))
        for _ in range(3):
            opened.infer(windows(MAX_BATCH, seed))
        opened.close()
        opened.close()
        taken.append(taken_bytes())
    assert taken[1] == taken[-1], taken


def test_an_error_of_cuda_has_its_own_words(cuda: Cuda) -> None:
    too_much = 1 << 60
    with pytest.raises(EngineError, match="CUDA error 2: out of memory"):
        cuda.checked(cuda.cudart.cudaMalloc(too_much))


def test_the_gpu_says_its_name_and_what_it_can(cuda: Cuda) -> None:
    gpu = cuda.gpu()
    assert gpu.name.isprintable()
    assert "NVIDIA" in gpu.name
    assert 2 == len([int(part) for part in gpu.compute_capability.split(".")])
