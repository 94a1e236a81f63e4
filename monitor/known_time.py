"""Whether the box knows the time: what the kernel, systemd and the hardware clock say of the wall clock.

A clock that starts in 1970 is seldom seen where systemd runs, which puts it forward to the day that it was
built itself, or to when the box was last on (systemd(1), systemd-timesyncd.service(8)): plausible and wrong.
So a time after 2020 is not enough: somebody has to vouch for it. systemd notes in /run/systemd/container that
it runs in a container (Container Interface, systemd.io).

A clock counts as synchronised while the kernel's bound of its error is below 16 s, as systemd has it: chronyd
without `rtcsync` leaves the flag STA_UNSYNC set, so that the kernel writes no hardware clock.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from pathlib import Path

from monitor.clock import is_set
from monitor.timedated import Timedated

UNKNOWN_ERROR_US = 16_000_000
"""What the kernel says of a clock that nobody keeps: NTP_PHASE_LIMIT of include/linux/timex.h."""
RTC_NEAR_S = 86_400.0
"""A hardware clock that is farther off did not set the wall clock; one that shows local time is nearer."""


class Timex(ctypes.Structure):
    """The beginning of struct timex, and room for the rest of any Linux (man 2 adjtimex)."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("rest", ctypes.c_char * 512),
    )


def clock_is_synchronised() -> bool | None:
    """Return what the kernel says of its clock; None: it does not answer. This changes nothing."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return None
    said = Timex()
    return None if libc.adjtimex(ctypes.byref(said)) < 0 else said.maxerror < UNKNOWN_ERROR_US


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
        timedated: Callable[[], bool] | None = None,
    ) -> None:
        """`vouched`: somebody has said before that it is right. `timedated` None: the one of this box."""
        self._vouched = vouched
        self._root = root
        self._synchronised = synchronised
        self._timedated = timedated or Timedated()

    def __call__(self, utc_s: float) -> bool:
        """Say whether the box, which says `utc_s`, knows the time."""
        if not is_set(utc_s):
            return False
        self._vouched = self._vouched or self._somebody_vouches(utc_s)
        return self._vouched

    def _somebody_vouches(self, utc_s: float) -> bool:
        kernel_says = self._synchronised()
        if kernel_says or (self._root / "run/systemd/timesync/synchronized").exists():
            return True
        said = self._hardware_clocks()
        if any(is_set(each) and abs(each - utc_s) <= RTC_NEAR_S for each in said):
            return True
        # without a hardware clock it is systemd's guess; where systemd did not start the box, or started a
        # container, which may not set the clock, it is somebody else's, and nothing speaks against it
        systemd = self._root / "run/systemd"
        by_systemd = (systemd / "system").is_dir()
        if not said and (not by_systemd or (systemd / "container").exists()):
            return True
        return by_systemd and kernel_says is None and self._timedated()

    def _hardware_clocks(self) -> list[float]:
        said = []
        for path in sorted(self._root.glob("sys/class/rtc/*/since_epoch")):
            try:
                said.append(float(path.read_text(encoding="ascii")))
            except (OSError, ValueError):  # its driver does not answer
                said.append(0.0)
        return said
