"""Decides when a live input is sick and when to restart it. No I/O and no clock of its own.

Three watchdogs, because each known failure is seen by one of them only:

    age of the last block   the device is unplugged, the sound server died, the driver hangs
    flat line               the sound server moved the stream to another, dead input without saying so
    samples against time    samples go missing, or come at another rate than was agreed

    starting --sound--> HEALTHY --watchdog--> ALARMED --pause--> RECOVERING --sound--> HEALTHY
                                                 ^-- no sound ------'
After `failed_after` restarts in vain the state is FAILED until sound returns; restarts go on, slowly.
"""

from __future__ import annotations

import enum
from collections import deque
from dataclasses import dataclass

from monitor.messages import CaptureState
from monitor.worded import Worded, worded


@dataclass(frozen=True, slots=True)
class WatchdogSettings:
    """When a live input counts as sick, and how it is restarted."""

    quiet_s: float = 2.0
    """No block for this long: the input has stopped."""
    start_s: float = 10.0
    """How long a fresh start may take to its first sound: PortAudio searches all devices first."""
    flat_s: float = 5.0
    """Samples that stand still for this long are not sound, even if the value is not 0."""
    rate_over_s: float = 10.0
    """Samples are counted against the clock over stretches of this length."""
    rate_tolerance: float = 0.05
    """Share by which the count of one stretch may differ."""
    behind_s: float = 1.0
    """Most sound that may go missing over the last RATE_STRETCHES stretches together."""
    may_run_ahead: bool = False
    """Whether more samples than time are no fault: a network that catches up."""
    backoff_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
    """Pause before each restart; the last one repeats for ever."""
    failed_after: int = 4
    """So many restarts in vain, and the input counts as failed."""
    settle_s: float = 60.0
    """Healthy for this long, and the pauses start from the shortest again."""


RATE_STRETCHES = 6
"""How many stretches `behind_s` looks back: a crystal's drift, 0.1 s a stretch at worst, stays below."""


class Order(enum.Enum):
    """What the owner of the input has to do now."""

    NOTHING = "nothing"
    STOP = "stop"
    """Nothing good can come any more: stop the input, so that no late sound is counted twice."""
    START = "start"
    """Stop it if it still runs, and start it."""


class RateMeter:
    """Counts samples against the clock, in stretches, from the arrival of one block on."""

    def __init__(self, settings: WatchdogSettings) -> None:
        self._settings = settings
        self._since_s: float | None = None
        self._heard_s = 0.0
        self._behind: deque[float] = deque(maxlen=RATE_STRETCHES)

    def fault(self, now_s: float, heard_s: float) -> float:
        """Enter `heard_s` seconds of sound that had arrived by `now_s`.

        Returns how many seconds are missing (below 0: too many) when that is a fault, else 0.
        """
        if self._since_s is None:
            self._since_s = now_s
            return 0.0
        self._heard_s += heard_s
        elapsed_s = now_s - self._since_s
        if elapsed_s < self._settings.rate_over_s:
            return 0.0
        behind_s = elapsed_s - self._heard_s
        # the first stretch may hold what the device had buffered before it began to deliver
        first = not self._behind
        self._behind.append(behind_s)
        self._since_s, self._heard_s = now_s, 0.0
        if behind_s < 0:
            bad = -behind_s > self._settings.rate_tolerance * elapsed_s
            return behind_s if bad and not first and not self._settings.may_run_ahead else 0.0
        if behind_s > self._settings.rate_tolerance * elapsed_s:
            return behind_s
        total_s = sum(self._behind)
        return total_s if total_s > self._settings.behind_s else 0.0


STARTING = worded("starting", "starting")
"""The reason before the first sound."""


def _off_the_clock(missing_s: float) -> Worded:
    seconds = f"{abs(missing_s):.1f}"
    if missing_s > 0:
        return worded("sound-missing", "{seconds} s of sound missing against the clock", seconds=seconds)
    return worded("too-much-sound", "{seconds} s of sound too much against the clock", seconds=seconds)


class Watchdog:
    """The state of one live input. Times are monotonic seconds, handed in, never falling."""

    def __init__(self, settings: WatchdogSettings, now_s: float) -> None:
        self._settings = settings
        self.state = CaptureState.RECOVERING
        self.reason: str = STARTING
        self.restarts = 0
        self.missing_s = 0.0
        """Sound that the rate watchdog found missing when it last gave the order to stop."""
        self._start_at_s: float | None = now_s  # a start is due then
        self._attempts = 0  # starts since the input was last settled
        self.running = False
        """Whether the input runs, as far as is known: started, and neither stopped nor broken since."""
        self._started_s = now_s
        self._heard_s: float | None = None  # last arrival since the start
        self._flat_since_s: float | None = None
        self._healthy_since_s = now_s
        self._meter = RateMeter(settings)

    @property
    def sounding(self) -> bool:
        """Whether the input runs and has delivered since it was started."""
        return self.running and self._heard_s is not None

    @property
    def opening(self) -> bool:
        """Whether it was started for the first time, and may still take its time to the first sound."""
        return self.running and self._heard_s is None and not self.restarts

    def due_s(self) -> float:
        """Return when `order` has to be asked again at the latest."""
        if self._start_at_s is not None:
            return self._start_at_s
        if self._heard_s is None:
            return self._started_s + self._settings.start_s
        return self._heard_s + self._settings.quiet_s

    def heard(self, now_s: float, sound_s: float, *, flat: bool) -> None:
        """Note that `sound_s` seconds of sound had arrived by `now_s`; `flat`: all of it stood still."""
        self._heard_s = now_s
        missing_s = self._meter.fault(now_s, sound_s)
        if missing_s:
            self.missing_s = max(missing_s, 0.0)
            self.running = False
            self._trip(now_s, _off_the_clock(missing_s))
            return
        if not flat:
            self._flat_since_s = None
            self._heal(now_s)
            return
        if self._flat_since_s is None:
            self._flat_since_s = now_s - sound_s
        flat_s = now_s - self._flat_since_s
        if flat_s >= self._settings.flat_s and self._start_at_s is None:
            still = worded(
                "samples-still", "the samples have stood still for {seconds} s", seconds=f"{flat_s:.1f}"
            )
            self._trip(now_s, still)

    def broke(self, now_s: float, reason: str) -> None:
        """Note that the input has ended by itself."""
        self.running = False
        if self._start_at_s is None:
            self._trip(now_s, reason)
        else:
            self.reason = reason

    def order(self, now_s: float) -> Order:
        """Say what to do now. START and STOP are given once, and are taken as done."""
        if self._start_at_s is not None:
            return self._start(now_s) if now_s >= self._start_at_s else Order.NOTHING
        if self._heard_s is None:
            if now_s - self._started_s < self._settings.start_s:
                return Order.NOTHING
            reason = worded(
                "no-first-sound", "no sound within {seconds} s of starting", seconds=self._settings.start_s
            )
        else:
            if now_s - self._heard_s < self._settings.quiet_s:
                return Order.NOTHING
            reason = worded("no-more-sound", "no sound for {seconds} s", seconds=self._settings.quiet_s)
        self.running = False
        self._trip(now_s, reason)
        return Order.STOP

    def _start(self, now_s: float) -> Order:
        self._start_at_s = None
        self.running = True
        self._started_s = now_s
        self._heard_s = self._flat_since_s = None
        self._meter = RateMeter(self._settings)
        self.restarts += self._attempts > 0
        self._attempts += 1
        self.state = self._escalated(CaptureState.RECOVERING)
        return Order.START

    def _trip(self, now_s: float, reason: str) -> None:
        pauses = self._settings.backoff_s
        self._start_at_s = now_s + pauses[min(max(self._attempts - 1, 0), len(pauses) - 1)]
        self.state = self._escalated(CaptureState.ALARMED)
        self.reason = reason

    def _heal(self, now_s: float) -> None:
        if not self.running:
            return
        if self.state is not CaptureState.HEALTHY:
            self.state, self.reason = CaptureState.HEALTHY, ""
            self._start_at_s = None
            self._healthy_since_s = now_s
        elif now_s - self._healthy_since_s >= self._settings.settle_s:
            self._attempts = 1

    def _escalated(self, state: CaptureState) -> CaptureState:
        return CaptureState.FAILED if self._attempts > self._settings.failed_after else state
