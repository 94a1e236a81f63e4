"""Which protocols are spoken, and that each has its own place in the store's outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fixtures_mosquitto import Mosquitto, Recorder, eventually, free_port

from monitor.config import Config
from monitor.errors import CommandError
from monitor.messages import AlarmChange, AlarmState, ChangeReason, Reader
from monitor.operators import Origin
from monitor.outlets import Outlets
from monitor.publish.explained import Voice
from monitor.store import Store, open_store
from monitor.supervisor import Supervisor
from monitor.testing import CapturedLog

RAISED = AlarmChange(
    source_id="pump",
    event_id="e1",
    old_state=AlarmState.NORMAL,
    new_state=AlarmState.UNACKNOWLEDGED,
    reason=ChangeReason.LIMIT,
    at_utc_s=1.75e9,
    event_start_utc_s=1.75e9,
    peak=1.5,
    warning=True,
    uncertain=False,
    active=True,
)


@dataclass
class Spoken:
    """Outlets on a store of their own."""

    store: Store
    log: CapturedLog = field(default_factory=CapturedLog)
    commands: list[tuple[str | None, Origin]] = field(default_factory=list)

    def outlets(self, state_dir: Path, **sections: object) -> Outlets:
        source = {"id": "pump", "kind": "simulated", "machine": "pump"}
        config = Config.model_validate(
            {"site": "mill", "box": "box1", "state_dir": state_dir, "sources": [source], **sections}
        )
        return Outlets(config, self.store, Voice("en", lambda _: None), self._hand_in, self.log)

    def _hand_in(self, source_id: str | None, _payload: bytes | CommandError, origin: Origin) -> None:
        self.commands.append((source_id, origin))


@pytest.fixture
def spoken(tmp_path: Path) -> Iterator[Spoken]:
    store = open_store(tmp_path / "state")
    yield Spoken(store)
    store.close()


@pytest.mark.parametrize(
    ("json", "sparkplug", "readers"),
    [
        (True, False, [Reader.JSON]),
        (False, True, [Reader.SPARKPLUG]),
        (True, True, [Reader.JSON, Reader.SPARKPLUG]),
        (False, False, []),
    ],
)
def test_the_store_keeps_records_for_exactly_the_protocols_that_are_spoken(
    spoken: Spoken,
    tmp_path: Path,
    json: bool,  # noqa: FBT001 - drawn
    sparkplug: bool,  # noqa: FBT001 - drawn
    readers: list[Reader],
) -> None:
    outlets = spoken.outlets(
        tmp_path / "state", mqtt={"enabled": json, "host": "localhost"}, sparkplug={"enabled": sparkplug}
    )
    assert readers == outlets.readers
    assert len(readers) == len(outlets.all) == len(outlets.tasks(0.1, 0.1, lambda: False))
    spoken.store.apply([RAISED], snapshot={}, bundle_id=None)
    assert readers == [reader for reader in Reader if spoken.store.pending(9, reader)]


def test_publishing_that_waits_for_news_is_woken_at_the_end(spoken: Spoken, tmp_path: Path) -> None:
    outlets = spoken.outlets(tmp_path / "state", mqtt={"host": "127.0.0.1", "port": free_port()})
    outlets.start()
    supervisor = Supervisor(spoken.log)
    tasks = [supervisor.start(task) for task in outlets.tasks(3600.0, 0.1, lambda: False)]
    # again and again, for it may have been about to wait
    eventually(lambda: [] == supervisor.stop(tasks, 1.0), what="the end")


def test_what_is_given_up_with_a_protocol_is_logged(spoken: Spoken, tmp_path: Path) -> None:
    spoken.store.apply([RAISED], snapshot={}, bundle_id=None)
    spoken.outlets(tmp_path / "state", mqtt={"enabled": False})
    assert [("warning", 1)] == [(level, facts["records"]) for level, _, facts in spoken.log.lines]


@pytest.mark.parametrize("host", ["embedded", "127.0.0.1"])
def test_both_protocols_tell_of_the_same_record_side_by_side(
    host: str, spoken: Spoken, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if host != "embedded":
        broker: Mosquitto = request.getfixturevalue("mosquitto")
        port = broker.port
    else:
        pytest.importorskip("amqtt")
        port = free_port()
    outlets = spoken.outlets(
        tmp_path / "state", mqtt={"host": host, "port": port}, sparkplug={"enabled": True}
    )
    outlets.start()
    make_recorder: Callable[..., Recorder] = request.getfixturevalue("make_recorder")
    assert outlets.publisher is not None
    hearer = make_recorder(outlets.publisher.port, "#")
    supervisor = Supervisor(spoken.log)
    tasks = [supervisor.start(task) for task in outlets.tasks(0.05, 2.0, lambda: False)]
    spoken.store.apply([RAISED], snapshot={}, bundle_id=None)
    event = "wheeltapper/mill/box1/pump/event"
    eventually(lambda: hearer.on(event), what="the JSON event")
    eventually(lambda: hearer.on("spBv1.0/mill/NBIRTH/box1"), what="the node's birth")
    hearer.send("wheeltapper/mill/box1/pump/command", b"{}")
    eventually(lambda: [("pump", Origin.MQTT)] == spoken.commands)
    # the pump has no sound, so that the record waits for Sparkplug alone
    eventually(lambda: [] == list(spoken.store.pending(9, Reader.JSON)))
    assert 1 == len(spoken.store.pending(9, Reader.SPARKPLUG))
    assert [] == supervisor.stop(tasks, 10.0)
    if host != "embedded":  # that one goes with the daemon, and what it still had is not heard
        eventually(lambda: hearer.on("spBv1.0/mill/NDEATH/box1"), what="the node's death")
