"""Records from the store to the broker: strictly in order, one under way, marked when acknowledged.

While the connection is gone the record under way is not published again: paho holds it and sends it after
the next connect. After a restart of the process it is sent again, so that consumers get each record at least
once, in order, and tell repeats by `seq`. While the store does not answer records wait in it, and what does
not come from it goes on being told.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from paho.mqtt.reasoncodes import ReasonCode

from monitor.errors import PublishError, StoreError
from monitor.logs import Log
from monitor.messages import Outbox, Record
from monitor.publish.delivery import Delivery, Message

BATCH = 64
"""Records taken from the store at once."""
RETRY_S = 1.0
"""After the store has failed, it is left alone for so long."""
REFUSED_S = 10.0
"""After the broker has refused a record, it is left alone for so long."""
PASSING = frozenset({0x80, 0x83, 0x87, 0x97})
"""Reasons of MQTT 5 that somebody may put right: unspecified, its own, not authorized, quota exceeded."""


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
        self._fails = False
        self._retry_s = 0.0
        self._refused_until_s = 0.0

    def step(self, publish: Callable[[Message], Delivery]) -> bool:
        """Go on by one record if the broker's acknowledgement and the store allow; whether anything moved."""
        settled = self.settle()
        if self._under_way is not None or time.monotonic() < self._refused_until_s or not self._take():
            return settled
        record = self._batch[0]
        try:
            message = self._message_from_record(record)
        except PublishError as error:
            # an alarm behind it must not wait for ever for a row that nobody can read
            return self._skip(record, error) or settled
        delivery = publish(message)
        if not delivery.failed:
            self._under_way = (record, delivery, time.monotonic())
        return settled

    def settle(self) -> bool:
        """Mark the record under way if the broker has acknowledged it; returns whether it was marked."""
        if self._under_way is None or not self._under_way[1].done:
            return False
        record, delivery, _ = self._under_way
        if (reason := delivery.refused) is not None:
            return self._settle_refused(record, reason)
        if not self._mark(record):
            return False
        self._under_way = None
        self._batch.popleft()
        self._sent += 1
        return True

    def _settle_refused(self, record: Record, reason: ReasonCode) -> bool:
        """Keep a record that was handed to nobody, to be sent again, or skip what is never taken."""
        if reason.value not in PASSING:
            skipped = self._skip(
                record, PublishError(f"record {record.seq}: the broker refuses it: {reason}")
            )
            self._under_way = None if skipped else self._under_way
            return skipped
        self._under_way = None
        self._refused_until_s = time.monotonic() + REFUSED_S
        return False

    def _take(self) -> bool:
        """Have a record at hand, from the store if need be; whether there is one."""
        if not self._batch and time.monotonic() >= self._retry_s:
            try:
                self._batch.extend(self._outbox.pending(BATCH))
                self._fails = False
            except StoreError as error:
                self._note_failure(error)
        return bool(self._batch)

    def _skip(self, record: Record, error: PublishError) -> bool:
        if not self._mark(record):
            return False
        self._log.error("outbox record skipped", reason=str(error))
        self._batch.popleft()
        self._unsendable += 1
        return True

    def _mark(self, record: Record) -> bool:
        """Let go of a record for good; False: the store does not take it now."""
        if time.monotonic() < self._retry_s:
            return False
        try:
            self._outbox.mark_sent(record.seq)
        except StoreError as error:
            self._note_failure(error)
            return False
        self._fails = False
        return True

    def _note_failure(self, error: StoreError) -> None:
        if not self._fails:  # once for each outage
            self._log.error("the outbox cannot be read or written", reason=str(error))
        self._fails = True
        self._retry_s = time.monotonic() + RETRY_S

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
