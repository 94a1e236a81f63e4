"""Knows who is who: users, sessions, the tokens of forms, and the page that has no users."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

import anyio
from anyio import to_thread
from starlette.requests import HTTPConnection

from monitor.config import Config
from monitor.errors import LoginRefusedError, ReplayError
from monitor.logs import Log
from monitor.replay.gate.access import LOCAL, Role, Visit
from monitor.replay.gate.attempts import Attempts, KnownPlaces, address_key
from monitor.replay.gate.audit import REFUSED_IN_ALL, REFUSED_OF_AN_ADDRESS, Audit, HearingAudit, SparingAudit
from monitor.replay.gate.cookies import form_cookie, session_cookie
from monitor.replay.gate.hosts import FORWARDED, OLD_HTTP, is_loopback, place_of
from monitor.replay.gate.passwords import fits, stored_of_nobody
from monitor.replay.gate.sessions import Sessions
from monitor.replay.gate.users import User, UserBook
from monitor.replay.pages.words import marked
from monitor.replay.places import audit_path, users_path

BY_ITSELF = "x-by-itself"
"""What our scripts put on a request that nobody made: the page looks for news."""
WITHIN_S = 300.0
OF_AN_ADDRESS = 10
"""Failed logins from one address within WITHIN_S; further ones are turned away unread."""
OF_A_NAME = 20
"""The same for one name, from wherever it has not come before: strangers keep nobody out for good."""
WAITING_LOGINS = 8
"""Passwords are compared one at a time, each for a fifth of a second; so many may wait for their turn."""


@dataclass(frozen=True, slots=True)
class Login:
    """What a browser gets for a right password."""

    user: str
    """Whose session it is."""
    token: str
    """For the cookie."""


class Reception:
    """Belongs to the event loop; only passwords are compared in a thread."""

    def __init__(self, config: Config, log: Log) -> None:
        self._book = UserBook(users_path(config))
        self._log = log
        self.audit = Audit(audit_path(config), log)
        self.refused_changes = SparingAudit(
            self.audit, "change refused", REFUSED_OF_AN_ADDRESS, REFUSED_IN_ALL
        )
        self._sessions = Sessions(config.replay.session_s, config.replay.session_idle_s)
        self._by_address = Attempts(OF_AN_ADDRESS, WITHIN_S)
        self._by_name = Attempts(OF_A_NAME, WITHIN_S)
        self._places = KnownPlaces()
        self._turned_away = SparingAudit(self.audit, "login turned away", 1, REFUSED_IN_ALL)
        self.heard = HearingAudit(self.audit)
        """Where it is written who fetched which sound."""
        self._one_at_a_time = anyio.CapacityLimiter(1)
        self._is_closed = bool(config.replay.allowed_hosts or config.replay.trusted_proxies)
        """Whether somebody is meant to be kept out, also while there are no users; never taken back."""
        self._known: Mapping[str, User] | None = None
        """The users as they were when they were read last; None: never yet."""
        self._told = ""
        self._local_token = secrets.token_urlsafe(32)
        self._form_key = secrets.token_bytes(32)
        self._nobody = stored_of_nobody()

    def users(self) -> Mapping[str, User]:
        """Return who may log in: nobody while the users file cannot be read."""
        try:
            users = self._book.users()
        except ReplayError as error:
            self._is_closed = True
            if str(error) != self._told:
                self._log.error("nobody can log in", reason=str(error))
            self._told = str(error)
            return {}
        self._told = ""
        self._is_closed = self._is_closed or self._book.is_there
        if users is not self._known:
            self._note_changes(self._known, users)
            self._known = users
        return users

    def _note_changes(self, before: Mapping[str, User] | None, after: Mapping[str, User]) -> None:
        if before is None:
            return
        for name in sorted({*before, *after}):
            old, new = before.get(name), after.get(name)
            if old != new:
                what = "user added" if old is None else "user removed" if new is None else "user changed"
                role = None if new is None else new.role.name.lower()
                self.audit.note(what, user=name, address=None, role=role)

    @property
    def is_open(self) -> bool:
        """Whether nobody was ever let in, and the page is meant for this box: whoever is on it is admin."""
        return not self.users() and not self._is_closed

    def visit_of(self, connection: HTTPConnection) -> Visit | None:
        """Return who sent a request; None: nobody that is known."""
        if self.is_open:
            return (
                Visit(LOCAL, Role.ADMIN, self._local_token, is_local=True) if _is_local(connection) else None
            )
        token = connection.cookies.get(session_cookie(connection))
        by_itself = BY_ITSELF in connection.headers
        session = None if token is None else self._sessions.find(token, by_itself=by_itself)
        user = None if session is None else self.users().get(session.user)
        if token is None or session is None or user is None:
            return None
        if user.stored_password != session.stored_password:
            self._sessions.close(token)
            return None
        return Visit(user.name, user.role, session.csrf_token, is_local=False)

    async def log_in(self, name: str, password: str, connection: HTTPConnection) -> Login:
        """Begin a session, with a new token whatever the browser had before.

        Raises:
            LoginRefusedError: Not these words, or not now.
        """
        address = address_of(connection)
        place = address_key(address)
        keys = [(self._by_address, place)]
        if not self._places.knows(name, place):
            keys.append((self._by_name, name[:100]))
        wait_s = max(attempts.wait_s(key) for attempts, key in keys)
        if wait_s:
            self._turned_away.note(user=name, address=address)
            raise LoginRefusedError(marked("Too many failed logins. Try again in {wait_s} s."), wait_s=wait_s)
        if self._one_at_a_time.statistics().tasks_waiting >= WAITING_LOGINS:
            raise LoginRefusedError(marked("Too many log in at once. Try again in {wait_s} s."), wait_s=2)
        for attempts, key in keys:
            attempts.count(key)
        user = self.users().get(name)
        stored = self._nobody if user is None else user.stored_password
        right = await to_thread.run_sync(_fits, password, stored, limiter=self._one_at_a_time)
        if user is None or not right:
            self.audit.note("login refused", user=name, address=address)
            raise LoginRefusedError(marked("The name or the password is wrong."))
        for attempts, key in keys:
            attempts.forgive(key)
        self._places.note(name, place)
        self.log_out(connection, why=None)
        self.audit.note("login", user=name, address=address, role=user.role.name.lower())
        return Login(name, self._sessions.open(name, user.stored_password))

    def log_out(self, connection: HTTPConnection, *, why: str | None = "logout") -> None:
        """End the session of a request, if there is one; `why` None: without a word in the audit."""
        token = connection.cookies.get(session_cookie(connection))
        session = None if token is None else self._sessions.find(token)
        if token is None or session is None:
            return
        self._sessions.close(token)
        if why is not None:
            self.audit.note(why, user=session.user, address=address_of(connection))

    def form_token(self, nonce: str) -> str:
        """Return what the login form must bring along, beside the cookie that holds `nonce`."""
        return hmac.new(self._form_key, nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def expected_token(self, connection: HTTPConnection, visit: Visit | None) -> str | None:
        """Return the token that a change of this visit must bring along; None: it cannot have any."""
        if visit is not None:
            return visit.csrf_token
        nonce = connection.cookies.get(form_cookie(connection))
        return None if nonce is None else self.form_token(nonce)


def _fits(password: str, stored: str) -> bool:
    try:
        return fits(password, stored)
    except ReplayError:  # a line of the users file that somebody has written by hand
        return False


def _is_local(connection: HTTPConnection) -> bool:
    """Say whether a request was sent on this box to this box, with no proxy in between that shows itself."""
    place = place_of(connection.scope["scheme"], connection.headers.get("host", ""))
    if place is None or not is_loopback(place[0]) or connection.scope["http_version"] == OLD_HTTP:
        return False
    return not any(name in connection.headers for name in FORWARDED)


def address_of(connection: HTTPConnection) -> str:
    """Return where a request came from, as far as that is known."""
    return "unknown" if connection.client is None else connection.client.host
