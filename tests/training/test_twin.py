"""The torch twin of a bundle does the work that the bundle's graph does, and takes what an engine takes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engines.build.arithmetic import multiply_adds_of_model
from engines.bundle import Bundle, open_bundle
from engines.errors import EngineError
from engines.golden import read_golden
from monitor.listening import DEMO_BUNDLE
from training.models import MODELS
from training.twin import Twin


@pytest.fixture(scope="module", params=["ae", "mae"])
def bundle(request: pytest.FixtureRequest) -> Bundle:
    return open_bundle(DEMO_BUNDLE.parent / request.param)


def test_the_twin_spends_the_multiply_adds_of_the_graph(bundle: Bundle) -> None:
    assert multiply_adds_of_model(bundle.model_path) == Twin(bundle.manifest, threads=1).multiply_adds


def test_the_twin_takes_and_gives_what_an_engine_does(bundle: Bundle) -> None:
    windows = read_golden(bundle).logmel
    expected = read_golden(bundle).expected
    answers = Twin(bundle.manifest, threads=1).infer(windows)
    assert [a.shape for a in (expected.score, expected.error_map, expected.reconstruction)] == [
        a.shape for a in answers
    ]
    assert all(np.isfinite(a).all() for a in answers)


@pytest.mark.parametrize("kind", sorted(set(MODELS) - {"hfrae"}))
@pytest.mark.parametrize("head", ["joint", "mean"])
def test_every_kind_has_a_twin_of_the_widths_and_the_head_that_the_manifest_notes(
    kind: str, head: str
) -> None:
    demo = open_bundle(DEMO_BUNDLE).manifest
    notes = {"widths": [8, 8, 8, 8], "head": {"name": head}}
    twin = Twin(replace(demo, kind=kind, training=notes), threads=1)
    assert twin.multiply_adds > 0
    assert {"joint": "JointViews", "mean": "MeanError"}[head] == type(twin.detector.head).__name__


@pytest.mark.parametrize(
    ("kind", "notes", "sentence"),
    [
        ("telepathy", {}, "kind 'telepathy' is not known"),
        ("mae", {"head": {"name": "shrug"}}, "scoring head 'shrug' is not known"),
        ("mae", {"widths": 7}, "no torch module can be made like mae"),
        ("ae", {"patch": [4, 4]}, "kind 'ae' has no patch"),
    ],
)
def test_a_manifest_that_names_no_module_we_have_is_refused(
    kind: str, notes: dict[str, object], sentence: str
) -> None:
    demo = open_bundle(DEMO_BUNDLE).manifest
    with pytest.raises(EngineError, match=sentence):
        Twin(replace(demo, kind=kind, training=notes), threads=1)
