"""Makes the fp16 file of a bundle from its fp32 file: the network's products halved, the rest left in fp32.

Precision is a property of the file: casts stand in the graph, inputs and outputs stay fp32, and whoever runs
or compiles it decides nothing. Half are the convolutions and matrix products that carry the network, and what
merely stands between two of them. What needs range or precision stays in fp32: standardisation, logarithms,
means and sums over bins, division, variance (so batch and layer normalisation too), softmax, squared errors,
and every matrix product of a scoring head, such as whitening.

The converters of onnxruntime.transformers and onnxconverter-common were tried first (1.31.1 and 1.16.0): both
give graphs that onnx.checker refuses, and the first sends fp32 values through fp16 between two fp32 nodes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from engines.bundle import OUTPUT_NAMES

PRODUCTS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul"})
"""Where the time goes."""
BETWEEN = frozenset(
    {
        "Add",
        "Concat",
        "LeakyRelu",
        "MaxPool",
        "Mul",
        "Relu",
        "Reshape",
        "Slice",
        "Squeeze",
        "Transpose",
        "Unsqueeze",
    }
)
"""Half where every value they take is half and a product takes what they give."""
SHAPED_BY_INPUTS = frozenset({"Reshape", "Slice", "Squeeze", "Unsqueeze"})
"""Their first input is values, the others are shapes and axes."""
LARGEST = float(np.finfo(np.float16).max)
RECONSTRUCTION = OUTPUT_NAMES[2]
SUFFIX = ".fp16"


def half_from_model(model: Any) -> Any:  # noqa: ANN401 - onnx has no types
    """Return a copy of an fp32 model with half precision where that is safe; onnx.checker has passed it.

    A product whose weights exceed what fp16 holds stays in fp32.
    """
    half = onnx.ModelProto()
    half.CopyFrom(model)
    graph = half.graph
    _inline_shared_weights(graph)
    weights = {tensor.name: tensor for tensor in graph.initializer}
    rewriting = _Rewriting(weights, _halved_outputs(graph, weights))
    nodes = [made for node in graph.node for made in rewriting.nodes_from(node)]
    nodes += [made for output in graph.output for made in rewriting.casts_to_fp32(output.name)]
    _replace(graph.node, nodes)
    _replace(graph.initializer, rewriting.weights_of(nodes))
    _replace(graph.value_info, ())
    onnx.checker.check_model(half, full_check=True)
    return half


def rounded_from_half(half: Any) -> Any:  # noqa: ANN401 - onnx has no types
    """Return a model that computes in fp32, and rounds to fp16 each value that is half in `half`.

    This is what a GPU does that sums in fp32. ONNX Runtime on a CPU does less with `half` itself: it keeps
    what lies between two of its fp32 kernels unrounded, so an overflow there would go unseen.
    """
    model = onnx.ModelProto()
    model.CopyFrom(half)
    for tensor in model.graph.initializer:
        if tensor.name.endswith(SUFFIX):
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name)
            )
    _replace(model.graph.node, [made for node in model.graph.node for made in _rounding(node)])
    onnx.checker.check_model(model, full_check=True)
    return model


def _rounding(node: Any) -> Iterator[Any]:  # noqa: ANN401 - onnx has no types
    """Give a node of a half model in fp32, then the casts that round what it gives."""
    (name,) = node.output[:1]
    if not name.endswith(SUFFIX):
        yield node
        return
    if node.op_type == "Cast":
        source = node.input[0]
    else:
        source = f"{name}.exact"
        _replace(node.output, [source])
        yield node
    yield helper.make_node("Cast", [source], [f"{name}.rounded"], to=TensorProto.FLOAT16)
    yield helper.make_node("Cast", [f"{name}.rounded"], [name], to=TensorProto.FLOAT)


def count_halved(model: Any) -> tuple[int, int]:  # noqa: ANN401 - onnx has no types
    """Return how many products of a model are in half precision, and how many it has."""
    products = [node for node in model.graph.node if node.op_type in PRODUCTS]
    return sum(node.output[0].endswith(SUFFIX) for node in products), len(products)


def _halved_outputs(graph: Any, weights: Mapping[str, Any]) -> set[str]:  # noqa: ANN401 - onnx has no types
    """Return the names of what the halved nodes give."""
    network = _leading_to(graph, {RECONSTRUCTION})
    products = [
        node
        for node in graph.node
        if node.op_type in PRODUCTS
        and _fits(node, weights)
        and (_convolves(node) or node.output[0] in network)
    ]
    wanted = _leading_to(graph, {name for node in products for name in node.input})
    fixed = {
        name for node in graph.node if node.op_type == "Constant" for name in node.output
    } | weights.keys()
    half = {node.output[0] for node in products}
    for node in graph.node:  # sorted: what a node takes was decided before it
        taken = [name for name in _values(node) if name not in fixed]
        if node.op_type in BETWEEN and node.output[0] in wanted and taken and half.issuperset(taken):
            half.update(node.output if _fits(node, weights) else ())
    return half


def _leading_to(graph: Any, names: Collection[str]) -> set[str]:  # noqa: ANN401 - onnx has no types
    """Return these tensors and all that they are computed from."""
    found = set(names)
    for node in reversed(graph.node):
        if not found.isdisjoint(node.output):
            found.update(_taken(node))
    return found


def _taken(node: Any) -> list[str]:  # noqa: ANN401 - onnx has no types
    """Return all that a node takes, by its inputs or from within its subgraphs, as those of an If do."""
    graphs = [entry.g for entry in node.attribute if entry.HasField("g")]
    return [*node.input, *(name for graph in graphs for inner in graph.node for name in _taken(inner))]


def _convolves(node: Any) -> bool:  # noqa: ANN401 - onnx has no types
    """Return whether this is a convolution: no scoring head has one, but some networks only score."""
    return node.op_type in {"Conv", "ConvTranspose"}


def _values(node: Any) -> list[str]:  # noqa: ANN401 - onnx has no types
    """Return the inputs that are values, not shapes or axes."""
    count = 1 if node.op_type in SHAPED_BY_INPUTS else len(node.input)
    return list(node.input[:count])


def _fits(node: Any, weights: Mapping[str, Any]) -> bool:  # noqa: ANN401 - onnx has no types
    """Return whether fp16 holds the node's weights."""
    held = [numpy_helper.to_array(weights[name]) for name in _values(node) if name in weights]
    return all(float(np.abs(values).max(initial=0.0)) <= LARGEST for values in held)


def _inline_shared_weights(graph: Any) -> None:  # noqa: ANN401 - onnx has no types
    """Let nodes take weights directly that the exporter hands to several of them through Identity."""
    weights = {tensor.name for tensor in graph.initializer}
    shared = {
        node.output[0]: node.input[0]
        for node in graph.node
        if node.op_type == "Identity" and node.input[0] in weights
    }
    _replace(graph.node, [node for node in graph.node if node.output[0] not in shared])
    for node in graph.node:
        _replace(node.input, [shared.get(name, name) for name in node.input])


def _replace(field: Any, items: Iterable[Any]) -> None:  # noqa: ANN401 - onnx has no types
    kept = list(items)
    del field[:]
    field.extend(kept)


class _Rewriting:
    """Rewrites node by node, and casts each tensor at most once in each direction."""

    def __init__(self, weights: Mapping[str, Any], half: Collection[str]) -> None:
        self._weights = weights
        self._half = half
        self._cast: set[str] = set()

    def nodes_from(self, node: Any) -> Iterator[Any]:  # noqa: ANN401 - onnx has no types
        """Give the node in its precision, after the casts that it needs."""
        if node.output[0] not in self._half:
            for name in _taken(node):
                yield from self.casts_to_fp32(name)
        else:
            values = _values(node)
            for name in values:
                yield from self._casts_to_fp16(name)
            rest = node.input[len(values) :]
            _replace(node.input, [*(name + SUFFIX for name in values), *rest])
            _replace(node.output, [name + SUFFIX for name in node.output])
        yield node

    def casts_to_fp32(self, name: str) -> Iterator[Any]:
        """Give the cast that makes `name` out of its half, where that is all there is of it."""
        if name in self._half and name not in self._cast:
            yield self._cast_node(name, name + SUFFIX, name, TensorProto.FLOAT)

    def _casts_to_fp16(self, name: str) -> Iterator[Any]:
        if name not in self._half and name not in self._weights and name not in self._cast:
            yield self._cast_node(name, name, name + SUFFIX, TensorProto.FLOAT16)

    def _cast_node(self, name: str, source: str, target: str, kind: int) -> Any:  # noqa: ANN401 - onnx has no types
        self._cast.add(name)
        return helper.make_node("Cast", [source], [target], name=f"{target}/Cast", to=kind)

    def weights_of(self, nodes: Iterable[Any]) -> Iterator[Any]:
        """Give the weights that the nodes take, each in the precisions in which it is taken."""
        taken = {name for node in nodes for name in _taken(node)}
        for name, tensor in self._weights.items():
            if name in taken:
                yield tensor
            if name + SUFFIX in taken:
                yield numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), name + SUFFIX)
