"""Looks after the daemon as a whole: gathers how it is, tells systemd, the broker and status.json."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from monitor.announcer import Announcer
from monitor.desk import Desk
from monitor.errors import StoreError
from monitor.health import BoxFacts, HealthBook, SourceFacts, WatchdogEvidence, status_line, write_status
from monitor.keeper import Keeper
from monitor.logs import Log
from monitor.machine import Machine
from monitor.notify import Notifier
from monitor.pipeline import Pipeline
from monitor.publish.publisher import Publisher
from monitor.store import Store
from monitor.supervisor import Supervisor
from monitor.window_queue import WindowQueue


@dataclass(frozen=True, slots=True)
class Household:
    """The parts of a daemon that know something about how it is."""

    machines: Sequence[Machine]
    """Every listened-to machine."""
    store: Store
    """Knows what waits for the broker."""
    queue: WindowQueue
    """Knows which windows were dropped."""
    pipeline: Pipeline
    """Knows what waits for the store."""
    keeper: Keeper
    """Knows whether clips are written."""
    desk: Desk
    """Knows which commands were turned away."""
    publisher: Publisher | None
    """Knows the broker; None when MQTT is off."""
    supervisor: Supervisor
    """Knows which threads failed."""


class Caretaker:
    """Called by the main thread every half second or so."""

    def __init__(
        self,
        household: Household,
        book: HealthBook,
        announcer: Announcer,
        notifier: Notifier,
        state_dir: Path,
        *,
        log: Log,
    ) -> None:
        self._house = household
        self._book = book
        self._announcer = announcer
        self._notifier = notifier
        self._state_dir = state_dir
        self._log = log
        self._evidence = WatchdogEvidence()
        self._started_utc_s = time.time()
        self._version = metadata.version("wheeltapper")
        self._broker_was_away = False
        self._status_fails = False
        self.last_box: BoxFacts | None = None
        """What was told last of the daemon as a whole; None before the first time."""

    def tend(self) -> None:
        """Gather what only the whole daemon knows, and tell how it is."""
        self._book.note_dropped(self._house.queue.dropped())
        self._announcer.tell_health(time.monotonic())
        facts, box = self._book.sources(), self.box_facts()
        self.last_box = box
        if self._broker_was_away and box.broker != "away":
            # the running period's highest score need not wait for the period's end
            self._house.store.flush_offline_scores()
        self._broker_was_away = box.broker == "away"
        self._notifier.status(status_line(box, facts))
        watchdog_s = self._notifier.watchdog_s
        if watchdog_s is not None and self._evidence.due(watchdog_s / 2) and self._evidence.moved(facts):
            self._notifier.alive()
        self._write_status(box, facts)

    def tell_ready(self) -> None:
        """Tell systemd that start-up is done."""
        self._notifier.ready(status_line(self.box_facts(), self._book.sources()))

    def box_facts(self) -> BoxFacts:
        """Return what is known of the daemon as a whole."""
        house, publisher = self._house, self._house.publisher
        state = None if publisher is None else publisher.state
        broker = "off" if publisher is None else "connected" if publisher.connected else "away"
        counts = {
            "dropped_clips_and_maps": house.keeper.dropped,
            "clips_given_up": sum(machine.clips.dropped_clips for machine in house.machines),
            "windows_too_late_for_their_clip": sum(m.clips.missed_windows for m in house.machines),
            "commands_turned_away": house.desk.turned_away,
            "given_up_changes": house.pipeline.given_up_changes,
            "dropped_scores": house.store.dropped_scores,
            "sources_without_explanations": house.pipeline.failed_describers,
        }
        if state is not None:
            counts["dropped_live_messages"] = state.live.dropped + state.live.lost
        return BoxFacts(
            version=self._version,
            pid=os.getpid(),
            started_utc_s=self._started_utc_s,
            broker="stalled" if state is not None and state.stalled else broker,
            broker_error="" if state is None else state.client.last_error,
            outbox_records=self._outbox_depth(),
            store_error=house.pipeline.store_error,
            unsaved_changes=house.pipeline.unsaved,
            clips_error=house.keeper.error,
            restarted_threads=house.supervisor.restarted,
            counts=counts,
        )

    def _outbox_depth(self) -> int | None:
        try:
            return self._house.store.outbox_depth()
        except StoreError:
            return None  # told by store_error

    def _write_status(self, box: BoxFacts, facts: Sequence[SourceFacts]) -> None:
        try:
            write_status(self._state_dir, box, facts)
        except OSError as error:
            if not self._status_fails:  # once for each outage, not twice a second
                self._log.warning("status.json cannot be written", reason=str(error))
            self._status_fails = True
        else:
            self._status_fails = False
