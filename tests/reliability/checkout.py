"""Which state of the source ran, for whoever reads the results."""

from __future__ import annotations

import subprocess

from fixtures_daemon import ROOT


def commit() -> str:
    """Return the commit of this checkout, with a + where it has been changed."""
    command = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"
