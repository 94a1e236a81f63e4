"""Runs a plan: buffers for the largest batch, and a CUDA graph once a batch size has come twice in a row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from engines.bundle import INPUT_NAME, OUTPUT_NAMES
from engines.errors import BackendUnavailableError, EngineError, PlanRefusedError
from engines.runtime import EngineOutput, Float32
from engines.tensorrt.cuda import Cuda, TensorBuffer
from engines.tensorrt.library import Library, open_log, text_of_log


@dataclass(frozen=True, slots=True)
class _Graph:
    """A captured call: copies in, kernels, copies out."""

    batch: int
    """For this many windows and no other."""
    graph: Any
    """cudaGraph_t."""
    executable: Any
    """cudaGraphExec_t."""


class Session:
    """A deserialised plan with its memory. Belongs to one thread; answers are copies, the caller's own.

    Addresses never change, for buffers are made once for the largest batch; a graph is dropped when the batch
    size changes, since a context may only be captured for the shape that it has.
    """

    def __init__(self, library: Library, cuda: Cuda, plan: bytes) -> None:
        """Deserialise. `allocate` must follow before anything is run.

        Raises:
            BackendUnavailableError: TensorRT's runtime cannot start.
            PlanRefusedError: It is damaged, or made by another version of TensorRT or for another GPU.
        """
        self._cuda = cuda
        self._trt = library.trt
        self._log = open_log(library.trt)
        try:
            self._runtime: Any = library.trt.Runtime(self._log)
        except TypeError as error:  # what pybind11 makes of a factory that returned nullptr
            raise BackendUnavailableError(
                f"TensorRT {library.version} cannot start its runtime ({error}); {text_of_log(self._log)}; "
                "its version and the driver's must go together"
            ) from error
        self._engine: Any = self._runtime.deserialize_cuda_engine(plan)
        if self._engine is None:
            raise PlanRefusedError(
                f"TensorRT {library.version} refuses the plan of {len(plan)} bytes; {text_of_log(self._log)}"
            )
        self._context: Any = None
        self._stream: Any = None
        self._input: TensorBuffer | None = None
        self._outputs: list[TensorBuffer] = []
        self._max_batch = 0
        self._batch = 0
        self._graph: _Graph | None = None
        self.graph_refused = ""
        """Why calls cannot be captured in a CUDA graph; empty as long as they can."""

    @property
    def graph_batch(self) -> int | None:
        """The batch size that a graph has been captured for; None: there is none at present."""
        return None if self._graph is None else self._graph.batch

    def allocate(self, max_batch: int, window: tuple[int, int]) -> None:
        """Check the plan's tensors and make buffers for `max_batch` windows of (mel, frames).

        Raises:
            PlanRefusedError: The plan has other tensors than a bundle's, or takes no batch that large.
            EngineError: There is not enough memory.
        """
        self._check_names()
        self._context = self._engine.create_execution_context()
        if self._context is None:
            raise EngineError(f"TensorRT cannot make an execution context; {text_of_log(self._log)}")
        self._max_batch = max_batch
        self._stream = self._cuda.open_stream()
        self._set_batch(max_batch, window)
        self._input = TensorBuffer(self._cuda, (max_batch, *window))
        for name in OUTPUT_NAMES:
            expected = (max_batch,) if name == "score" else (max_batch, *window)
            found = tuple(self._context.get_tensor_shape(name))
            if found != expected:
                raise PlanRefusedError(
                    f"the plan's output {name} has shape {found} for {max_batch} windows, a bundle's has "
                    f"{expected}; export the bundle anew"
                )
            self._outputs.append(TensorBuffer(self._cuda, expected))
        for name, buffer in zip((INPUT_NAME, *OUTPUT_NAMES), (self._input, *self._outputs), strict=True):
            if not self._context.set_tensor_address(name, buffer.device):
                raise EngineError(f"TensorRT refuses the memory for {name}; {text_of_log(self._log)}")

    def infer(self, batch: Float32) -> EngineOutput:
        """Run 1 to max_batch windows, shape (n, mel, frames).

        Raises:
            EngineError: CUDA or TensorRT failed; the text has what they said.
        """
        if self._input is None:
            raise EngineError("this engine was closed; open it again")
        n = len(batch)
        self._input.host[:n] = batch
        again = n == self._batch
        if not again:
            self._drop_graph()
            self._set_batch(n, (batch.shape[1], batch.shape[2]))
        if self._graph is not None:
            self._cuda.checked(self._cuda.cudart.cudaGraphLaunch(self._graph.executable, self._stream))
        else:
            self._enqueue(n)
        self._cuda.checked(self._cuda.cudart.cudaStreamSynchronize(self._stream))
        score, error_map, reconstruction = (buffer.host[:n].copy() for buffer in self._outputs)
        if again and self._graph is None and not self.graph_refused:
            self._capture(n)
        return EngineOutput(score, error_map, reconstruction)

    def close(self) -> None:
        """Free all that was allocated, and raise nothing; may be called again."""
        self._drop_graph()
        buffers = [*self._outputs] if self._input is None else [self._input, *self._outputs]
        self._input, self._outputs = None, []
        for buffer in buffers:
            buffer.close()
        if self._stream is not None:
            self._cuda.freed(self._cuda.cudart.cudaStreamDestroy(self._stream))
            self._stream = None
        self._context = self._engine = self._runtime = None  # in this order: each holds on to the next

    def _check_names(self) -> None:
        trt, engine = self._trt, self._engine
        names = [engine.get_tensor_name(i) for i in range(engine.num_io_tensors)]
        found = {name: (engine.get_tensor_mode(name), engine.get_tensor_dtype(name)) for name in names}
        mode, kind = trt.TensorIOMode, trt.DataType.FLOAT
        expected = {INPUT_NAME: (mode.INPUT, kind), **dict.fromkeys(OUTPUT_NAMES, (mode.OUTPUT, kind))}
        if found != expected:
            said = ", ".join(f"{name} {way} {dtype}" for name, (way, dtype) in found.items())
            raise PlanRefusedError(
                f"the plan has tensors {said}; a bundle's has float input {INPUT_NAME} and float outputs "
                f"{', '.join(OUTPUT_NAMES)}: export it anew"
            )

    def _set_batch(self, n: int, window: tuple[int, int]) -> None:
        if not self._context.set_input_shape(INPUT_NAME, (n, *window)):
            raise PlanRefusedError(
                f"the plan takes no {n} windows of {window[0]} x {window[1]}; {text_of_log(self._log)}"
            )
        self._batch = n

    def _enqueue(self, n: int) -> None:
        if self._input is None:
            raise EngineError("this engine was closed; open it again")
        self._input.to_device(n, self._stream)
        if not self._context.execute_async_v3(int(self._stream)):
            raise EngineError(f"TensorRT did not run {n} windows; {text_of_log(self._log)}")
        for buffer in self._outputs:
            buffer.to_host(n, self._stream)

    def _capture(self, n: int) -> None:
        """Capture what `_enqueue` does, after it has run once with this shape as TensorRT wants it."""
        capturable = getattr(self._context, "is_stream_capturable", None)  # TensorRT for RTX compiles late
        if capturable is not None and not capturable(int(self._stream)):
            return
        cudart, checked = self._cuda.cudart, self._cuda.checked
        mode = cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        try:
            checked(cudart.cudaStreamBeginCapture(self._stream, mode))
            try:
                self._enqueue(n)
            finally:
                graph = checked(cudart.cudaStreamEndCapture(self._stream))
            executable = checked(cudart.cudaGraphInstantiateWithFlags(graph, 0))
        except EngineError as error:
            self.graph_refused = str(error)
            return
        self._graph = _Graph(n, graph, executable)

    def _drop_graph(self) -> None:
        if self._graph is None:
            return
        graph, self._graph = self._graph, None
        self._cuda.freed(self._cuda.cudart.cudaGraphExecDestroy(graph.executable))
        self._cuda.freed(self._cuda.cudart.cudaGraphDestroy(graph.graph))
