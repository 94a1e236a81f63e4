"""The plans of all sources, each with its file: changed by commands, moved on by whoever carries them out."""

from __future__ import annotations

import contextlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from monitor.config import Config, InputQualityConfig, LearnConfig, SourceConfig, StoreConfig
from monitor.errors import CommandError, StoreError
from monitor.learning.documents import read_found
from monitor.learning.orders import changed, started
from monitor.learning.place_of_training import learns_here
from monitor.learning.plan import FOLDER, PLAN, ROOM_BYTES, Plan, Step, learn_place, read_plan, write_plan
from monitor.learning.removal import remove_sound
from monitor.operators import AFAR, Origin
from monitor.prepared import Prepared
from monitor.publish.commands import Command
from monitor.store.files import disk_errors, free_bytes
from monitor.worded import Worded, told_from, worded

BYTES_PER_SAMPLE = 1.5
"""Of 16 bits; FLAC of loud machines saves little."""
USUAL_RATE_HZ = 48_000
"""Of a device whose rate is not configured."""


def no_room(free: int, least: int) -> Worded:
    """Return why learning stands still on a disk with so many bytes free, and when it can go on."""
    return worded(
        "no-room",
        "the disk has {free} GB free, and learning needs {least} GB (store.min_free_bytes and {room} GB): "
        "free some, then resume",
        free=f"{math.floor(free / 1e7) / 100:.2f}",
        least=f"{math.ceil(least / 1e7) / 100:.2f}",
        room=f"{ROOM_BYTES / 1e9:.1f}",
    )


Rules = Callable[[str], StoreConfig]
"""Source -> what may be stored of its sound from now on."""


class PlanBook:
    """Any thread may look; commands come from the thread that judges, moves from one other."""

    def __init__(self, config: Config, rules: Rules) -> None:
        """Read the plans that there are; what cannot be read, or is a copy of another's folder, is none."""
        self._config = config
        self._rules = rules
        self._changing = threading.Lock()
        self._unwritten: set[str] = set()
        places = sorted((config.state_dir / FOLDER).glob(f"[!.]*/{PLAN}"))
        read = [(path.parent.name, read_plan(path.parent)) for path in places]
        self._plans: Mapping[str, Plan] = {
            name: plan for name, plan in read if plan is not None and plan.source == name
        }

    @property
    def settings(self) -> LearnConfig:
        """The section `learn`."""
        return self._config.learn

    @property
    def input_quality(self) -> InputQualityConfig:
        """The section `input_quality`."""
        return self._config.input_quality

    @property
    def plans(self) -> Sequence[Plan]:
        """All that is wanted."""
        return list(self._plans.values())

    def get(self, source_id: str) -> Plan | None:
        """Return what is wanted of a source; None: nothing."""
        return self._plans.get(source_id)

    def place(self, source_id: str) -> Path:
        """Return the folder of a source."""
        return learn_place(self._config.state_dir, source_id)

    def config_of(self, source: SourceConfig) -> Config:
        """Return the configuration as if there were this source alone."""
        return self._config.model_copy(update={"sources": (source,)})

    def prepare(self, config: Config) -> Prepared:
        """Return what lets a configuration that was read again count."""

        def apply() -> None:
            self._config = config

        return Prepared(apply)

    def obey(self, source: SourceConfig, origin: Origin, command: Command, now_utc_s: float) -> str:
        """Change a plan as a command asks, and return what was done, in words.

        Raises:
            CommandError: It may not be, or makes no sense now: nothing has changed.
            StoreError: The plan cannot be kept: nothing has changed.
        """
        if origin in AFAR and not self.settings.by_mqtt:
            raise CommandError(
                worded(
                    "learn-not-by-mqtt",
                    "learn is for the page or a terminal on this box, where one sees who asks; "
                    "learn.by_mqtt: true lets it come by MQTT too",
                )
            )
        with self._changing:
            plan = self._plans.get(source.id)
            _check_not_going(plan, command)
            if command.learn in {"cancel", "discard"}:
                return self._end(source.id, plan, command)
            if command.learn in {"start", "resume", "go_on"}:
                self._check_may_record(source)
            if command.learn == "start":
                self._check_room(source, command)
                after, told = started(plan, source.id, command, now_utc_s)
            else:
                after, told = changed(plan, command, read_found(self.place(source.id)), now_utc_s)
                if after.is_active and (why := self.lack_of_room()) is not None:
                    raise CommandError(why)
            self._put(after)
        return told

    def move(self, seen: Plan, **changes: object) -> bool:
        """Change a plan that is as it was seen; False: it is not, for a command came in between.

        A plan that cannot be written is moved all the same, and written by `write_what_is_left` once the disk
        has room; a restart before that does the step again.
        """
        with self._changing:
            if self._plans.get(seen.source) != seen:
                return False
            after = seen.model_copy(update=changes)
            self._plans = {**self._plans, seen.source: after}
            self._unwritten.add(seen.source)
            self._write_what_is_left()
        return True

    def write_what_is_left(self) -> None:
        """Write the plans that the disk has refused, as far as it takes them now."""
        with self._changing:
            self._write_what_is_left()

    def remove_sound(self, source_id: str) -> None:
        """Remove what was recorded of a source; raises as monitor.learning.removal does."""
        remove_sound(self._config.state_dir, source_id)

    def forget(self, source_id: str) -> None:
        """Let go of a plan whose folder was removed."""
        with self._changing:
            self._plans = {name: plan for name, plan in self._plans.items() if name != source_id}

    def refusal(self, source: SourceConfig) -> Worded | None:
        """Return why nothing may be recorded of a source; None: it may."""
        if not self.settings.enabled:
            return worded(
                "learn-not-enabled", "learn.enabled is false: nothing is recorded on this box to learn from"
            )
        if self._rules(source.id).audio == "never":
            return worded(
                "learn-never-stored",
                "sound of {source} is never stored (audio: never, by store or source), so that none is "
                "recorded; learn from recordings that were made elsewhere: wheeltapper learn --data",
                source=source.id,
            )
        if source.kind == "file" or getattr(source, "pace", "real_time") == "fast":
            return worded(
                "learn-no-live-input",
                "{source} is no live input; learn from its files: wheeltapper learn {source} --data",
                source=source.id,
            )
        return None

    def lack_of_room(self) -> Worded | None:
        """Return why nothing may be written on to learn from; None: the disk has room for it."""
        free = free_bytes(self._config.state_dir)
        least = self._config.store.min_free_bytes + ROOM_BYTES
        return no_room(free, least) if free < least else None

    def learns_here(self) -> bool:
        """Whether a model is trained on this box; else the sound is packed."""
        return learns_here(self.settings.where)

    def _check_may_record(self, source: SourceConfig) -> None:
        if (why := self.refusal(source)) is not None:
            raise CommandError(why)

    def _check_room(self, source: SourceConfig, command: Command) -> None:
        rate_hz = getattr(source, "sample_rate_hz", None) or USUAL_RATE_HZ
        copies = 1 if self.learns_here() else 2  # the package holds all of it once more
        needed = copies * round((command.hours or 0.0) * 3600 * rate_hz * BYTES_PER_SAMPLE)
        room = free_bytes(self._config.state_dir) - self._config.store.min_free_bytes - ROOM_BYTES
        if needed > room:
            raise CommandError(
                worded(
                    "learn-no-room",
                    "{hours} h may need {needed} GB and {free} GB are to be had beside store.min_free_bytes: "
                    "ask for fewer hours, free some space, or set sample_rate_hz lower",
                    hours=command.hours or 0.0,
                    needed=round(needed / 1e9, 1),
                    free=round(max(0, room) / 1e9, 1),
                )
            )

    def _end(self, source_id: str, plan: Plan | None, command: Command) -> str:
        place = self.place(source_id)
        if command.learn == "cancel":
            if plan is None:
                raise CommandError(worded("nothing-is-learned", "nothing is being learned of this source"))
            with disk_errors(place):
                (place / PLAN).unlink(missing_ok=True)
            self._plans = {name: one for name, one in self._plans.items() if name != source_id}
            return "ended; what was recorded stays, and learn start goes on with it"
        if not place.is_dir():
            raise CommandError(worded("nothing-recorded", "nothing was recorded of this source"))
        gone = plan or Plan(source=source_id, step=Step.CHECK, hours=0.0, by=command.actor, started_utc_s=0.0)
        self._put(gone.model_copy(update={"discarded": True, "trouble": None}))
        return "ended; what was recorded is being removed. Bundles that were learned stay"

    def _put(self, plan: Plan) -> None:
        write_plan(self.place(plan.source), plan)
        self._plans = {**self._plans, plan.source: plan}
        self._unwritten.discard(plan.source)

    def _write_what_is_left(self) -> None:
        for source_id in sorted(self._unwritten):
            plan = self._plans.get(source_id)
            with contextlib.suppress(StoreError):  # it is tried again
                if plan is not None:
                    write_plan(self.place(source_id), plan)
                self._unwritten.discard(source_id)


def trouble_of(plan: Plan) -> str:
    """Return why a plan cannot go on, as a sentence that can be said in other languages where it is one."""
    return told_from(plan.trouble_said, plan.trouble or "")


def _check_not_going(plan: Plan | None, command: Command) -> None:
    """Refuse what comes while sound is being removed.

    Raises:
        CommandError: It is, or some of it could not be.
    """
    if plan is None or not plan.discarded:
        return
    if plan.trouble is None:
        raise CommandError(worded("being-removed", "its sound is being removed; ask again in a moment"))
    if command.learn != "discard":
        raise CommandError(
            worded(
                "not-removed", "its sound was to be removed, and is not: {trouble}", trouble=trouble_of(plan)
            )
        )
