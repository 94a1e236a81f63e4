"""The support bundle: what somebody far away needs to see, without sound, secrets or names of people.

A tar of a few small texts, each of them redacted (monitor.redaction). It is there whole or not at all, for
its owner only: what is in it can be looked through before it is sent.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from engines.errors import CodedError
from monitor.bundles.choice import folder_of
from monitor.doctor.box import versions
from monitor.doctor.finding import Finding, Patient
from monitor.errors import SupportError
from monitor.listening import open_checked_bundle
from monitor.redaction import redacted_config, redactor_of

FOLDER = "wheeltapper-support"
LOG_LINES = 2000
LOG_WAIT_S = 20.0
LISTED_FILES = 5000
UNITS = ("wheeltapper", "wheeltapper-replay")


def write_support_bundle(patient: Patient, findings: Sequence[Finding], path: Path) -> list[str]:
    """Write the bundle, a .tar.gz, to `path`, and return the names of what is in it.

    Raises:
        SupportError: It cannot be written there.
    """
    redactor = redactor_of(patient.config)
    part = path.with_name(path.name + ".part")
    names = []
    try:
        part.unlink(missing_ok=True)
        part.touch(mode=0o600)
        with tarfile.open(part, "w:gz") as tar:
            for name, text in _texts(patient, findings):
                _add(tar, name, redactor.text(text).encode())
                names.append(name)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise SupportError(
            f"{path}: cannot be written ({error.strerror or error}); name another file"
        ) from error
    return names


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(f"{FOLDER}/{name}")
    entry.size, entry.mtime, entry.mode = len(content), int(time.time()), 0o600
    tar.addfile(entry, io.BytesIO(content))


def _texts(patient: Patient, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of each file; the caller redacts all of them once more."""
    yield "doctor.json", _json([asdict(finding) for finding in findings])
    yield "versions.json", _json(versions(patient.root))
    yield "config.json", _json(redacted_config(patient.config))
    if patient.status is not None:
        yield "status.json", _json(redactor_of(patient.config).tree(patient.status))
    yield "files.txt", "\n".join(_listing(patient.config.state_dir)) + "\n"
    yield from _manifests(patient)
    for unit in UNITS:
        log = _journal(unit)
        if log:
            yield f"{unit}.log", log


def _listing(folder: Path) -> Iterator[str]:
    """Yield size and name of what lies in the state directory, its contents never."""
    for number, path in enumerate(sorted(folder.rglob("*"))):
        if number == LISTED_FILES:
            yield "... and more"
            return
        try:
            yield f"{path.lstat().st_size:>12} {path.relative_to(folder)}"
        except OSError:  # it has just gone
            continue


def _manifests(patient: Patient) -> Iterator[tuple[str, str]]:
    config = patient.config
    told: set[str] = set()
    for source in config.sources:
        try:
            bundle = open_checked_bundle(folder_of(source, config))
            if bundle.bundle_id in told:
                continue
            told.add(bundle.bundle_id)
            yield f"manifest-{bundle.bundle_id}.json", (bundle.folder / "manifest.json").read_text("utf-8")
        except (CodedError, OSError):
            continue  # doctor.json says what is wrong with it


def _journal(unit: str) -> str:
    """Return the last lines of a service's log; empty where there is no journal, or none for this user."""
    program = shutil.which("journalctl")
    if program is None:
        return ""
    command = [program, "--unit", unit, "--lines", str(LOG_LINES), "--no-pager", "--output", "short-iso"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=LOG_WAIT_S, check=False)  # noqa: S603 - a program of the system's
    except (OSError, subprocess.TimeoutExpired):
        return ""
    said = done.stdout.decode(errors="replace")
    return "" if done.returncode != 0 or said.startswith("-- No entries") else said


def _json(tree: object) -> str:
    return json.dumps(tree, indent=1, default=str) + "\n"
