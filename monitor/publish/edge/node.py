"""The Sparkplug B edge node in the daemon: one thread that owns the connection and drives the session.

    other threads -> newsbox \
    store's outbox -> feed    -> teller -> session -> line -> broker
    broker -> line -> inbox -> session, desk

Any thread may tell scores, maps, health and alarms; none of that blocks. One thread of the daemon's calls
`run_once` until the end and then `stop`. Everything that waits here is bounded: by the number of sources, by
the session's limits, and by the line, which is given nothing more while the broker does not read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from monitor.config import MqttConfig
from monitor.config.off import SparkplugSignal
from monitor.config.sparkplug import SparkplugConfig
from monitor.errors import PublishError
from monitor.logs import Log
from monitor.messages import Inference, Outbox, Score
from monitor.publish.box import Box
from monitor.publish.client import seconds_left
from monitor.publish.edge.calls import EdgeCalls, EdgeState
from monitor.publish.edge.inbox import EdgeInbox
from monitor.publish.edge.line import EdgeLine
from monitor.publish.edge.news import Newsbox
from monitor.publish.edge.presence import Presence
from monitor.publish.edge.records import RecordFeed
from monitor.publish.edge.retry import Retry
from monitor.publish.edge.teller import EdgeTeller
from monitor.publish.payloads import AlarmPayload, HealthPayload
from monitor.publish.sparkplug.actions import Action, Publish, Subscribe
from monitor.publish.sparkplug.command_tags import NODE_COMMAND_TAGS
from monitor.publish.sparkplug.metrics import BOX_TAGS
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.readings import BoxCondition
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import BirthCounter, Now, SessionSettings
from monitor.publish.sparkplug.topics import Verb

TICK_S = 0.1
"""The longest that the node waits for the broker before it looks for news again."""
ASK_EVERY_S = 1.0
"""While events are under way, the broker is asked this often whether it has read them."""
LEAVE_S = 3.0
"""For so long a broker may take to acknowledge the death certificate before the line is cut."""


def now() -> Now:
    """Return the time, by both clocks."""
    return Now(max(0, int(time.time() * 1000)), time.monotonic())


class EdgeNode:
    """An outlet that speaks Sparkplug."""

    def __init__(
        self,
        settings: SessionSettings,
        box: Box,
        *,
        outbox: Outbox,
        counter: BirthCounter,
        calls: EdgeCalls,
        log: Log,
    ) -> None:
        """`box` names the sources, each of which becomes a device, and the voice in which events are told."""
        self._settings = settings
        self._box = box
        self._calls = calls
        self._log = log
        self._newsbox = Newsbox()
        self._session = Session(settings, (*BOX_TAGS, *NODE_COMMAND_TAGS), counter, now())
        self._feed = RecordFeed(outbox, box.voice, box.source_ids, log)
        self._inbox = EdgeInbox(settings, self._session, box.source_ids, calls, log)
        self._retry = Retry(settings.servers)
        self._line: EdgeLine | None = None
        self._teller: EdgeTeller | None = None
        self._published = self._confirmed = 0
        self._asked: tuple[int, int] | None = None
        self._asked_s = 0.0
        self._presence = Presence(box.source_ids)
        self._was_born = False
        self._is_whole = True
        self._state_lock = threading.Lock()
        self._state: EdgeState | None = None

    def start(self, config: SparkplugConfig, mqtt: MqttConfig, servers: Sequence[tuple[str, int]]) -> None:
        """Get ready; `servers` are host and port of each broker. Does not connect yet.

        Raises:
            PublishError: The settings can never work.
        """
        client_id = f"{self._box.client_id}-sparkplug"
        self._line = EdgeLine(mqtt, servers, client_id=client_id, log=self._log)
        self._teller = EdgeTeller(
            self._session, self._newsbox, self._feed, config, map_shape=mqtt.map_shape, act=self._act
        )
        self._teller.meet_by(self._meet)
        self._teller.introduce(self._box.source_ids, now())
        self._note_state()

    # The outlet: from any thread

    def offer_score(self, score: Score) -> None:
        """Take a score."""
        self._newsbox.put_score(score)

    def offer_map(self, inference: Inference, band_edges_hz: NDArray[np.float64]) -> None:
        """Take an error map; `band_edges_hz`, shape (mel + 2,), is that of its front end."""
        self._newsbox.put_map(inference, band_edges_hz)

    def set_health(self, payload: HealthPayload) -> None:
        """Take how a source is: it lives as a device while it has sound."""
        self._newsbox.put_health(payload)

    def set_alarm(self, payload: AlarmPayload) -> None:
        """Take the state of a source's alarm."""
        self._newsbox.put_alarm(payload)

    def set_box(self, box: BoxCondition) -> None:
        """Take how the box is."""
        self._newsbox.put_box(box)

    def join(self, source_id: str) -> None:
        """Make a device of a source that was not here; it is born when its health says that it has sound."""
        self._presence.join(source_id, now())

    def leave(self, source_id: str) -> None:
        """Have a source's device die, when hosts have been told what happened before."""
        self._presence.leave(source_id, time.monotonic())

    def notify(self) -> None:
        """Do nothing: the store is looked at several times a second."""

    @property
    def state(self) -> EdgeState:
        """How it is getting on; after `start`."""
        with self._state_lock:
            if self._state is None:
                raise PublishError("the edge node has not been started; call start() first")
            return self._state

    # The node's thread

    def run_once(self, timeout_s: float) -> None:
        """Do what is to be done, waiting at most `timeout_s` for something to come."""
        line = self._started()
        if not self._is_whole:
            # the last call ended halfway: hosts may not have been told what the session believes they were
            line.cut()
            self._session.disconnected()
        self._is_whole = False
        self._open_when_due(line)
        line.work(min(timeout_s, TICK_S))
        self._step(line)
        self._is_whole = True

    def stop(self, timeout_s: float) -> None:
        """Tell what is left, say goodbye and disconnect; what does not fit into `timeout_s` stays stored.

        From the thread that called `run_once`, or after that has ended. May be called without `start`.
        """
        line = self._line
        if line is None:
            return
        deadline_s = time.monotonic() + timeout_s
        self._asked_s = 0.0
        while time.monotonic() < deadline_s - timeout_s / 2 and not self._is_done(line):
            line.work(TICK_S / 4)
            self._step(line)
        self._act(self._session.stopping(now()), leave_s=max(0.2, seconds_left(deadline_s)))
        self._session.disconnected()
        line.cut()
        self._teller_of().keep(now(), self._calls.offline_score)
        self._note_state()

    def _is_done(self, line: EdgeLine) -> bool:
        """Whether nothing is to be gained by staying: nobody can be told, or all has been and has arrived."""
        if not line.is_up or self._session.phase is not Phase.BORN:
            return True
        has_arrived = self._session.counts.history.under_way == 0 or self._confirmed >= self._published
        return self._teller_of().is_told and has_arrived and not line.is_busy

    def _step(self, line: EdgeLine) -> None:
        self._meet()
        self._follow(line)
        while line.inbound:
            self._act(self._inbox.hear(line.inbound.popleft(), now()))
        self._tell(line)
        self._part()
        self._feed.settle(self._session.settled(now()), time.monotonic())
        self._note_state()

    def _meet(self) -> None:
        """Get to know the sources that have joined, before anything is told of them."""
        joined = self._presence.take_joined()
        for source_id, since in joined.items():  # since then: what is told of them is never older
            self._teller_of().introduce([source_id], since)
        if joined:
            self._know()

    def _part(self) -> None:
        """Let go of the sources that have left, behind their last records."""
        is_told = self._session.phase is not Phase.BORN or self._teller_of().is_told
        left = self._presence.take_left(time.monotonic(), is_told=is_told)
        for source_id in left:
            self._teller_of().take_leave(source_id, now())
        if left:
            self._know()

    def _know(self) -> None:
        self._feed.know(self._presence.source_ids)
        self._inbox.know(self._presence.source_ids)

    def _open_when_due(self, line: EdgeLine) -> None:
        if line.is_open or not self._retry.is_due(time.monotonic()):
            return
        if not line.open(self._session.connecting(now())):
            self._session.disconnected()
            self._retry.note_end(time.monotonic())

    def _follow(self, line: EdgeLine) -> None:
        """Have the session know what has become of the connection."""
        phase = self._session.phase
        if line.is_up and phase is Phase.CONNECTING:
            self._log.info("sparkplug connected", broker=line.address)
            self._retry.note_accepted(time.monotonic())
            self._asked, self._asked_s = None, 0.0
            self._lose_signals()
            self._teller_of().keep(now(), self._calls.offline_score)  # births tell what is now
            self._act(self._session.connected(now()))
        elif not line.is_open and phase is not Phase.DOWN:
            self._session.disconnected()
            self._retry.note_end(time.monotonic())
            self._lose_signals()

    def _lose_signals(self) -> None:
        if self._calls.signals is not None:
            self._calls.signals.lose(SparkplugSignal)

    def _tell(self, line: EdgeLine) -> None:
        is_born = self._session.phase is Phase.BORN
        if is_born and not self._was_born:
            self._calls.flush_scores()
        self._was_born = is_born
        if not is_born:
            self._act(self._session.tick(now()))
            self._teller_of().keep(now(), self._calls.offline_score)
        elif not line.is_busy:
            self._act(self._session.tick(now()))
            self._teller_of().tell(now())
            self._confirm(line)

    def _confirm(self, line: EdgeLine) -> None:
        """Find out what the broker has read, while something is under way that must not be lost."""
        if self._asked is not None and line.has_answered(self._asked[0]):
            self._confirmed = self._asked[1]
            self._session.confirmed(self._confirmed, now())
            self._asked = None
        is_new = self._confirmed < self._published and self._session.counts.history.under_way > 0
        if self._asked is None and is_new and time.monotonic() - self._asked_s >= ASK_EVERY_S:
            number = line.ask(f"{self._settings.node.topic(Verb.NCMD)}/read")
            self._asked = None if number is None else (number, self._published)
            self._asked_s = time.monotonic()

    def _act(self, actions: Sequence[Action], *, leave_s: float = LEAVE_S) -> None:
        line = self._started()
        for action in actions:
            if isinstance(action, Subscribe):
                line.subscribe(action.topics, action.qos)
            elif isinstance(action, Publish):
                if not line.publish(action):
                    # paho refuses only what it has no connection for: the broker will publish the will
                    self._session.failed(action.number, now())
                    line.cut()
                    return
                self._published = action.number
            else:
                line.leave(leave_s, with_will=action.with_will)

    def _note_state(self) -> None:
        line = self._started()
        state = EdgeState(
            phase=self._session.phase,
            connects=line.connects,
            failed_connects=line.failed_connects,
            last_error=line.last_error,
            session=self._session.counts,
            records=self._feed.sent,
            unsendable=self._feed.unsendable,
            commands=self._inbox.commands,
            refused=self._inbox.refused,
            malformed=self._inbox.malformed,
        )
        with self._state_lock:
            self._state = state

    def _started(self) -> EdgeLine:
        if self._line is None:
            raise PublishError("the edge node has not been started; call start() first")
        return self._line

    def _teller_of(self) -> EdgeTeller:
        if self._teller is None:
            raise PublishError("the edge node has not been started; call start() first")
        return self._teller
