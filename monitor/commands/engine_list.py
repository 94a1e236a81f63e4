"""`wheeltapper engine list [BUNDLE]`: the plans of this box, and which of them it can use."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict
from pathlib import Path

from engines.backend_tensorrt import Box
from engines.bundle import MODELS, open_bundle
from engines.plan_list import READY, StoredPlan, stored_plans
from monitor.commands.engine_options import (
    add_plan_options,
    find_box_or_none,
    folder_from_arguments,
    json_line,
    why_not_here,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "bundle", type=Path, metavar="BUNDLE", nargs="?", help="only plans of this bundle; default: all"
    )
    add_plan_options(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead")


def run(arguments: argparse.Namespace) -> int:
    """Print every plan with its state; always 0."""
    folder, box = folder_from_arguments(arguments), find_box_or_none()
    plans = stored_plans(folder)
    if arguments.bundle is not None:
        digests = digests_of_bundle(arguments.bundle)
        plans = [plan for plan in plans if plan.record and plan.record.key.onnx_sha256 in digests]
    states = [state_here(plan, box) for plan in plans]
    if arguments.json:
        tree = [
            {"stem": plan.stem, "state": state, "why": why, "record": plan.record and asdict(plan.record)}
            for plan, (state, why) in zip(plans, states, strict=True)
        ]
        print(json_line({"folder": str(folder), "plans": tree}))
        return 0
    print(f"{len(plans)} plans in {folder}" + ("" if box else " (no TensorRT and GPU here to compare with)"))
    for plan, (state, why) in zip(plans, states, strict=True):
        print(_line(plan, state, why))
    return 0


def digests_of_bundle(folder: Path) -> set[str]:
    """Return the sha256 of a bundle's models, of all precisions."""
    files = open_bundle(folder).manifest.files
    return {files[name].sha256 for name in MODELS.values() if name in files}


def state_here(plan: StoredPlan, box: Box | None) -> tuple[str, str]:
    """Return the state of a plan on this box, `stale` when it was made for another, and why."""
    stale = "" if plan.record is None else why_not_here(plan.record.key, box)
    if plan.state == READY and stale:
        return "stale", stale
    return plan.state, plan.why


def _line(plan: StoredPlan, state: str, why: str) -> str:
    told = f"{state}{': ' + why if why else ''}"
    if plan.record is None:
        return f"{plan.stem}: {told}"
    key, record = plan.record.key, plan.record
    built = time.strftime("%Y-%m-%d %H:%M", time.gmtime(record.built_utc_s))
    return (
        f"{plan.stem}: {record.bundle_id} {key.precision}, {key.flavour} {key.version}, {key.gpu_name} "
        f"{key.compute_capability}, batches {key.min_batch}/{key.opt_batch}/{key.max_batch}, "
        f"{record.size_bytes / 1e6:.1f} MB, built {built} UTC in {record.build_s:.0f} s; {told}"
    )
