"""Has the page go by its configuration as it is now: what a reload changes needs no restart of the page.

Where the page listens, who may log in and where the state lies hold as they were at its start.
"""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette

from monitor.config import Config, load_config
from monitor.errors import ConfigError
from monitor.logs import Log
from monitor.replay.kept.frontends import bundle_folders

AS_STARTED = ("replay", "state_dir")
"""Keys that need a restart of the page."""


class Following:
    """Looks at the file of the configuration. Belongs to the thread of the page's chores; never raises."""

    def __init__(self, app: Starlette, path: Path, log: Log) -> None:
        """`app` has been made of what stands in the file at `path` now."""
        self._app = app
        self._path = path
        self._log = log
        self._seen = self._stamp()

    def look(self) -> None:
        """Take what the file says if it has changed and is sound; else go on with what was taken last."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            wanted = load_config(self._path)
        except ConfigError as error:
            self._log.warning("the page goes on with the configuration before", reason=str(error))
            return
        before: Config = self._app.state.settings
        started = {key: getattr(before, key) for key in AS_STARTED}
        held = [key for key in AS_STARTED if getattr(wanted, key) != started[key]]
        settings = wanted.model_copy(update=started)
        self._app.state.library.know_bundles(bundle_folders(settings))
        self._app.state.settings = settings
        self._log.info("the page has taken its configuration anew", restart_for=held or None)

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            status = self._path.stat()
        except OSError:
            return None  # it is being replaced, or gone: load_config says so
        return status.st_mtime_ns, status.st_size, status.st_ino
