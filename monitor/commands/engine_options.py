"""What the verbs of `wheeltapper engine` have in common: which bundle, which cache, which profile."""

from __future__ import annotations

import argparse
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.backend_tensorrt import Box, find_box
from engines.bundle import MODELS
from engines.errors import BackendUnavailableError
from engines.plan_record import PlanKey
from engines.runtime import PlanSettings
from engines.tensorrt.plan import RECIPE
from monitor.config import EngineConfig, default_state_dir, load_config
from monitor.models import plan_settings, plans_folder


def add_plan_options(parser: argparse.ArgumentParser) -> None:
    """Declare where plans lie and for which batches they are made."""
    parser.add_argument(
        "--config", type=Path, help="the daemon's configuration: its state_dir, precision and batches"
    )
    parser.add_argument("--state-dir", type=Path, help="default: the configuration's, else ./state")


def add_precision_option(parser: argparse.ArgumentParser) -> None:
    """Declare which of the bundle's files is meant."""
    parser.add_argument(
        "--precision", choices=sorted(MODELS, reverse=True), help="default: the configuration's, else fp32"
    )


def folder_from_arguments(arguments: argparse.Namespace) -> Path:
    """Return the folder of the plan cache."""
    if arguments.state_dir is not None:
        return plans_folder(arguments.state_dir)
    if arguments.config is not None:
        return plans_folder(load_config(arguments.config).state_dir)
    return plans_folder(default_state_dir())


def engine_section(arguments: argparse.Namespace) -> EngineConfig:
    """Return the configuration's section `engine`, or its defaults."""
    return EngineConfig() if arguments.config is None else load_config(arguments.config).engine


def plans_from_arguments(arguments: argparse.Namespace, *, build: bool) -> PlanSettings:
    """Return the settings with which the daemon would open its plans."""
    settings = plan_settings(engine_section(arguments), folder_from_arguments(arguments), _say)
    return replace(settings, build=build)


def find_box_or_none() -> Box | None:
    """Return the TensorRT and GPU of this box; None where there are none."""
    try:
        return find_box()
    except BackendUnavailableError:
        return None


def why_not_here(key: PlanKey, box: Box | None) -> str:
    """Return why this box cannot use a plan of `key`; empty when it can, or has no TensorRT to tell by."""
    if key.recipe != RECIPE:
        age = "an older" if key.recipe < RECIPE else "a newer"
        return f"built as {age} Wheeltapper builds plans, by recipe {key.recipe}; this one goes by {RECIPE}"
    if box is None:
        return ""
    library, gpu = box.library, box.gpu
    if (key.flavour, key.version) != (library.flavour, library.version):
        return f"made with {key.flavour} {key.version}, here is {library.flavour} {library.version}"
    if (key.gpu_name, key.compute_capability) != (gpu.name, gpu.compute_capability):
        return (
            f"made for {key.gpu_name} {key.compute_capability}, here is {gpu.name} {gpu.compute_capability}"
        )
    return ""


def json_line(tree: Any) -> str:  # noqa: ANN401 - any tree of JSON's types
    """Return a tree as one line of JSON; numbers that JSON lacks, infinite or none at all, become null."""
    return json.dumps(_finite(tree), allow_nan=False)


def _finite(tree: Any) -> Any:  # noqa: ANN401 - any tree of JSON's types
    if isinstance(tree, dict):
        return {key: _finite(value) for key, value in tree.items()}
    if isinstance(tree, (list, tuple)):
        return [_finite(value) for value in tree]
    return None if isinstance(tree, float) and not math.isfinite(tree) else tree


def _say(words: str) -> None:
    print(f"{words} ...", flush=True)
