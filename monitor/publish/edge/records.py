"""From the store's outbox to samples for the session, in order, each with the record's number as its token.

While hosts are told what is now, a record is what is now. Whatever waited for a connection, a host or an
earlier process is the past: it is told as historical, and what is now stays.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import replace

from monitor.errors import PublishError, StoreError
from monitor.logs import Log
from monitor.messages import Outbox, Reader, ReadTo, Record
from monitor.operators import WHOLE_BOX
from monitor.publish.explained import Voice
from monitor.publish.records import event_payload, reply_payload, score_from_record
from monitor.publish.sparkplug.commands import reply_readings
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.readings import Readings, alarm_readings, ms_from_utc_s, score_readings

SCORE = "score"
RETRY_S = 1.0
"""After the store has failed, it is left alone for so long."""


class RecordFeed:
    """Walks the outbox for the edge node. From one thread only."""

    def __init__(self, outbox: Outbox, voice: Voice, source_ids: Collection[str], log: Log) -> None:
        self._outbox = outbox
        self._voice = voice
        self._places = frozenset({WHOLE_BOX, *source_ids})
        self._log = log
        self._taken = ReadTo()
        self._behind = True
        self._to_mark: deque[int] = deque()
        self._retry_s = 0.0
        self._fails = False
        self.unsendable = 0
        """Records skipped, with an error in the log, because no tags could be made of them."""
        self.sent = 0
        """Records that have arrived as far as one can know."""

    @property
    def caught_up(self) -> bool:
        """Whether all that the store had when it was last asked has been taken."""
        return not self._behind

    def fall_behind(self) -> None:
        """Take it that nobody can be told at present: what comes from now on will be the past."""
        self._behind = True

    def take(self, limit: int, now_s: float) -> list[Sample]:
        """Return up to `limit` samples of what follows; those that cannot be told are let go of.

        While the store does not answer there are none, and it is asked again a while later.
        """
        if limit < 1 or now_s < self._retry_s:
            return []
        try:
            records = self._outbox.pending(limit, Reader.SPARKPLUG, after=self._taken)
        except StoreError as error:
            self._note_failure(error, now_s)
            return []
        late, self._behind = self._behind, len(records) == limit
        samples = []
        for record in records:
            sample = self._sample(record, late=late)
            if sample is not None:
                samples.append(sample)
        for record in records:
            self._note_taken(record)
        return samples

    def settle(self, tokens: Iterable[int], now_s: float) -> None:
        """Let go of records that have arrived; what the store does not take now it is told again."""
        self._to_mark.extend(tokens)
        while self._to_mark and now_s >= self._retry_s:
            try:
                self._outbox.mark_sent(self._to_mark[0], Reader.SPARKPLUG)
            except StoreError as error:
                self._note_failure(error, now_s)
                return
            self._to_mark.popleft()
            self.sent += 1
            self._fails = False

    def _note_failure(self, error: StoreError, now_s: float) -> None:
        if not self._fails:  # once for each outage
            self._log.error("sparkplug cannot read the outbox", reason=str(error))
        self._fails = True
        self._retry_s = now_s + RETRY_S

    def _note_taken(self, record: Record) -> None:
        if record.kind == SCORE:
            self._taken = replace(self._taken, score_seq=record.seq)
        else:
            self._taken = replace(self._taken, seq=record.seq)

    def _sample(self, record: Record, *, late: bool) -> Sample | None:
        try:
            readings = self._readings(record)
        except PublishError as error:
            # an alarm behind it must not wait for ever for a row that nobody can read
            self._log.error("sparkplug record skipped", reason=str(error))
            self.unsendable += 1
            self._to_mark.append(record.seq)
            return None
        at_ms = ms_from_utc_s(record.created_utc_s)
        is_past = late or record.kind == SCORE
        return Sample(record.source_id or None, readings, at_ms, token=record.seq, late=is_past)

    def _readings(self, record: Record) -> Readings:
        if record.source_id not in self._places:
            raise PublishError(f"record {record.seq}: source {record.source_id} is no longer configured")
        if record.kind == SCORE:
            return score_readings(score_from_record(record))
        if record.kind == "reply":
            return reply_readings(reply_payload(record, self._voice))
        if record.kind == "event":
            event = event_payload(record, self._voice)
            return alarm_readings(event, event.new_state)
        raise PublishError(f"record {record.seq}: kind {record.kind!r} is not known")
