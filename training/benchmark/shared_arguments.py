"""The arguments that every command which measures on the shared sound has."""

from __future__ import annotations

import argparse
from pathlib import Path

from monitor.commands.hearing import whole_number


def add_shared(parser: argparse.ArgumentParser) -> None:
    """Declare where the shared folder is."""
    parser.add_argument(
        "--shared", type=Path, default=Path("../shared"),
        help="folder of evaluation sound and scripts (default: %(default)s)",
    )  # fmt: skip


def add_threads(parser: argparse.ArgumentParser, *, of: str) -> None:
    """Declare how many threads torch may use, `of` what."""
    parser.add_argument("--threads", type=whole_number, default=1, help=f"of {of} (default: %(default)s)")
