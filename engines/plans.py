"""The cache of compiled plans: which file a plan lies in, and whether it may be used.

    <stem>.plan     what the compiler made; executable input, hence a folder that nobody else may write to
    <stem>.json     its PlanRecord; written last, so that a plan without one was never finished
    <stem>.lock     held by whoever builds; the kernel lets go of it when that process dies
    timing-*.cache  what the compiler measured, so that the next build is shorter

A stem names everything that a plan depends on. Knows nothing of TensorRT: a plan is bytes with a key.
"""

from __future__ import annotations

import hashlib
import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engines.errors import PlanCacheError, PlanQuarantinedError
from engines.plan_lock import build_lock
from engines.plan_owner import build_command, refusal, sudo_as, user_name
from engines.plan_record import PlanKey, PlanRecord, record_from_file, text_of_record


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """A plan that may be used, with its record; or neither, and why."""

    plan: bytes = b""
    """Empty: nothing that can be used."""
    record: PlanRecord | None = None
    """None: nothing that can be used."""
    why: str = ""
    """Why there is nothing; empty when there is."""


class PlanCache:
    """A folder of plans. Any number of processes may use it at once; nothing in it is ever half written."""

    def __init__(self, folder: Path) -> None:
        """Make the folder if it is missing.

        Raises:
            PlanCacheError: It cannot be made, it is another user's, or others may write to it.
        """
        self.folder = folder
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = folder.stat()
        except OSError as error:
            raise refusal(folder, error) from error
        mode, user = stat.S_IMODE(found.st_mode), os.geteuid()
        if found.st_uid != user:
            raise PlanCacheError(
                f"{folder}: belongs to {user_name(found.st_uid)}, this is {user_name(user)}, and a plan is a "
                "program that the GPU runs; run this as the daemon's user, with "
                f"`{sudo_as(found.st_uid)}` before the command, or name another folder with --state-dir"
            )
        if mode & 0o022:
            raise PlanCacheError(
                f"{folder}: others may write here (mode {mode:o}), and a plan is a program that the GPU "
                f"runs; take that right away: `sudo chmod go-w {shlex.quote(str(folder))}`"
            )

    def load(self, key: PlanKey) -> KeptPlan:
        """Return the plan of a key, if it is whole and really of this key.

        Raises:
            PlanQuarantinedError: Its answers strayed when it was built or last opened.
        """
        try:
            record = record_from_file(self.path(key, ".json"))
        except FileNotFoundError:
            return KeptPlan(why="there is none yet")
        except (OSError, ValueError) as error:
            return KeptPlan(why=f"its sidecar cannot be read ({error})")
        if record.key != key:
            return KeptPlan(why="its sidecar is of another plan")
        if record.quarantined:
            raise PlanQuarantinedError(
                f"the plan {key.stem} is in quarantine: {record.quarantined}; "
                f"to have another made, with the folder of {record.bundle_id} as BUNDLE and the daemon's "
                f"configuration as FILE: `{build_command(self.folder, 'BUNDLE', key.precision)} --again`; "
                "backend onnxruntime needs none"
            )
        try:
            plan = self.path(key, ".plan").read_bytes()
        except OSError as error:
            return KeptPlan(why=f"it cannot be read ({error.strerror})")
        if hashlib.sha256(plan).hexdigest() != record.sha256:
            return KeptPlan(
                why=f"it has {len(plan)} bytes and another sha256 than the {record.size_bytes} written"
            )
        return KeptPlan(plan, record)

    def keep(self, record: PlanRecord, plan: bytes) -> None:
        """Write a plan and its sidecar in place of those that are there.

        Raises:
            PlanCacheError: The disk is full or the folder belongs to somebody else.
        """
        self._write(self.path(record.key, ".plan"), plan)
        self._write(self.path(record.key, ".json"), text_of_record(record).encode())

    def quarantine(self, record: PlanRecord, reason: str) -> None:
        """Note why a plan must not be used, and remove the plan itself.

        Unless another plan was kept in its place while this one was tried: that one has been proven.

        Raises:
            PlanCacheError: It cannot be noted.
        """
        if self._is_replaced(record):
            return
        self._write(
            self.path(record.key, ".json"), text_of_record(replace(record, quarantined=reason)).encode()
        )
        self.path(record.key, ".plan").unlink(missing_ok=True)

    def _is_replaced(self, record: PlanRecord) -> bool:
        """Return whether the sidecar is of a later build; where it cannot be read, nobody vouches for one."""
        try:
            kept = record_from_file(self.path(record.key, ".json"))
        except (OSError, ValueError):
            return False
        return kept.sha256 != record.sha256 and kept.built_utc_s > record.built_utc_s

    def forget(self, key: PlanKey, *, say: Callable[[str], None]) -> None:
        """Remove a plan with its record, quarantined or not; `say` is told when a builder is waited for.

        Raises:
            PlanCacheError: Another process builds it for too long, or the folder cannot be used.
        """
        with build_lock(self.path(key, ".lock"), say=say):
            for suffix in (".json", ".plan"):
                self.path(key, suffix).unlink(missing_ok=True)

    def read_timing(self, key: PlanKey) -> bytes:
        """Return the timing cache of a key's compiler and GPU; empty when there is none."""
        try:
            return (self.folder / key.timing_name).read_bytes()
        except OSError:
            return b""

    def write_timing(self, key: PlanKey, timing: bytes) -> None:
        """Replace the timing cache; of two builders at once the last one's stays.

        Raises:
            PlanCacheError: It cannot be written.
        """
        self._write(self.folder / key.timing_name, timing)

    def path(self, key: PlanKey, suffix: str) -> Path:
        """Return where a plan's file with this suffix lies."""
        return self.folder / (key.stem + suffix)

    def _write(self, path: Path, content: bytes) -> None:
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        try:
            part.write_bytes(content)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise refusal(path, error) from error
