"""The Skip-CAE-Transformer has the parts its source describes, and its layers compute what torch's do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from tiny_detector import FRAMES, MEL, tiny_bundle, tiny_detector, tiny_windows
from torch import Tensor, nn

from engines.bundle import MODEL
from engines.runtime import open_engine
from training.errors import TrainingError
from training.losses import squared_error
from training.models.attention import Attention, TransformerLayer, heads_for
from training.models.skip_cae_transformer import ConvolutionPair, SkipTransformerAutoencoder

TOKENS, SIZE = 6, 20


def copied(ours: Attention, theirs: nn.MultiheadAttention) -> None:
    parts = (ours.query, ours.key, ours.value)
    theirs.in_proj_weight.data = torch.cat([part.weight.data for part in parts])
    theirs.in_proj_bias.data = torch.cat([part.bias.data for part in parts])
    theirs.out_proj.load_state_dict(ours.output.state_dict())


def tokens(seed: int) -> Tensor:
    return torch.randn(3, TOKENS, SIZE, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("recalls", [False, True])
def test_a_layer_computes_what_torchs_computes_with_the_same_weights(*, recalls: bool) -> None:
    torch.manual_seed(0)
    ours = TransformerLayer(TOKENS, SIZE, recalls=recalls).eval()
    theirs: nn.Module
    if recalls:
        theirs = nn.TransformerDecoderLayer(SIZE, 10, batch_first=True).eval()
        copied(ours.across, theirs.multihead_attn)
    else:
        theirs = nn.TransformerEncoderLayer(SIZE, 10, batch_first=True).eval()
    copied(ours.among, theirs.self_attn)
    theirs.linear1.load_state_dict(ours.inner[0].state_dict())
    theirs.linear2.load_state_dict(ours.inner[3].state_dict())
    given = (tokens(1), tokens(2)) if recalls else (tokens(1),)
    torch.testing.assert_close(ours(*given), theirs(*given), atol=1e-5, rtol=1e-5)


def test_tokens_of_the_paper_get_its_ten_heads_and_ours_eight() -> None:
    assert (10, 8, 8) == (heads_for(500), heads_for(128), heads_for(8))


def test_a_pair_adds_its_input_to_the_first_channels_and_zeros_to_the_rest() -> None:
    torch.manual_seed(0)
    pair = ConvolutionPair(4, 8)
    x = torch.randn(2, 4, 6, 6, generator=torch.Generator().manual_seed(0))
    total, second = pair(x)
    plain = pair.first(x) + second
    torch.testing.assert_close(total[:, :4], plain[:, :4] + x)
    torch.testing.assert_close(total[:, 4:], plain[:, 4:])


def test_the_convolutions_have_the_widths_of_the_source() -> None:
    net = SkipTransformerAutoencoder(128, 64)
    widths = [m.out_channels for m in net.modules() if isinstance(m, nn.Conv2d)]
    assert [2, 2, 4, 4, 8, 8, 16, 16, 32, 32, 64, 64, 16, 16, 8, 8, 4, 4, 4, 1] == widths
    assert (2, 128, 64) == tuple(net(torch.zeros(2, 128, 64)).shape)


def test_gradients_reach_all_parameters_but_the_biases_that_softmax_cancels() -> None:
    torch.manual_seed(0)
    net = SkipTransformerAutoencoder(MEL, FRAMES).train()
    x = torch.randn(8, MEL, FRAMES, generator=torch.Generator().manual_seed(0))
    net.training_loss(x, squared_error, torch.Generator()).backward()  # type: ignore[no-untyped-call]
    silent = [n for n, p in net.named_parameters() if p.grad is None or not float(p.grad.abs().sum()) > 0]
    assert [] == [name for name in silent if not name.endswith("key.bias")]


def test_a_window_reaches_the_output_through_the_bottleneck_and_through_attention_and_no_other_way() -> None:
    torch.manual_seed(0)
    net = SkipTransformerAutoencoder(MEL, FRAMES).eval()
    x = torch.randn(2, MEL, FRAMES, generator=torch.Generator().manual_seed(0))

    def differs_without(*cut: nn.Module) -> bool:
        handles = [part.register_forward_hook(lambda module, given, found: 0.0 * found) for part in cut]  # noqa: ARG005 - torch's signature
        with torch.no_grad():
            one, other = net(x)
        for handle in handles:
            handle.remove()
        return not torch.allclose(one, other)

    assert differs_without(net.bottleneck), "attention to level 4 alone"
    assert differs_without(net.recall.across), "the bottleneck alone"
    assert not differs_without(net.bottleneck, net.recall.across)


@pytest.mark.parametrize(("mel", "frames"), [(100, 64), (128, 60)])
def test_sizes_that_cannot_be_halved_four_times_are_refused(mel: int, frames: int) -> None:
    with pytest.raises(TrainingError, match="give multiples of 16"):
        SkipTransformerAutoencoder(mel, frames)


def test_the_bundle_judges_one_window_and_five_as_torch_does(tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "b", "skip_transformer")
    assert max(v for k, v in bundle.manifest.parity.items() if k.endswith("relative")) < 1e-4
    for n in (1, 5):
        with torch.no_grad():
            expected = tiny_detector("skip_transformer")(torch.from_numpy(tiny_windows(n, seed=3)))[0].numpy()
        found = open_engine(bundle).infer(tiny_windows(n, seed=3)).score
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)


def test_the_graph_holds_no_arithmetic_on_shapes(tmp_path: Path) -> None:
    graph = onnx.load(str(tiny_bundle(tmp_path / "b", "skip_transformer").folder / MODEL)).graph
    assert not {"Shape", "Gather", "Mod", "If", "Loop"} & {node.op_type for node in graph.node}
