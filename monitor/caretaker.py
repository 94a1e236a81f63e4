"""Looks after the daemon as a whole: gathers how it is, tells systemd, the broker and status.json."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TypeVar

from monitor.announcer import Announcer
from monitor.clock import STEP_S
from monitor.desk.desk import QUEUE_COMMANDS, Desk
from monitor.desk.reloads import WAITING_MAX, Reloads
from monitor.errors import StoreError
from monitor.evidence import WatchdogEvidence
from monitor.health import BoxFacts, HealthBook, QueueFacts
from monitor.heap import FreedMemory
from monitor.keeper import QUEUE_DISPUTES, QUEUE_WINDOWS, Keeper
from monitor.logs import Log
from monitor.notify import Notifier
from monitor.overload import OverloadLog
from monitor.pipeline import Pipeline
from monitor.publish.edge.node import EdgeNode
from monitor.publish.publisher import Publisher
from monitor.publish.sparkplug.readings import BoxCondition
from monitor.report import Report, StatusFile, report_of
from monitor.roster import Roster
from monitor.shadow.queue import CAPACITY_WINDOWS
from monitor.shadow.shadow import Shadow
from monitor.standstill import Standstill
from monitor.store import Store
from monitor.store.files import free_bytes
from monitor.store.measures import kept_bytes, outbox_depths
from monitor.supervisor import Supervisor
from monitor.timekeeper import Timekeeper
from monitor.unsaved import UNSAVED_MAX
from monitor.window_queue import WindowQueue

KEPT_EVERY_S = 60.0
"""Between two looks at how much all clips and maps take: each is looked at."""
ENDED = "ended in order"
"""The last status line: whoever reads it later is not to take an end for a fault of every source."""
GAVE_UP = "ended because a part of it failed too often; see the log"
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Household:
    """The parts of a daemon that know something about how it is."""

    roster: Roster
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
    """Knows the broker of the JSON topics; None when they are off."""
    edge_node: EdgeNode | None
    """Knows the broker and the hosts of Sparkplug, and is told how the box is; None when it is off."""
    supervisor: Supervisor
    """Knows which threads failed."""
    timekeeper: Timekeeper
    """Knows whether the box knows the time."""
    reloads: Reloads
    """Knows which reloads wait."""
    shadow: Shadow
    """Knows which windows wait for candidates."""


class Caretaker:
    """Called by the main thread every second or so."""

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
        self._overload = OverloadLog(log)
        self._standstill = Standstill(log)
        self._timekeeper = household.timekeeper
        self._freed = FreedMemory()
        self._started_s, self._started_utc_s = time.monotonic(), time.time()
        self._version = metadata.version("wheeltapper")
        self._broker_was_away = False
        self._status = StatusFile(state_dir)
        self._status_fails = False
        self._is_ending = False
        self._kept_bytes: int | None = None
        self._kept_at_s = -KEPT_EVERY_S
        self.last_report: Report | None = None
        """What was told last; None before the first time."""

    @property
    def last_box(self) -> BoxFacts | None:
        """What was told last of the daemon as a whole; None before the first time."""
        return None if self.last_report is None else self.last_report.box

    def tend(self) -> None:
        """Gather what only the whole daemon knows, and tell how it is: the same everywhere."""
        self._freed.tend(time.monotonic())
        turns = self._house.supervisor.turns("judge")
        self._book.note_standstill(stands_still=self._standstill.look(turns, time.monotonic()))
        self._tell(turns)

    def _tell(self, turns: int) -> None:
        self._timekeeper.tend()
        report = self.report()
        self.last_report = report
        clock_set = report.box.clock_set
        self._announcer.tell_health(report.sources, time.monotonic(), clock_set=clock_set)
        self._overload.look(report.sources, time.monotonic())
        box = report.box
        if self._broker_was_away and box.broker != "away":
            # the running period's highest score need not wait for the period's end
            self._house.store.flush_offline_scores()
        self._broker_was_away = box.broker == "away"
        if self._house.edge_node is not None:
            self._house.edge_node.set_box(_condition(box))
        self._notifier.status(report.line)
        watchdog_s = self._notifier.watchdog_s
        if watchdog_s is not None and self._evidence.feeds(
            report.sources, turns=turns, every_s=watchdog_s / 2
        ):
            self._notifier.alive()
        self._write_status(report)

    def finish(self) -> None:
        """Do what is left when all that was heard is stored, and tell how it was last."""
        self._timekeeper.finish()
        self._is_ending = True
        self._book.note_standstill(stands_still=False)  # who has ended comes round no more
        self._tell(self._house.supervisor.turns("judge"))

    def tell_ready(self) -> None:
        """Tell systemd that start-up is done."""
        self._notifier.ready(self.report().line)

    def report(self) -> Report:
        """Return how everything is now."""
        self._book.note_passed(self._house.queue.passed())
        line = None
        if self._is_ending:
            line = GAVE_UP if self._house.supervisor.gave_up.is_set() else ENDED
        return report_of(self.box_facts(), self._book.sources(), line=line)

    def box_facts(self) -> BoxFacts:
        """Return what is known of the daemon as a whole."""
        house, publisher = self._house, self._house.publisher
        state = None if publisher is None else publisher.state
        edge = None if house.edge_node is None else house.edge_node.state
        broker = "off" if publisher is None else "connected" if publisher.connected else "away"
        counts = {
            "dropped_clips_and_maps": house.keeper.dropped,
            "clips_given_up": house.roster.given_up_clips,
            "windows_too_late_for_their_clip": house.roster.missed_windows,
            "clips_without_their_speech": house.keeper.guard.clips_with_speech,
            "clips_and_maps_unchecked_for_speech": house.keeper.guard.unchecked,
            "commands_turned_away": house.desk.turned_away,
            "commands_without_answer": house.desk.unanswered,
            "given_up_changes": house.pipeline.given_up_changes,
            "dropped_scores": house.store.dropped_scores,
            "dropped_replies": house.store.dropped_replies,
            "sources_without_explanations": house.pipeline.failed_describers,
        }
        if state is not None:
            counts["dropped_live_messages"] = state.live.dropped + state.live.lost
        if edge is not None:
            counts["sparkplug_records_given_up"] = edge.unsendable
        return BoxFacts(
            version=self._version,
            pid=os.getpid(),
            started_utc_s=self._started(),
            clock_set=self._timekeeper.clock_set,
            broker="stalled" if state is not None and state.stalled else broker,
            broker_error="" if state is None else state.client.last_error,
            sparkplug="off" if edge is None else edge.word,
            sparkplug_error="" if edge is None else edge.last_error,
            outbox_records=_answer(house.store.outbox_depth),
            outbox_by_reader=_answer(lambda: outbox_depths(house.store)),
            queues=self._queues(),
            store_error=house.pipeline.store_error,
            unsaved_changes=house.pipeline.unsaved,
            clips_error=house.keeper.error,
            retention=house.keeper.retention,
            kept_bytes=self._kept(),
            free_bytes=_answer(lambda: free_bytes(self._state_dir)),
            watchdog_s=self._notifier.watchdog_s,
            restarted_threads=house.supervisor.restarted,
            refused_commands=house.desk.refused,
            counts=counts,
        )

    def _started(self) -> float:
        """Return when this process began, by the clock as it is now: it may have begun in 1970."""
        started_utc_s = time.time() - (time.monotonic() - self._started_s)
        if abs(started_utc_s - self._started_utc_s) >= STEP_S:
            self._started_utc_s = started_utc_s
        return self._started_utc_s

    def _queues(self) -> Mapping[str, QueueFacts]:
        house, publisher = self._house, self._house.publisher
        queues = {
            "windows": QueueFacts(len(house.queue), house.queue.capacity_windows),
            "commands": QueueFacts(house.desk.waiting, QUEUE_COMMANDS),
            "flagged_windows": QueueFacts(house.keeper.waiting, QUEUE_WINDOWS),
            "unsaved_changes": QueueFacts(house.pipeline.unsaved, UNSAVED_MAX),
            "reloads": QueueFacts(house.reloads.waiting, WAITING_MAX),
            "candidate_windows": QueueFacts(house.shadow.waiting, CAPACITY_WINDOWS),
            "dispute_clips": QueueFacts(house.keeper.waiting_disputes, QUEUE_DISPUTES),
        }
        if publisher is not None:
            queues["live_messages"] = QueueFacts(publisher.state.live.waiting, publisher.queue_messages)
        return queues

    def _kept(self) -> int | None:
        now_s = time.monotonic()
        if now_s - self._kept_at_s >= KEPT_EVERY_S:
            self._kept_at_s = now_s
            self._kept_bytes = _answer(lambda: kept_bytes(self._house.store))
        return self._kept_bytes

    def _write_status(self, report: Report) -> None:
        try:
            self._status.keep(report, time.monotonic(), at_once=self._is_ending)
        except OSError as error:
            if not self._status_fails:  # once for each outage, not every second
                self._log.warning("status.json cannot be written", reason=str(error))
            self._status_fails = True
        else:
            self._status_fails = False


def _condition(box: BoxFacts) -> BoxCondition:
    return BoxCondition(
        version=box.version,
        started_utc_s=box.started_utc_s,
        clock_set=box.clock_set,
        store_error=box.store_error,
        clips_error=box.clips_error,
        unsaved_changes=box.unsaved_changes,
        outbox_records=box.outbox_records,
        restarted_threads=box.restarted_threads,
        losses=sum(box.counts.values()),
    )


def _answer(ask: Callable[[], _T]) -> _T | None:
    """Return what the disk answers; None when it does not, which `store_error` and `clips_error` tell."""
    try:
        return ask()
    except (StoreError, OSError):
        return None
