"""Watchdog: fed by work and nothing else, over a real socket, with a daemon that really hangs."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from monitor.config import parse_config
from monitor.daemon import Daemon
from monitor.evidence import WatchdogEvidence
from monitor.health import SourceFacts
from monitor.messages import CaptureHealth, CaptureState
from monitor.notify import Notifier
from monitor.testing import CapturedLog
from monitor.window import Ledger

EVERY_S = 15.0


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("monitor.evidence.time.monotonic", clock)
    return clock


def facts(
    captured: int = 0, judged: int = 0, windowed: int = 0, *, lost: int = 0, name: str = "a"
) -> SourceFacts:
    capture = CaptureHealth(name, CaptureState.HEALTHY, "", "device", captured, lost)
    ledger = Ledger(received=captured, lost=lost, windowed=windowed, skipped=0, pending=0)
    return SourceFacts(capture=capture, bundle_id="ae-1", backend="x", windows=judged, ledger=ledger)


def fed(clock: Clock, *looks: tuple[float, int, Sequence[SourceFacts]]) -> list[bool]:
    """Whether it was fed at each look: (seconds since the look before, turns of the judge, sources)."""
    evidence = WatchdogEvidence()
    answers = []
    for after_s, turns, sources in looks:
        clock.now_s += after_s
        answers.append(evidence.feeds(sources, turns=turns, every_s=EVERY_S))
    return answers


def test_it_is_fed_when_sound_and_judging_both_moved_and_not_before_it_is_due(clock: Clock) -> None:
    assert [False, False, True, False, True] == fed(
        clock,
        (0.0, 1, [facts(100, 5, 100)]),
        (14.9, 2, [facts(200, 6, 200)]),
        (0.1, 2, [facts(200, 6, 200)]),
        (14.9, 3, [facts(300, 7, 300)]),
        (0.1, 3, [facts(300, 7, 300)]),
    )


@pytest.mark.parametrize(
    ("standing_still", "turns"),
    [
        (facts(100, 6, 200), 2),  # no sound
        (facts(200, 5, 200), 2),  # windows wait, none is judged
        (facts(200, 6, 200), 1),  # the judging thread does not come round
        (facts(200, 5, 200, lost=50), 2),  # loss is reported, its windows are not judged
    ],
)
def test_it_is_not_fed_while_any_work_stands_still(
    clock: Clock, standing_still: SourceFacts, turns: int
) -> None:
    looks = [(0.0, 1, [facts(100, 5, 100)]), *[(10.0, turns, [standing_still])] * 9]
    assert [False] * 10 == fed(clock, *looks)


def test_work_that_is_late_is_looked_for_again_at_once_and_not_an_interval_later(clock: Clock) -> None:
    late = [facts(200, 5, 200)]
    assert [False, False, False, True] == fed(
        clock,
        (0.0, 1, [facts(100, 5, 100)]),
        (15.0, 2, late),
        (0.5, 2, late),
        (0.5, 2, [facts(200, 6, 200)]),
    )


def test_one_standing_source_starves_it_for_all(clock: Clock) -> None:
    b = facts(1, 1, 1, name="b")
    assert [False, False] == fed(clock, (0.0, 1, [facts(100, 5, 100), b]), (20.0, 2, [facts(200, 6, 200), b]))


@pytest.mark.parametrize("state", list(CaptureState))
def test_a_device_that_is_away_feeds_it_as_long_as_its_loss_is_reported(
    clock: Clock, state: CaptureState
) -> None:
    def away(lost: int) -> SourceFacts:
        away = facts(100, 5, 100, lost=lost)
        return replace(away, capture=replace(away.capture, state=state))

    first = (0.0, 1, [away(0)])
    assert [False, True] == fed(clock, first, (20.0, 2, [away(50)]))
    ended = state is CaptureState.ENDED
    assert [False, ended] == fed(clock, first, (20.0, 2, [away(0)])), "a thread that hangs reports nothing"


def test_windows_rarer_than_the_watchdog_do_not_starve_it(clock: Clock) -> None:
    looks = [(20.0, n, [facts(100 * n, 5, 100)]) for n in range(1, 9)]
    assert [False] + [True] * 7 == fed(clock, *looks)


def test_a_source_that_is_added_or_begun_anew_feeds_it_with_its_first_sound(clock: Clock) -> None:
    a = facts(900, 9, 900)
    assert [False, False, True, True] == fed(
        clock,
        (0.0, 1, [a]),
        (20.0, 2, [facts(950, 9, 900), facts(name="b")]),
        (0.5, 2, [facts(950, 9, 900), facts(10, name="b")]),
        (20.0, 3, [facts(50, 1, 40), facts(20, name="b")]),
    )


class Hangable:
    """Stands before a call, and holds up whoever makes it while `hangs` is set."""

    def __init__(self, call: Callable[..., object]) -> None:
        self._call = call
        self._free = threading.Event()
        self._free.set()

    def __call__(self, *arguments: object) -> object:
        self._free.wait(30.0)
        return self._call(*arguments)

    def hang(self) -> None:
        self._free.clear()

    def release(self) -> None:
        self._free.set()


class Watched:
    """A daemon in a thread, as systemd sees it: through the notify socket alone."""

    def __init__(self, daemon: Daemon, sock: socket.socket) -> None:
        self._sock = sock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=daemon.run, args=(self._stop,))
        self._thread.start()

    def is_fed_within(self, seconds: float) -> bool:
        give_up_s = time.monotonic() + seconds
        while (left_s := give_up_s - time.monotonic()) > 0:
            self._sock.settimeout(left_s)
            try:
                if self._sock.recv(4096) == b"WATCHDOG=1":
                    return True
            except TimeoutError:
                break
        return False

    def ignore(self, seconds: float) -> None:
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            self.is_fed_within(left_s)

    def end(self) -> None:
        self._stop.set()
        self._thread.join(30.0)


def test_a_hanging_engine_or_capture_starves_it_and_an_absent_device_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree = {
        "state_dir": str(tmp_path / "state"),
        "sources": [
            {"id": "here", "kind": "simulated"},
            {"id": "away", "kind": "stream", "url": "tcp://127.0.0.1:1"},
        ],
        "mqtt": {"enabled": False},
        "replay": {"enabled": False},
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(str(tmp_path / "notify"))
        environ = {
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "1000000",
            "WATCHDOG_PID": str(os.getpid()),
        }
        log = CapturedLog()
        daemon = Daemon(parse_config(yaml.safe_dump(tree), name="t"), log=log, notifier=Notifier(environ))
        source = daemon._inputs.captures[0].source
        hear, read = Hangable(daemon._pipeline.hear), Hangable(source.read)
        monkeypatch.setattr(daemon._pipeline, "hear", hear)
        monkeypatch.setattr(source, "read", read)
        watched = Watched(daemon, sock)
        try:
            for hangable in (hear, read):
                assert watched.is_fed_within(10.0), "one device is away, the other is heard and judged"
                hangable.hang()
                watched.ignore(1.2)  # what was on its way
                assert not watched.is_fed_within(1.3)
                hangable.release()
            assert watched.is_fed_within(10.0)
        finally:
            hear.release()
            read.release()
            watched.end()
