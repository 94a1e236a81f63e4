"""Limits how often logins are tried: by the address they come from, and by the name they are for."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import OrderedDict, deque
from collections.abc import Callable

MAX_KEYS = 4096
"""Addresses or names that are remembered; when full, the one not seen for longest is forgotten."""
PLACES_OF_A_NAME = 8
"""Addresses that are remembered of a name; the one that it came from least lately is forgotten."""


class Attempts:
    """Counts attempts by a key within a sliding time. Belongs to one thread, the event loop's."""

    def __init__(self, allowed: int, within_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._within_s = within_s
        self._clock = clock
        self._times: OrderedDict[str, deque[float]] = OrderedDict()

    def wait_s(self, key: str) -> int:
        """Return for how many seconds `key` has to wait; 0: it may try."""
        times = self._times.get(key)
        if times is None:
            return 0
        now_s = self._clock()
        while times and now_s - times[0] >= self._within_s:
            times.popleft()
        return 0 if len(times) < self._allowed else math.ceil(times[0] + self._within_s - now_s)

    def count(self, key: str) -> None:
        """Count one attempt, before it is known how it ends: several at once are counted all."""
        times = self._times.setdefault(key, deque(maxlen=self._allowed))
        self._times.move_to_end(key)
        times.append(self._clock())
        while len(self._times) > MAX_KEYS:
            self._times.popitem(last=False)

    def forgive(self, key: str) -> None:
        """Take the last attempt back: it succeeded."""
        times = self._times.get(key)
        if times:
            times.pop()


class KnownPlaces:
    """Where each name has logged in from lately. Belongs to one thread; a restart forgets it."""

    def __init__(self) -> None:
        self._places: OrderedDict[str, deque[str]] = OrderedDict()

    def note(self, name: str, place: str) -> None:
        """Remember that a login of `name` from there was right."""
        places = self._places.setdefault(name, deque(maxlen=PLACES_OF_A_NAME))
        self._places.move_to_end(name)
        if place in places:
            places.remove(place)
        places.append(place)
        while len(self._places) > MAX_KEYS:
            self._places.popitem(last=False)

    def knows(self, name: str, place: str) -> bool:
        """Say whether `name` has logged in from there."""
        return place in self._places.get(name, ())


def address_key(address: str) -> str:
    """Return what attempts of one sender have in common: the address, or its /64 for IPv6."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
