"""The shared judge, used from where it lies, so that its numbers and ours cannot differ."""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from training.errors import TrainingError

LIMIT_FIGURES = frozenset({"recall_at_limit", "false_share_at_limit"})


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the judge says of one file of scores."""

    figures: Mapping[str, float | None]
    """By the judge's own names; None where it found nothing to judge."""
    groups: Mapping[str, str]
    """Found at 1 % of clear windows, as `30/40`, by SNR and for faults."""


def judge_scores(script: Path, streams: Path, scores: Path, *, has_limit: bool) -> Judgement:
    """Run the judge on a file of scores; without a limit of its own a detector has no figures at one.

    Raises:
        TrainingError: The judge cannot be imported, or finds scores missing.
    """
    judge = cast("Callable[[Path, Path], dict[str, Any]]", _function_of(script, "judge"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)  # the judge leaves closing to the interpreter
            row = judge(streams, scores)
    except SystemExit as error:  # the judge is a script: it leaves with a sentence
        raise TrainingError(f"{scores}: {error}; score these files too") from error
    figures = {
        name: _known(float(value)) if has_limit or name not in LIMIT_FIGURES else None
        for name, value in row.items()
        if isinstance(value, (int, float))
    }
    return Judgement(figures, cast("dict[str, str]", row["groups"]))


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _function_of(script: Path, name: str) -> object:
    spec = importlib.util.spec_from_file_location("shared_benchmark_judge", script)
    if spec is None or spec.loader is None:
        raise TrainingError(f"{script}: is no Python module; give the shared folder as it came")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)
