"""Detached signatures: who vouches for a bundle's manifest, or for the limit of a machine.

The manifest has the sha256 of every file of the bundle, so that its signature covers them all. A
calibration that is not among those files has a signature of its own. What is signed is the kind of file, its
sha256, for which source it is meant (or for any), the key and the time: a signature says nothing about any
other file, and neither can its time or its source be changed.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from monitor.bundles.keys import cipher, key_id, read_private
from monitor.errors import SigningKeyError, UntrustedError
from monitor.publish.fields import rfc3339_from_utc_s

SCHEMA = "wheeltapper-signature/1"
ALGORITHM = "ed25519"
SUFFIX = ".sig"
MAX_BYTES = 10_000

Of = Literal["manifest", "calibration"]


@dataclass(frozen=True, slots=True)
class Statement:
    """What a signature says, each field of it signed."""

    of: Of
    """Kind of file."""
    sha256: str
    """Hexadecimal, of the file's very bytes."""
    source: str | None
    """Only for the source of this id; None: for any."""
    key: str
    """The id of the key that signed."""
    time: str
    """When, by the clock of whoever signed; RFC 3339."""

    @property
    def message(self) -> bytes:
        """The bytes that are signed."""
        return f"{SCHEMA}\n{json.dumps(asdict(self), sort_keys=True, separators=(',', ':'))}".encode()


@dataclass(frozen=True, slots=True)
class Signature:
    """A statement and the proof that the owner of its key has made it."""

    statement: Statement
    """What it says."""
    proof: bytes
    """64 bytes; not yet checked."""


def signature_path(path: Path) -> Path:
    """Return where the signature of a file lies."""
    return path.with_suffix(SUFFIX)


def sign_file(path: Path, of: Of, *, key: Path, source_id: str | None, now_utc_s: float) -> Signature:
    """Sign a file as it is with the private key in the file `key`, and write the signature beside it.

    Raises:
        SigningKeyError: The key cannot be used, or the file not read or its signature not written.
        ExtraMissingError: The package for it is missing.
    """
    private, tool = read_private(key), cipher()
    try:
        statement = Statement(
            of=of,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            source=source_id,
            key=key_id(tool.public_of_private(private)),
            time=rfc3339_from_utc_s(now_utc_s),
        )
        signature = Signature(statement, tool.sign(private, statement.message))
        part = path.with_name(path.name + SUFFIX + ".part")
        part.write_text(json.dumps(_tree(signature), indent=1) + "\n", encoding="utf-8")
        part.replace(signature_path(path))
    except OSError as error:
        raise SigningKeyError(f"{path}: cannot be signed: {error}") from error
    return signature


def read_signature(path: Path) -> Signature | None:
    """Read the signature of the file at `path`; None: it has none. Nothing of it is checked.

    Raises:
        UntrustedError: There is a file, but no signature in it.
    """
    place = signature_path(path)
    try:
        with place.open("rb") as file:
            return _signature(json.loads(file.read(MAX_BYTES)))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UntrustedError(f"{place}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise UntrustedError(f"{place}: is no signature (it is no text); sign {path.name} anew") from error
    except KeyError as error:
        raise UntrustedError(
            f"{place}: is no signature ({error.args[0]} is missing); sign {path.name} anew"
        ) from error
    except (ValueError, TypeError, RecursionError) as error:  # of base64, too
        raise UntrustedError(f"{place}: is no signature ({error}); sign {path.name} anew") from error


def _line(value: object) -> str:
    """Return a text that can be told and kept wherever a refusal is: JSON may hold what is no character."""
    text = str(value)
    if not text.isascii() or not text.isprintable():
        raise ValueError(f"{text[:40]!a} is no name")
    return text


def _signature(tree: object) -> Signature:
    if not isinstance(tree, dict):
        raise ValueError("it holds no object")  # noqa: TRY004 - it was read, and does not fit
    if (tree["schema"], tree["algorithm"]) != (SCHEMA, ALGORITHM):
        raise ValueError(f"schema {tree['schema']!r}, algorithm {tree['algorithm']!r}")
    source = tree["source"]
    statement = Statement(
        of=tree["of"],
        sha256=_line(tree["sha256"]),
        source=None if source is None else _line(source),
        key=_line(tree["key"]),
        time=str(tree["time"]),
    )
    return Signature(statement, base64.b64decode(tree["signature"], validate=True))


def _tree(signature: Signature) -> dict[str, object]:
    proof = base64.b64encode(signature.proof).decode("ascii")
    return {"schema": SCHEMA, "algorithm": ALGORITHM, **asdict(signature.statement), "signature": proof}
