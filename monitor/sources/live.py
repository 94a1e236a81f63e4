"""A live input: a feed that may stop at any moment, its watchdog, and a ledger that never has a hole.

What microphones and network streams have in common. While no sound comes, empty blocks report the time
that passes as lost; when sound returns, its place follows from the monotonic clock. The count begins with
the first sound, where it comes in time: a stream hands over what it has looked at for seconds all at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from monitor.messages import AudioBlock, CaptureHealth, CaptureState, Float32
from monitor.sources.feed import Arrival, Feed, FeedBrokenError
from monitor.sources.flatline import FlatLine
from monitor.sources.ledger import SampleLedger
from monitor.sources.paced import Clocks
from monitor.sources.watchdog import STARTING, Order, Watchdog, WatchdogSettings
from monitor.worded import worded

ABSENT_EVERY_S = 1.0
"""While a device is away an empty block reports its loss this often."""
ABSENT_LAG_S = 0.2
"""The latest stretch is not called lost yet: the first block after a start brings it along."""
NO_SOUND: Float32 = np.zeros(0, np.float32)


class LiveSource:
    """A source that reads a Feed; see monitor.sources for the contract."""

    def __init__(
        self,
        columns: Mapping[str, int],
        feed: Feed,
        *,
        sample_rate_hz: int,
        settings: WatchdogSettings,
        clocks: Clocks | None = None,
    ) -> None:
        """Prepare; the first read starts the feed, in the thread that will own its process.

        `columns`: source id -> column of the feed's frames. `sample_rate_hz`: the rate in which loss is
        counted until the device has told its own.
        """
        self.source_ids: tuple[str, ...] = tuple(columns)
        self._columns = dict(columns)
        self._flat = {source_id: FlatLine() for source_id in columns}
        self._feed = feed
        self._settings = settings
        self._clocks = clocks or Clocks()
        self._ledger = SampleLedger(sample_rate_hz, wall=self._clocks.wall, monotonic=self._clocks.monotonic)
        self._watchdog: Watchdog | None = None
        self._resuming = True  # the next arrival is the first since a start
        self._overflows = 0
        self._closed = False

    def read(self, timeout_s: float) -> Sequence[AudioBlock]:
        """Return what has arrived, or the loss of a device that is away, or nothing after `timeout_s`."""
        if self._closed:
            return []
        now_s = self._clocks.monotonic()
        deadline_s = now_s + timeout_s
        watchdog = self._begun(now_s)
        while True:
            self._obey(watchdog.order(now_s), watchdog)
            blocks = [] if watchdog.sounding or watchdog.opening else self._absent(now_s)
            if blocks:
                return blocks
            until_s = min(deadline_s, watchdog.due_s(), now_s + ABSENT_EVERY_S / 2)
            blocks = self._listen(max(0.0, until_s - now_s), watchdog)
            now_s = self._clocks.monotonic()
            if blocks or now_s >= deadline_s:
                return blocks

    @property
    def due_s(self) -> None:
        """Unknown: a device is waited for."""
        return

    @property
    def finished(self) -> bool:
        """Whether it was closed: live sound has no end of its own."""
        return self._closed

    def health(self) -> Sequence[CaptureHealth]:
        """Return the state of the device, and for each channel whether its own samples stand still."""
        return [self._health_of(source_id) for source_id in self.source_ids]

    def close(self) -> None:
        """Stop the feed and end its process."""
        self._closed = True
        self._feed.stop()

    def _begun(self, now_s: float) -> Watchdog:
        if self._watchdog is None:
            self._watchdog = Watchdog(self._settings, now_s)
            self._ledger.start(now_s)
        return self._watchdog

    def _obey(self, order: Order, watchdog: Watchdog) -> None:
        if order is Order.NOTHING:
            return
        if order is Order.STOP:
            remark = self._feed.remark()
            if remark:
                watchdog.reason = worded(
                    "and-a-remark", "{reason}: {remark}", reason=watchdog.reason, remark=remark
                )
        self._feed.stop()
        self._resuming = True
        if order is Order.START:
            try:
                self._feed.start()
            except OSError as error:  # the box is out of processes or memory: that may pass
                why = worded("not-started", "cannot be started: {detail}", detail=str(error))
                watchdog.broke(self._clocks.monotonic(), why)

    def _listen(self, timeout_s: float, watchdog: Watchdog) -> list[AudioBlock]:
        if not watchdog.running:
            self._clocks.wait(timeout_s)
            return []
        try:
            arrivals = self._feed.poll(timeout_s)
        except FeedBrokenError as error:
            watchdog.broke(self._clocks.monotonic(), error.reason)
            self._feed.stop()
            self._resuming = True
            return []
        if not arrivals:
            return []
        blocks = [block for arrival in arrivals for block in self._entered(arrival)]
        self._watch(arrivals, watchdog)
        return blocks

    def _watch(self, arrivals: Sequence[Arrival], watchdog: Watchdog) -> None:
        """Tell the watchdog of what has arrived; sound that it finds missing becomes loss."""
        still = [self._stands_still(source_id, arrivals) for source_id in self.source_ids]
        sound_s = sum((len(a.frames) + a.lost_frames) / a.sample_rate_hz for a in arrivals)
        watchdog.heard(arrivals[-1].arrived_s, sound_s, flat=all(still))
        if not watchdog.running:
            self._feed.stop()
            self._resuming = True
            missing = round(watchdog.missing_s * self._ledger.sample_rate_hz)
            self._ledger.reveal_loss(missing, ended_at_s=arrivals[-1].arrived_s)

    def _stands_still(self, source_id: str, arrivals: Sequence[Arrival]) -> bool:
        line, column = self._flat[source_id], self._columns[source_id]
        still = [line.heard(arrival.frames[:, column]) for arrival in arrivals]  # each must be entered
        return all(still)

    def _entered(self, arrival: Arrival) -> list[AudioBlock]:
        """Return one block per source id, its place in the ledger found."""
        count = len(arrival.frames)
        captured_s = arrival.arrived_s - count / arrival.sample_rate_hz
        lost = arrival.lost_frames
        if self._resuming:
            self._resuming = False
            self._ledger.change_rate(arrival.sample_rate_hz)
            if self._ledger.position == 0:
                self._ledger.start(captured_s)
            lost = max(lost, self._ledger.missing_at(captured_s))
        elif arrival.overflowed:
            lost = max(lost, self._ledger.missing_at(captured_s), 1)
        self._overflows += arrival.overflowed
        stamp = self._ledger.take(count, lost=lost, ended_at_s=arrival.arrived_s)
        return [stamp.block(name, arrival.frames[:, column]) for name, column in self._columns.items()]

    def _absent(self, now_s: float) -> list[AudioBlock]:
        missing = self._ledger.missing_at(now_s - ABSENT_LAG_S)
        if missing < ABSENT_EVERY_S * self._ledger.sample_rate_hz:
            return []
        stamp = self._ledger.take(0, lost=missing)
        return [stamp.block(source_id, NO_SOUND) for source_id in self.source_ids]

    def _health_of(self, source_id: str) -> CaptureHealth:
        state, restarts = CaptureState.RECOVERING, 0
        reason: str = STARTING
        if self._watchdog is not None:
            state, reason = self._watchdog.state, self._watchdog.reason
            restarts = self._watchdog.restarts
        line = self._flat[source_id]
        flat_s = line.still_samples / self._ledger.sample_rate_hz
        if state is CaptureState.HEALTHY and flat_s >= self._settings.flat_s:
            state = CaptureState.ALARMED
            # no running number: a reason that changes is news, and news goes to the broker
            reason = worded(
                "channel-still",
                "the channel has stood still at {value} for over {seconds} s",
                value=line.value,
                seconds=self._settings.flat_s,
            )
        if self._closed:
            state, reason = CaptureState.ENDED, "closed"
        return CaptureHealth(
            source_id=source_id,
            state=state,
            reason=reason,
            device=self._feed.device,
            received_samples=self._ledger.received_samples,
            lost_samples=self._ledger.lost_samples,
            overflows=self._overflows,
            restarts=restarts,
        )
