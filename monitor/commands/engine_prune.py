"""`wheeltapper engine prune BUNDLE...`: remove the plans that the bundles in use cannot use on this box."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.plan_list import StoredPlan, prune_plans
from monitor.commands.engine_list import digests_of_bundle
from monitor.commands.engine_options import (
    add_plan_options,
    find_box_or_none,
    folder_from_arguments,
    why_not_here,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument(
        "bundles", type=Path, metavar="BUNDLE", nargs="+", help="every bundle in use; plans of others go"
    )
    add_plan_options(parser)
    parser.add_argument("--dry-run", action="store_true", help="only say what would go")


def run(arguments: argparse.Namespace) -> int:
    """Remove plans of other bundles, of another TensorRT or GPU, and damaged ones; always 0.

    A plan in quarantine stays while it could be asked for, since it would only be built again.
    """
    in_use = {digest for bundle in arguments.bundles for digest in digests_of_bundle(bundle)}
    box = find_box_or_none()

    def why_goes(plan: StoredPlan) -> str:
        if plan.record is None:
            return plan.why
        if plan.record.key.onnx_sha256 not in in_use:
            return f"of {plan.record.bundle_id}, which is not in use"
        return why_not_here(plan.record.key, box)

    gone = prune_plans(folder_from_arguments(arguments), why_goes, dry=arguments.dry_run)
    for name, reason in gone:
        print(f"{'would remove' if arguments.dry_run else 'removed'} {name}: {reason}")
    print(f"{len(gone)} {'would go' if arguments.dry_run else 'removed'}")
    return 0
