"""Nobody gets further than they may, and what they do stands under their own name."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_mosquitto import eventually
from replay_rig import PASSWORD, Browser, Plant, Served, add_people, browser_at, replay_config, served_page

from monitor.__main__ import main
from monitor.errors import ReplayError
from monitor.messages import AlarmState
from monitor.replay.gate.access import Role
from monitor.replay.gate.refusals import HEADERS
from monitor.replay.gate.users import UserBook
from monitor.replay.gate.without_users import check_access
from monitor.replay.places import AUDIT_FILE, USERS_FILE

PAGES = ("/", "/events", "/events/x", "/events?label=none", "/learn", "/learn/pump", "/nothing")
API = ("/api/v1/now", "/api/v1/events", "/api/v1/openapi.json", "/api/v1/nothing")
CHANGES = (
    "/logout",
    "/api/v1/labels",
    "/api/v1/events/x/labels",
    "/api/v1/sources/pump/commands",
    "/api/v1/sources/pump/learning/orders",
)
Open = Callable[..., Browser]


def test_whoever_is_not_logged_in_is_sent_to_the_login_and_back(open_browser: Open) -> None:
    browser = open_browser()
    for path in PAGES:
        answer = browser.get(path)
        assert 303 == answer.status_code
        assert answer.headers["location"].startswith("/login?next=/")
        assert 200 == browser.get(answer.headers["location"]).status_code


def test_the_api_tells_nothing_to_whoever_is_not_logged_in(open_browser: Open, plant: Plant) -> None:
    browser = open_browser()
    for path in API:
        answer = browser.get(path)
        assert (401, "log in first", "log-in") == (
            answer.status_code,
            *map(answer.json().get, ("error", "code")),
        )
    headers = {"Origin": browser.url, "X-CSRF-Token": browser.token()}
    for path in CHANGES:
        answer = browser.client.post(path, json={"action": "acknowledge"}, headers=headers)
        assert 401 == answer.status_code
    assert AlarmState.UNACKNOWLEDGED is plant.pump.alarm.state


def test_every_route_is_behind_the_door_but_login_static_files_and_the_language(page: Served) -> None:
    paths = {getattr(route, "path", "") for route in page.app.routes}
    assert {"/login", "/static", "/logout", "/api/v1", "/", "/events"} <= paths
    with browser_at(page.url) as browser:
        for path in sorted(paths - {"/login", "/static", "/language/{language}"}):
            assert browser.get(path.replace("{", "").replace("}", "")).status_code in {303, 401}, path


def test_the_login_goes_on_to_where_one_wanted_to_go_and_nowhere_else(open_browser: Open) -> None:
    assert "/events?label=none" == open_browser().login("anna", next="/events?label=none").headers["location"]
    for elsewhere in (
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\tx",
        "/login",
        "",
        "/a\r\nX: y",
    ):
        assert "/" == open_browser().login("anna", next=elsewhere).headers["location"], elsewhere


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(open_browser: Open) -> None:
    browser = open_browser()
    wrong, unknown = browser.login("anna", "not this one"), browser.login("nobody", "not this one")
    assert [403, 403] == [wrong.status_code, unknown.status_code]
    assert wrong.text == unknown.text
    assert "The name or the password is wrong." in wrong.text


def test_a_login_makes_a_new_session_whatever_the_browser_had_before(
    open_browser: Open, page: Served
) -> None:
    browser = open_browser()
    name = f"wheeltapper-{page.port}"
    browser.client.cookies.set(name, "planted-by-somebody-else")
    browser.login("anna")
    first = browser.client.cookies.get(name, domain="127.0.0.1")
    assert first not in {None, "planted-by-somebody-else"}
    headers = {"Origin": browser.url}
    form = {"csrf_token": browser.token("/events"), "user": "anna", "password": PASSWORD}
    browser.client.post("/login", data=form, headers=headers)
    second = browser.client.cookies.get(name, domain="127.0.0.1")
    assert second not in {None, first}
    with browser_at(page.url, cookies={name: str(first)}) as thief:
        assert 401 == thief.get("/api/v1/now").status_code, "the session before the login has ended"


def test_a_session_ends_with_its_logout_and_stays_ended(open_browser: Open, page: Served) -> None:
    browser = open_browser("anna")
    kept = dict(browser.client.cookies)
    assert 200 == browser.get("/api/v1/now").status_code
    form = {"csrf_token": browser.token("/events")}
    answer = browser.client.post("/logout", data=form, headers={"Origin": browser.url})
    assert (303, "/login") == (answer.status_code, answer.headers["location"])
    assert 401 == browser.get("/api/v1/now").status_code
    with browser_at(page.url, cookies=kept) as later:
        assert 401 == later.get("/api/v1/now").status_code


def sessions_ahead(page: Served, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return by how many seconds, in its one place, the clock of the page's sessions goes ahead."""
    sessions = page.app.state.reception._sessions
    real_s, ahead_s = sessions._clock, [0.0]
    monkeypatch.setattr(sessions, "_clock", lambda: real_s() + ahead_s[0])
    return ahead_s


def test_sessions_expire_after_their_time_and_when_nobody_uses_them(
    open_browser: Open, page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = open_browser("anna")
    ahead_s = sessions_ahead(page, monkeypatch)
    for ahead_s[0] in (14000.0, 28000.0, 42000.0):
        assert 200 == browser.get("/api/v1/now").status_code, "used in between"
    ahead_s[0] = 43300.0
    assert 401 == browser.get("/api/v1/now").status_code, "12 hours after the login"
    other = open_browser("anna")
    ahead_s[0] += 14500.0
    assert 401 == other.get("/api/v1/now").status_code, "4 hours without a request"


def test_a_page_that_only_looks_for_news_keeps_no_session_alive(
    open_browser: Open, page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = open_browser("anna")
    ahead_s = sessions_ahead(page, monkeypatch)
    for ahead_s[0] in (5000.0, 10000.0, 14000.0):
        assert 200 == browser.client.get("/now/cards", headers={"X-By-Itself": "1"}).status_code
    ahead_s[0] = 14500.0
    assert 401 == browser.get("/api/v1/now").status_code, "4 hours after the last person's request"


def test_a_changed_password_a_removed_user_and_a_new_role_count_from_the_next_request_on(
    open_browser: Open, plant: Plant
) -> None:
    book = UserBook(plant.config.state_dir / USERS_FILE)
    anna, tom, vera = open_browser("anna"), open_browser("tom"), open_browser("vera")
    book.set_password("anna", "another one, long enough")
    book.remove("tom")
    book.set_role("vera", Role.TECHNICIAN)
    assert [401, 401, 200] == [browser.get("/api/v1/now").status_code for browser in (anna, tom, vera)]
    lines = (plant.config.state_dir / AUDIT_FILE).read_text(encoding="utf-8").splitlines()
    changed = [(line["what"], line["user"]) for line in map(json.loads, lines[-3:])]
    assert [("user changed", "anna"), ("user removed", "tom"), ("user changed", "vera")] == changed
    assert 403 == open_browser().login("tom").status_code
    label = {"rating": "unsure"}
    assert 200 == vera.change(f"/api/v1/events/{plant.event_id}/labels", label).status_code


@pytest.mark.parametrize(
    "damage", ["{", '{"schema": "replay-users/1"}', '{"schema": "replay-users/2"}', "[]"]
)
def test_a_damaged_users_file_keeps_everybody_out(open_browser: Open, plant: Plant, damage: str) -> None:
    browser = open_browser("ada")
    (plant.config.state_dir / USERS_FILE).write_text(damage, encoding="utf-8")
    assert 401 == browser.get("/api/v1/now").status_code
    assert 403 == open_browser().login("ada").status_code


def test_a_users_file_that_cannot_be_read_closes_a_page_that_was_open(
    local_page: Served, plant: Plant
) -> None:
    with browser_at(local_page.url) as browser:
        assert 200 == browser.get("/api/v1/now").status_code
        (plant.config.state_dir / USERS_FILE).write_text("{", encoding="utf-8")
        assert 401 == browser.get("/api/v1/now").status_code


def test_a_removed_users_file_does_not_open_the_page(open_browser: Open, plant: Plant) -> None:
    browser = open_browser("ada")
    (plant.config.state_dir / USERS_FILE).unlink()
    assert 401 == browser.get("/api/v1/now").status_code


def test_the_first_user_closes_a_page_that_was_open(local_page: Served, plant: Plant) -> None:
    with browser_at(local_page.url) as browser:
        assert 200 == browser.get("/api/v1/now").status_code
        add_people(plant.config.state_dir)
        assert 401 == browser.get("/api/v1/now").status_code


@pytest.mark.parametrize(
    ("name", "path", "document", "status"),
    [
        ("vera", "/api/v1/events/{event}/labels", {"rating": "anomaly"}, 403),
        ("vera", "/api/v1/events/{event}/labels/undo", {}, 403),
        ("vera", "/api/v1/events/{event}/lock", {}, 403),
        ("vera", "/api/v1/events/{event}/unlock", {}, 403),
        ("vera", "/api/v1/labels", {"event_ids": ["{event}"], "rating": "anomaly"}, 403),
        ("vera", "/api/v1/sources/pump/commands", {"action": "acknowledge"}, 403),
        ("anna", "/api/v1/sources/pump/commands", {"action": "out_of_service"}, 403),
        ("anna", "/api/v1/events/{event}/labels", {"rating": "anomaly"}, 200),
        ("anna", "/api/v1/sources/pump/commands", {"action": "acknowledge"}, 200),
        ("ada", "/api/v1/sources/pump/commands", {"action": "out_of_service"}, 200),
    ],
)
def test_a_role_may_what_it_may(
    open_browser: Open, plant: Plant, name: str, path: str, document: object, status: int
) -> None:
    before, event_id = plant.pump.alarm.snapshot, plant.event_id
    filled = json.loads(json.dumps(document).replace("{event}", event_id))
    answer = open_browser(name).change(path.replace("{event}", event_id), filled)
    assert status == answer.status_code, answer.text
    if status == 403:
        assert before == plant.pump.alarm.snapshot
        assert [] == plant.store.labels(event_id)
        assert "needs the role" in answer.json()["error"]


def test_a_name_in_the_body_does_not_act_for_somebody_else(open_browser: Open, plant: Plant) -> None:
    anna = open_browser("anna")
    path = "/api/v1/sources/pump/commands"
    assert 422 == anna.change(path, {"action": "acknowledge", "actor": "ada"}).status_code
    assert 200 == anna.change(path, {"action": "acknowledge"}).status_code
    event = plant.store.event(plant.event_id)
    assert event is not None
    assert "anna" == event.acknowledged_by


def test_two_technicians_at_once_are_both_heard_and_the_last_one_counts(
    open_browser: Open, plant: Plant
) -> None:
    anna, tom = open_browser("anna"), open_browser("tom")
    path = f"/api/v1/events/{plant.event_id}/labels"
    said = [
        anna.change(path, {"rating": "anomaly", "fault_code": "bearing"}),
        tom.change(path, {"rating": "unsure"}),
    ]
    assert [200, 200] == [answer.status_code for answer in said]
    history = plant.store.labels(plant.event_id)
    assert [("anna", "anomaly"), ("tom", "unsure")] == [(label.who, label.rating) for label in history]
    assert 200 == anna.change(f"{path}/undo", {}).status_code
    assert ["anomaly", "unsure", "none"] == [label.rating for label in plant.store.labels(plant.event_id)]


def test_a_technician_locks_an_event_and_the_page_says_who(open_browser: Open, plant: Plant) -> None:
    anna, path = open_browser("anna"), f"/api/v1/events/{plant.event_id}"
    assert 200 == anna.change(f"{path}/lock", {"note": "insurance"}).status_code
    assert 409 == anna.change(f"{path}/lock", {}).status_code
    assert "anna" == anna.get(path).json()["locked_by"]
    assert "Locked by anna" in anna.get(f"/events/{plant.event_id}").text
    assert ">locked<" in anna.get("/events").text
    assert 200 == anna.change(f"{path}/unlock", {}).status_code
    assert None is anna.get(path).json()["locked"]
    assert "Locked by" not in anna.get(f"/events/{plant.event_id}").text


def test_a_fault_code_that_is_not_on_the_sites_list_is_refused(plant: Plant) -> None:
    add_people(plant.config.state_dir)
    config = replay_config(plant.config.state_dir, fault_codes="[bearing, belt]")
    with served_page(config) as page, browser_at(page.url) as anna:
        anna.login("anna")
        one = f"/api/v1/events/{plant.event_id}/labels"
        for path, more in ((one, {}), ("/api/v1/labels", {"event_ids": [plant.event_id]})):
            for code in ("<img src=x onerror=alert(1)>", "Belt", " "):
                answer = anna.change(path, {"rating": "anomaly", "fault_code": code, **more})
                assert 422 == answer.status_code
                assert "replay.fault_codes" in answer.json()["error"]
            assert 200 == anna.change(path, {"rating": "anomaly", "fault_code": "belt", **more}).status_code
            assert 200 == anna.change(path, {"rating": "unsure", **more}).status_code
    kept = [label.fault_code for label in plant.store.labels(plant.event_id)]
    assert ["belt", None, "belt", None] == kept


def test_the_same_attempt_is_done_once_and_is_nobody_elses(open_browser: Open, plant: Plant) -> None:
    path, label = f"/api/v1/events/{plant.event_id}/labels", {"rating": "anomaly", "id": "attempt 1"}
    anna, tom = open_browser("anna"), open_browser("tom")
    first, again, other = anna.change(path, label), anna.change(path, label), tom.change(path, label)
    assert first.json() == again.json()
    assert first.json()["id"] != other.json()["id"]
    assert ["anna", "tom"] == [label.who for label in plant.store.labels(plant.event_id)]


def test_many_events_are_labelled_at_once_and_each_has_its_own_result(
    open_browser: Open, plant: Plant
) -> None:
    wanted = {"event_ids": [plant.event_id, "pump-20000101T000000000Z"], "rating": "no_anomaly", "id": "x"}
    answer = open_browser("tom").change("/api/v1/labels", wanted)
    assert ["done", "refused"] == [result["result"] for result in answer.json()["results"]]
    assert "there is no event" in answer.json()["results"][1]["reason"]


def test_a_refusal_of_the_daemon_says_why(open_browser: Open) -> None:
    answer = open_browser("anna").change("/api/v1/sources/pump/commands", {"action": "unshelve"})
    assert 409 == answer.status_code
    assert "is not shelved" in answer.json()["error"]


def test_what_logs_in_out_and_is_refused_stands_in_the_audit(open_browser: Open, plant: Plant) -> None:
    browser = open_browser("anna")
    open_browser().login("anna", "wrong, and long enough")
    browser.change("/api/v1/labels", {}, Origin="https://evil.example")
    lines = (plant.config.state_dir / AUDIT_FILE).read_text(encoding="utf-8").splitlines()
    found = [(line["what"], line["user"]) for line in map(json.loads, lines)]
    assert [("login", "anna"), ("login refused", "anna"), ("change refused", "anna")] == found
    assert PASSWORD not in "".join(lines)
    assert 0o600 == (plant.config.state_dir / AUDIT_FILE).stat().st_mode & 0o777


def test_without_users_whoever_is_on_this_box_is_admin_and_the_page_says_so(
    local_page: Served, plant: Plant
) -> None:
    with browser_at(local_page.url) as browser:
        page = browser.get("/events").text
        assert "There are no users: whoever reaches this address may do everything." in page
        answer = browser.change("/api/v1/sources/pump/commands", {"action": "out_of_service"})
        assert 200 == answer.status_code, answer.text
        assert AlarmState.OUT_OF_SERVICE is plant.pump.alarm.state
        assert "/" == browser.get("/login").headers["location"]


def test_without_users_nobody_from_elsewhere_gets_in(local_page: Served) -> None:
    away = "192.0.2.7"
    ways = (
        {"Host": away},
        {"X-Forwarded-For": away},
        {"Via": "1.1 proxy"},
        {"Forwarded": f"for={away}"},
        {"X-Forwarded-Proto": "https"},
        {"X-Forwarded-Port": "443"},
    )
    with browser_at(local_page.url) as browser:
        for headers in ways:
            answer = browser.get("/events", headers=headers)
            assert 403 == answer.status_code
            assert "wheeltapper replay user add" in answer.text


def test_without_users_another_address_is_refused_with_the_remedy(tmp_path: Path) -> None:
    config = replay_config(tmp_path, host="192.0.2.1")
    with pytest.raises(ReplayError, match=r"wheeltapper replay user add NAME --role admin"):
        check_access(config)
    add_people(tmp_path)
    check_access(config)


def test_without_users_a_proxy_that_shows_itself_by_its_old_http_alone_is_noticed(local_page: Served) -> None:
    with socket.create_connection(("127.0.0.1", local_page.port), 10.0) as proxy:
        proxy.sendall(b"GET /events HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
        assert b"403" == proxy.recv(1000).split(b" ", 2)[1]


def test_a_page_whose_last_user_was_removed_is_closed_after_a_restart_too(
    plant: Plant, capsys: pytest.CaptureFixture[str]
) -> None:
    state_dir = plant.config.state_dir
    add_people(state_dir, {"ada": Role.ADMIN})
    file = state_dir / "config.yaml"
    file.write_text(f"state_dir: {state_dir}\nsources: [{{id: pump, kind: simulated}}]\n")
    assert 0 == main(["replay", "--config", str(file), "user", "remove", "ada"])
    assert "the last user" in capsys.readouterr().out
    assert 0 == main(["replay", "--config", str(file), "user", "list"])
    assert "nobody can log in" in capsys.readouterr().out
    with pytest.raises(ReplayError, match="user add NAME --role admin; or remove the file"):
        check_access(plant.config)
    with served_page(plant.config) as page, browser_at(page.url) as browser:
        assert 401 == browser.get("/api/v1/now").status_code
        assert 303 == browser.get("/").status_code


@pytest.mark.parametrize(
    "meant", [{"allowed_hosts": "[page.example]"}, {"trusted_proxies": "[192.0.2.1]"}], ids=str
)
def test_a_page_that_is_meant_for_others_is_not_open_without_users(
    tmp_path: Path, meant: dict[str, str]
) -> None:
    config = replay_config(tmp_path, **meant)
    with pytest.raises(ReplayError, match=f"replay.{next(iter(meant))}.*user add NAME --role admin"):
        check_access(config)
    with served_page(config) as page, browser_at(page.url) as browser:
        assert 401 == browser.get("/api/v1/now").status_code
    add_people(tmp_path)
    check_access(config)


def test_every_answer_carries_the_headers_that_protect_it(open_browser: Open) -> None:
    browser = open_browser("anna")
    for path in ("/", "/events", "/nothing", "/static/page.css", "/api/v1/now", "/login"):
        answer = browser.get(path)
        assert HEADERS == {name: answer.headers.get(name.lower()) for name in HEADERS}, path
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_a_failure_tells_the_visitor_nothing_of_what_it_was(
    open_browser: Open, page: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = open_browser("anna")
    monkeypatch.setattr(page.app.state.control, "now", lambda: 1 / 0)
    answer = browser.get("/api/v1/now")
    assert 500 == answer.status_code
    assert "ZeroDivision" not in answer.text
    assert HEADERS["Content-Security-Policy"] == answer.headers["content-security-policy"]


def test_the_page_says_so_when_the_daemon_is_away_and_finds_it_again(
    open_browser: Open, plant: Plant
) -> None:
    browser = open_browser("anna")
    path = "/api/v1/sources/pump/commands"
    control = plant.control._path
    control.rename(control.with_name("away"))
    answer = browser.change(path, {"action": "acknowledge"})
    assert 503 == answer.status_code
    assert "the daemon is not there" in answer.json()["error"]
    control.with_name("away").rename(control)
    assert 200 == browser.change(path, {"action": "acknowledge"}).status_code
    eventually(lambda: 200 == browser.get("/api/v1/now").status_code, 5.0, "now")


def test_a_proxy_that_is_trusted_says_where_a_request_came_from(plant: Plant) -> None:
    add_people(plant.config.state_dir)
    config = replay_config(
        plant.config.state_dir, trusted_proxies="[127.0.0.1]", allowed_hosts="[page.example]"
    )
    with served_page(config) as page, browser_at(page.url) as browser:
        headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "Host": "page.example"}
        shown = browser.get("/login", headers=headers)
        (cookie,) = shown.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-wheeltapper-form-")
        assert {"Secure", "HttpOnly", "SameSite=strict"} <= {part.strip() for part in cookie.split(";")}
        token = shown.text.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"csrf_token": token, "user": "anna", "password": PASSWORD}
        origin = {"Origin": "https://page.example", "Cookie": cookie.partition(";")[0]}
        assert 303 == browser.client.post("/login", data=form, headers={**headers, **origin}).status_code
        lines = (plant.config.state_dir / AUDIT_FILE).read_text(encoding="utf-8").splitlines()
        assert "192.0.2.7" == json.loads(lines[-1])["address"]
