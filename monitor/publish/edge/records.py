"""From the store's outbox to samples for the session, in order, each with the record's number as its token.

While hosts are told what is now, a record is what is now. Whatever waited for a connection, a host, its
device or an earlier process is the past: it is told as historical, and what is now stays.

Records of a device that is dead are walked past: they stay in the store, however long it is dead, and hold up
nobody. When it is back the feed walks again from the first of them, past those that it has handed on already.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable

from monitor.errors import PublishError, StoreError
from monitor.logs import Log
from monitor.messages import Outbox, Reader, ReadTo, Record
from monitor.operators import WHOLE_BOX
from monitor.publish.explained import Voice
from monitor.publish.records import event_payload, reply_payload, score_from_record
from monitor.publish.sparkplug.commands import reply_readings
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.readings import Readings, alarm_readings, ms_from_utc_s, score_readings

SCORE, REPLY = "score", "reply"
AT_ONCE = 200
"""Records read from the store at a time."""
RETRY_S = 1.0
"""After the store has failed, it is left alone for so long."""


class RecordFeed:
    """Walks the outbox for the edge node. From one thread only."""

    def __init__(self, outbox: Outbox, voice: Voice, source_ids: Collection[str], log: Log) -> None:
        self._outbox = outbox
        self._voice = voice
        self.know(source_ids)
        self._log = log
        self._walked = ReadTo()
        self._newest_seq = 0
        self._held: set[int] = set()
        self._passed: dict[str, int] = {}
        self._behind = True
        self._caught_up = False
        self._to_mark: deque[int] = deque()
        self._retry_s = 0.0
        self._fails = False
        self.unsendable = 0
        """Records skipped, with an error in the log, because no tags could be made of them."""
        self.sent = 0
        """Records that have arrived as far as one can know."""

    def know(self, source_ids: Collection[str]) -> None:
        """Take it that these are the sources of now: records of others are let go of."""
        self._places = frozenset({WHOLE_BOX, *source_ids})

    @property
    def caught_up(self) -> bool:
        """Whether all that the store had when it was last asked has been taken, but for dead devices."""
        return self._caught_up

    def fall_behind(self) -> None:
        """Take it that nobody can be told at present: what comes from now on will be the past."""
        self._behind = True
        self._caught_up = False

    def take(self, limit: int, now_s: float, is_alive: Callable[[str], bool]) -> list[Sample]:
        """Return up to `limit` samples of what follows; those that cannot be told are let go of.

        Those of devices that are not alive stay for later. While the store does not answer there are none,
        and it is asked again a while later.
        """
        if limit < 1 or now_s < self._retry_s:
            return []
        self._go_back(is_alive)
        try:
            records = self._outbox.pending(AT_ONCE, Reader.SPARKPLUG, after=self._walked)
        except StoreError as error:
            self._note_failure(error, now_s)
            return []
        behind = self._behind
        samples: list[Sample] = []
        self._behind, self._caught_up = False, len(records) < AT_ONCE
        for record in records:
            if len(samples) == limit:
                self._behind, self._caught_up = record.kind != SCORE, False
                return samples
            samples += self._walk_to(record, behind=behind, is_alive=is_alive)
        # events come before scores: one score says that no event is left
        self._behind = not self._caught_up and records[-1].kind != SCORE
        return samples

    def take_back(self, samples: Iterable[Sample]) -> None:
        """Take samples back that were handed on, and not settled, because their devices are dead."""
        for sample in samples:
            if sample.device_id is not None and sample.token is not None:
                self._held.discard(sample.token)
                self._pass(sample.device_id, sample.token)

    def settle(self, tokens: Iterable[int], now_s: float) -> None:
        """Let go of records that have arrived; what the store does not take now it is told again."""
        self._to_mark.extend(tokens)
        while self._to_mark and now_s >= self._retry_s:
            try:
                self._outbox.mark_sent(self._to_mark[0], Reader.SPARKPLUG)
            except StoreError as error:
                self._note_failure(error, now_s)
                return
            self._held.discard(self._to_mark.popleft())
            self.sent += 1
            self._fails = False

    def _note_failure(self, error: StoreError, now_s: float) -> None:
        if not self._fails:  # once for each outage
            self._log.error("sparkplug cannot read the outbox", reason=str(error))
        self._fails = True
        self.fall_behind()  # what happens meanwhile may have been told as news
        self._retry_s = now_s + RETRY_S

    def _go_back(self, is_alive: Callable[[str], bool]) -> None:
        """Walk again from the first record that was passed of a device that is back."""
        for source_id in [one for one in self._passed if is_alive(one)]:
            before = self._passed.pop(source_id) - 1
            walked = self._walked
            self._walked = ReadTo(min(walked.seq, before), min(walked.score_seq, before))

    def _pass(self, source_id: str, seq: int) -> None:
        self._passed[source_id] = min(seq, self._passed.get(source_id, seq))

    def _walk_to(self, record: Record, *, behind: bool, is_alive: Callable[[str], bool]) -> list[Sample]:
        """Return the record's sample; none if it was handed on, cannot be told, or its device is dead."""
        seq, source_id = record.seq, record.source_id
        # the answer to the last command is so now, however long it waited: whoever asked still waits for it
        late = record.kind == SCORE or (record.kind != REPLY and (behind or seq <= self._newest_seq))
        if record.kind == SCORE:
            self._walked = ReadTo(self._walked.seq, seq)
        else:
            self._walked = ReadTo(seq, self._walked.score_seq)
            self._newest_seq = max(self._newest_seq, seq)
        if seq in self._held:
            return []
        if source_id in self._places and source_id != WHOLE_BOX and not is_alive(source_id):
            self._pass(source_id, seq)
            return []
        self._held.add(seq)
        sample = self._sample(record, late=late)
        return [] if sample is None else [sample]

    def _sample(self, record: Record, *, late: bool) -> Sample | None:
        if record.kind == REPLY and record.source_id not in self._places:
            self._to_mark.append(record.seq)  # to whoever named a source that is not here, or has left since
            return None
        try:
            readings = self._readings(record)
        except PublishError as error:
            # an alarm behind it must not wait for ever for a row that nobody can read
            self._log.error("sparkplug record skipped", reason=str(error))
            self.unsendable += 1
            self._to_mark.append(record.seq)
            return None
        at_ms = ms_from_utc_s(record.created_utc_s)
        return Sample(record.source_id or None, readings, at_ms, token=record.seq, late=late)

    def _readings(self, record: Record) -> Readings:
        if record.source_id not in self._places:
            raise PublishError(f"record {record.seq}: source {record.source_id} is no longer configured")
        if record.kind == SCORE:
            return score_readings(score_from_record(record))
        if record.kind == REPLY:
            return reply_readings(reply_payload(record, self._voice))
        if record.kind == "event":
            event = event_payload(record, self._voice)
            return alarm_readings(event, event.new_state)
        raise PublishError(f"record {record.seq}: kind {record.kind!r} is not known")
