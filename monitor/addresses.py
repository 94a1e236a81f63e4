"""What of a stream's address may be shown, and what of it is secret.

Cameras take logins in every part of an address: before the host, in the query, as `key=value` in the path.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import unquote

HIDDEN = "***"
SHORTEST_SECRET = 4
"""A shorter one would be found inside ordinary words, and hides nothing."""
_ADDRESS = re.compile(r"(?s)([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)([^?#]*)(.*)")
"""Scheme, authority, path, and the rest: query and fragment. They are cut where ffmpeg cuts them."""
_PLACE = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[\w.-]*)(:[0-9]+)?")
_PATH_VALUES = re.compile(r"(?si)[^/]*(=|%3d).*")
_TELLING_KEY = (
    r"(?:(?<![a-z])(?:pass|pwd|auth|(?:stream)?key)|password|passwd|passphrase|secret|token|api[_-]?key|streamid"
    r"|authorization)"
)
_VALUE_OF_SECRET = re.compile(rf"(?i){_TELLING_KEY}=(.*?)(?=[_&;,/?#][a-z]+=|[&;/?#]|$)")
FORMS = (
    # to the last @: a password may hold one
    (re.compile(r"(?<=://)[^\s\"']+@"), f"{HIDDEN}@"),
    (re.compile(r"(://[^\s?\"']+\?)[^\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)(://[^\s?\"'/]*/(?:[^\s?\"'/=]*/)*?)[^\s?\"'/=]*(?:=|%3d)[^\s?\"']*"), rf"\1{HIDDEN}"),
    # a header of HTTP to its end, or to that of the JSON text around it: a login comes behind the scheme
    (
        re.compile(r"(?i)\b((?:authorization|cookie)\s*:\s*)(?:\\.|[^\n\\\"])+(?:\"[^\n]*=[^\n]*)?"),
        rf"\1{HIDDEN}",
    ),
    (re.compile(rf"(?i)({_TELLING_KEY}\s*[=:]\s*)\S+"), rf"\1{HIDDEN}"),
)
"""What looks like a secret of an address, or a key with one, in any text; and what stands in its place."""


def address_shown(url: str) -> str:
    """Return scheme, host, port and path of an address, and `***` for each part that may hold a secret.

    What is no address, or has its host where none can be told from a password, is `***` from there on.
    """
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        return HIDDEN
    scheme, authority, path, rest = parts.groups()
    login, at, place = authority.rpartition("@")
    # `u:12` may be the start of a login with a / in its password, and so may what stands before an earlier @
    may_go_on = (at or ":" in place) and "@" in path + rest
    if may_go_on or not _PLACE.fullmatch(place):
        return f"{scheme}{HIDDEN}"
    shown = f"{scheme}{HIDDEN if login else ''}{at}{place}{_path_shown(path)}"
    return f"{shown}{rest[0]}{HIDDEN}" if rest else shown


def secrets_of_address(url: str) -> Iterator[str]:
    """Yield what of an address must not be shown, as it stands and decoded; an empty text never."""
    for secret in _secrets(url):
        yield from {secret, unquote(secret)} - {""}


def without_secret_forms(text: str) -> str:
    """Return a text without what looks like the secret of an address."""
    for form, instead in FORMS:
        text = form.sub(instead, text)
    return text


def _path_shown(path: str) -> str:
    return _PATH_VALUES.sub(HIDDEN, path)


def _secrets(url: str) -> Iterator[str]:
    parts = _ADDRESS.fullmatch(url)
    if parts is None:
        return
    _, authority, path, rest = parts.groups()
    login = authority.rpartition("@")[0] or (authority + path + rest).rpartition("@")[0]
    yield login.partition(":")[2]
    values = _PATH_VALUES.search(path)
    if values is not None:
        yield values.group()
    for part in (unquote(path), rest):
        yield from (found.group(1) for found in _VALUE_OF_SECRET.finditer(part))
    for pair in re.split(r"[&;?#]", rest):
        yield pair.partition("=")[2]
