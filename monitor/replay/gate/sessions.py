"""Who is logged in: in this process's memory alone, bounded, and gone when the page is started again."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

TOKEN_BYTES = 32
MAX_SESSIONS = 1000
"""When full, the one that nobody has used for longest ends."""
MAX_OF_ONE_USER = 20
"""The same, for one user's."""


@dataclass(slots=True)
class Session:
    """One login of one user."""

    user: str
    """Their name; what they may do is looked up at each request."""
    stored_password: str = field(repr=False)
    """As it was at the login: another one since then ends the session."""
    csrf_token: str = field(repr=False)
    """What changes must bring along."""
    began_s: float
    """Monotonic."""
    used_s: float
    """Monotonic, of the last request."""


class Sessions:
    """Sessions by their token, which only the browser has. Belongs to one thread, the event loop's."""

    def __init__(self, session_s: float, idle_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        """A session ends `session_s` after its login, or after `idle_s` without a request."""
        self._session_s = session_s
        self._idle_s = idle_s
        self._clock = clock
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        """The one that was used last stands last."""

    def open(self, user: str, stored_password: str) -> str:
        """Begin a session, always with a new token, and return that."""
        now_s = self._clock()
        own = [token for token, session in self._sessions.items() if session.user == user]
        for token in own[: max(0, len(own) - MAX_OF_ONE_USER + 1)]:
            self.close(token)
        while len(self._sessions) >= MAX_SESSIONS:
            self._sessions.popitem(last=False)
        token = secrets.token_urlsafe(TOKEN_BYTES)
        self._sessions[token] = Session(
            user, stored_password, secrets.token_urlsafe(TOKEN_BYTES), began_s=now_s, used_s=now_s
        )
        return token

    def find(self, token: str, *, by_itself: bool = False) -> Session | None:
        """Return the session of a token; None: there is none any more.

        It is noted as used, unless the page asked `by_itself`, for news, with perhaps nobody before it.
        """
        session = self._sessions.get(token)
        if session is None:
            return None
        now_s = self._clock()
        if now_s - session.began_s >= self._session_s or now_s - session.used_s >= self._idle_s:
            self.close(token)
            return None
        if not by_itself:
            session.used_s = now_s
            self._sessions.move_to_end(token)
        return session

    def close(self, token: str) -> None:
        """End a session, if there is one."""
        self._sessions.pop(token, None)

    def __len__(self) -> int:
        return len(self._sessions)
