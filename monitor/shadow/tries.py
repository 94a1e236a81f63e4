"""Remembers how often the process ended while a candidate was open, lest one ends it again and again.

A model may take all memory, or bring its library down: then the daemon goes with it, and judging stands still
until systemd has started it anew. A power cut looks the same, so that one such end means nothing yet.
"""

from __future__ import annotations

import json
from pathlib import Path

from monitor.bundles.library import Library
from monitor.errors import StoreError
from monitor.store.files import write_whole

FILE = "shadow.json"
"""In the folder of the source's library."""
TRIES_MAX = 3
"""So many ends in a row, none of them in order, and it is not opened any more."""
PROVEN_S = 6 * 3600.0
"""A candidate that has been open so long is not what ends the process. One that leaks may take an hour,
and a box whose power goes every night is open for longer than this each day."""
MAX_BYTES = 10_000


class Tries:
    """How often one source's candidate was opened and the process then ended out of order."""

    def __init__(self, library: Library) -> None:
        self._path: Path = library.folder / FILE
        self._below = library.state_dir

    def begun(self, version: str) -> int:
        """Return how often it ended so while this version was open; 0: never, or nobody knows."""
        try:
            with self._path.open("rb") as file:
                tree = json.loads(file.read(MAX_BYTES))
            return int(tree["begun"]) if tree["version"] == version else 0
        except (OSError, ValueError, KeyError, TypeError):
            return 0

    def begin(self, version: str) -> None:
        """Count that it is opened. A disk that refuses is told elsewhere, and costs only this protection."""
        self._write({"version": version, "begun": self.begun(version) + 1})

    def end(self, version: str) -> None:
        """Take it that it has proven itself, or was closed in order."""
        if self.begun(version):
            self._write({"version": version, "begun": 0})

    def _write(self, tree: dict[str, object]) -> None:
        try:
            write_whole(self._path, json.dumps(tree).encode(), below=self._below)
        except StoreError:
            return
