"""Whether the page may be served though nobody could log in: to this box alone, or not at all."""

from __future__ import annotations

from monitor.config import Config
from monitor.errors import ReplayError
from monitor.replay.gate.hosts import is_loopback
from monitor.replay.gate.users import UserBook
from monitor.replay.places import users_path


def check_access(config: Config) -> None:
    """Refuse to serve more than this box without users, or a page that nobody could get into.

    Raises:
        ReplayError: There are none, or their file cannot be read.
    """
    settings, path = config.replay, users_path(config)
    book = UserBook(path)
    if book.users():
        return
    others = {
        f"replay.host {settings.host}": not is_loopback(settings.host),
        "replay.allowed_hosts": bool(settings.allowed_hosts),
        "replay.trusted_proxies": bool(settings.trusted_proxies),
    }
    add = "add one: wheeltapper replay user add NAME --role admin"
    for key in [key for key, is_set in others.items() if is_set]:
        raise ReplayError(
            f"{key}: without users the page is served to this box alone; {add} (it will be written to "
            f"{path}); or set replay.host: 127.0.0.1, and neither allowed_hosts nor trusted_proxies"
        )
    if book.is_there:
        raise ReplayError(
            f"{path}: has no users, so that nobody can log in; {add}; or remove the file, and whoever is on "
            "this box is admin"
        )
