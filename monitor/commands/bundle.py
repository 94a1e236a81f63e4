"""`wheeltapper bundle VERB`: who vouches for bundles, and which versions of one a machine has."""

from __future__ import annotations

import argparse

from monitor.commands import bundle_keys, bundle_versions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verbs and their arguments."""
    verbs = parser.add_subparsers(dest="bundle_verb", required=True, metavar="VERB")
    bundle_keys.add_verbs(verbs)
    bundle_versions.add_verbs(verbs)


def run(arguments: argparse.Namespace) -> int:
    """Run the verb; returns its exit code."""
    code: int = arguments.run_bundle_verb(arguments)
    return code
