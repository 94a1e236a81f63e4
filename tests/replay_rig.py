"""The page as it is served: real HTTP on a real port, before a real store, desk and control socket.

Only the sound is left out: windows are written down by the test, and nobody listens.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fixtures_mosquitto import eventually
from machine_rig import Audience, machine, windows
from starlette.applications import Starlette

from monitor.config import Config, parse_config
from monitor.control.answers import DaemonAnswers
from monitor.control.protocol import socket_path
from monitor.control.server import ControlServer
from monitor.desk.arrivals import Arrivals, answer_of
from monitor.desk.arrivals import Told as Tell
from monitor.desk.comparisons import Comparisons, Judge
from monitor.desk.desk import Desk
from monitor.errands import Errands
from monitor.errors import CommandError, ComparisonError
from monitor.health import BoxFacts, HealthBook
from monitor.learning.plan_book import PlanBook
from monitor.machine import Machine, facts_at_start
from monitor.pipeline import Pipeline
from monitor.promotion.apart import Told
from monitor.replay.app import create_app
from monitor.replay.gate.access import Role
from monitor.replay.gate.passwords import stored_from_password
from monitor.replay.gate.users import User, UserBook
from monitor.replay.places import USERS_FILE
from monitor.replay.serving import listening_socket, server_config
from monitor.roster import Roster
from monitor.store import Store, open_store
from monitor.testing import CapturedLog

BOX = BoxFacts(version="1", pid=7, started_utc_s=0.0, broker="off")
PASSWORD = "correct horse battery"  # noqa: S105 - of users of tests
PEOPLE = {"vera": Role.VIEWER, "anna": Role.TECHNICIAN, "tom": Role.TECHNICIAN, "ada": Role.ADMIN}


def replay_config(state_dir: Path, *, sources: Sequence[str] = ("pump",), **replay: object) -> Config:
    """A configuration whose page takes any free port."""
    section = ", ".join(f"{key}: {value}" for key, value in {"port": 1, **replay}.items())
    each = "".join(f"  - {{id: {source}, kind: simulated}}\n" for source in sources)
    text = f"state_dir: {state_dir}\nreplay: {{{section}}}\nsources:\n{each}"
    config = parse_config(text, name="the test's configuration")
    return config.model_copy(update={"replay": config.replay.model_copy(update={"port": 0})})


def add_people(state_dir: Path, people: Mapping[str, Role] = PEOPLE) -> None:
    """Let people in, all with PASSWORD; with few rounds, so that tests do not wait for their logins."""
    stored = stored_from_password(PASSWORD, rounds=10)
    book = UserBook(state_dir / USERS_FILE)
    book._write({name: User(name, role, stored, 0.0) for name, role in people.items()})


def nobody_compares(*_asked: object) -> Told:
    """Stand in for the process that compares."""
    raise ComparisonError("nobody compares in this test")


class Plant:
    """A daemon's desk with one pump that has just raised an alarm, behind its control socket."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.store: Store = open_store(config.state_dir)
        self.pump: Machine = machine("pump", [0.2, 1.2])
        self.roster = Roster([self.pump])
        self.log = CapturedLog()
        self.pipeline = Pipeline(
            self.roster, self.store, Audience(), lambda _: None, self.log, say=lambda _: None
        )
        self.desk = Desk(self.roster, self.store, self.pipeline, self.log)
        self.plans = PlanBook(config, lambda _: config.store)
        self.desk.have_learned(self.plans.obey)
        self.errands = Errands()
        self.judge: Judge = nobody_compares
        self.comparisons = Comparisons(lambda: self.config, self.errands, self.log, judge=self._judged_as_now)
        self.desk.have_compared(self.comparisons)
        self.book = HealthBook([facts_at_start(self.pump)])
        self.pipeline.hear(windows("pump", 2))
        arrivals = Arrivals(config, self.store, self._have_done, self.log)
        answers = DaemonAnswers(config, self.roster, self.book, self.desk, lambda: BOX, arrivals=arrivals)
        self.control = ControlServer(socket_path(config.state_dir), answers, self.log)
        self._ends = threading.Event()
        bodies = (self._serve, self._judge, self._compare)
        self._threads = [threading.Thread(target=body) for body in bodies]
        for thread in self._threads:
            thread.start()
        eventually(socket_path(config.state_dir).exists, 5.0, "the control socket")

    @property
    def event_id(self) -> str:
        event_id = self.pump.alarm.snapshot.event_id
        assert event_id is not None
        return event_id

    def _have_done(self, job: Callable[[Config], str], told: Tell) -> None:
        try:
            told(answer_of(job(self.config)))
        except CommandError as error:
            told(answer_of(error))

    def _judged_as_now(self, config: Config, source_id: str, broken_off: Callable[[], bool]) -> Told:
        return self.judge(config, source_id, broken_off)

    def _serve(self) -> None:
        while not self._ends.is_set():
            self.control.run_once(0.05)
        self.control.close()

    def _judge(self) -> None:
        while not self._ends.wait(0.01):
            self.errands.run()
            self.desk.obey()

    def _compare(self) -> None:
        while not self._ends.is_set():
            self.comparisons.run_once(5.0)

    def end(self) -> None:
        """End the daemon: nobody answers any more; what it has stored stays."""
        self._ends.set()
        self.errands.close()
        self.comparisons.wake()
        for thread in self._threads:
            thread.join(60.0)

    def close(self) -> None:
        """End the daemon, and its store."""
        self.end()
        self.store.close()


class Served:
    """An application behind uvicorn, as `wheeltapper replay` serves it, in a thread."""

    def __init__(self, config: Config, app: Starlette | None = None) -> None:
        self.log = CapturedLog()
        self.app = app or create_app(config, self.log)
        self._listening = listening_socket(config.replay)
        self.port: int = self._listening.getsockname()[1]
        scheme = "https" if config.replay.tls_cert_file else "http"
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.server = uvicorn.Server(server_config(self.app, config.replay))
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        eventually(lambda: self.server.started, 10.0, "the page")

    def _run(self) -> None:
        asyncio.run(self.server.serve(sockets=[self._listening]))

    def close(self) -> None:
        self.server.should_exit = True
        self._thread.join(60.0)
        self._listening.close()
        self.app.state.library.close()


class Browser:
    """One person's browser: keeps cookies, sends Origin with changes, reads the token out of the page."""

    def __init__(self, url: str, **client: Any) -> None:  # noqa: ANN401 - httpx's arguments
        self.url = url
        self.client = httpx.Client(base_url=url, timeout=60.0, **client)

    def get(self, path: str, **more: Any) -> httpx.Response:  # noqa: ANN401
        return self.client.get(path, **more)

    def token(self, path: str = "/login") -> str:
        """The token in the form or the head of a page."""
        page = self.get(path).text
        found = re.search(r'name="csrf[-_]token" (?:value|content)="([^"]+)"', page)
        assert found is not None, page
        return found.group(1)

    def login(self, name: str, password: str = PASSWORD, **fields: str) -> httpx.Response:
        """Fill in the login form and send it."""
        form = {"csrf_token": self.token(), "user": name, "password": password, **fields}
        return self.client.post("/login", data=form, headers={"Origin": self.url})

    def change(self, path: str, document: object, **headers: str) -> httpx.Response:
        """Send a change as the page's scripts do."""
        more = {"Origin": self.url, "X-CSRF-Token": self.token("/events"), **headers}
        return self.client.post(path, json=document, headers=more)

    def close(self) -> None:
        self.client.close()


@contextlib.contextmanager
def served_page(config: Config, app: Starlette | None = None) -> Iterator[Served]:
    """Serve a page while the body runs."""
    served = Served(config, app)
    try:
        yield served
    finally:
        served.close()


@contextlib.contextmanager
def browser_at(url: str, **client: Any) -> Iterator[Browser]:  # noqa: ANN401 - httpx's arguments
    """Open a browser while the body runs."""
    browser = Browser(url, **client)
    try:
        yield browser
    finally:
        browser.close()
