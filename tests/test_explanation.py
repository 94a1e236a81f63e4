"""An explanation survives being JSON, and what is none is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from monitor.explanation import (
    Explanation,
    Finding,
    SoundKind,
    explanation_from_tree,
    tree_from_explanation,
)

EXPLANATION = Explanation(
    findings=(
        Finding(SoundKind.RHYTHM, 4010.0, 6120.5, 1.75e9, 1.75e9 + 3.25, 14.25, period_s=0.4),
        Finding(SoundKind.MISSING, 120.0, 480.0, 1.75e9, 1.75e9 + 3.25, -8.0),
    ),
    start_utc_s=1.75e9,
    end_utc_s=1.75e9 + 4.0,
    windows=3,
)


def test_every_field_survives_the_way_through_json() -> None:
    text = json.dumps(tree_from_explanation(EXPLANATION), allow_nan=False)
    assert EXPLANATION == explanation_from_tree(json.loads(text))


@pytest.mark.parametrize("kind", list(SoundKind))
def test_every_kind_survives_the_way_through_json(kind: SoundKind) -> None:
    finding = Finding(kind, 1.0, 2.0, 3.0, 4.0, 5.0)
    tree = json.loads(json.dumps(tree_from_explanation(Explanation((finding,), 3.0, 4.0, 1))))
    assert (finding,) == explanation_from_tree(tree).findings


def test_keys_of_a_later_version_are_left_out() -> None:
    tree: dict[str, Any] = json.loads(json.dumps(tree_from_explanation(EXPLANATION)))
    tree["mood"] = "grumpy"
    tree["findings"][0]["mood"] = "grumpy"
    assert EXPLANATION == explanation_from_tree(tree)


def test_numbers_of_numpy_become_plain_ones() -> None:
    finding = Finding(SoundKind.TONE, np.float32(440.0), np.float32(460.0), 0.0, 1.0, np.float64(3.0))  # type: ignore[arg-type]  # as a describer may slip
    read = explanation_from_tree(tree_from_explanation(Explanation((finding,), 0.0, 1.0, np.int64(2))))  # type: ignore[arg-type]  # the same
    assert {float} == {type(value) for value in (read.findings[0].low_hz, read.findings[0].change_db)}
    assert int is type(read.windows)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"findings": []}, "a list of findings, not"),
        ({"findings": None}, "a list of findings, not None"),
        ({"findings": ["tone"]}, "a finding has keys and values, not 'tone'"),
        ({"findings": [{"kind": "melody"}]}, "low_hz"),
        ({"windows": True}, "windows of an explanation must be a finite number, not True"),
        ({"start_utc_s": float("nan")}, "start_utc_s of an explanation must be a finite number, not nan"),
        ({"end_utc_s": "noon"}, "end_utc_s"),
    ],
)
def test_what_is_no_explanation_is_refused(change: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        explanation_from_tree({**tree_from_explanation(EXPLANATION), **change})


def test_a_kind_that_is_not_known_here_is_refused() -> None:
    tree: dict[str, Any] = json.loads(json.dumps(tree_from_explanation(EXPLANATION)))
    tree["findings"][0]["kind"] = "melody"
    with pytest.raises(ValueError, match="'melody' is not a valid SoundKind"):
        explanation_from_tree(tree)
