"""Multiply-adds are counted as one would on paper."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest
import torch
from torch import Tensor, nn

from engines.build.arithmetic import multiply_adds_of_model
from engines.build.export import write_onnx
from engines.errors import EngineError

MEL, FRAMES = 8, 6


class Answers(nn.Module):
    """Has the three outputs of a bundle, with one layer in them."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, logmel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        answer = self.layer(logmel.unsqueeze(1))
        return answer.flatten(1).sum(1), logmel * 2.0, logmel + 1.0


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(1, 4, 3, padding=1), 4 * MEL * FRAMES * 9),
        (nn.Conv2d(1, 4, (2, 3), stride=2), 4 * (4 * 2) * 6),
        (
            nn.Sequential(nn.Conv2d(1, 4, 1), nn.Conv2d(4, 8, 3, padding=1, groups=2)),
            MEL * FRAMES * (4 + 144),
        ),
        (nn.ConvTranspose2d(1, 4, 2, stride=2), MEL * FRAMES * 4 * 4),
        (nn.Linear(FRAMES, 5, bias=False), MEL * 5 * FRAMES),
        (nn.Sequential(nn.Flatten(), nn.Linear(MEL * FRAMES, 5)), 5 * MEL * FRAMES),
        (nn.ReLU(), 0),
    ],
)
def test_the_multiply_adds_of_a_layer_are_those_of_its_formula(
    tmp_path: Path, layer: nn.Module, expected: int
) -> None:
    path = tmp_path / "model.onnx"
    torch.manual_seed(0)
    write_onnx(path, Answers(layer), (MEL, FRAMES))
    assert expected == multiply_adds_of_model(path)


def test_a_product_whose_size_depends_on_the_sound_is_refused(tmp_path: Path) -> None:
    nodes = [
        onnx.helper.make_node("NonZero", ["logmel"], ["places"]),
        onnx.helper.make_node("Cast", ["places"], ["left"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Transpose", ["left"], ["right"]),
        onnx.helper.make_node("MatMul", ["left", "right"], ["score"]),
    ]
    value = onnx.helper.make_tensor_value_info
    given = value("logmel", onnx.TensorProto.FLOAT, ["n", MEL, FRAMES])
    score = value("score", onnx.TensorProto.FLOAT, ["n", 3])
    path = tmp_path / "model.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "g", [given], [score])), str(path))
    with pytest.raises(EngineError, match=r"model\.onnx: its arithmetic cannot be counted"):
        multiply_adds_of_model(path)
