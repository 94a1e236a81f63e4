"""Where the page keeps what is its own: below the daemon's state, unless systemd gave it folders of its own.

Under systemd the page is another user, who may read the state and write nothing of it: CACHE_DIRECTORY and
LOGS_DIRECTORY then say where it may write (systemd.exec(5)).
"""

from __future__ import annotations

import os
from pathlib import Path

from monitor.config import Config

AUDIT_FILE = "replay-audit.jsonl"
CACHE = "replay-cache"
USERS_FILE = "replay-users.json"


def users_path(config: Config) -> Path:
    """Return where it stands who may log in."""
    return config.replay.users_file or config.state_dir / USERS_FILE


def audit_path(config: Config) -> Path:
    """Return where the page writes down who asked for what."""
    return (_from_systemd("LOGS_DIRECTORY") or config.state_dir) / AUDIT_FILE


def cache_dir(config: Config) -> Path:
    """Return where the page keeps pictures that it has made."""
    return config.replay.cache_dir or _from_systemd("CACHE_DIRECTORY") or config.state_dir / CACHE


def _from_systemd(variable: str) -> Path | None:
    folder = os.environ.get(variable, "").split(":")[0]
    return Path(folder) if folder else None
