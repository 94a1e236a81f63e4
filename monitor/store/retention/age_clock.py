"""Says by what time age may be judged, so that a clock that is wrong by years costs no sound.

A clock is believed while it is within a week of where it was last believed, also after the box was off.
Another one is believed when the box has run for a day with it: somebody had time to look. Both are on disk,
so that a restart neither ends the doubt nor begins it anew; a box that starts in 1970 each morning and is
told the time is where it was believed the evening before.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable

from monitor.clock import is_set
from monitor.errors import StoreError
from monitor.store.files import write_whole
from monitor.store.store import Store

BELIEVED_FILE = "store.clock"
FAR_S = 7 * 86_400.0
DOUBT_S = 86_400.0
"""Running time after which a clock that went so far, forth or back, is believed all the same."""
KEEP_EVERY_S = 600.0
"""Between two writes of the file; a restart loses so much of the day."""


class AgeClock:
    """Doubts the wall clock. Belongs to one thread, which calls `look` every few seconds."""

    def __init__(self, store: Store, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._state_dir = store.state_dir
        self._monotonic = monotonic
        self._believed_utc_s, self._doubted_s = self._kept() or (_newest_utc_s(store), 0.0)
        self._is_doubted = False
        self._looked_at_s = monotonic()
        self._keep_at_s = monotonic()

    def look(self) -> float | None:
        """Return what time it is; None: the clock is doubted. A clock that is not set says so itself."""
        now_utc_s, now_s = time.time(), self._monotonic()
        ran_s, self._looked_at_s = now_s - self._looked_at_s, now_s
        if not is_set(now_utc_s):
            return now_utc_s
        is_near = self._believed_utc_s is None or abs(now_utc_s - self._believed_utc_s) <= FAR_S
        self._doubted_s += ran_s if self._is_doubted else 0.0
        self._is_doubted = not is_near and self._doubted_s < DOUBT_S
        if not self._is_doubted:
            self._believed_utc_s, self._doubted_s = now_utc_s, 0.0
        if now_s >= self._keep_at_s:
            self._keep_at_s = now_s + KEEP_EVERY_S
            self._keep()
        return None if self._is_doubted else now_utc_s

    def _keep(self) -> None:
        content = json.dumps({"believed_utc_s": self._believed_utc_s, "doubted_s": self._doubted_s})
        with contextlib.suppress(StoreError):  # a full disk: it is tried again
            write_whole(self._state_dir / BELIEVED_FILE, content.encode(), below=self._state_dir)

    def _kept(self) -> tuple[float, float] | None:
        try:
            kept = json.loads((self._state_dir / BELIEVED_FILE).read_bytes())
            return float(kept["believed_utc_s"]), float(kept["doubted_s"])
        except (OSError, ValueError, TypeError, KeyError):
            return None


def _newest_utc_s(store: Store) -> float | None:
    """Return when the newest event began, by a clock that was set; None: none did."""
    rows = store.database.rows("SELECT start_utc_s FROM events ORDER BY n DESC LIMIT 1")
    return float(rows[0]["start_utc_s"]) if rows and is_set(rows[0]["start_utc_s"]) else None
