"""The edge node as a state machine: what has happened goes in, what is to be said comes out.

    DOWN -connecting-> CONNECTING -connected-> WAITING -host online-> BORN -host offline, stopping-> LEAVING

Without a primary host WAITING is skipped. `disconnected` leads back to DOWN from everywhere. Whoever owns
the connection calls the methods, one at a time, and carries out what they return in that order, before it
calls the next. When it cannot publish something that it was given it says `failed`, and when the broker has
certainly read what was published before (an acknowledgement came of something later) it says `confirmed`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.actions import Action, Connect, Disconnect, Subscribe
from monitor.publish.sparkplug.births import birth_messages
from monitor.publish.sparkplug.composer import Composer
from monitor.publish.sparkplug.history import History, Sample
from monitor.publish.sparkplug.host import HostState, PrimaryHost
from monitor.publish.sparkplug.phase import Phase, SessionCounts
from monitor.publish.sparkplug.roster import Roster
from monitor.publish.sparkplug.settings import MAX_UTC_MS, SEQ_COUNT, BirthCounter, Now, SessionSettings
from monitor.publish.sparkplug.tags import BDSEQ, CONTROL_TAGS, REBIRTH, Reading, Tag, TagSet
from monitor.publish.sparkplug.topics import Verb, host_topic


class Session:
    """One edge node. Not thread-safe; owns no clock, no connection and no file."""

    def __init__(
        self, settings: SessionSettings, node_tags: Sequence[Tag], counter: BirthCounter, now: Now
    ) -> None:
        """Take the node's own tags (bdSeq and rebirth are added) and where its connections are counted."""
        self._settings = settings
        self._counter = counter
        self._roster = Roster(node_tags, now.utc_ms, aliases=settings.aliases)
        self._composer = Composer(settings.node)
        self._history = History(tokened_max=settings.tokened_max, loose_max=settings.loose_max)
        self._host = PrimaryHost()
        self._phase = Phase.DOWN
        self._server = 0
        self._bdseq = 0
        self._connected_s = self._born_s = 0.0
        self._rebirth_pending = self._births_written = False
        self._births = self._rebirths_asked = 0

    # The connection

    def connecting(self, now: Now) -> Connect:
        """Return how to connect; to be asked before each attempt, for each has a number of its own.

        Raises:
            SparkplugError: The counter gave a number that is none.
            Exception: Whatever the counter raises; no attempt may then be made.
        """
        if self._phase is not Phase.DOWN:
            self.disconnected()
        bdseq = self._counter.next()
        if not 0 <= bdseq < SEQ_COUNT:
            raise SparkplugError(f"bdSeq {bdseq} must be 0 to 255; next_bdseq says which follows")
        self._bdseq = bdseq
        self._phase = Phase.CONNECTING
        return Connect(self._server, self._composer.will(bdseq, now.utc_ms))

    def connected(self, now: Now) -> list[Action]:
        """Take it that the broker has accepted the connection that `connecting` told of.

        Raises:
            SparkplugError: Its will was not asked for.
        """
        if self._phase is not Phase.CONNECTING:
            raise SparkplugError("connected without a will of its own; ask `connecting` before each attempt")
        self._phase = Phase.WAITING
        self._connected_s = now.steady_s
        node, host_id = self._settings.node, self._settings.primary_host_id
        topics = [node.topic(Verb.NCMD), *(node.topic(Verb.DCMD, one) for one in self._roster.device_ids)]
        if host_id is None:
            return [Subscribe(tuple(topics)), *self._give_births(now)]
        return [Subscribe((*topics, host_topic(host_id)))]

    def disconnected(self) -> None:
        """Take it that the connection is gone, or that an attempt failed; the next is for the next broker."""
        if self._phase is Phase.DOWN:
            return
        self._phase = Phase.DOWN
        self._server = (self._server + 1) % self._settings.servers
        self._rebirth_pending = False
        self._roster.take_owed_deaths()
        self._history.take_back()

    def stopping(self, now: Now) -> list[Action]:
        """Say goodbye for good; what is not settled then stays with the caller."""
        if self._phase not in {Phase.WAITING, Phase.BORN}:
            return []
        deaths: list[Action] = []
        if self._phase is Phase.BORN and not self._rebirth_pending:
            deaths = [self._composer.ddeath(one, now.utc_ms) for one in self._roster.alive_ids]
        return [*deaths, *self._leave(now, reconnect=False)]

    # The host

    def host_said(self, state: HostState, now: Now) -> list[Action]:
        """Take a STATE message of the primary host, kept by the broker or new."""
        if self._settings.primary_host_id is None or not self._host.take(state, self._server):
            return []
        if self._phase is Phase.WAITING and state.online:
            return self._give_births(now)
        if self._phase is Phase.BORN and not state.online:
            return self._leave(now, reconnect=True)
        return []

    def rebirth_asked(self) -> None:
        """Take a rebirth request: data stops, and births come with a tick, once those before are told."""
        if self._phase is Phase.BORN:
            self._rebirths_asked += 1
            self._rebirth_pending = True

    # Devices and tags

    def device_appeared(
        self, device_id: str, tags: Sequence[Tag], readings: Mapping[str, Reading], now: Now
    ) -> list[Action]:
        """Take a device as alive, with what its tags are; those not named are null, or as they were.

        Raises:
            SparkplugError: The device or a reading is not fit for Sparkplug; nothing has changed.
        """
        is_new = device_id not in self._roster.device_ids
        self._roster.add(device_id, tags, readings, now.utc_ms)
        actions: list[Action] = []
        if is_new and self._phase in {Phase.WAITING, Phase.BORN}:
            actions.append(Subscribe((self._settings.node.topic(Verb.DCMD, device_id),)))
        if self._speaks_for(device_id):
            birth = self._roster.tags_of(device_id).birth()
            actions.append(self._composer.dbirth(device_id, birth, now.utc_ms))
        return actions

    def device_known(self, device_id: str, tags: Sequence[Tag], now: Now) -> list[Action]:
        """Take in a device that is not alive yet, so that it may be written to.

        Raises:
            SparkplugError: The device is not fit for Sparkplug; nothing has changed.
        """
        self._roster.add(device_id, tags, {}, now.utc_ms)
        self._roster.lose(device_id)
        if self._phase not in {Phase.WAITING, Phase.BORN}:
            return []
        return [Subscribe((self._settings.node.topic(Verb.DCMD, device_id),))]

    def device_forgotten(self, device_id: str, now: Now) -> list[Action]:
        """Let go of a device for good; it dies first if it was alive. What waits for it is given back.

        Raises:
            SparkplugError: There is no such device.
        """
        actions = self.device_lost(device_id, now)
        self._roster.forget(device_id)
        return actions

    def device_lost(self, device_id: str, now: Now) -> list[Action]:
        """Take a device for dead; what is told of it from now on is told when it is back.

        Raises:
            SparkplugError: There is no such device.
        """
        was_alive = self._roster.lose(device_id)
        if self._phase is not Phase.BORN or not was_alive:
            return []
        if self._rebirth_pending:  # after a message that failed the next must be a birth
            self._roster.owe_death(device_id)
            return []
        return [self._composer.ddeath(device_id, now.utc_ms)]

    def changed(self, sample: Sample, now: Now) -> list[Action]:
        """Take what tags are now, or for a `late` sample what they were; only what differs is sent.

        What cannot be sent now is kept for later. A sample that says nothing new is settled with the last
        message. One with a token that is older than what its tags say is late, too: what waited for a full
        disk must not raise an alarm again.

        Raises:
            SparkplugError: The device, a tag or a value is not fit, or there is no room for a token; nothing
                has changed.
        """
        tags = self._checked_tags(sample)
        kept = replace(sample, readings=tags.kept(sample.readings))
        has_history = bool(kept.readings) or sample.token is not None
        late = sample.late or (sample.token is not None and tags.is_past(sample.readings, sample.at_ms))
        news = () if late else tags.take(sample.readings, sample.at_ms)
        if late or not self._speaks_for(sample.device_id):
            if has_history:
                self._history.keep(kept)
            return []
        actions: list[Action] = []
        if news:
            actions.append(self._composer.data(sample.device_id, news, now.utc_ms))
        if has_history and (news or sample.token is not None):
            self._history.note_sent(kept, self._composer.number)
        return actions

    # Time and the line

    def tick(self, now: Now) -> list[Action]:
        """Do what is due; to be called several times a second, but not before all that was said is written.

        So births that a slow line has yet to take are not followed by others.
        """
        if self._phase is Phase.WAITING:
            alone = self._settings.servers == 1
            waited_s = now.steady_s - self._connected_s
            return [] if alone or waited_s < self._settings.host_wait_s else self._leave(now, reconnect=True)
        if self._phase is not Phase.BORN:
            return []
        if not self._births_written:
            self._births_written, self._born_s = True, now.steady_s
        return self._give_due_births(now) if self._rebirth_pending else self._tell_the_past(now)

    def confirmed(self, number: int, now: Now) -> None:
        """Take it that the broker has read all messages up to `number`."""
        self._history.note_arrived(number, now.steady_s)

    def failed(self, number: int, now: Now) -> list[Action]:
        """Take it that message `number` was not written, and so none after it: hosts would see a gap."""
        self._history.take_back(number)
        if self._phase is not Phase.BORN:
            return []
        self._rebirth_pending = True
        return self._give_due_births(now)

    def settled(self, now: Now) -> tuple[int, ...]:
        """Return tokens of samples that have arrived as far as one can know; each comes once."""
        grace_s = 0.0 if self._settings.primary_host_id is None else self._settings.host_grace_s
        return self._history.settle(now.steady_s - grace_s)

    def given_back(self) -> tuple[Sample, ...]:
        """Return samples with a token that wait for dead devices, to be offered again when those are back.

        Each comes once, with the readings that it had left; they are not settled.
        """
        return self._history.give_back(self._roster.is_alive)

    def is_alive(self, device_id: str | None) -> bool:
        """Whether a device has appeared and is not lost; the node itself (None) always is."""
        return self._roster.is_alive(device_id)

    def name_of(self, device_id: str | None, alias: int) -> str | None:
        """Return the tag of a device, or of the node for None, that a number stands for.

        None: no tag, or a device that has not appeared yet.
        """
        if device_id is not None and device_id not in self._roster.device_ids:
            return None
        return self._roster.tags_of(device_id).name_of(alias)

    @property
    def room(self) -> int:
        """How many samples with a token would be taken now."""
        return self._history.room

    @property
    def phase(self) -> Phase:
        """Where the node stands."""
        return self._phase

    @property
    def counts(self) -> SessionCounts:
        """What has happened so far."""
        return SessionCounts(self._births, self._rebirths_asked, self._history.counts)

    # Steps

    def _checked_tags(self, sample: Sample) -> TagSet:
        tags = self._roster.tags_of(sample.device_id)
        if sample.device_id is None and any(tag.name in sample.readings for tag in CONTROL_TAGS):
            raise SparkplugError(f"{BDSEQ} and {REBIRTH} are the session's own")
        tags.check(sample.readings)
        if not 0 <= sample.at_ms <= MAX_UTC_MS:
            raise SparkplugError(f"a sample at {sample.at_ms} ms is before 1970, or beyond all time")
        self._history.check_room(sample)
        return tags

    def _speaks_for(self, device_id: str | None) -> bool:
        # a rebirth that is due stops data (tck-id-operational-behavior-data-commands-rebirth-action-1)
        return self._phase is Phase.BORN and not self._rebirth_pending and self._roster.is_alive(device_id)

    def _give_births(self, now: Now) -> list[Action]:
        self._phase = Phase.BORN
        self._rebirth_pending = False
        self._births_written, self._born_s = False, now.steady_s
        self._births += 1
        return list(birth_messages(self._composer, self._roster, self._bdseq, now.utc_ms))

    def _give_due_births(self, now: Now) -> list[Action]:
        too_soon = now.steady_s - self._born_s < self._settings.rebirth_every_s
        return [] if too_soon else self._give_births(now)

    def _tell_the_past(self, now: Now) -> list[Action]:
        actions: list[Action] = []
        for key, sample in self._history.due(self._settings.history_per_tick, self._roster.is_alive):
            metrics = self._roster.tags_of(sample.device_id).past(sample.readings, sample.at_ms)
            if metrics:
                actions.append(self._composer.data(sample.device_id, metrics, now.utc_ms))
            self._history.note_resent(key, self._composer.number)
        return actions

    def _leave(self, now: Now, *, reconnect: bool) -> list[Action]:
        actions: list[Action] = [Disconnect(reconnect)]
        if self._phase is Phase.BORN:  # before its birth a node has nothing to take back
            actions.insert(0, self._composer.ndeath(self._bdseq, now.utc_ms))
        self._phase = Phase.LEAVING
        self._history.take_back()
        return actions
