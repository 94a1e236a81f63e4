"""Lives of a node between two brokers and a host, one step at a time.

The node's daemon is played here, too: it keeps events with a token until the session has settled them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sparkplug_plant import NOTICE_S, Broker, Host, Line
from sparkplug_rig import DEVICE_TAGS, NODE, NODE_TAGS, START_MS, Counter, readings

from monitor.publish.sparkplug.actions import Action, Disconnect, Publish
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.host import HostState
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings

DEVICES = ("pump", "fan")
TOKENED_MAX = 4


class Plant(RuleBasedStateMachine):
    """The node's daemon is played here: it keeps tokens in `store` until they are settled."""

    @initialize(hosted=st.booleans())
    def build(self, *, hosted: bool) -> None:
        self.hosted = hosted
        self.seconds = 0.0
        self.counter = Counter()
        self.host = Host()
        self.brokers = [Broker(has_host=not hosted), Broker(has_host=not hosted)]
        self.line: Line | None = None
        self.wills: list[Line] = []
        self.store: dict[int, Sample] = {}
        self.unoffered: list[int] = []
        self.disk_is_full = False
        self.unsaved: list[Sample] = []
        self.settled: set[int] = set()
        self.expected: dict[tuple[str, str], int] = {}
        self.loose: list[tuple[str, str]] = []
        self.events = 0
        self.alive: set[str] = set()
        """Known to the session; those in `lost` are dead now."""
        self.lost: set[str] = set()
        self.settings = SessionSettings(
            NODE,
            primary_host_id="scada" if hosted else None,
            servers=2,
            tokened_max=TOKENED_MAX,
            loose_max=1_000,
            history_per_tick=3,
        )
        self.session = Session(self.settings, NODE_TAGS, self.counter, self.now)

    # The daemon's part

    @property
    def now(self) -> Now:
        return Now(START_MS + round(self.seconds * 1000), self.seconds)

    def carry_out(self, actions: Sequence[Action]) -> None:
        for action in actions:
            if isinstance(action, Publish):
                assert self.line is not None, "something was said without a connection"
                self.line.written.append(action)
            elif isinstance(action, Disconnect):
                self.read(1_000)
                self.drop_line(will=action.with_will)

    def tick(self) -> None:
        self.carry_out(self.session.tick(self.now))
        self.unoffered = sorted([*self.unoffered, *self._given_back()])
        for token in [one for one in self.unoffered if self.session.is_alive(self.store[one].device_id)]:
            if not self.session.room:
                break
            self.unoffered.remove(token)
            self.carry_out(self.session.changed(self.store[token], self.now))
        for token in self.session.settled(self.now):
            sample = self.store.pop(token)
            self.settled.add(token)
            event = str(sample.readings["Alarm/EventId"].value)
            assert self.host.told(sample.device_id, event), f"{event} is settled, and nobody heard it"

    def _given_back(self) -> list[int]:
        return [sample.token for sample in self.session.given_back() if sample.token is not None]

    # Lines and brokers

    def read(self, count: int) -> None:
        """Have the broker read so many messages, and pass them to the host if that is there."""
        line = self.line
        assert line is not None
        for _ in range(min(count, len(line.written))):
            message = line.written.popleft()
            line.newest_read = message.number
            if self.brokers[line.broker].has_host:
                self.host.hear(message, line.bdseq, self.now.utc_ms)
        if self.host.asks_rebirth and self.session.phase is Phase.BORN:
            self.host.asks_rebirth = False
            self.session.rebirth_asked()

    def drop_line(self, *, will: bool) -> None:
        assert self.line is not None
        if will:
            self.wills.append(self.line)
        self.line = None
        self.session.disconnected()

    def publish_will(self, line: Line) -> None:
        if self.brokers[line.broker].has_host:
            self.host.hear(line.connect.will, -1, self.now.utc_ms)

    def say_state(self, broker: int, *, online: bool) -> None:
        at = self.brokers[broker]
        timestamp_ms = self.now.utc_ms if online or at.state is None else at.state.timestamp_ms
        at.state = HostState(online, timestamp_ms)
        if self.line is not None and self.line.broker == broker:
            self.carry_out(self.session.host_said(at.state, self.now))

    def notice_gone(self, broker: int) -> None:
        self.brokers[broker].gone_since_s = None
        self.say_state(broker, online=False)

    # Rules

    @rule(fails=st.booleans())
    @precondition(lambda self: self.line is None)
    def connect(self, *, fails: bool) -> None:
        connect = self.session.connecting(self.now)
        if fails:
            self.session.disconnected()
            return
        line = Line(connect.server, connect)
        assert [] == [each for each in self.wills if each.bdseq == line.bdseq], "a bdSeq was used twice"
        for old in [each for each in self.wills if each.broker == line.broker]:
            self.wills.remove(old)  # the same client takes over, so its old connection ends first
            self.publish_will(old)
        self.line = line
        self.carry_out(self.session.connected(self.now))
        state = self.brokers[line.broker].state
        if self.hosted and state is not None:
            self.carry_out(self.session.host_said(state, self.now))

    @rule(arrives=st.integers(0, 6))
    @precondition(lambda self: self.line is not None)
    def cut(self, arrives: int) -> None:
        self.read(arrives)
        if self.line is not None:  # what was read may have made the node leave
            self.drop_line(will=True)

    @rule(count=st.integers(1, 6))
    @precondition(lambda self: self.line is not None)
    def arrive(self, count: int) -> None:
        self.read(count)

    @rule()
    @precondition(lambda self: self.line is not None)
    def acknowledge(self) -> None:
        assert self.line is not None
        self.session.confirmed(self.line.newest_read, self.now)

    @rule(count=st.integers(1, 3))
    @precondition(lambda self: self.line is not None and self.line.written)
    def fail_to_write(self, count: int) -> None:
        assert self.line is not None
        failed = [self.line.written.pop() for _ in range(min(count, len(self.line.written)))]
        self.carry_out(self.session.failed(failed[-1].number, self.now))

    @rule()
    @precondition(lambda self: self.wills)
    def will_comes_late(self) -> None:
        self.publish_will(self.wills.pop(0))

    @rule(broker=st.integers(0, 1))
    @precondition(lambda self: self.hosted)
    def host_comes(self, broker: int) -> None:
        at = self.brokers[broker]
        if at.has_host:
            return
        if at.gone_since_s is not None:
            self.notice_gone(broker)
        at.has_host = True
        if not self.brokers[1 - broker].has_host:
            self.host.forget()
        self.say_state(broker, online=True)

    @rule(broker=st.integers(0, 1))
    @precondition(lambda self: self.hosted)
    def host_goes(self, broker: int) -> None:
        at = self.brokers[broker]
        if at.has_host:
            at.has_host, at.gone_since_s = False, self.seconds
            if self.line is not None and self.line.broker == broker:
                self.host.forget()

    @rule(broker=st.integers(0, 1))
    @precondition(lambda self: self.hosted)
    def host_is_missed(self, broker: int) -> None:
        if self.brokers[broker].gone_since_s is not None:
            self.notice_gone(broker)

    @rule(asked=st.integers(1, 5))
    @precondition(lambda self: self.line is not None)
    def rebirths(self, asked: int) -> None:
        for _ in range(asked):
            self.session.rebirth_asked()

    @rule(seconds=st.sampled_from([0.0, 0.3, 1.0, 5.0, 30.0]))
    def time_passes(self, seconds: float) -> None:
        self.seconds += seconds
        for broker in (0, 1):
            gone_s = self.brokers[broker].gone_since_s
            if gone_s is not None and self.seconds - gone_s > NOTICE_S - 30.0:
                self.notice_gone(broker)
        self.tick()

    @rule(device_id=st.sampled_from(DEVICES))
    def appear(self, device_id: str) -> None:
        self.alive.add(device_id)
        self.lost.discard(device_id)
        self.carry_out(
            self.session.device_appeared(device_id, DEVICE_TAGS, readings({"Score": 0.5}), self.now)
        )

    @rule(device_id=st.sampled_from(DEVICES))
    @precondition(lambda self: self.alive)
    def lose(self, device_id: str) -> None:
        if device_id in self.alive:
            self.lost.add(device_id)
            self.carry_out(self.session.device_lost(device_id, self.now))

    @rule(device_id=st.sampled_from(DEVICES), tokened=st.booleans(), seconds=st.sampled_from([0.0, 0.4]))
    @precondition(lambda self: self.alive)
    def event(self, device_id: str, *, tokened: bool, seconds: float) -> None:
        if device_id not in self.alive:
            return
        self.seconds += seconds
        self.events += 1
        name = f"{'t' if tokened else 'l'}{self.events}"
        values = readings({"Alarm/EventId": name, "Score": float(self.events)})
        token = self.events if tokened else None
        self.expected[device_id, name] = self.now.utc_ms
        sample = Sample(device_id, values, self.now.utc_ms, token=token)
        if token is None or self.disk_is_full:
            self.loose.append((device_id, name))
        if token is not None and self.disk_is_full:
            self.unsaved.append(sample)
            news = readings({"Alarm/EventId": f"n{self.events}", "Score": float(self.events)})
            sample = Sample(device_id, news, self.now.utc_ms)
        elif token is not None:
            self.offer(sample)
            return
        self.carry_out(self.session.changed(sample, self.now))

    def offer(self, sample: Sample) -> None:
        """Keep what has a token until it is settled, and tell it at once if nothing waits before it."""
        assert sample.token is not None
        self.store[sample.token] = replace(sample, late=True)
        if self.unoffered or not self.session.room or sample.device_id in self.lost:
            self.unoffered.append(sample.token)
        else:
            self.carry_out(self.session.changed(sample, self.now))

    @rule()
    def disk_fills(self) -> None:
        """From now on alarms are told by their state alone, and their records wait."""
        self.disk_is_full = True

    @rule()
    def disk_is_back(self) -> None:
        """What waited is stored with the time when it was, as if it had just come."""
        self.disk_is_full = False
        saved, self.unsaved = self.unsaved, []
        for sample in saved:
            self.loose.remove((str(sample.device_id), str(sample.readings["Alarm/EventId"].value)))
            self.offer(sample)

    @rule(losses=st.integers(0, 2))
    def node_changes(self, losses: int) -> None:
        values = readings({"Box/Losses": losses})
        self.carry_out(self.session.changed(Sample(None, values, self.now.utc_ms), self.now))

    @rule(arrives=st.integers(0, 6), in_order=st.booleans())
    def restart(self, arrives: int, *, in_order: bool) -> None:
        """The process ends, in order or by kill -9; what only it knew is gone, store and bdSeq are not."""
        if in_order:
            self.carry_out(self.session.stopping(self.now))
        if self.line is not None:
            self.cut(arrives)
        for key in self.loose:
            self.expected.pop(key, None)
        self.alive, self.lost, self.loose, self.unoffered = set(), set(), [], sorted(self.store)
        self.disk_is_full, self.unsaved = False, []
        self.session = Session(self.settings, NODE_TAGS, self.counter, self.now)
        for device_id in DEVICES:
            if any(sample.device_id == device_id for sample in self.store.values()):
                self.appear(device_id)

    def teardown(self) -> None:
        """In the end everything of the living has been told, and then of all, with the time when it was."""
        if not hasattr(self, "session"):
            return
        self.disk_is_back()
        for broker in (0, 1):
            self.host_comes(broker)
        self._until(lambda: True)
        assert {None, *(self.alive - self.lost)} == set(self.host.node.tags), (
            "a device is not what it is told to be"
        )
        self._until(lambda: {sample.device_id for sample in self.store.values()} <= self.lost)
        for device_id in sorted(self.alive):
            self.appear(device_id)
        self._until(lambda: not self.store and self.session.counts.history.waiting == 0)
        for (device_id, name), at_ms in self.expected.items():
            told = self.host.told(device_id, name)
            assert told, f"{name} of {device_id} was lost"
            assert {at_ms} == {each.at_ms for each in told}
        assert 0 == self.session.counts.history.dropped
        assert TOKENED_MAX == self.session.room

    def _until(self, done: Callable[[], bool]) -> None:
        for _ in range(500):
            if self.line is None:
                self.connect(fails=False)
            if self.line is not None:
                self.read(1_000)
            if self.line is not None:
                self.acknowledge()
            self.tick()
            self.seconds += 20.0
            self.tick()
            if done() and self.session.phase is Phase.BORN and self.line and not self.line.written:
                return
        raise AssertionError("the node does not come to rest")
