"""Reads the configuration again while the daemon runs: all of what changed is applied, or none of it.

What each part of the daemon can take live is in LIVE_KEYS; a change of anything else is refused by name. A
part first prepares (it may raise, and may take its time: it opens what will be needed beside what is in use),
and only when all have does any of them change.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.errors import CodedError
from monitor.announcer import Announcer
from monitor.calibration import Calibration
from monitor.config import Config
from monitor.config.section import Section
from monitor.errors import CommandError
from monitor.keeper import Keeper
from monitor.logs import set_level
from monitor.pipeline import Pipeline
from monitor.prepared import Prepared, nothing
from monitor.redaction import Redactor
from monitor.roster import Roster
from monitor.store import Reply

LIVE_KEYS = frozenset(
    {
        ("bundles", "keep_versions"),
        ("bundles", "promotion"),
        ("bundles", "promotion_anomalies"),
        ("bundles", "promotion_hours"),
        ("bundles", "trusted_keys"),
        ("drift", "enabled"),
        ("drift", "by_mqtt"),
        ("drift", "reference_days"),
        ("drift", "recent_days"),
        ("drift", "psi"),
        ("drift", "evidence_max_days"),
        ("drift", "keep_days"),
        ("drift", "max_total"),
        ("engine", "bundle"),
        ("log", "level"),
        ("mqtt", "map_windows"),
        ("shadow", "ask_every_s"),
        ("shadow", "cpu_share"),
        ("shadow", "enabled"),
        ("shadow", "max_engines"),
        ("store", "audio"),
        ("store", "clip_band_hz"),
        ("store", "clip_stop_hz"),
        ("store", "speech"),
        ("store", "speech_threshold"),
        ("store", "maps_per_event"),
        ("store", "max_bytes"),
        ("store", "max_age_days"),
        ("store", "min_free_bytes"),
        ("store", "min_events_per_source"),
        ("store", "audit_max_days"),
        ("store", "audit_max_rows"),
        ("store", "shadow_max_days"),
        ("store", "shadow_max_windows"),
        ("store", "shadow_max_clips"),
    }
)
"""Keys that are applied without a restart, besides all of `alarm`, `learn` and `sources`; see `is_live`."""
TOLD = 8
"""So many changed keys are told of; the rest is counted."""
VALUE_LETTERS = 60
REDACTOR = Redactor()
"""What is told goes to the broker: addresses may hold logins."""
SECRET_KEYS = frozenset({"url"})
"""Keys whose values are not told at all: a stream's address may hold a login anywhere."""
PRESENT, ABSENT = "there", "not there"

Prepare = Callable[[Config], Prepared]
"""Given a configuration, returns what puts it into force, or raises CodedError, leaving nothing open."""

PrepareSwap = Callable[[Config, Mapping[str, Path], Mapping[str, Calibration]], Prepared]
"""The same for other bundles of some sources, by their folders, and other limits of some."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration that has been checked whole and can be applied."""

    detail: str
    """What will have changed, for a person."""
    apply: Callable[[], None]
    """Puts it into force; to be called once, by the thread that judges. Made so that it cannot fail: if it
    does, the daemon ends."""
    follow: Callable[[], None] = nothing
    """What takes time and comes after `apply`; not by the thread that judges."""
    drop: Callable[[], None] = nothing
    """Lets go of what was opened, when it is not applied."""
    keep: Callable[[], None] = nothing
    """Writes down that it holds, before anybody is answered; CommandError: it cannot. By the judging thread,
    right before `apply`."""
    take_back: Callable[[], None] = nothing
    """Undoes `keep`, when the answer cannot be stored."""
    save: Callable[[Reply], None] | None = None
    """Stores the answer and what it says in one step, or raises StoreError; None: it is the answer alone."""


class Reloader:
    """Knows the configuration that is in force. A plan ends, applied or dropped, before the next is made."""

    def __init__(
        self,
        config: Config,
        reread: Callable[[], Config] | None,
        parts: Sequence[Prepare],
        swap: PrepareSwap | None = None,
    ) -> None:
        """`reread` reads the file again, raising CodedError; None: there is no file."""
        self._config = config
        self._reread = reread
        self._parts = parts
        self._swap = swap

    @property
    def config(self) -> Config:
        """The configuration that is in force."""
        return self._config

    def prepared_swap(
        self, folders: Mapping[str, Path], *, limits: Mapping[str, Calibration] | None = None
    ) -> Prepared:
        """Return what lets sources be judged by the bundles in these folders, all else as it is.

        `limits`: of these sources by another calibration than the one on the disk, which will lie there.

        Raises:
            CodedError: A bundle does not fit, or no bundle can be swapped here.
        """
        if self._swap is None:
            raise CommandError("no bundle can be swapped here")
        return self._swap(self._config, folders, limits or {})

    def plan(self) -> Plan:
        """Read the file, check it whole, and say what would change.

        Raises:
            CommandError: It cannot be read, is not fit, or needs a restart: nothing has changed.
        """
        if self._reread is None:
            raise CommandError("the daemon was started without a configuration file: there is none to reload")
        try:
            config = self._reread()
            changes = list(changes_between(self._config, config))
            fixed = [change for change in changes if not change.is_live]
            prepared = [] if fixed else self._prepared(config)
        except CodedError as error:
            raise CommandError(f"nothing was changed: {_one_line(error)}") from error
        if fixed:
            in_the_way = _told([change.in_the_way for change in fixed])
            raise CommandError(f"nothing was changed: {in_the_way}; restart the daemon")
        news = [words for each in prepared for words in each.news if words]
        return Plan(
            "; ".join([*[_told([one.done for one in changes])] * bool(changes), *news]) or "nothing differs",
            apply=lambda: self._apply(config, prepared),
            follow=lambda: _all(each.follow for each in prepared),
            drop=lambda: _all(each.drop for each in prepared),
        )

    def _prepared(self, config: Config) -> Sequence[Prepared]:
        prepared: list[Prepared] = []
        with contextlib.ExitStack() as undo:
            for prepare in self._parts:
                prepared.append(prepare(config))
                undo.callback(prepared[-1].drop)
            undo.pop_all()
        return prepared

    def _apply(self, config: Config, prepared: Sequence[Prepared]) -> None:
        _all(each.apply for each in prepared)
        self._config = config


def _all(steps: Iterable[Callable[[], None]]) -> None:
    for step in steps:
        step()


@dataclass(frozen=True, slots=True)
class Change:
    """One key that differs."""

    path: tuple[str, ...]
    """Section and key; of a source `sources`, its id and key, or no key when it came or went."""
    now: str
    """As it is in force; ABSENT: it is not."""
    file: str
    """As the file has it; ABSENT: it has not."""

    @property
    def is_live(self) -> bool:
        """Whether it is applied without a restart."""
        return self.path[0] in {"alarm", "learn", "sources"} or self.path in LIVE_KEYS

    @property
    def in_the_way(self) -> str:
        """Say it to a person whose reload it keeps from being done."""
        return f"{'.'.join(self.path)} is {self.now}, the file says {self.file}"

    @property
    def done(self) -> str:
        """Say it to a person as what has been done: `fan joins`, `learn.epochs: none -> 2`."""
        if self.now == ABSENT:
            return f"{self.path[-1]} joins"
        if self.file == ABSENT:
            return f"{self.path[-1]} leaves"
        return f"{'.'.join(self.path)}: {self.now} -> {self.file}"


def changes_between(now: Config, new: Config) -> Iterator[Change]:
    """Yield the keys that differ, in the order of the file; a source that came or went is one change."""
    for name in Config.model_fields:
        was, will = getattr(now, name), getattr(new, name)
        if name == "sources":
            yield from _source_changes({one.id: one for one in was}, {one.id: one for one in will})
        elif isinstance(was, Section):
            yield from _section_changes((name,), was, will)
        elif was != will:
            yield Change((name,), _shown(was), _shown(will))


def _source_changes(now: Mapping[str, Section], new: Mapping[str, Section]) -> Iterator[Change]:
    for source_id in [*now, *(one for one in new if one not in now)]:
        path, was, will = ("sources", source_id), now.get(source_id), new.get(source_id)
        if was is None or will is None:
            yield Change(path, ABSENT if was is None else PRESENT, ABSENT if will is None else PRESENT)
        elif type(was) is not type(will):
            yield Change(
                (*path, "kind"), _shown(getattr(was, "kind", None)), _shown(getattr(will, "kind", None))
            )
        else:
            yield from _section_changes(path, was, will)


def _section_changes(path: tuple[str, ...], now: Section, new: Section) -> Iterator[Change]:
    for key in type(now).model_fields:
        was, will = getattr(now, key), getattr(new, key)
        if was != will:
            told = ("one", "another") if key in SECRET_KEYS else (_shown(was), _shown(will))
            yield Change((*path, key), *told)


def live_parts(
    roster: Roster, keeper: Keeper, announcer: Announcer, pipeline: Pipeline
) -> tuple[Prepare, ...]:
    """Return what takes LIVE_KEYS in a daemon of these parts."""

    def alarms(config: Config) -> Prepared:
        settings = {source.id: config.alarm_for(source) for source in config.sources}
        stay = [machine for machine in roster.everyone if machine.source_id in settings]
        scorers = [
            (one.scorer, one.calibration.limit_raw(settings[one.source_id].false_alarms_per_week))
            for one in stay
            if one.scorer is not None
        ]

        def apply() -> None:
            for scorer, limit_raw in scorers:
                scorer.limit_raw = limit_raw
            for machine in stay:
                machine.alarm.reconfigure(settings[machine.source_id])
                if roster.is_present(machine):
                    announcer.tell_present_alarm(machine, pipeline.explanation_of(machine))

        return Prepared(apply)

    def store(config: Config) -> Prepared:
        if config.looks_for_speech:
            keeper.guard.require_speech_check()
        keeper.expect(config)
        return Prepared(
            lambda: keeper.reconfigure(config), follow=keeper.clean_portraits, drop=keeper.rules.forget
        )

    return (
        alarms,
        store,
        lambda config: Prepared(lambda: announcer.reconfigure(config.mqtt)),
        lambda config: Prepared(lambda: set_level(config.log.level)),
    )


def _shown(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, Section):
        value = value.model_dump(mode="json")
    words = repr(str(value) if isinstance(value, Path) else value)
    words = REDACTOR.text(words)
    return words if len(words) <= VALUE_LETTERS else words[: VALUE_LETTERS - 1] + "…"


def _one_line(error: CodedError) -> str:
    return REDACTOR.text(re.sub(r"\s*\n\s*", " ", str(error)))


def _told(changes: Sequence[str]) -> str:
    told = "; ".join(changes[:TOLD])
    return told if len(changes) <= TOLD else f"{told}; and {len(changes) - TOLD} more"
