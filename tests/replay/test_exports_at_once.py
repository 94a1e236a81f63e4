"""Exports are large and their readers slow: only so many are under way at a time."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from fixtures_mosquitto import eventually
from past import noise, past_in
from replay_rig import browser_at, replay_config, served_page

from monitor.replay.api.sending import EXPORTS_AT_ONCE

EXPORT = "/api/v1/export"


def test_one_export_too_many_is_told_to_come_back_and_can_when_a_reader_has_gone(tmp_path: Path) -> None:
    with past_in(tmp_path) as past:
        past.add_event("fine", start_s=3.0)
        past.add_clip("fine", noise(60.0, rate_hz=48_000, level=0.3), start_s=0.0, rate_hz=48_000)
        past.add_label("fine", "no_anomaly")
    with served_page(replay_config(tmp_path)) as page, browser_at(page.url) as browser:
        with contextlib.ExitStack() as stack:
            for _ in range(EXPORTS_AT_ONCE):
                lazy = stack.enter_context(socket.socket())
                lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                lazy.connect(("127.0.0.1", page.port))
                lazy.sendall(f"GET {EXPORT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
                assert b"HTTP/1.1 200" == lazy.recv(12, socket.MSG_WAITALL)
            answer = browser.get(EXPORT)
            assert 503 == answer.status_code
            assert 0 < int(answer.headers["retry-after"]) <= 60
            assert "try again" in answer.json()["error"]
            assert 200 == browser.get("/api/v1/events").status_code, "nobody else waits for them"
        for _ in range(2 * EXPORTS_AT_ONCE):  # each gives its place back, when its reader has had all of it
            eventually(lambda: 200 == browser.get(EXPORT).status_code, what="a place")
