"""What one check found, and all that the checks may look at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from engines.errors import CodedError
from monitor.config import Config

MANUAL = "docs/operations.md has more"


class Verdict(str, Enum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    """It works, or nobody can tell from here; somebody should look."""
    FAULT = "fault"
    """Something that was configured does not work."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    name: str
    """What was looked at."""
    verdict: Verdict
    """How bad it is."""
    said: str
    """What was found."""
    remedy: str = ""
    """What to do, in one line; empty when all is well."""


@dataclass(frozen=True, slots=True)
class Patient:
    """One box."""

    config_path: Path
    """Where the configuration is."""
    config: Config
    """What is in it."""
    status: Mapping[str, Any] | None
    """The daemon's status.json; None: there is none that can be read."""
    root: Path = Path("/")
    """Above proc, sys, dev and etc; tests look at another one."""


Check = Callable[[Patient], Iterator[Finding]]
"""Looks at one thing. CodedError is told as a fault; nothing that it does may change the box."""


def ok(name: str, said: str) -> Finding:
    """Return that all is well."""
    return Finding(name, Verdict.OK, said)


def warning(name: str, said: str, remedy: str) -> Finding:
    """Return that somebody should look."""
    return Finding(name, Verdict.WARNING, said, remedy)


def fault(name: str, said: str, remedy: str) -> Finding:
    """Return that something does not work."""
    return Finding(name, Verdict.FAULT, said, remedy)


def fault_from_error(name: str, error: CodedError) -> Finding:
    """Return what an error says: what is the matter, and behind its last semicolon what to do."""
    words = " ".join(str(error).split())
    said, _, remedy = words.rpartition("; ")
    return fault(name, f"{said} [{error.code}]", remedy) if said else fault(name, words, MANUAL)
