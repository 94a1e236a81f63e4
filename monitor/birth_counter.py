"""The number of the next connection of the Sparkplug edge node, on disk before it is used.

Hosts tell an old death certificate from the present one by this number, so that it must go on over kills and
power cuts: one higher than the last, 0 after 255.
"""

from __future__ import annotations

from pathlib import Path

from monitor.errors import StoreError
from monitor.logs import Log
from monitor.publish.sparkplug.settings import SEQ_COUNT, next_bdseq
from monitor.store.files import write_whole

FILE = "sparkplug-bdseq"


class BirthCounterFile:
    """Counts connections in a file of the state directory. A BirthCounter; from one thread only.

    A disk that takes nothing does not silence the node, for then the plant most needs to hear of it: the
    count goes on in memory, and only if the process ends before the disk is well may a number come twice.
    """

    def __init__(self, state_dir: Path, log: Log) -> None:
        """Read what the last process left."""
        self._path = state_dir / FILE
        self._log = log
        self._last = self._read()
        self._fails = False

    def next(self) -> int:
        """Return the number for the next connection, already on disk if the disk takes it."""
        self._last = next_bdseq(self._last)
        try:
            write_whole(self._path, f"{self._last}\n".encode(), below=self._path.parent)
        except StoreError as error:
            if not self._fails:
                self._log.error("the sparkplug birth number is not kept", reason=str(error))
            self._fails = True
        else:
            self._fails = False
        return self._last

    def _read(self) -> int | None:
        try:
            last = int(self._path.read_text(encoding="ascii"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            self._log.error("the sparkplug birth number cannot be read; it begins anew", reason=str(error))
            return None
        return last % SEQ_COUNT
