"""The store as everyone sees it: alarms are here before anyone hears of them, and sent from here.

Thread-safe: any thread may call any method; one at a time is inside the database, none waits for a file
that another writes. Whatever raises has changed nothing, so that the same call may be made again.
One process at a time may write; others open with `read_only` while it does.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

from monitor.errors import StoreRefusedError
from monitor.explanation import Explanation
from monitor.messages import AlarmChange, Inference, LogMel, Reader, ReadTo, Record, Score
from monitor.store import audit, clip_files, dispute_labels, events, explanations, map_files, outbox, readers
from monitor.store.clips import ClipJob
from monitor.store.database import Database
from monitor.store.declined import Declined, put_declined
from monitor.store.offline_scores import OfflineScores
from monitor.store.protection import UNTOUCHED, Protection
from monitor.store.records import AuditEntry, Event, Label, Reply, StoredClip, StoredWindow
from monitor.store.rendering import change_body, json_text
from monitor.store.reserve import Reserve
from monitor.store.tidying import Tidied


class Store:
    """Events, alarms, labels, replies and the outbox. An Outbox of monitor.messages."""

    def __init__(
        self,
        state_dir: Path,
        database: Database,
        *,
        handle: int | None = None,
        recovered_from: Path | None = None,
        tidied: Tidied | None = None,
    ) -> None:
        self.state_dir = state_dir
        self.database = database
        self.recovered_from = recovered_from
        """Where a damaged database was moved to when this one was begun; None: there was none."""
        self.tidied = Tidied() if tidied is None else tidied
        """What opening had to put right among the files."""
        self.reserve = Reserve(state_dir)
        """Room for alarms on a disk that is full."""
        self._handle = handle
        self._scores = OfflineScores(database)
        self._nothing_waits: dict[Reader, tuple[int, ReadTo]] = {}
        """Of each reader when it was last told that nothing waits: the changes then, and what it had read."""
        self.dropped_replies = 0
        """Replies that made room for later ones of the same reader, since the store was opened."""

    def close(self) -> None:
        """Write what is held in memory and let go of the folder; a second call does nothing."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            try:
                self._scores.flush_all()
            finally:
                self.database.close()
                os.close(handle)
        else:
            self.database.close()

    # alarms ---------------------------------------------------------------------------------------

    def apply(
        self,
        changes: Sequence[AlarmChange],
        *,
        snapshot: Mapping[str, object],
        bundle_id: str | None,
        reply: Reply | None = None,
    ) -> None:
        """Keep one source's changes, its alarm as it now stands, their records and the reply: all or nothing.

        When this returns, neither a kill nor a power cut undoes it.

        Raises:
            StoreFullError: There is no space left; call again when there is.
            StoreRefusedError: The command was answered before, or a number is not finite: never call again.
            StoreError: The disk refuses.
            ValueError: There is neither a change nor a reply, or they are of several sources.
        """
        source_id = events.source_of(changes, reply)
        bodies = [json_text(change_body(change, bundle_id)) for change in changes]
        snapshot_text = json_text(snapshot)
        texts = None if reply is None else outbox.reply_texts(reply)
        with self._answering() as connection:
            for change, body in zip(changes, bodies, strict=True):
                events.put_event(connection, change, bundle_id)
                seq = outbox.put_record(connection, outbox.EVENT, source_id, change.at_utc_s, body)
                events.add_transition(connection, seq, change, body)
            events.put_snapshot(connection, source_id, snapshot_text)
            if reply is not None and texts is not None:
                outbox.put_reply(connection, reply, texts)

    def update_peak(
        self, event_id: str, peak: float, *, snapshot: Mapping[str, object] | None = None
    ) -> None:
        """Raise the peak of an event that goes on, and replace its source's alarm snapshot if one is given.

        Sends nothing and does not wait for the disk: a power cut may undo it, a kill does not.

        Raises:
            StoreFullError: There is no space left.
            StoreRefusedError: There is no such event, or a number is not finite.
            StoreError: The disk refuses.
        """
        snapshot_text = None if snapshot is None else json_text(snapshot)
        json_text({"peak": peak})
        with self.database.transaction(durable=False) as connection:
            source_id = events.raise_peak(connection, event_id, peak)
            if source_id is None:
                raise StoreRefusedError(
                    f"event {event_id!r} is not known; apply its first change before its peak"
                )
            if snapshot_text is not None:
                events.put_snapshot(connection, source_id, snapshot_text)

    def update_snapshot(self, source_id: str, snapshot: Mapping[str, object]) -> None:
        """Replace what is known of one source's alarm, where nothing that is told has changed.

        Sends nothing, does not wait for the disk, and raises as update_peak does.
        """
        text = json_text(snapshot)
        with self.database.transaction(durable=False) as connection:
            events.put_snapshot(connection, source_id, text)

    def update_explanation(
        self, event_id: str, explanation: Explanation, *, portrait: Mapping[str, object] | None
    ) -> None:
        """Replace what is known of an event's sound, and the portrait with which its describer can go on.

        Sends nothing, does not wait for the disk, and raises as update_peak does.
        """
        explanations.keep_explanation(self.database, event_id, explanation, portrait)

    def portrait(self, event_id: str) -> Mapping[str, object] | None:
        """Return the portrait that update_explanation last kept; None: there is none that can be read."""
        return explanations.portrait_of(self.database, event_id)

    def alarm_snapshots(self) -> dict[str, Mapping[str, object]]:
        """Return every source's alarm as apply or update_peak last kept it."""
        return events.snapshots(self.database)

    # commands and labels --------------------------------------------------------------------------

    def reply_to(self, command_id: str) -> Mapping[str, object] | None:
        """Return what a command was answered; None: it is new (or more than 10 000 commands old)."""
        return outbox.known_reply(self.database, command_id)

    def save_reply(self, reply: Reply) -> None:
        """Keep and send the reply to a command that changed no alarm; the first reply to a command stays.

        Raises:
            StoreFullError: There is no space left.
            StoreRefusedError: A number is not finite.
            StoreError: The disk refuses.
        """
        self.save_replies([reply])

    def save_replies(self, replies: Sequence[Reply]) -> None:
        """Do as save_reply for several, in order: all or nothing."""
        texts = [outbox.reply_texts(reply) for reply in replies]
        with self._answering() as connection:
            for reply, text in zip(replies, texts, strict=True):
                if reply.command_id is None or not outbox.repeat_reply(connection, reply.command_id):
                    outbox.put_reply(connection, reply, text)

    def repeat_reply(self, command_id: str) -> bool:
        """Send a command's reply again, unless it still waits to be sent; False: the command is new.

        Does not wait for the disk: a power cut may undo it, and whoever misses it asks again.
        """
        with self._answering(durable=False) as connection:
            return outbox.repeat_reply(connection, command_id)

    def add_label(self, label: Label, *, reply: Reply | None = None) -> None:
        """Add a label to an event, and the reply to the command that brought it, in one step.

        Raises:
            StoreFullError: There is no space left.
            StoreRefusedError: There is no such event, or the command was answered before.
            StoreError: The disk refuses.
        """
        texts = None if reply is None else outbox.reply_texts(reply)
        with self._answering() as connection:
            events.add_label(connection, label)
            if reply is not None and texts is not None:
                outbox.put_reply(connection, reply, texts)

    def add_dispute_label(self, number: int, label: Label, *, reply: Reply | None = None) -> None:
        """Add a label to a dispute, in one step with the reply; raises as add_label does."""
        texts = None if reply is None else outbox.reply_texts(reply)
        with self._answering() as connection:
            dispute_labels.add_dispute_label(connection, number, label)
            if reply is not None and texts is not None:
                outbox.put_reply(connection, reply, texts)

    def set_lock(
        self, event_id: str, who: str | None, at_utc_s: float, *, reply: Reply | None = None
    ) -> None:
        """Lock an event in the name of `who`, None: unlock it, in one step with the reply; raises alike."""
        texts = None if reply is None else outbox.reply_texts(reply)
        with self._answering() as connection:
            events.put_lock(connection, event_id, who, at_utc_s)
            if reply is not None and texts is not None:
                outbox.put_reply(connection, reply, texts)

    def decline(self, declined: Declined, *, reply: Reply) -> None:
        """Withdraw the limit that is proposed to a source, because somebody does not want it; with the reply.

        Raises as add_label does; StoreRefusedError: something else is proposed by now, or nothing.
        """
        texts = outbox.reply_texts(reply)
        with self._answering() as connection:
            put_declined(connection, declined)
            outbox.put_reply(connection, reply, texts)

    @contextlib.contextmanager
    def _answering(self, *, durable: bool = True) -> Iterator[sqlite3.Connection]:
        """Run the body as one transaction that may add a reply. Raises as Database.transaction."""
        with self.database.transaction(durable=durable) as connection:
            yield connection
            dropped = outbox.bound_replies(connection)
        self.dropped_replies += dropped

    def labels(self, event_id: str) -> list[Label]:
        """Return everything that was said of an event, oldest first."""
        return events.labels_of(self.database, event_id)

    def label(self, event_id: str) -> Label | None:
        """Return what counts of what was said of an event; None: nothing was, or it was withdrawn."""
        last = events.labels_of(self.database, event_id)[-1:]
        return last[0] if last and last[0].rating != "none" else None

    def add_audit(self, entry: AuditEntry) -> None:
        """Keep an entry for the record that no reply brings along; raises as save_reply does."""
        arguments = audit.audit_text(entry)
        with self.database.transaction() as connection:
            audit.put_audit(connection, entry, arguments)

    def audit(
        self, limit: int, *, before: int | None = None, source_id: str | None = None
    ) -> list[AuditEntry]:
        """Return up to `limit` entries whose number `n` is below `before`, newest first."""
        return audit.newest_audit(self.database, limit, before, source_id)

    def last_audit(self, action: str, *, result: str | None = None) -> dict[str, AuditEntry]:
        """Return the newest entry of an action for each source, by its id; `result` None: done or refused."""
        return audit.last_audit(self.database, action, result=result)

    # what to read ---------------------------------------------------------------------------------

    def events(self, limit: int, *, before: int | None = None, source_id: str | None = None) -> list[Event]:
        """Return up to `limit` events whose number `n` is below `before`, newest first."""
        return events.newest_events(self.database, limit, before, source_id)

    def event(self, event_id: str) -> Event | None:
        """Return an event, or None when there is none of that id."""
        return events.one_event(self.database, event_id)

    def transitions(self, event_id: str) -> list[Mapping[str, object]]:
        """Return an event's changes as they were sent, oldest first."""
        return events.transitions_of(self.database, event_id)

    # outbox ---------------------------------------------------------------------------------------

    def read_by(self, wanted: Collection[Reader]) -> int:
        """Have records wait for these readers and no others; return how many are given up with the others."""
        with self.database.transaction() as connection:
            given_up = readers.set_readers(connection, wanted)
        self._scores.recount()
        return given_up

    def pending(
        self, limit: int, reader: Reader = Reader.JSON, *, after: ReadTo | None = None
    ) -> Sequence[Record]:
        """Return up to `limit` records that `reader` has not had, of those that follow `after`.

        Events and replies by number, then scores by number.
        """
        asked = (self.database.changes, after or ReadTo())
        if self._nothing_waits.get(reader) == asked:  # publishers ask with every score
            return []
        found = outbox.pending(self.database, limit, reader, asked[1])
        # whoever only reads does not see what another process changes
        if not found and self._handle is not None:
            self._nothing_waits[reader] = asked
        return found

    def mark_sent(self, seq: int, reader: Reader = Reader.JSON) -> None:
        """Let a record that the broker has from `reader` wait for it no more; an unknown one does nothing.

        It is forgotten when no other reader waits for it.
        """
        if outbox.forget(self.database, seq, reader) == outbox.SCORE:
            self._scores.sent(reader)

    def outbox_depth(self) -> int:
        """Return how many records wait, for one reader or several."""
        return int(self.database.rows("SELECT COUNT(*) FROM outbox")[0][0])

    def add_offline_score(
        self, score: Score, reader: Reader = Reader.JSON, *, every_s: float, limit_rows: int
    ) -> None:
        """Keep a score for a reader whose broker is away: the highest of each source and period of `every_s`.

        More than `limit_rows` are never kept for a reader: the oldest goes and is counted in dropped_scores,
        and so is one that the disk does not take.

        Raises:
            StoreRefusedError: A number of the score is not finite.
        """
        self._scores.add(score, reader, every_s=every_s, limit_rows=limit_rows)

    def flush_offline_scores(self, reader: Reader = Reader.JSON) -> None:
        """Write the scores of the periods that still run, for when the reader's broker is back."""
        self._scores.flush(reader)

    def drop_offline_scores(self) -> int:
        """Give up all scores that wait, so that alarms have their room in the database; return how many."""
        return self._scores.drop()

    @property
    def dropped_scores(self) -> int:
        """Scores that made room for later ones or found no space, since the store was opened."""
        return self._scores.dropped

    # sound and maps -------------------------------------------------------------------------------

    def add_clip(self, clip: ClipJob) -> str:
        """Keep a clip of a known event as FLAC and return its id.

        Raises:
            StoreFullError: There is no space left; nothing of the clip remains.
            StoreRefusedError: The event is not known, or FLAC has no such rate.
            StoreError: The disk refuses.
        """
        return clip_files.write_clip(self.database, self.state_dir, clip)

    def add_map(
        self,
        event_id: str,
        score: Score,
        inference: Inference,
        logmel: LogMel,
        *,
        maps_per_event: int,
        protection: Protection = UNTOUCHED,
    ) -> str | None:
        """Keep a flagged window's maps and return its id; None: the event has as many that are worse.

        `protection`: what was taken out of them. Raises as add_clip does.
        """
        arrays = (inference, logmel, protection)
        return map_files.write_map(self.database, self.state_dir, event_id, score, arrays, maps_per_event)

    def clips(self, event_id: str) -> list[StoredClip]:
        """Return an event's clips as they were recorded, those whose file is gone too."""
        return clip_files.clips_of(self.database, event_id)

    def windows(self, event_id: str) -> list[StoredWindow]:
        """Return an event's kept windows as they were heard, those whose file is gone too."""
        return map_files.windows_of(self.database, event_id)
