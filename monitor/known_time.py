"""Whether the box knows the time: what the kernel, systemd and the hardware clock say of the wall clock.

A clock that starts in 1970 is seldom seen where systemd runs, which puts it forward to the day that it was
built itself, or to when the box was last on (systemd(1), systemd-timesyncd.service(8)): plausible and wrong.
So a time after 2020 is not enough: somebody has to vouch for it. systemd notes in /run/systemd/container that
it runs in a container (Container Interface, systemd.io).
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from monitor.clock import is_set

TIMEX_BYTES = 512
"""More than struct timex of any Linux; asking with modes 0 changes nothing (man 2 adjtimex)."""
TIME_ERROR = 5
"""What adjtimex returns while the clock is not synchronised."""
RTC_NEAR_S = 86_400.0
"""A hardware clock that is farther off did not set the wall clock; one that shows local time is nearer."""


def clock_is_synchronised() -> bool | None:
    """Return what the kernel says of its clock; None: it does not answer."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return None
    state = int(libc.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))
    return None if state < 0 else state != TIME_ERROR


class KnownTime:
    """Says whether the wall clock can be right. Once it was, it stays so until it says a time before 2020.

    That a time server is lost later, as is a hardware clock that drifts, makes no time unknown.
    """

    def __init__(
        self,
        *,
        vouched: bool = False,
        root: Path = Path("/"),
        synchronised: Callable[[], bool | None] = clock_is_synchronised,
    ) -> None:
        """`vouched`: somebody has said before that it is right."""
        self._vouched = vouched
        self._root = root
        self._synchronised = synchronised

    def __call__(self, utc_s: float) -> bool:
        """Say whether the box, which says `utc_s`, knows the time."""
        if not is_set(utc_s):
            return False
        self._vouched = self._vouched or self._somebody_vouches(utc_s)
        return self._vouched

    def _somebody_vouches(self, utc_s: float) -> bool:
        if self._synchronised() or (self._root / "run/systemd/timesync/synchronized").exists():
            return True
        said = self._hardware_clocks()
        if said:
            return any(is_set(each) and abs(each - utc_s) <= RTC_NEAR_S for each in said)
        # without a hardware clock it is systemd's guess; where systemd did not start the box, or started a
        # container, which may not set the clock, it is somebody else's, and nothing speaks against it
        systemd = self._root / "run/systemd"
        return not (systemd / "system").is_dir() or (systemd / "container").exists()

    def _hardware_clocks(self) -> list[float]:
        said = []
        for path in sorted(self._root.glob("sys/class/rtc/*/since_epoch")):
            try:
                said.append(float(path.read_text(encoding="ascii")))
            except (OSError, ValueError):  # its driver does not answer
                said.append(0.0)
        return said
