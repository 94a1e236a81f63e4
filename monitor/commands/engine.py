"""`wheeltapper engine VERB BUNDLE`: what is done to and with the engines of a bundle, a module each."""

from __future__ import annotations

import argparse
import importlib
from typing import Any

# verb -> (module with add_arguments(parser) and run(arguments) -> exit code, what it does)
VERBS = {
    "build": ("monitor.commands.engine_build", "build and prove the TensorRT plan that the daemon will want"),
    "parity": ("monitor.commands.engine_parity", "compare every engine of this box with what training saw"),
    "bench": ("monitor.commands.engine_bench", "time every engine of this machine, beside plain torch"),
    "list": ("monitor.commands.engine_list", "list the plans of this box and their states"),
    "prune": ("monitor.commands.engine_prune", "remove plans that the bundles in use cannot use here"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their arguments."""
    verbs = parser.add_subparsers(dest="engine_verb", required=True, metavar="VERB")
    for name, (path, summary) in VERBS.items():
        module: Any = importlib.import_module(path)
        sub = verbs.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        module.add_arguments(sub)
        sub.set_defaults(run_engine_verb=module.run)


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; returns its exit code."""
    code: int = arguments.run_engine_verb(arguments)
    return code
