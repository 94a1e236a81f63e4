"""Counts the multiply-adds of an ONNX model from the shapes of its convolutions and matrix products.

What else a graph does (activations, norms, sums) is left out: a few per cent, which no matrix unit would do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import onnx

from engines.errors import EngineError

Shapes = Mapping[str, tuple[int, ...]]
"""Name of a value in the graph -> its shape for one window."""
UNKNOWN = -1
"""Stands in a shape for what cannot be told without running the graph."""


def multiply_adds_of_model(path: Path) -> int:
    """Return the multiply-adds that a model spends on one window.

    Raises:
        EngineError: A shape in it cannot be told without running it.
    """
    model = onnx.load(str(path))
    _one_window(model)
    try:
        shapes = _shapes(onnx.shape_inference.infer_shapes(model, data_prop=True, strict_mode=True).graph)
    except onnx.shape_inference.InferenceError as error:
        raise EngineError(f"{path}: its arithmetic cannot be counted: {error}") from error
    counts = [COUNTED[node.op_type](node, shapes) for node in model.graph.node if node.op_type in COUNTED]
    if UNKNOWN in counts:
        raise EngineError(f"{path}: its arithmetic cannot be counted: a shape depends on the input")
    return sum(counts)


def _one_window(model: Any) -> None:  # noqa: ANN401 - onnx has no types
    """Fix the batch, which is all that is dynamic, at one."""
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1


def _shapes(graph: Any) -> Shapes:  # noqa: ANN401 - onnx has no types
    shapes = {item.name: tuple(item.dims) for item in graph.initializer}
    for value in (*graph.input, *graph.value_info, *graph.output):
        dims = value.type.tensor_type.shape.dim
        shapes[value.name] = tuple(d.dim_value if d.HasField("dim_value") else UNKNOWN for d in dims)
    return shapes


def _of_convolution(node: Any, shapes: Shapes) -> int:  # noqa: ANN401 - onnx has no types
    """Each output is a sum over the weights of its group: (out, in / group, height, width)."""
    return _product(_shape(shapes, node.output[0]), _shape(shapes, node.input[1])[1:])


def _of_transposed_convolution(node: Any, shapes: Shapes) -> int:  # noqa: ANN401 - onnx has no types
    """Each input is spread by the weights of its group: (in, out / group, height, width)."""
    return _product(_shape(shapes, node.input[0]), _shape(shapes, node.input[1])[1:])


def _of_product(node: Any, shapes: Shapes) -> int:  # noqa: ANN401 - onnx has no types
    """Each output is a sum over the last axis of the left side."""
    return _product(_shape(shapes, node.output[0]), _shape(shapes, node.input[0])[-1:])


def _shape(shapes: Shapes, name: str) -> tuple[int, ...]:
    return shapes.get(name, (UNKNOWN,))


def _product(*shapes: Sequence[int]) -> int:
    dims = [dim for shape in shapes for dim in shape]
    return UNKNOWN if UNKNOWN in dims else math.prod(dims)


COUNTED: Mapping[str, Callable[[Any, Shapes], int]] = {
    "Conv": _of_convolution,
    "ConvTranspose": _of_transposed_convolution,
    "MatMul": _of_product,
    "Gemm": _of_product,
}
"""ONNX operator -> its multiply-adds. A transposed left side of Gemm does not occur: torch exports none."""
