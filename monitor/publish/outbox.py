"""Records from the store to the broker: strictly in order, one under way, marked when acknowledged.

While the connection is gone the record under way is not published again: paho holds it and sends it after
the next connect. After a restart of the process it is sent again, so that consumers get each record at least
once, in order, and tell repeats by `seq`.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from monitor.errors import PublishError
from monitor.logs import Log
from monitor.messages import Outbox, Record
from monitor.publish.delivery import Delivery, Message

BATCH = 64
"""Records taken from the store at once."""


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """How the records are getting on."""

    sent: int
    """Acknowledged by the broker."""
    unsendable: int
    """Skipped, with an error in the log, because no document could be made of them."""
    in_flight_seq: int | None
    """The record under way; None when there is none."""
    waiting_s: float | None
    """For how long it has been waiting for the broker's acknowledgement; None when there is none."""


class OutboxSender:
    """Walks the outbox. All calls from the publishing thread, but `counts`."""

    def __init__(self, outbox: Outbox, message_from_record: Callable[[Record], Message], log: Log) -> None:
        self._outbox = outbox
        self._message_from_record = message_from_record
        self._log = log
        self._batch: deque[Record] = deque()
        self._under_way: tuple[Record, Delivery, float] | None = None
        self._sent = 0
        self._unsendable = 0

    def step(self, publish: Callable[[Message], Delivery]) -> bool:
        """Go on by one record if the broker's acknowledgement allows; returns whether anything moved.

        Raises:
            StoreError: The store cannot be read or written; the next call tries the same again.
        """
        settled = self.settle()
        if self._under_way is not None:
            return settled
        if not self._batch:
            self._batch.extend(self._outbox.pending(BATCH))
        if not self._batch:
            return settled
        record = self._batch[0]
        try:
            message = self._message_from_record(record)
        except PublishError as error:
            # an alarm behind it must not wait for ever for a row that nobody can read
            self._log.error("outbox record skipped", reason=str(error))
            self._outbox.mark_sent(record.seq)
            self._batch.popleft()
            self._unsendable += 1
            return True
        delivery = publish(message)
        if not delivery.failed:
            self._under_way = (record, delivery, time.monotonic())
        return settled

    def settle(self) -> bool:
        """Mark the record under way if the broker has acknowledged it; returns whether it was.

        Raises:
            StoreError: The store cannot be written; the next call tries again.
        """
        if self._under_way is None or not self._under_way[1].done:
            return False
        record = self._under_way[0]
        self._outbox.mark_sent(record.seq)
        self._under_way = None
        self._batch.popleft()
        self._sent += 1
        return True

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing taken from the store waits."""
        return self._under_way is None and not self._batch

    @property
    def counts(self) -> OutboxCounts:
        """What has happened so far."""
        under_way = self._under_way
        return OutboxCounts(
            sent=self._sent,
            unsendable=self._unsendable,
            in_flight_seq=None if under_way is None else under_way[0].seq,
            waiting_s=None if under_way is None else time.monotonic() - under_way[2],
        )
