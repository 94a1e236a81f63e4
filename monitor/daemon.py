"""The daemon: its threads, its queues, and the path of the sound between them.

    capture (one thread an input)   source -> window           -> WindowQueue
    rota    (one thread)            the same for all sources that know when they are due
    judge   (one thread)            frontend -> engine -> score -> alarm -> store
    publish, sparkplug (one each)   store -> broker
    keep    (one thread)            clips and error maps -> disk
    learn   (one thread)            what the lanes hear -> recordings -> a child process that learns
    control (one thread)            the page's questions and commands
    metrics (one thread)            Prometheus's questions
    drift   (one thread)            counts of normal scores -> store; a day -> what has moved
    shadow  (one thread)            candidates judge beside the live bundles -> store
    policy  (one thread)            is a candidate better -> the command that promotes it
    reload  (one thread)            another configuration -> sources that join, leave, change their bundle
    compare (one thread)            is a candidate better, for whoever asks -> a child process -> the answer
    main                            health, systemd, status.json, the jumps of the wall clock

Every queue is bounded and says what it does when full; every thread is run by the supervisor.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable, Mapping

from engines.errors import EngineError
from monitor.announcer import Announcer
from monitor.bundles.choice import is_managed
from monitor.bundles.trail import InstallWatch
from monitor.caretaker import Caretaker, Household
from monitor.config import Config
from monitor.control.answers import DaemonAnswers
from monitor.desk.arrivals import Arrivals, by_reloads
from monitor.desk.comparisons import Comparisons
from monitor.desk.desk import Desk
from monitor.desk.handed import Answered
from monitor.desk.live_off import off_part
from monitor.desk.reload import Reloader, live_parts
from monitor.desk.reloads import Reloads, hangup_command
from monitor.errands import Errands
from monitor.errors import CommandError
from monitor.followers import Followers, Ties
from monitor.health import HealthBook
from monitor.inputs import Inputs
from monitor.keeper import Keeper
from monitor.lane import Lane
from monitor.learning.foreman import Foreman
from monitor.learning.plan_book import PlanBook
from monitor.learning.tap import Taps
from monitor.logs import Log
from monitor.machine import facts_at_start
from monitor.metrics.scene import Painter
from monitor.notify import Notifier
from monitor.off import SignalBoard
from monitor.opening import open_what_is_kept
from monitor.operators import Origin
from monitor.outlets import Outlets
from monitor.pipeline import Pipeline
from monitor.promotion.reckoner import reckoner
from monitor.roster import Roster
from monitor.servers import Servers
from monitor.supervisor import Supervisor, Task, idle_task
from monitor.timekeeper import open_clock
from monitor.turnover import Parts, Turnover
from monitor.voice import voice_of
from monitor.window_queue import WindowQueue

WAIT_S = 0.25
"""The longest that the judging thread waits for windows while it has something else to try again."""
IDLE_S = 1.0
"""The same for threads that are woken when they shall end, and where there is something to do."""
SELDOM_S = 60.0
"""The same for a thread that has nothing to look round for."""
TEND_EVERY_S = 1.0
READY_WITHIN_S = 1.0
"""By then systemd is told READY, whether or not every device has spoken: a missing one is waited for."""
FAREWELL_S = 10.0
"""How long each step of the end may take: judging what was heard, writing clips, telling the broker."""
EXIT_FAILED = 70


class Daemon:
    """Listens until it is stopped or every source has ended.

    Making one refuses what can be refused, before any sound is heard; `run` does the rest.
    """

    def __init__(
        self,
        config: Config,
        *,
        log: Log,
        notifier: Notifier,
        reread: Callable[[], Config] | None = None,
    ) -> None:
        """Open the store, the models, the sources and the connection to the broker, in this order.

        `reread` reads the configuration's file again, for command `reload`; None: there is none.

        Raises:
            CodedError: One of them is refused; the text says what to do.
        """
        self._config, self._log, self._notifier = config, log, notifier
        self._supervisor = Supervisor(log)
        self._store, machines, self._timekeeper = open_what_is_kept(config, notifier, log)
        self._roster = Roster(machines)

        # where it is told
        voice = voice_of(config.explanation.language, log)
        self._signals = SignalBoard({source.id: source.off for source in config.sources}, log)
        self._outlets = Outlets(config, self._store, voice, self._hand_in, log, signals=self._signals)
        self._book = HealthBook([facts_at_start(machine) for machine in machines])
        self._announcer = Announcer(self._roster, self._outlets.all, self._book, config.mqtt, voice)

        # the path of the sound, from its end to its beginning
        reckon = reckoner(lambda: self._reloader.config, self._roster.alarm_of)
        self._keeper = Keeper(self._roster, self._store, config.store, log, reckon=reckon)
        self._pipeline = Pipeline(
            self._roster, self._store, self._announcer, self._keeper.keep_window, log, say=voice.say
        )
        self._pipeline.treat_portraits(self._keeper.portrait_to_keep)
        self._announcer.hide_moments(self._keeper.hides_moments)
        self._pipeline.ask_plant(self._signals)
        self._pipeline.go_by(open_clock(self._store, trusted=config.clock == "trusted"))
        self._pipeline.resume()
        self._queue = WindowQueue(config.engine.queue_windows, cost_s=self._pipeline.cost_s)
        self._errands = Errands(self._queue.wake)
        taps = Taps()
        self._inputs = Inputs(
            config, machines, lambda machine: Lane(machine, self._queue, self._book, tap=taps.hear)
        )

        # who changes what
        self._plans = PlanBook(config, lambda source_id: self._keeper.rules.of(source_id, math.inf))
        self._foreman = Foreman(self._plans, taps, self._roster, self._book, log)
        painter = Painter(config, self._roster, self._book, lambda: self._caretaker.last_report)
        self._reloader = self._make_reloader(reread, painter)
        self._reloads = Reloads(self._reloader, self._errands, log, end_daemon=self._supervisor.gave_up.set)
        self._comparisons = Comparisons(lambda: self._reloader.config, self._errands, log)
        self._desk = self._make_desk()

        # what follows the judging, and who asks how all is
        self._followers = Followers(config, self._ties(), log)
        self._followers.follow(self._pipeline)
        self._desk.have_looked_again(self._followers.look_again)
        self._caretaker = Caretaker(
            self._household(), self._book, self._announcer, notifier, config.state_dir, log=log
        )
        self._installs = InstallWatch(config.state_dir, self._store, log)
        self._servers = Servers(config, self._make_answers, painter, log)
        self._outlets.start()

    @property
    def broker_port(self) -> int | None:
        """The port of the broker of the JSON topics; None when they are off."""
        return None if self._outlets.publisher is None else self._outlets.publisher.port

    def run(self, stop: threading.Event, hangup: threading.Event | None = None) -> int:
        """Listen until `stop` is set or all sources have ended; return the exit code.

        Whenever `hangup` is set, the configuration is read again and `hangup` cleared.
        """
        for machine in self._roster:
            self._announcer.tell_present_alarm(machine, self._pipeline.explanation_of(machine))
        start, end = self._supervisor.start, self._supervisor.stop
        self._caretaker.tend()  # a birth is to say how the box is
        gave_up = self._supervisor.gave_up.is_set
        publish = [start(task) for task in self._outlets.tasks(IDLE_S, FAREWELL_S / 2, gave_up)]
        self._servers.start(self._supervisor, IDLE_S)
        reloads = start(idle_task("reload", self._reloads, IDLE_S))
        compare = start(idle_task("compare", self._comparisons, SELDOM_S))
        learn = start(idle_task("learn", self._foreman, IDLE_S, last=self._foreman.close))
        keep = start(idle_task("keep", self._keeper, IDLE_S, last=self._keeper.finish))
        judge = start(Task("judge", self._judge, last=self._judge_the_rest))
        self._followers.start(self._supervisor, IDLE_S)
        self._inputs.start(self._supervisor)
        self._log.info("listening", sources=self._roster.source_ids)
        self._tend_until(stop, hangup or threading.Event())

        # the end goes down the path of the sound, so that nothing heard is left behind
        self._notifier.stopping()
        busy = self._servers.stop(self._supervisor, FAREWELL_S)
        self._errands.close()
        busy += end([reloads, compare, learn], FAREWELL_S)
        busy += self._followers.stop_deciding(self._supervisor, FAREWELL_S)
        busy += self._inputs.stop(self._supervisor, FAREWELL_S)
        self._queue.close()
        busy += end([judge], FAREWELL_S)
        busy += self._followers.stop(self._supervisor, FAREWELL_S)
        busy += end([keep], FAREWELL_S)
        self._caretaker.finish()
        busy += end(publish, FAREWELL_S)
        self._store.close()
        self._log.info("stopped", still_busy=busy)
        return EXIT_FAILED if self._supervisor.gave_up.is_set() else 0

    def _tend_until(self, stop: threading.Event, hangup: threading.Event) -> None:
        ready_by_s = time.monotonic() + READY_WITHIN_S
        ready = False
        while not stop.wait(TEND_EVERY_S if ready else 0.1) and not self._supervisor.gave_up.is_set():
            self._caretaker.tend()
            self._installs.look(one.source_id for one in self._roster if is_managed(one.source))
            self._followers.shadow.look_after(self._supervisor, IDLE_S)
            if hangup.is_set():
                hangup.clear()
                self._desk.hand_in(None, hangup_command(), origin=Origin.SIGNAL)
            if not ready and (self._book.all_have_spoken or time.monotonic() >= ready_by_s):
                ready = True
                self._caretaker.tell_ready()
            if self._inputs.have_all_ended:
                self._log.info("all sources have ended")
                return

    def _judge(self) -> None:
        """Take what waits, judge it, obey operators: alarms change in this thread alone.

        In this order: of each source the dropped windows came before the others; a source that leaves does
        so between two turns, with no window in hand; commands meet the alarm as the last window left it.
        Clips of streams that have ended end when nothing waits, for a window that does may lengthen one.
        """
        patience_s = WAIT_S if self._pipeline.unsaved or self._desk.waiting else IDLE_S
        taken = self._queue.take(self._config.engine.max_batch, patience_s)
        self._pipeline.give_up(taken.dropped)
        self._pipeline.hear(taken.windows)
        if not taken.windows:
            for lane in self._inputs.lanes:
                lane.end_clips()
        self._errands.run()
        if self._desk.obey():
            self._announcer.wake()
        self._pipeline.expire(time.time())

    def _judge_the_rest(self) -> None:
        while not self._queue.is_empty:
            try:
                self._judge()
            except EngineError as error:  # these windows were counted as not judged: go on with the rest
                self._log.error("windows not judged at the end", reason=str(error))

    def _make_reloader(self, reread: Callable[[], Config] | None, painter: Painter) -> Reloader:
        parts = Parts(
            roster=self._roster,
            inputs=self._inputs,
            queue=self._queue,
            pipeline=self._pipeline,
            book=self._book,
            store=self._store,
            supervisor=self._supervisor,
        )
        turnover = Turnover(parts, self._errands, self._log)
        live = (
            self._outlets.prepare,
            turnover.prepare,
            *live_parts(self._roster, self._keeper, self._announcer, self._pipeline),
            off_part(self._roster, self._signals, self._outlets.follow_signals),
            painter.prepare,
            self._plans.prepare,
        )
        return Reloader(self._config, reread, live, turnover.prepare)

    def _make_desk(self) -> Desk:
        desk = Desk(self._roster, self._store, self._pipeline, self._log, reloads=self._reloads)
        desk.have_woken(self._queue.wake)
        desk.have_learned(self._foreman.obey)
        desk.have_compared(self._comparisons)
        return desk

    def _ties(self) -> Ties:
        return Ties(
            roster=self._roster,
            store=self._store,
            book=self._book,
            sounds=self._keeper.sounds,
            live_waiting=lambda: len(self._queue),
            config_now=lambda: self._reloader.config,
            is_dated=lambda: self._timekeeper.clock_set,
            promote=self._promote_by_policy,
        )

    def _household(self) -> Household:
        return Household(
            roster=self._roster,
            store=self._store,
            queue=self._queue,
            pipeline=self._pipeline,
            keeper=self._keeper,
            desk=self._desk,
            publisher=self._outlets.publisher,
            edge_node=self._outlets.edge_node,
            supervisor=self._supervisor,
            timekeeper=self._timekeeper,
            reloads=self._reloads,
            shadow=self._followers.shadow,
        )

    def _make_answers(self) -> DaemonAnswers:
        arrivals = Arrivals(self._config, self._store, by_reloads(self._reloads), self._log)
        return DaemonAnswers(
            self._config,
            self._roster,
            self._book,
            self._desk,
            lambda: self._caretaker.last_box,
            arrivals=arrivals,
        )

    def _promote_by_policy(self, source_id: str, command: Mapping[str, object], answered: Answered) -> bool:
        payload = json.dumps(command).encode()
        return self._desk.hand_in(source_id, payload, origin=Origin.DAEMON, answered=answered)

    def _hand_in(self, source_id: str | None, payload: bytes | CommandError, origin: Origin) -> None:
        self._desk.hand_in(source_id, payload, origin=origin)
