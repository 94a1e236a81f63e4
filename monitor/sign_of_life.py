"""Whether a daemon whose report is old still runs: a full or broken disk keeps it from saying so."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitor.doctor.mounts import disk_of
from monitor.report import STATUS_FILE, is_alive
from monitor.store.files import free_bytes
from monitor.store.opening import LOCK

LOCKS = "proc/locks"
LEAST_BYTES = 65_536
"""With less free its report has no room."""


def why_silent(tree: Mapping[str, Any], state_dir: Path, root: Path = Path("/")) -> tuple[str, str] | None:
    """Return why a daemon that runs does not report, and what to do; None: it reports, or does not run.

    It runs where the process that the report names still holds the store: a number alone may be another's.
    """
    if is_alive(tree) or not _holds_store(int(tree["box"]["pid"]), state_dir, root):
        return None
    age_s = time.time() - float(tree["updated_utc_s"])
    said = f"pid {tree['box']['pid']} runs, and its last report is {age_s:.0f} s old"
    disk = disk_of(state_dir, root)
    if disk is not None and disk.read_only:
        why = f"{state_dir} is mounted read-only, so that it cannot write {STATUS_FILE}"
        return (
            f"{said}: {why}",
            "look for errors of the disk (dmesg), mount it again; alarms are told meanwhile",
        )
    if free_bytes(state_dir) < LEAST_BYTES:
        why = f"the disk of {state_dir} is full, so that it cannot write {STATUS_FILE}"
        return f"{said}: {why}", "free the disk; alarms are told meanwhile, and nothing need be restarted"
    return f"{said}: it hangs, or cannot write {state_dir / STATUS_FILE}", (
        "journalctl -u wheeltapper says which; if it hangs, restart it: systemctl restart wheeltapper"
    )


def _holds_store(pid: int, state_dir: Path, root: Path) -> bool:
    """Say whether a process has the store's lock, as the kernel lists it: PID, then MAJOR:MINOR:INODE."""
    try:
        inode = (state_dir / LOCK).stat().st_ino
        lines = (root / LOCKS).read_text(encoding="ascii").splitlines()
    except OSError:
        return False
    holders = [line.split() for line in lines if " FLOCK " in line and "->" not in line]
    return any(words[4] == str(pid) and words[5].rpartition(":")[2] == str(inode) for words in holders)
