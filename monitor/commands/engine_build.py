"""`wheeltapper engine build BUNDLE`: make the TensorRT plan that the daemon will want, and prove it."""

from __future__ import annotations

import argparse
from pathlib import Path

from engines.backend_tensorrt import find_box, open_engine, plan_key
from engines.bundle import open_bundle
from engines.plans import PlanCache
from monitor.commands.engine_options import (
    add_plan_options,
    add_precision_option,
    engine_section,
    plans_from_arguments,
)
from monitor.commands.engine_parity import lines_of_parity


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of the bundle")
    add_precision_option(parser)
    add_plan_options(parser)
    parser.add_argument(
        "--again", action="store_true", help="build even if there is a plan, or one in quarantine"
    )


def run(arguments: argparse.Namespace) -> int:
    """Build unless there is a usable plan; 0 when it agrees with the golden windows and was kept."""
    bundle = open_bundle(arguments.bundle)
    precision = arguments.precision or engine_section(arguments).precision
    plans = plans_from_arguments(arguments, build=True)
    cache = PlanCache(plans.folder)
    key = plan_key(bundle, precision, plans, find_box())
    if arguments.again:
        cache.forget(key, say=plans.say)
    engine = open_engine(bundle, precision=precision, plans=plans)
    try:
        print(f"{engine.backend}: {engine.unkept or cache.path(key, '.plan')}")
        print(f"batches {key.min_batch} to {key.max_batch}, tuned for {key.opt_batch}")
        print("\n".join(lines_of_parity(engine.parity, engine.allowed)))
    finally:
        engine.close()
    return 1 if engine.unkept else 0
