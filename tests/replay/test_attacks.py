"""What attackers try is refused, costs little, and locks nobody else out."""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import time
from collections.abc import Callable

import pytest
from fixtures_mosquitto import LEAST_S, eventually, patience
from replay_rig import PASSWORD, Browser, Plant, Served, browser_at

from monitor.messages import AlarmState
from monitor.replay import serving
from monitor.replay.gate import bodies
from monitor.replay.gate.audit import REFUSED_IN_ALL, REFUSED_OF_AN_ADDRESS
from monitor.replay.gate.bodies import MAX_BODY_BYTES
from monitor.replay.gate.reception import OF_A_NAME, OF_AN_ADDRESS
from monitor.replay.places import AUDIT_FILE

Open = Callable[..., Browser]
ACT = "/api/v1/sources/pump/commands"
ACK = {"action": "acknowledge"}
SECRETS = ("/store.sqlite", "/replay-users.json", "/../replay-users.json", "/app.py")
CLIMBS = (
    "..",
    "%2e%2e",
    "..%2f..",
    "%2e%2e%2f%2e%2e",
    "..%5c..",
    "....//",
    "%252e%252e",
    "/etc",
    "//etc",
    "%00",
)
INJECTIONS = (
    "' OR 1=1 --",
    "'; DROP TABLE events; --",
    '" OR ""="',
    "1) UNION SELECT password FROM users --",
    "%",
    "_",
    "\x00",
    "a" * 5000,
    "${7*7}{{7*7}}<%= 7*7 %>",
)


def raw(page: Served, text: bytes, timeout_s: float = LEAST_S) -> bytes:
    """Send bytes as they are and return the answer until the other side closes or says nothing more."""
    with socket.create_connection(("127.0.0.1", page.port), timeout_s) as connection:
        connection.sendall(text)
        answer = b""
        with contextlib.suppress(TimeoutError):
            while part := connection.recv(65_536):
                answer += part
        return answer


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_no_path_leads_out_of_the_static_files(page: Served) -> None:
    for climb, secret in itertools.product(CLIMBS, SECRETS):
        for path in (
            f"/static/{climb}{secret}",
            f"/static/{climb}/{climb}{secret}",
            f"/static{climb}{secret}",
        ):
            answer = raw(
                page, f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
            )
            assert status_of(answer) in {303, 400, 404}, (path, answer)
            assert b"pbkdf2" not in answer


def test_no_id_is_a_path(open_browser: Open) -> None:
    anna, said = open_browser("anna"), {"rating": "anomaly"}
    for climb in CLIMBS[1:]:  # the first is resolved by the browser
        for path in (f"/events/{climb}", f"/api/v1/events/{climb}", f"/api/v1/clips/{climb}/audio"):
            answer = anna.get(path)
            assert answer.status_code in {303, 307, 400, 404, 422}, (path, answer.text)
        answer = anna.change(f"/api/v1/events/{climb}/labels", said)
        assert answer.status_code in {404, 405}, climb


def test_words_of_sql_in_what_is_changed_are_only_words(open_browser: Open, plant: Plant) -> None:
    anna = open_browser("anna")
    for text in INJECTIONS:
        _inject(anna, plant, text)
    assert plant.store.event(plant.event_id) is not None
    browser = open_browser()
    assert {403, 429} >= {browser.login(text, text).status_code for text in INJECTIONS}


def _inject(anna: Browser, plant: Plant, body: str) -> None:
    label = {"rating": "anomaly"}
    tried = [
        anna.change(f"/api/v1/events/{plant.event_id}/labels", {**label, "note": body[:900]}),
        anna.change(f"/api/v1/events/{plant.event_id}/labels", {**label, "fault_code": body[:60]}),
        anna.change(f"/api/v1/events/{plant.event_id}/labels", {**label, "id": body[:90]}),
        anna.change("/api/v1/labels", {**label, "event_ids": [body]}),
        anna.change(ACT, {**ACK, "event_id": body[:90]}),
        anna.change(ACT, {**ACK, "note": body[:900]}),
    ]
    assert {answer.status_code for answer in tried} <= {200, 409, 422}
    assert tried[0].status_code == 200
    notes = [label.note for label in plant.store.labels(plant.event_id)]
    assert body[:900] in notes, "kept as it was typed"


def test_a_note_that_is_a_script_is_shown_as_text(open_browser: Open, plant: Plant) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    anna = open_browser("anna")
    said = {"rating": "anomaly", "note": evil, "fault_code": evil[:64]}
    assert 200 == anna.change(f"/api/v1/events/{plant.event_id}/labels", said).status_code
    page = anna.get(f"/events/{plant.event_id}").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page


@pytest.mark.parametrize("field", ["user", "password", "next"])
def test_the_login_gives_nothing_back_that_is_a_script(open_browser: Open, field: str) -> None:
    evil = '"><script>alert(1)</script>'
    browser = open_browser()
    fields = {"user": "anna", "password": "wrong, and long enough", field: evil}
    form = {"csrf_token": browser.token(), **fields}
    assert (
        "<script>alert" not in browser.client.post("/login", data=form, headers={"Origin": browser.url}).text
    )
    assert "<script>alert" not in browser.get(f"/login?next={evil}").text


NOT_OURS = (
    "evil.example",
    "localhost.evil.example",
    "evil.example:80",
    "",
    "a b",
    "[::1",
    "x@localhost",
    "localhost/static/",
    "localhost?",
    "localhost#",
    "localhost\\",
    "localhost:x",
)
FOREIGN = (
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://127.0.0.1.evil.example"},
    {"Origin": "{url}@evil.example"},
    {"Origin": "{url}/path"},
    {"X-CSRF-Token": ""},
    {"X-CSRF-Token": "guess"},
    {"X-CSRF-Token": "umlaut-\u00fc"},
    {"Content-Type": "text/plain"},
    {"Content-Type": "multipart/form-data; boundary=x"},
)


def test_a_change_that_another_site_sends_is_refused(open_browser: Open, plant: Plant) -> None:
    anna = open_browser("anna")
    right = {"Origin": anna.url, "X-CSRF-Token": anna.token("/events")}
    wrong = [{**right, **headers} for headers in FOREIGN]
    wrong += [{name: value for name, value in right.items() if name != missing} for missing in right]
    for headers in wrong:
        sent = {name: value.replace("{url}", anna.url).encode("latin-1") for name, value in headers.items()}
        answer = anna.client.post(ACT, json=ACK, headers=[(n.encode(), value) for n, value in sent.items()])
        assert answer.status_code in {403, 415}, headers
    assert AlarmState.UNACKNOWLEDGED is plant.pump.alarm.state
    assert 200 == anna.client.post(ACT, json=ACK, headers=right).status_code, "and the right one is taken"


def test_the_token_of_another_session_does_not_fit(open_browser: Open, plant: Plant) -> None:
    anna, tom = open_browser("anna"), open_browser("tom")
    answer = anna.change(ACT, ACK, **{"X-CSRF-Token": tom.token("/events")})
    assert 403 == answer.status_code
    assert AlarmState.UNACKNOWLEDGED is plant.pump.alarm.state


def test_a_form_of_another_site_cannot_log_anybody_in(open_browser: Open) -> None:
    browser = open_browser()
    form = {"csrf_token": browser.token(), "user": "anna", "password": PASSWORD}
    assert (
        403
        == browser.client.post("/login", data=form, headers={"Origin": "https://evil.example"}).status_code
    )
    assert 403 == browser.client.post("/login", data=form).status_code
    guess = {**form, "csrf_token": "guess"}
    assert 403 == browser.client.post("/login", data=guess, headers={"Origin": browser.url}).status_code
    assert 401 == browser.get("/api/v1/now").status_code


def test_changes_that_strangers_send_cannot_push_others_lines_out_of_the_audit(
    page: Served, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused() -> list[dict[str, str]]:
        lines = (plant.config.state_dir / AUDIT_FILE).read_text(encoding="utf-8").splitlines()
        assert max(map(len, lines)) < 2000
        return [line for line in map(json.loads, lines) if line["what"] == "change refused"]

    foreign = [(b"Origin", b"\xff" * 5000), (b"Content-Type", b"application/json")]
    with browser_at(page.url) as browser:
        for _ in range(3 * REFUSED_OF_AN_ADDRESS):
            assert 403 == browser.client.post("/login", content=b"{}", headers=foreign).status_code
        assert REFUSED_OF_AN_ADDRESS == len(refused())
        assert [False] * (REFUSED_OF_AN_ADDRESS - 1) + [True] == ["then" in line for line in refused()]
        numbers = iter(range(10_000))
        monkeypatch.setattr("monitor.replay.gate.doorkeeper.address_of", lambda _: f"192.0.2.{next(numbers)}")
        for _ in range(REFUSED_IN_ALL):
            assert 403 == browser.client.post("/login", content=b"{}", headers=foreign).status_code
    assert REFUSED_IN_ALL == len(refused()), "many addresses together are limited too"
    assert "then" in refused()[-1]


def test_a_page_without_users_is_not_changed_by_other_sites_either(local_page: Served, plant: Plant) -> None:
    with browser_at(local_page.url) as browser:
        token = browser.token("/events")
        for headers in (
            {"Origin": "https://evil.example", "X-CSRF-Token": token},
            {"Origin": local_page.url},
            {"X-CSRF-Token": token},
        ):
            assert 403 == browser.client.post(ACT, json=ACK, headers=headers).status_code
    assert AlarmState.UNACKNOWLEDGED is plant.pump.alarm.state


def test_a_name_that_is_not_ours_is_refused(page: Served) -> None:
    for host in NOT_OURS:
        answer = raw(page, f"GET /login HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert status_of(answer) in {400, 421}, host


def test_two_hosts_in_one_request_are_refused(page: Served) -> None:
    answer = raw(
        page, b"GET /login HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\nConnection: close\r\n\r\n"
    )
    assert status_of(answer) in {400, 421}


def test_logins_are_limited_by_address_and_say_when_to_try_again(open_browser: Open) -> None:
    browser = open_browser()
    for _ in range(OF_AN_ADDRESS):
        assert 403 == browser.login("anna", "wrong, and long enough").status_code
    answer = browser.login("anna")
    assert 429 == answer.status_code, "also with the right password"
    assert 0 < int(answer.headers["retry-after"]) <= 300
    assert 429 == browser.login("tom").status_code


def test_logins_are_limited_by_name_from_wherever_they_come(
    open_browser: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, addresses = open_browser(), iter(range(10_000))
    monkeypatch.setattr("monitor.replay.gate.reception.address_of", lambda _: f"192.0.2.{next(addresses)}")
    for _ in range(OF_A_NAME):
        assert 403 == browser.login("anna", "wrong, and long enough").status_code
    assert 429 == browser.login("anna").status_code
    assert 303 == browser.login("tom").status_code, "others are not locked out"


def test_strangers_who_try_a_name_do_not_keep_out_whoever_has_come_from_here_before(
    open_browser: Open, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = ["192.0.2.1"]
    monkeypatch.setattr("monitor.replay.gate.reception.address_of", lambda _: at[0])
    open_browser("anna")
    browser = open_browser()
    for number in range(OF_A_NAME):
        at[0] = f"198.51.100.{number // (OF_AN_ADDRESS - 1)}"
        assert 403 == browser.login("anna", "wrong, and long enough").status_code
    for at[0] in ("198.51.100.0", "203.0.113.1", "203.0.113.1"):
        assert 429 == browser.login("anna").status_code
    at[0] = "192.0.2.1"
    assert 303 == open_browser().login("anna").status_code, "her own place is known"
    for _ in range(OF_AN_ADDRESS):
        assert 403 == browser.login("anna", "wrong, and long enough").status_code
    assert 429 == browser.login("anna").status_code, "and held to its own limit"
    lines = (plant.config.state_dir / AUDIT_FILE).read_text(encoding="utf-8").splitlines()
    found = [(line["user"], line["address"]) for line in map(json.loads, lines) if "away" in line["what"]]
    places = ("198.51.100.0", "203.0.113.1", "192.0.2.1")
    assert [("anna", place) for place in places] == found, "each once"


def test_many_logins_at_once_are_not_more_than_were_allowed(page: Served) -> None:
    with contextlib.ExitStack() as stack:
        browsers = [stack.enter_context(browser_at(page.url)) for _ in range(OF_AN_ADDRESS + 4)]
        requests = []
        for browser in browsers:
            token, cookie = browser.token(), next(iter(browser.client.cookies.jar))
            body = f"csrf_token={token}&user=anna&password=wrong".encode()
            head = (
                f"POST /login HTTP/1.1\r\nHost: 127.0.0.1:{page.port}\r\nOrigin: {page.url}\r\n"
                f"Cookie: {cookie.name}={cookie.value}\r\nContent-Length: {len(body)}\r\n"
                "Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\n\r\n"
            )
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", page.port), 20.0))
            connection.sendall(head.encode() + body)
            requests.append(connection)
        statuses = [status_of(connection.recv(100)) for connection in requests]
        assert set(statuses) <= {403, 429}
        assert statuses.count(403) <= OF_AN_ADDRESS


@pytest.mark.parametrize("told_by", ["content-length", "chunks"])
def test_an_oversized_body_is_refused_before_it_has_come(page: Served, told_by: str) -> None:
    head = "POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    if told_by == "content-length":
        answer = raw(page, f"{head}Content-Length: 10000000000\r\n\r\nuser=".encode())
    else:
        chunk = b"%x\r\n%s\r\n" % (MAX_BODY_BYTES + 1, b"a" * (MAX_BODY_BYTES + 1))
        answer = raw(page, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk)
    assert 413 == status_of(answer)


def test_a_deep_or_long_document_is_refused_with_a_sentence(open_browser: Open) -> None:
    anna = open_browser("anna")
    headers = {"Origin": anna.url, "X-CSRF-Token": anna.token("/events"), "Content-Type": "application/json"}
    for body in (
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b'{"action": "' + b"x" * 60_000 + b'"}',
        b"\xff",
        b"1" * 60_000,
    ):
        answer = anna.client.post(ACT, content=body, headers=headers)
        assert 422 == answer.status_code
        assert len(answer.text) < 1000
    fields = "&".join(f"f{number}=1" for number in range(5000))
    form = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
    assert 403 == anna.client.post("/login", content=fields, headers={**form, "X-CSRF-Token": ""}).status_code


def test_a_long_head_is_refused(page: Served) -> None:
    with socket.create_connection(("127.0.0.1", page.port), LEAST_S) as connection:
        connection.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * serving.MAX_HEAD_BYTES)
        assert 400 == status_of(connection.recv(1000))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits in time that a test can wait for."""
    monkeypatch.setattr(serving, "QUIET_S", 0.6)
    monkeypatch.setattr(serving, "STALLED_S", 0.6)
    monkeypatch.setattr(serving, "LOOK_EVERY_S", 0.1)


@pytest.mark.usefixtures("impatient")
def test_whoever_sends_a_head_byte_by_byte_is_cut_off_while_others_are_served(page: Served) -> None:
    with socket.create_connection(("127.0.0.1", page.port), LEAST_S) as slow, browser_at(page.url) as browser:
        began_s = time.monotonic()
        ended = False
        for byte in b"GET /login HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 1000:
            assert 200 == browser.get("/login").status_code
            try:
                slow.sendall(bytes([byte]))
            except OSError:
                ended = True
                break
            time.sleep(0.05)
        assert ended
        assert time.monotonic() - began_s < 5.0 * patience()


@pytest.mark.usefixtures("impatient")
def test_whoever_does_not_read_is_cut_off(page: Served) -> None:
    big = b"GET /static/main.js HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", page.port))
        for _ in range(2000):
            try:
                lazy.sendall(big, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
        eventually(lambda: not page.server.server_state.connections, 10.0, "the end of the connection")


def test_a_body_that_does_not_come_in_time_is_given_up(monkeypatch: pytest.MonkeyPatch, page: Served) -> None:
    monkeypatch.setattr(bodies, "BODY_S", 0.3)
    head = b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nuser="
    assert 408 == status_of(raw(page, head))


def test_one_address_cannot_take_all_connections(page: Served) -> None:
    with contextlib.ExitStack() as stack:
        held = [
            stack.enter_context(socket.create_connection(("127.0.0.1", page.port), LEAST_S))
            for _ in range(serving.MAX_OF_ONE_ADDRESS + 10)
        ]
        assert b"" == held[-1].recv(1), "this one was turned away"
        other = stack.enter_context(socket.socket())
        other.settimeout(LEAST_S)
        other.bind(("127.0.0.2", 0))
        other.connect(("127.0.0.1", page.port))
        other.sendall(b"GET /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert 200 == status_of(other.recv(1000)), "whoever comes from elsewhere is served"


def test_what_is_no_http_gets_an_answer_and_harms_nobody(page: Served) -> None:
    for text in (
        b"\x16\x03\x01\x02\x00\x01",
        b"GET\r\n\r\n",
        b"\r\n" * 50 + b"x\r\n\r\n",
    ):
        assert b"HTTP/1.1 400" in raw(page, text)[:20]
    for method in ("TRACE", "PUT", "DELETE", "CONNECT", "PROPFIND"):
        answer = raw(
            page, f"{method} /login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        )
        assert status_of(answer) in {400, 403, 405, 415}
    with browser_at(page.url) as browser:
        assert 200 == browser.get("/login").status_code
