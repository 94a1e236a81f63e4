"""The embedded broker: a real amqtt in its child process."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest
from fixtures_mosquitto import Recorder, eventually, free_port, patience, retained
from publish_rig import LIMITS, VOICE, Rig, change_to, score_at

from monitor.errors import PublishError
from monitor.messages import AlarmState
from monitor.publish.documents import alarm_payload
from monitor.publish.embedded import EmbeddedBroker

PARENT = """
import sys, time
from monitor.publish.embedded import EmbeddedBroker
broker = EmbeddedBroker(int(sys.argv[1]))
print(broker.start(), flush=True)
time.sleep(60)
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def broker() -> Iterator[EmbeddedBroker]:
    broker = EmbeddedBroker(free_port())
    yield broker
    broker.stop()


def test_events_scores_and_retained_states_pass_through_it(
    make_rig: Callable[..., Rig], make_recorder: Callable[..., Recorder], topic_prefix: str
) -> None:
    rig = make_rig(host="embedded", port=free_port())
    port = rig.publisher.port
    recorder = make_recorder(port, f"{topic_prefix}/#")
    eventually(lambda: rig.publisher.connected)
    rig.publisher.set_alarm(
        alarm_payload(change_to(AlarmState.UNACKNOWLEDGED), bundle_id=None, voice=VOICE, limits=LIMITS)
    )
    rig.publisher.offer_score(score_at(0))
    seqs = [rig.add_event() for _ in range(20)]
    recorder.wait_for(f"{topic_prefix}/pump/score", value=0.5)
    eventually(lambda: len(recorder.on(f"{topic_prefix}/pump/event")) == 20)
    assert seqs == [heard.document["seq"] for heard in recorder.on(f"{topic_prefix}/pump/event")]
    eventually(lambda: seqs == rig.outbox.sent)
    kept = {f"{topic_prefix}/status", f"{topic_prefix}/pump/alarm"}
    eventually(lambda: kept == set(retained(port, f"{topic_prefix}/#")))
    recorder.send(f"{topic_prefix}/pump/command", b"{}")
    eventually(lambda: rig.calls.commands == [("pump", b"{}")])


def test_it_announces_a_connection_that_was_torn(
    broker: EmbeddedBroker,
    make_rig: Callable[..., Rig],
    make_recorder: Callable[..., Recorder],
    topic_prefix: str,
) -> None:
    port = broker.start()
    recorder = make_recorder(port, f"{topic_prefix}/status")
    rig = make_rig(port=port)
    recorder.wait_for(f"{topic_prefix}/status", state="online")
    line = rig.publisher._started()._paho.socket()
    assert isinstance(line, socket.socket)
    line.shutdown(socket.SHUT_RDWR)
    recorder.wait_for(f"{topic_prefix}/status", state="offline")


def test_a_taken_port_gives_another_one_and_only_this_machine_is_served(broker: EmbeddedBroker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        broker._wanted_port = taken
        port = broker.start()
        assert port != taken
    assert broker._process is not None
    listening = [
        connection.laddr
        for connection in psutil.Process(broker._process.pid).net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert listening == [("127.0.0.1", port)]


def test_it_ends_with_stop(broker: EmbeddedBroker) -> None:
    port = broker.start()
    assert listens(port)
    broker.stop()
    assert not listens(port)
    broker.stop()  # twice does no harm


def test_it_does_not_outlive_a_parent_that_was_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(free_port())], stdout=subprocess.PIPE, env=dict(os.environ)
    ) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert listens(port)
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not listens(port), what="the end of the broker")


def test_without_the_package_the_remedy_is_told(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_amqtt(name: str, *rest: Any) -> object:  # noqa: ANN401 - as find_spec
        return None if name == "amqtt" else find_spec(name, *rest)

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", without_amqtt)
    with pytest.raises(PublishError, match=r"pip install 'wheeltapper\[demo\]'"):
        broker.start()


def test_a_broker_that_does_not_come_up_is_an_error_in_time(
    broker: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    started_s = time.monotonic()
    with pytest.raises(PublishError, match="did not come up"):
        broker.start()
    assert time.monotonic() - started_s < 5.0 * patience()
