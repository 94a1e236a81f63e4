"""The page is served by one thread to few guests; none of them can hold it up for long."""

from __future__ import annotations

import http.client
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest
import structlog
from fixtures_mosquitto import eventually, free_port
from metrics_scene import PUMP, scene_of
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from monitor import guests
from monitor.config import MetricsConfig
from monitor.metrics.collector import registry_of
from monitor.metrics.server import MetricsServer

Serve = Callable[..., MetricsServer]
LOG = structlog.get_logger()


@pytest.fixture
def serve() -> Iterator[Serve]:
    """A function that serves one scene at a port, by a thread as the supervisor's."""
    stop = threading.Event()
    threads = []

    def start(port: int, registry: CollectorRegistry | None = None) -> MetricsServer:
        config = MetricsConfig(enabled=True, port=port)
        server = MetricsServer(config, registry or registry_of(lambda: scene_of(PUMP)), LOG)

        def body() -> None:
            while not stop.is_set():
                server.run_once(0.02)
            server.close()

        threads.append(threading.Thread(target=body))
        threads[-1].start()
        return server

    yield start
    stop.set()
    for thread in threads:
        thread.join(60)


def ask(port: int, path: str = "/metrics", method: str = "GET", **fields: str) -> tuple[int, str, str]:
    """Return status, content type and body."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path, headers=fields)
        response = connection.getresponse()
        return response.status, response.headers.get("Content-Type", ""), response.read().decode()


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_the_page_is_served_in_the_format_that_is_asked_for(serve: Serve) -> None:
    port = free_port()
    serve(port)
    eventually(lambda: listens(port))
    status, kind, text = ask(port)
    assert (200, "text/plain") == (status, kind.partition(";")[0])
    assert 'wheeltapper_windows_dropped_total{source="pump-1"} 6.0' in text
    assert "process_resident_memory_bytes" in text
    status, kind, text = ask(port, Accept="application/openmetrics-text; version=1.0.0")
    assert (200, "application/openmetrics-text") == (status, kind.partition(";")[0])
    assert text.endswith("# EOF\n")


def test_a_page_is_good_for_twenty_times_as_long_as_it_took_to_make(serve: Serve) -> None:
    made = []

    def slow_scene() -> None:
        made.append(time.monotonic())
        time.sleep(0.03)

    port = free_port()
    serve(port, registry_of(slow_scene))
    eventually(lambda: listens(port))
    asked = 0
    while len(made) < 3:  # good for no longer
        assert 200 == ask(port)[0]
        asked += 1
    assert asked > len(made)
    assert all(later - earlier >= 0.6 for earlier, later in itertools.pairwise(made))


def test_what_is_not_the_page_is_refused(serve: Serve) -> None:
    port = free_port()
    serve(port)
    eventually(lambda: listens(port))
    assert [404, 404, 405] == [
        ask(port, "/")[0],
        ask(port, "/metrics/../etc/passwd")[0],
        ask(port, method="POST")[0],
    ]
    assert (200, "") == ask(port, method="HEAD")[::2]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(b"GET /metrics HTTP/1.1\r\nX: " + b"x" * 40_000)
        assert line.recv(100).startswith(b"HTTP/1.1 503 ")


def test_a_full_room_and_silent_guests_cost_the_others_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "QUESTION_S", 2.0)
    port = free_port()
    server = serve(port)
    eventually(lambda: listens(port))
    eventually(lambda: server.sent_away == 1, 3.0, "the one who looked whether it listens has gone")
    silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(guests.MAX_GUESTS - 1)]
    assert 200 == ask(port)[0], "the last chair"
    silent.append(socket.create_connection(("127.0.0.1", port)))
    eventually(lambda: server._guests == guests.MAX_GUESTS, what="a full room")
    assert 503 == ask(port)[0], "the room is full"
    eventually(lambda: server.sent_away >= guests.MAX_GUESTS, 3.0, "the silent ones are sent away")
    assert 200 == ask(port)[0]
    for line in silent:
        line.close()


def test_guests_who_are_there_at_the_end_are_shown_out_quietly() -> None:
    port = free_port()
    config = MetricsConfig(enabled=True, port=port)
    server = MetricsServer(config, registry_of(lambda: None), LOG)
    server.run_once(0.01)
    with capture_logs() as logs, socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        server.run_once(0.05)
        server.close()
        assert b"" == line.recv(100)
    assert [] == logs


def test_an_address_that_is_taken_is_told_once_and_tried_again(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guests, "AGAIN_S", 0.05)
    with capture_logs() as logs:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            serve(port)
            eventually(lambda: logs, 3.0, "a word in the log")
            time.sleep(0.2)
        eventually(lambda: listens(port), 3.0, "served after all")
    assert [("metrics are not served", f"127.0.0.1:{port}")] == [(e["event"], e["where"]) for e in logs]
    reason = logs[0]["reason"]
    assert "Address already in use" in reason
    assert f"metrics.port {port}; end what listens there, or give another port" in reason
    assert 200 == ask(port)[0]
