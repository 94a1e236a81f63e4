"""Passwords are kept as PBKDF2-HMAC-SHA256 (RFC 8018; rounds as OWASP advised in 2023), never as they are."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata

from monitor.errors import ReplayError

ROUNDS = 600_000
SALT_BYTES = 16
MIN_CHARACTERS = 10
MAX_CHARACTERS = 256
SCHEME = "pbkdf2_sha256"


def stored_from_password(password: str, *, rounds: int = ROUNDS) -> str:
    """Return what is written to the users file: `pbkdf2_sha256$rounds$salt$key`, base64.

    Raises:
        ReplayError: The password is too short or too long.
    """
    if not MIN_CHARACTERS <= len(password) <= MAX_CHARACTERS:
        raise ReplayError(
            f"a password has {MIN_CHARACTERS} to {MAX_CHARACTERS} characters, this one has {len(password)}; "
            "a few words in a row are easy to remember"
        )
    salt = secrets.token_bytes(SALT_BYTES)
    return _stored(rounds, salt, _key(password, salt, rounds))


def stored_of_nobody() -> str:
    """Return what no password fits, and which takes as long to compare as one that is somebody's."""
    return _stored(ROUNDS, secrets.token_bytes(SALT_BYTES), secrets.token_bytes(hashlib.sha256().digest_size))


def fits(password: str, stored: str) -> bool:
    """Say whether `password` is the stored one; takes a good part of a second, other threads run meanwhile.

    Raises:
        ReplayError: The stored text was not written by this module.
    """
    try:
        scheme, rounds, salt, key = stored.split("$")
        expected, count = base64.b64decode(key, validate=True), int(rounds)
        salt_bytes = base64.b64decode(salt, validate=True)
    except ValueError as error:
        raise ReplayError("a stored password cannot be read; set it anew") from error
    if scheme != SCHEME or count < 1:
        raise ReplayError(f"a password was stored by {scheme[:40]!r}, which is not known here; set it anew")
    return len(password) <= MAX_CHARACTERS and hmac.compare_digest(
        _key(password, salt_bytes, count), expected
    )


def _stored(rounds: int, salt: bytes, key: bytes) -> str:
    return f"{SCHEME}${rounds}${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}"


def _key(password: str, salt: bytes, rounds: int) -> bytes:
    # the same letters may come as different code points from another keyboard
    text = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.pbkdf2_hmac("sha256", text, salt, rounds)
