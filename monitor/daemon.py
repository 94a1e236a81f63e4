"""The daemon: its threads, its queues, and the path of the sound between them.

    capture (one thread an input)   source -> window           -> WindowQueue
    judge   (one thread)            frontend -> engine -> score -> alarm -> store
    publish (one thread)            store -> broker
    keep    (one thread)            clips and error maps -> disk
    main                            health, systemd, status.json

Every queue is bounded and says what it does when full; every thread is run by the supervisor.
"""

from __future__ import annotations

import os
import threading
import time
from importlib import metadata

from monitor.announcer import Announcer
from monitor.config import Config
from monitor.desk import Desk
from monitor.errors import StoreError
from monitor.health import BoxFacts, HealthBook, SourceFacts, WatchdogEvidence, status_line, write_status
from monitor.keeper import Keeper
from monitor.listening import BlockWindows
from monitor.logs import Log
from monitor.machine import Machine, open_machines, runs_ahead
from monitor.messages import CaptureHealth, CaptureState, Window
from monitor.notify import Notifier
from monitor.pipeline import Pipeline
from monitor.publish.box import Calls, box_from_config
from monitor.publish.publisher import Publisher
from monitor.sources import Source, open_sources
from monitor.store import open_store
from monitor.supervisor import Supervisor, Task
from monitor.window_queue import WindowQueue

READ_TIMEOUT_S = 0.5
TAKE_TIMEOUT_S = 0.25
TEND_EVERY_S = 0.5
STATUS_EVERY_S = 1.0
READY_AFTER_S = 1.0
"""By then systemd is told READY, whether or not every device has spoken."""
FAREWELL_S = 10.0
"""How long each step of the end may take: judging what was heard, writing clips, telling the broker."""
EXIT_FAILED = 70


class Daemon:
    """Listens until it is stopped or every source has ended.

    Making one refuses what can be refused, before any sound is heard; `run` does the rest.
    """

    def __init__(self, config: Config, *, log: Log, notifier: Notifier) -> None:
        """Open the store, the models, the broker's client and the sources, in this order.

        Raises:
            CodedError: One of them is refused; the text says what to do.
        """
        self._config = config
        self._log = log
        self._notifier = notifier
        self._started_utc_s = time.time()
        self._store = open_store(config.state_dir)
        if self._store.recovered_from is not None:
            log.error("the store was damaged; a new one was begun", old=str(self._store.recovered_from))
        self._machines = open_machines(config, self._store.alarm_snapshots())
        self._book = HealthBook([_facts_at_start(machine) for machine in self._machines])
        self._publisher = self._make_publisher() if config.mqtt.enabled else None
        self._announcer = Announcer(self._machines, self._publisher, self._book, config.mqtt)
        self._keeper = Keeper(self._machines, self._store, config.store, log)
        self._pipeline = Pipeline(self._machines, self._store, self._announcer, self._keeper.keep_window, log)
        self._desk = Desk(self._machines, self._store, self._pipeline, log)
        self._queue = WindowQueue(config.engine.queue_windows)
        self._clips = {machine.source_id: machine.clips for machine in self._machines}
        self._cutters = {m.source_id: BlockWindows(m.source_id, m.ear) for m in self._machines}
        # sound that can wait does: only a live source's windows are ever dropped
        self._patient = {source.id for source in config.sources if runs_ahead(source)}
        self._ended: set[str] = set()
        """Sources whose last window has been handed over."""
        self._broker_was_away = False
        self._supervisor = Supervisor(log)
        self._evidence = WatchdogEvidence()
        if self._publisher is not None:
            self._publisher.start()
        self._sources = open_sources(config.sources)

    @property
    def broker_port(self) -> int | None:
        """The broker's port; None when MQTT is off."""
        return None if self._publisher is None else self._publisher.port

    def run(self, stop: threading.Event) -> int:
        """Listen until `stop` is set or all sources have ended; return the exit code."""
        for machine in self._machines:
            self._announcer.tell_present_alarm(machine)
        start = self._supervisor.start
        publish = start(Task("publish", self._publish, last=self._end_publishing))
        keep = start(Task("keep", lambda: self._keeper.run_once(TAKE_TIMEOUT_S), last=self._keeper.finish))
        judge = start(Task("judge", self._judge, last=self._judge_the_rest))
        captures = [start(self._capture_task(source)) for source in self._sources]
        self._log.info("listening", sources=[m.source_id for m in self._machines])
        self._tend_until(stop)

        # the end goes down the path of the sound, so that nothing heard is left behind
        self._notifier.stopping()
        busy = self._supervisor.stop(captures, FAREWELL_S)
        self._queue.close()
        for task in (judge, keep):
            busy += self._supervisor.stop([task], FAREWELL_S)
        self._tend()
        busy += self._supervisor.stop([publish], FAREWELL_S)
        self._store.close()
        self._log.info("stopped", still_busy=busy)
        return EXIT_FAILED if self._supervisor.gave_up.is_set() else 0

    # the path of the sound -----------------------------------------------------------------------

    def _capture_task(self, source: Source) -> Task:
        name = f"capture {source.source_ids[0]}"
        return Task(name, lambda: self._capture(source), last=lambda: self._end_of_capture(source))

    def _capture(self, source: Source) -> None:
        """Read one source and cut its sound into windows."""
        for block in source.read(READ_TIMEOUT_S):
            self._clips[block.source_id].add_block(block)
            for window in self._cutters[block.source_id].add(block):
                self._enqueue(window)
        self._book.note_capture(source.health())
        if source.finished:
            self._end_of_capture(source)
            # nothing more will come: wait for the end of the daemon without asking again and again
            time.sleep(READ_TIMEOUT_S)

    def _end_of_capture(self, source: Source) -> None:
        """Cut the tail of every stream that this source carried, and close it. May be called again."""
        source.close()
        for source_id in source.source_ids:
            for window in self._cutters[source_id].finish():
                self._enqueue(window)
        self._ended.update(source.source_ids)
        self._book.note_capture(source.health())

    def _enqueue(self, window: Window) -> None:
        if window.span.source_id in self._patient:
            self._queue.put_waiting(window)
        else:
            self._queue.put(window)

    def _judge(self) -> None:
        """Take what waits, judge it, obey operators: alarms change in this thread alone."""
        windows = self._queue.take(self._config.engine.max_batch, TAKE_TIMEOUT_S)
        self._pipeline.hear(windows)
        if not windows:
            for source_id in tuple(self._ended):  # all of it is judged: no window can lengthen a clip
                self._clips[source_id].finish()
                self._ended.discard(source_id)
        self._desk.obey()
        self._pipeline.expire(time.time())

    def _judge_the_rest(self) -> None:
        while len(self._queue):
            self._judge()

    def _make_publisher(self) -> Publisher:
        mqtt = self._config.mqtt
        calls = Calls(
            on_command=self._hand_in,
            offline_score=lambda score: self._store.add_offline_score(
                score, every_s=mqtt.offline_score_every_s, limit_rows=mqtt.offline_scores_max
            ),
        )
        return Publisher(mqtt, box_from_config(self._config), outbox=self._store, calls=calls, log=self._log)

    def _hand_in(self, source_id: str, payload: bytes) -> None:
        self._desk.hand_in(source_id, payload)

    def _publish(self) -> None:
        """Send what is due, from the store and live."""
        if self._publisher is None:
            time.sleep(READ_TIMEOUT_S)
        else:
            self._publisher.run_once(READ_TIMEOUT_S)

    def _end_publishing(self) -> None:
        if self._publisher is not None:
            self._publisher.stop(FAREWELL_S / 2)

    # health --------------------------------------------------------------------------------------

    def _tend_until(self, stop: threading.Event) -> None:
        started_s = time.monotonic()
        ready = False
        while not stop.wait(TEND_EVERY_S) and not self._supervisor.gave_up.is_set():
            self._tend()
            if not ready and time.monotonic() - started_s >= READY_AFTER_S:
                ready = True
                self._notifier.ready(status_line(self._box_facts(), self._book.sources()))
            if all(source.finished for source in self._sources):
                self._log.info("all sources have ended")
                return

    def _tend(self) -> None:
        """Note what only the whole daemon knows, and tell how it is."""
        self._book.note_dropped(self._queue.dropped())
        for source_id, cutter in self._cutters.items():
            self._book.note_ledger(source_id, cutter.ledger)
        self._announcer.tell_health(time.monotonic())
        facts, box = self._book.sources(), self._box_facts()
        if self._broker_was_away and box.broker == "connected":
            self._store.flush_offline_scores()  # the running period's highest need not wait for its end
        self._broker_was_away = box.broker == "away"
        self._notifier.status(status_line(box, facts))
        watchdog_s = self._notifier.watchdog_s
        if watchdog_s is not None and self._evidence.due(watchdog_s / 2) and self._evidence.moved(facts):
            self._notifier.alive()
        try:
            write_status(self._config.state_dir, box, facts)
        except OSError as error:
            self._log.warning("status.json cannot be written", reason=str(error))

    def _box_facts(self) -> BoxFacts:
        publisher = self._publisher
        state = None if publisher is None else publisher.state
        broker = "off" if publisher is None else "connected" if publisher.connected else "away"
        counts = {
            "dropped_clips_and_maps": self._keeper.dropped,
            "clips_given_up": sum(m.clips.dropped_clips for m in self._machines),
            "windows_too_late_for_their_clip": sum(m.clips.missed_windows for m in self._machines),
            "commands_turned_away": self._desk.turned_away,
            "given_up_changes": self._pipeline.given_up_changes,
            "dropped_scores": self._store.dropped_scores,
        }
        if state is not None:
            counts["dropped_live_messages"] = state.live.dropped + state.live.lost
        return BoxFacts(
            version=metadata.version("wheeltapper"),
            pid=os.getpid(),
            started_utc_s=self._started_utc_s,
            broker="stalled" if state is not None and state.stalled else broker,
            broker_error="" if state is None else state.client.last_error,
            outbox_records=self._outbox_depth(),
            store_error=self._pipeline.store_error,
            unsaved_changes=self._pipeline.unsaved,
            clips_error=self._keeper.error,
            restarted_threads=self._supervisor.restarted,
            counts=counts,
        )

    def _outbox_depth(self) -> int | None:
        try:
            return self._store.outbox_depth()
        except StoreError:
            return None  # told by store_error


def _facts_at_start(machine: Machine) -> SourceFacts:
    capture = CaptureHealth(
        source_id=machine.source_id,
        state=CaptureState.RECOVERING,
        reason="starting",
        device="",
    )
    return SourceFacts(
        capture=capture,
        bundle_id=machine.ear.bundle.bundle_id,
        backend=machine.engine.backend,
        alarm=machine.alarm.state,
    )
