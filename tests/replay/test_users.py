"""Who may log in is written whole, and no password can be read from it."""

from __future__ import annotations

import json
import stat
import unicodedata
from functools import partial
from pathlib import Path

import pytest

from monitor.errors import ReplayError
from monitor.replay.gate.access import Role
from monitor.replay.gate.attempts import MAX_KEYS, PLACES_OF_A_NAME, Attempts, KnownPlaces, address_key
from monitor.replay.gate.audit import MAX_BYTES, Audit
from monitor.replay.gate.hosts import is_loopback, is_ours
from monitor.replay.gate.passwords import ROUNDS, fits, stored_from_password, stored_of_nobody
from monitor.replay.gate.sessions import MAX_OF_ONE_USER, MAX_SESSIONS, Sessions
from monitor.replay.gate.users import UserBook
from monitor.testing import CapturedLog

LONG = "long enough to guess for years"


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def book(tmp_path: Path) -> UserBook:
    return UserBook(tmp_path / "users.json")


def test_a_password_fits_itself_alone_and_is_stored_differently_each_time() -> None:
    one, other = stored_from_password(LONG, rounds=10), stored_from_password(LONG, rounds=10)
    assert one != other
    assert LONG not in one
    assert fits(LONG, one)
    assert not fits(f"{LONG} ", one)
    assert not fits("", one)
    assert not fits(LONG, stored_of_nobody())


def test_the_stored_password_says_how_it_was_made_with_enough_rounds() -> None:
    scheme, rounds, _, _ = stored_from_password(LONG).split("$")
    assert "pbkdf2_sha256" == scheme
    assert ROUNDS == int(rounds) >= 600_000


def test_the_same_letters_from_another_keyboard_fit() -> None:
    umlauts = "Größe über alles"
    assert fits(unicodedata.normalize("NFD", umlauts), stored_from_password(umlauts, rounds=10))


@pytest.mark.parametrize(
    "stored", ["", "$$$", "pbkdf2_sha256$x$a$b", "pbkdf2_sha256$10$?$?", "md5$1$YQ==$YQ=="]
)
def test_a_stored_password_of_somebody_else_is_an_error(stored: str) -> None:
    with pytest.raises(ReplayError, match="set it anew"):
        fits(LONG, stored)


@pytest.mark.parametrize("password", ["", "too short", "x" * 257])
def test_a_password_that_will_not_do_is_refused(book: UserBook, password: str) -> None:
    with pytest.raises(ReplayError, match="a password has 10 to 256 characters"):
        book.add("anna", Role.VIEWER, password)
    assert {} == book.users()


def test_users_are_added_changed_and_removed_and_another_process_sees_it(book: UserBook) -> None:
    other = UserBook(book.path)
    book.add("anna", Role.VIEWER, LONG)
    assert Role.VIEWER is other.users()["anna"].role
    other.set_role("anna", Role.ADMIN)
    assert Role.ADMIN is book.users()["anna"].role
    before = book.users()["anna"].stored_password
    other.set_password("anna", "another one, also long")
    assert before != book.users()["anna"].stored_password
    other.remove("anna")
    assert {} == book.users()


def test_the_file_is_for_its_owner_and_the_pages_group_and_holds_no_password(book: UserBook) -> None:
    book.add("anna", Role.VIEWER, LONG)
    assert 0o640 == stat.S_IMODE(book.path.stat().st_mode)
    assert LONG not in book.path.read_text(encoding="utf-8")
    assert [book.path] == list(book.path.parent.iterdir()), "nothing is left beside it"


@pytest.mark.parametrize("name", ["", "local", "a b", "../anna", "a" * 41, "<script>", "-x", "änna"])
def test_a_name_that_cannot_be_one_is_refused(book: UserBook, name: str) -> None:
    with pytest.raises(ReplayError):
        book.add(name, Role.VIEWER, LONG)


def test_what_cannot_be_done_says_who_there_is(book: UserBook) -> None:
    book.add("anna", Role.VIEWER, LONG)
    with pytest.raises(ReplayError, match="user anna is there already"):
        book.add("anna", Role.ADMIN, LONG)
    for attempt in (partial(book.remove, "tom"), partial(book.set_role, "tom", Role.ADMIN)):
        with pytest.raises(ReplayError, match="there is no user 'tom'; there are: anna"):
            attempt()


def test_a_damaged_file_is_not_overwritten(book: UserBook) -> None:
    book.path.write_text("{", encoding="utf-8")
    with pytest.raises(ReplayError, match="is not a users file"):
        book.add("anna", Role.VIEWER, LONG)
    assert "{" == book.path.read_text(encoding="utf-8")


def test_sessions_are_bounded_and_the_one_not_used_for_longest_goes() -> None:
    clock = Clock()
    sessions = Sessions(1000.0, 500.0, clock)
    tokens = [sessions.open(f"user{number}", "x") for number in range(MAX_SESSIONS)]
    assert sessions.find(tokens[0]) is not None
    sessions.open("one more", "x")
    assert MAX_SESSIONS == len(sessions)
    assert sessions.find(tokens[0]) is not None
    assert sessions.find(tokens[1]) is None


def test_one_user_cannot_push_others_out() -> None:
    sessions = Sessions(1000.0, 500.0, Clock())
    other = sessions.open("other", "x")
    tokens = []
    for number in range(3 * MAX_OF_ONE_USER):
        tokens.append(sessions.open("busy", "x"))
        assert min(number + 1, MAX_OF_ONE_USER) + 1 == len(sessions)
    assert MAX_OF_ONE_USER + 1 == len(sessions)
    assert sessions.find(other) is not None
    assert sessions.find(tokens[-1]) is not None
    assert sessions.find(tokens[0]) is None
    assert len(tokens) == len(set(tokens))


def test_attempts_are_counted_within_a_sliding_time() -> None:
    clock = Clock()
    attempts = Attempts(3, 60.0, clock)
    for _ in range(3):
        assert 0 == attempts.wait_s("a")
        attempts.count("a")
        clock.now_s += 10.0
    assert (30, 0) == (attempts.wait_s("a"), attempts.wait_s("b"))
    clock.now_s += 30.0
    assert 0 == attempts.wait_s("a")
    attempts.count("a")
    assert 10 == attempts.wait_s("a")
    attempts.forgive("a")
    assert 0 == attempts.wait_s("a")


def test_no_more_addresses_are_remembered_than_there_is_room_for() -> None:
    attempts = Attempts(1, 60.0, Clock())
    for number in range(MAX_KEYS + 10):
        attempts.count(str(number))
    assert MAX_KEYS == len(attempts._times)
    assert 0 < attempts.wait_s(str(MAX_KEYS + 9))


def test_the_places_that_a_name_came_from_are_few_and_the_oldest_is_forgotten() -> None:
    places = KnownPlaces()
    for number in range(PLACES_OF_A_NAME + 1):
        places.note("anna", f"192.0.2.{number}")
    known = [places.knows("anna", f"192.0.2.{number}") for number in range(PLACES_OF_A_NAME + 1)]
    assert [False] + [True] * PLACES_OF_A_NAME == known
    assert not places.knows("tom", "192.0.2.3")
    for number in range(MAX_KEYS):
        places.note(f"user{number}", "192.0.2.1")
    assert not places.knows("anna", "192.0.2.3"), "names are bounded too"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("unknown", "unknown", True),
    ],
)
def test_addresses_of_one_sender_count_together(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a parameter
    assert same == (address_key(one) == address_key(other))


def test_what_is_loopback_and_what_may_be_ours() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST")))
    assert not any(map(is_loopback, ("192.0.2.1", "0.0.0.0", "::", "localhost.example", "")))  # noqa: S104 - compared
    assert all(is_ours(host, {"box.example"}) for host in ("localhost", "192.0.2.1", "::1", "box.example"))
    assert not any(is_ours(host, {"box.example"}) for host in ("evil.example", "x.box.example", "1.2.3", ""))


def test_the_audit_is_bounded_and_one_line_stays_one_line(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit = Audit(path, CapturedLog())
    audit.note("login refused", user="x\n{}" * 1000, address="192.0.2.1")
    (line,) = path.read_text(encoding="utf-8").splitlines()
    assert "x\n{}" * 40 == json.loads(line)["user"], "cut to 200 as it stands in the file"
    audit.note("login refused", user="\xff" * 1000, address=None)
    assert "\xff" * 33 == json.loads(path.read_text(encoding="utf-8").splitlines()[1])["user"]
    path.write_bytes(b"x" * MAX_BYTES)
    audit.note("login", user="anna", address=None)
    audit.note("logout", user="anna", address=None)
    assert 1 == len(path.read_text(encoding="utf-8").splitlines())
    assert MAX_BYTES < path.with_name("audit.jsonl.1").stat().st_size < MAX_BYTES + 1000


def test_an_audit_that_cannot_be_written_is_told_once_and_stops_nobody(tmp_path: Path) -> None:
    log = CapturedLog()
    audit = Audit(tmp_path / "missing" / "audit.jsonl", log)
    audit.note("login", user="anna", address=None)
    audit.note("logout", user="anna", address=None)
    assert ["the page's audit cannot be written"] == [event for _, event, _ in log.lines]
