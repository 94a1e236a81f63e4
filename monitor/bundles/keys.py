"""Key files: a private one to sign with, that nobody else may read, and public ones that others trust."""

from __future__ import annotations

import base64
import binascii
import hashlib
import importlib
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from monitor.errors import ExtraMissingError, SigningKeyError

if TYPE_CHECKING:
    from types import ModuleType

PUBLIC_BYTES = 32
ID_LETTERS = 16
PRIVATE_MODE = 0o600
MAX_KEY_BYTES = 10_000
PUBLIC_MARK = b"-----BEGIN PUBLIC KEY-----"


def cipher() -> ModuleType:
    """Return monitor.bundles.ed25519.

    Raises:
        ExtraMissingError: The package that it needs is not installed.
    """
    try:
        return importlib.import_module("monitor.bundles.ed25519")
    except ModuleNotFoundError as error:
        raise ExtraMissingError(
            f"package {error.name!r} is missing, without which no signature can be made or checked: "
            "pip install 'wheeltapper[signing]', or take the keys out of bundles.trusted_keys"
        ) from error


def key_id(public: bytes) -> str:
    """Return by what a key is called in signatures and on record: digits of its sha256."""
    return hashlib.sha256(public).hexdigest()[:ID_LETTERS]


def public_text(public: bytes) -> str:
    """Return a public key as it stands in the configuration."""
    return base64.b64encode(public).decode("ascii")


def public_from_text(text: str) -> bytes:
    """Return the 32 bytes of a public key that stands in the configuration.

    Raises:
        ValueError: It is none.
    """
    try:
        public = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"is not base64 ({error})") from error
    if len(public) != PUBLIC_BYTES:
        raise ValueError(f"has {len(public)} bytes, an ed25519 public key has {PUBLIC_BYTES}")
    return public


def public_from_file(path: Path) -> bytes:
    """Return the public key in a PEM file.

    Raises:
        SigningKeyError: The file cannot be read or holds none.
        ExtraMissingError: See `cipher`.
    """
    try:
        public: bytes = cipher().public_from_pem(_read(path))
    except ValueError as error:
        raise SigningKeyError(
            f"{path}: is no ed25519 public key ({error}); `wheeltapper bundle keygen` writes one"
        ) from error
    return public


def make_keys(path: Path) -> bytes:
    """Write a new private key to `path`, for its owner alone, and the public one beside it; return that.

    Raises:
        SigningKeyError: There is a file already, or none can be written.
        ExtraMissingError: See `cipher`.
    """
    tool = cipher()
    private: bytes = tool.new_private_pem()
    public: bytes = tool.public_of_private(private)
    try:
        for file, content, mode in (
            (path, private, PRIVATE_MODE),
            (public_path(path), tool.public_pem(public), 0o644),
        ):
            handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
    except OSError as error:
        raise SigningKeyError(
            f"{error.filename}: {error.strerror}; a key is never written over another file: choose a new name"
        ) from error
    return public


def public_path(path: Path) -> Path:
    """Return where the public key lies that belongs to the private one at `path`."""
    return path.with_name(path.name + ".pub")


def read_private(path: Path) -> bytes:
    """Return the private key in a PEM file that nobody but its owner may read.

    Raises:
        SigningKeyError: It cannot be read, is none, or others may read it.
        ExtraMissingError: See `cipher`.
    """
    pem = _read(path)
    if PUBLIC_MARK in pem:  # before its mode is looked at: anybody may read this one
        private = path.with_suffix("") if path.suffix == ".pub" else "the file beside it without .pub"
        raise SigningKeyError(
            f"{path}: is the public key, which signs nothing; name the private one, {private}"
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise SigningKeyError(
            f"{path}: has mode {mode:04o}, so that others than its owner may use it; `chmod 600 {path}`, and "
            "make a new key if anybody could have read this one"
        )
    try:
        cipher().public_of_private(pem)
    except ValueError as error:
        raise SigningKeyError(
            f"{path}: is no ed25519 private key that can be used ({error}); make one with "
            "`wheeltapper bundle keygen`"
        ) from error
    return pem


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise SigningKeyError(
            f"{path}: the key cannot be read ({error.strerror}); name the file of a key"
        ) from error
