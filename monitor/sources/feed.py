"""What a live source listens to: something that can be started and stopped, and may stop by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.messages import Float32


class FeedBrokenError(Exception):
    """A feed has ended by itself; the text says why. It never leaves monitor.sources."""

    @property
    def reason(self) -> str:
        """Why, as it was given."""
        said = self.args[0] if self.args else ""
        return said if isinstance(said, str) else str(said)


@dataclass(frozen=True, slots=True)
class Arrival:
    """Sound as a feed delivers it."""

    frames: Float32
    """Shape (n, columns); never written again."""
    sample_rate_hz: int
    """The device's own, of these frames."""
    arrived_s: float
    """Monotonic time at which the last frame was there."""
    lost_frames: int = 0
    """Known to be missing immediately before frames[0]."""
    overflowed: bool = False
    """The device said that it lost frames before or in this; how many is not known."""


class Feed(Protocol):
    """A device or address that can be started and stopped any number of times."""

    device: str
    """What it listens to, for health: never with a password."""

    def start(self) -> None:
        """Begin; does not wait for sound. What goes wrong is told by poll()."""
        ...

    def poll(self, timeout_s: float) -> Sequence[Arrival]:
        """Return what has arrived, waiting at most `timeout_s`.

        Raises:
            FeedBrokenError: It has ended by itself.
        """
        ...

    def remark(self) -> str:
        """Return what else is known about why no sound comes; empty if nothing is."""
        ...

    def stop(self) -> None:
        """End it for now, in bounded time; may be called when it does not run."""
        ...
