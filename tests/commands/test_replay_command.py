"""The page starts, says where it is, refuses what it must, and ends when it is told to."""

from __future__ import annotations

import contextlib
import io
import itertools
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import httpx
import psutil
import pytest
import yaml
from fixtures_mosquitto import eventually, free_port, patience

from monitor.__main__ import main
from monitor.config import ReplayConfig
from monitor.demo import HINTS
from monitor.errors import ReplayError
from monitor.replay.api.endpoint import SLOW_AT_ONCE
from monitor.replay.gate.access import Role
from monitor.replay.gate.users import UserBook
from monitor.replay.places import USERS_FILE
from monitor.replay.serving import THREADS, server_config

ROOT = Path(__file__).resolve().parents[2]
LONG = "long enough to guess for years"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_config(tmp_path)


def write_config(folder: Path, **replay: object) -> Path:
    state_dir = folder / "state"
    state_dir.mkdir(exist_ok=True)
    tree = {
        "state_dir": str(state_dir),
        "mqtt": {"enabled": False},
        "sources": [{"id": "pump-1", "kind": "simulated"}],
        "replay": {"port": free_port(), **replay},
    }
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")
    return path


@contextlib.contextmanager
def running(
    *words: str, stdin: int = subprocess.DEVNULL, cwd: Path = ROOT
) -> Iterator[subprocess.Popen[str]]:
    """A command in a process of its own, killed with the body if it has not ended."""
    command = [sys.executable, "-m", "monitor", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def address_of(process: subprocess.Popen[str]) -> str:
    """The address that a process prints."""
    assert process.stdout is not None
    for line in process.stdout:
        found = re.search(r"The page: (\S+)", line)
        if found:
            return found.group(1)
    pytest.fail("no address was printed")


def heaps_of(pid: int) -> int:
    """Count the heaps that glibc made for threads: 64 MiB of addresses each, mostly not in use yet."""
    reserved = re.findall(r"-([0-9a-f]+) ---p 00000000 00:00 0", Path(f"/proc/{pid}/maps").read_text())
    return sum(int(end, 16) % (64 << 20) == 0 for end in reserved)


def test_it_prints_its_address_serves_there_nicely_and_ends_when_it_is_told(config: Path) -> None:
    with running("replay", "--config", str(config)) as process:
        answer = httpx.get(f"{address_of(process)}/login", follow_redirects=True, timeout=60.0)
        assert 200 == answer.status_code
        behind = max(5, os.getpriority(os.PRIO_PROCESS, 0))
        assert behind == os.getpriority(os.PRIO_PROCESS, process.pid), "the daemon goes first"
        fan = answer.url.join("/drift/fan-1")
        assert 404 == httpx.get(fan, timeout=60.0).status_code
        config.write_text(config.read_text().replace("pump-1", "fan-1"))
        eventually(
            lambda: httpx.get(fan, timeout=60.0).status_code != 404, 20.0, "what was changed in the file"
        )
        process.terminate()
        assert -signal.SIGTERM == process.wait(60)


def test_many_readers_at_once_are_served_by_few_threads(config: Path) -> None:
    with running("replay", "--config", str(config)) as process, ThreadPoolExecutor(40) as people:
        address = address_of(process)
        heaps_before = heaps_of(process.pid)
        asked = [f"{address}/{path}" for path in ("", "events", "api/v1/events", "api/v1/sources") * 15]
        for answer in people.map(partial(httpx.get, timeout=60.0), asked):
            assert answer.status_code in {200, 503}
        assert psutil.Process(process.pid).num_threads() <= THREADS + SLOW_AT_ONCE + 2
        assert heaps_before == heaps_of(process.pid), "and they share their memory"


def test_it_ends_with_whoever_started_it(config: Path) -> None:
    with running("replay", "--config", str(config), "--with-stdin", stdin=subprocess.PIPE) as process:
        address = address_of(process)
        assert process.stdin is not None
        process.stdin.write("what is typed harms nobody\n")
        process.stdin.flush()
        assert 200 == httpx.get(f"{address}/static/page.css", timeout=60.0).status_code
        process.stdin.close()
        assert 0 == process.wait(60)


def test_a_taken_port_is_refused_with_the_remedy(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    port = yaml.safe_load(config.read_text(encoding="utf-8"))["replay"]["port"]
    with socket.create_server(("127.0.0.1", port)):
        assert 2 == main(["replay", "--config", str(config)])
    assert f"replay.port {port}: Address already in use; set another" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("replay", "words", "sentence"),
    [
        ({"enabled": False}, [], "replay.enabled is false"),
        ({"host": "192.0.2.1"}, [], "wheeltapper replay user add"),
        ({}, ["--host", "::"], "wheeltapper replay user add"),
        ({"tls_cert_file": "a.pem"}, [], "belong together"),
        ({"fault_codes": [""]}, [], "must have 1 to 64 characters"),
    ],
)
def test_what_must_not_be_served_is_refused(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    replay: dict[str, object],
    words: Sequence[str],
    sentence: str,
) -> None:
    config = write_config(tmp_path, **replay)
    assert 2 == main(["replay", "--config", str(config), *words])
    assert sentence in capsys.readouterr().err


def test_users_are_looked_after_from_the_command_line(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def wheeltapper(*words: str, stdin: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = main(["replay", "--config", str(config), "user", *words])
        told = capsys.readouterr()
        return code, told.out + told.err

    assert "whoever is on this box is admin" in wheeltapper("list")[1]
    code, told = wheeltapper("add", "anna", "--role", "admin", "--password-stdin", stdin=f"{LONG}\n")
    assert (0, True) == (code, "anna: done" in told)
    assert re.search(r"^anna +admin ", wheeltapper("list")[1])
    code, told = wheeltapper("password", "anna", "--password-stdin", stdin="short\n")
    assert (2, True) == (code, "10 to 256 characters" in told)
    codes = [
        wheeltapper(*words)[0]
        for words in (("role", "anna", "viewer"), ("remove", "anna"), ("remove", "anna"))
    ]
    assert [0, 0, 2] == codes


def test_a_password_is_typed_twice_and_both_must_be_the_same(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = iter([LONG, f"{LONG}x", LONG, LONG])
    monkeypatch.setattr("getpass.getpass", lambda _: next(typed))
    first = ["replay", "--config", str(config), "user", "add", "anna"]
    last = ["replay", "user", "add", "anna", "--config", str(config)]
    assert [2, 0] == [main(first), main(last)]
    assert "the two are not the same; nothing was changed" in capsys.readouterr().err


def make_certificate(folder: Path, *, password: str | None = None) -> tuple[Path, Path]:
    cert, key = folder / "cert.pem", folder / "key.pem"
    lock = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-days",
        "2",
        "-subj",
        "/CN=localhost",
        *lock,
    ]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(cert), "-keyout", str(key)]
    subprocess.run(command, check=True, capture_output=True)
    return cert, key


def test_it_serves_https_and_its_cookies_are_for_https_alone(tmp_path: Path) -> None:
    cert, key = make_certificate(tmp_path)
    config = write_config(tmp_path, tls_cert_file=str(cert), tls_key_file=str(key))
    UserBook(tmp_path / "state" / USERS_FILE).add("anna", Role.VIEWER, LONG)
    trust = ssl.create_default_context(cafile=str(cert))
    with running("replay", "--config", str(config)) as process:
        address = address_of(process)
        assert address.startswith("https://127.0.0.1:")
        url = address.replace("127.0.0.1", "localhost")
        shown = httpx.get(f"{url}/login", verify=trust)
        (cookie,) = shown.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-")
        assert "; Secure" in cookie


@pytest.mark.parametrize("damage", ["missing", "locked", "no certificate"])
def test_a_certificate_that_cannot_be_used_is_refused_without_asking_for_a_password(
    tmp_path: Path, damage: str
) -> None:
    cert, key = make_certificate(tmp_path, password="secret" if damage == "locked" else None)
    if damage == "missing":
        key.unlink()
    elif damage == "no certificate":
        cert.write_text("hello", encoding="utf-8")
    settings = ReplayConfig(tls_cert_file=cert, tls_key_file=key)
    with pytest.raises(ReplayError, match="cannot be used"):
        server_config(lambda *_: None, settings)  # type: ignore[arg-type]  # never called


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_make_run_serves_the_page_beside_the_daemon_and_both_end_together(
    tmp_path: Path, number: int
) -> None:
    with running("run", "--demo", "simulated", cwd=tmp_path) as process:
        assert process.stdout is not None
        banner = list(itertools.islice(process.stdout, HINTS["simulated"].count("\n") + 1))
        assert banner[-1].startswith("The page: "), "above all that scrolls"
        address = banner[-1].split()[-1]
        now = f"{address}/api/v1/now"

        def listens() -> bool:
            answer = httpx.get(now, timeout=60.0)
            return answer.status_code == 200 and answer.json()["sources"][0]["source"] == "pump-1"

        eventually(listens, 20.0, "the pump on the page")
        process.send_signal(number)
        process.wait(60)
        began_s = time.monotonic()
        eventually(lambda: not _is_served(now), what="the end of the page")
        assert time.monotonic() - began_s < 10.0 * patience()


def _is_served(url: str) -> bool:
    try:
        httpx.get(url, timeout=1.0)
    except httpx.TransportError:
        return False
    return True
