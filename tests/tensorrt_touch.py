"""Reads from our source which names of TensorRT and of CUDA's runtime it touches."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

MODULE = ""
"""Stands for the module itself where a class is asked for."""
OBJECTS = {
    "trt": MODULE,
    "library.trt": MODULE,
    "self._trt": MODULE,
    "trt.ILogger": "ILogger",
    "trt.LayerType": "LayerType",
    "trt.DataType": "DataType",
    "trt.NetworkDefinitionCreationFlag": "NetworkDefinitionCreationFlag",
    "kinds": "NetworkDefinitionCreationFlag",
    "flags": "BuilderFlag",
    "mode": "TensorIOMode",
    "builder": "Builder",
    "network": "INetworkDefinition",
    "parser": "OnnxParser",
    "parser.get_error(i)": "ParserError",
    "config": "IBuilderConfig",
    "profile": "IOptimizationProfile",
    "cache": "ITimingCache",
    "timing": "ITimingCache",
    "layer": "ILayer",
    "layer.get_output(k)": "ITensor",
    "self._runtime": "Runtime",
    "self._engine": "ICudaEngine",
    "engine": "ICudaEngine",
    "self._context": "IExecutionContext",
}
"""What an expression in engines/tensorrt is. A new one must be named here: unnamed() finds it."""
PLAIN = {"plan", "names", "found", "outputs", "kind", "capturable", "shape"}
"""Variables that hold bytes, numbers, enumeration members or bound methods of TensorRT."""


@dataclass
class Touched:
    """What a source asks of TensorRT, as (class, attribute)."""

    required: set[tuple[str, str]] = field(default_factory=set)
    """Used outright."""
    optional: set[tuple[str, str]] = field(default_factory=set)
    """Looked up with hasattr or getattr and a default."""
    unnamed: set[str] = field(default_factory=set)
    """Expressions that come from TensorRT and are not in OBJECTS."""


def touched_by(sources: list[str]) -> Touched:
    """Return what all these sources touch."""
    touched = Touched()
    for source in sources:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            _note(node, touched)
    touched.required -= touched.optional
    return touched


def cuda_names_in(sources: list[str]) -> set[str]:
    """Return what these sources ask of a variable or attribute `cudart`: `cudaMalloc`, `kind.member`."""
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    dotted = (ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute))
    return {found[1] for text in dotted if (found := re.search(r"\bcudart\.([\w.]+)$", text))}


def _note(node: ast.AST, touched: Touched) -> None:
    if isinstance(node, ast.Attribute):
        base = ast.unparse(node.value)
        if base in OBJECTS:
            touched.required.add((OBJECTS[base], node.attr))
        elif isinstance(node.value, ast.Call) and _comes_from_tensorrt(node.value):
            touched.unnamed.add(base)
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in {"hasattr", "getattr"}:
        base, name = ast.unparse(node.args[0]), node.args[1]
        if base in OBJECTS and isinstance(name, ast.Constant):
            touched.optional.add((OBJECTS[base], str(name.value)))
    elif isinstance(node, ast.Assign):
        touched.unnamed.update(_unnamed_targets(node))


def _unnamed_targets(node: ast.Assign) -> Iterator[str]:
    """Give the variables that are set to something of TensorRT's and are neither in OBJECTS nor PLAIN."""
    for target in node.targets:
        pairs = [(target, node.value)]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(target.elts, node.value.elts, strict=True))
        for name, value in pairs:
            set_on_tensorrt = isinstance(name, ast.Attribute) and ast.unparse(name.value) in OBJECTS
            known = set_on_tensorrt or ast.unparse(name) in OBJECTS.keys() | PLAIN
            if _comes_from_tensorrt(value) and not known:
                yield ast.unparse(name)


def _comes_from_tensorrt(value: ast.expr) -> bool:
    """Return whether this is an attribute of one of OBJECTS, or a call of one."""
    inner = value.func if isinstance(value, ast.Call) else value
    return isinstance(inner, ast.Attribute) and ast.unparse(inner.value) in OBJECTS
