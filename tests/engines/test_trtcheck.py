"""trtcheck, which has the documented limits of TensorRT 8.6 and 10.3, finds nothing that stops a plan."""

from __future__ import annotations

from collections.abc import Callable

import onnx
import pytest
from onnx import TensorProto, helper
from tiny_kinds import CASES
from trtcheck.analyzer import Analyzer, AnalyzerConfig
from trtcheck.types import Issue, Severity

from engines.bundle import Bundle

BundleOfCase = Callable[[str], Bundle]
UNKNOWN_TO_TRTCHECK = {"Clip", "Flatten", "Softplus"}
"""Its matrix lacks them; the parser's own list has them (onnx-tensorrt, docs/operators.md, from 7.2 on)."""


def issues_of(model: onnx.ModelProto, version: str) -> list[Issue]:
    analyzer = Analyzer(AnalyzerConfig(target_trt=version, discover_entry_point_plugins=False))
    return list(analyzer.analyze_model(model).issues)


def is_harmless(issue: Issue, model: onnx.ModelProto) -> bool:
    """Return whether trtcheck only says that it cannot tell, and the node's attributes can."""
    if issue.rule_id == "TRT-OP-UNCLASSIFIED":
        return issue.operator in UNKNOWN_TO_TRTCHECK
    (node,) = (node for node in model.graph.node if node.name == issue.node_name)
    settings = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    if issue.rule_id != "TRT-OP-PARTIAL":
        return False
    if node.op_type == "Cast":  # doubtful with integers of 8 bits and doubles
        return settings["to"] not in {TensorProto.INT8, TensorProto.UINT8, TensorProto.DOUBLE}
    return (
        node.op_type == "Resize"
        and settings["mode"] in {b"nearest", b"linear"}
        and settings["coordinate_transformation_mode"] in {b"half_pixel", b"asymmetric", b"align_corners"}
        and not settings.get("antialias")
    )


@pytest.mark.parametrize("version", ["8.6", "10.3"])
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize("case", CASES)
def test_nothing_in_a_graph_would_stop_a_plan(
    bundle_of_case: BundleOfCase, case: str, precision: str, version: str
) -> None:
    model = onnx.load(str(bundle_of_case(case).model_path_of(precision)))
    issues = [issue for issue in issues_of(model, version) if not is_harmless(issue, model)]
    assert [] == [f"{issue.node_name}: {issue.message}" for issue in issues]


def test_an_operator_that_the_parser_does_not_know_is_found(bundle_of_case: BundleOfCase) -> None:
    model = onnx.load(str(bundle_of_case("ae").model_path))
    next(node for node in model.graph.node if node.op_type == "Conv").op_type = "Det"
    assert Severity.CRITICAL in {issue.severity for issue in issues_of(model, "10.3")}
