"""What an operator sends and gets back: the command and reply documents, and reading a command safely."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from monitor.config.wording import WORDS, Wording, wording_of
from monitor.errors import CommandError
from monitor.messages import AlarmState
from monitor.operators import LIMIT_KEYS
from monitor.publish.fields import BOOLEAN, HOURS, LIMITS, SECONDS, TEXT, TIME_PATTERN, UTC, Time
from monitor.publish.payloads import Payload
from monitor.worded import DETAIL, worded

MAX_COMMAND_BYTES = 16_384
"""A longer command is refused unread."""

MAX_HOURS = 168.0
"""A week of sound is more than any machine needs to be known by."""

SEEN_NOBODY = "nobody"
"""As `seen`: nobody had judged the stretch."""

ID_PATTERN = r"^[A-Za-z0-9._:-]{1,64}$"

LINE_PATTERN = r"^[^\x00-\x1f\x7f]*$"

PATTERNS: Mapping[str, str] = {
    ID_PATTERN: "must have 1 to 64 letters, digits, dots, colons, dashes or underscores",
    TIME_PATTERN: "must be a time as 2026-01-31T12:00:00.000Z",
    LINE_PATTERN: "must be one line, without control characters",
}
"""Pattern -> what a text must be that does not fit it."""
MUST: Mapping[str, Wording] = {
    **WORDS,
    "json_invalid": lambda limits: f"is no JSON: {limits['error']}",
    "model_type": "must be an object with keys and values",
    "extra_forbidden": "is no key of a command",
    "string_type": "must be text",
    "string_pattern_mismatch": lambda limits: PATTERNS[limits["pattern"]],
}
"""Type of pydantic's error -> what is said of it."""

Action = Literal[
    "acknowledge",
    "shelve",
    "unshelve",
    "out_of_service",
    "in_service",
    "label",
    "lock",
    "unlock",
    "set_limits",
    "reload",
    "compare",
    "promote",
    "rollback",
    "recalibrate",
    "decline",
    "learn",
]
Learn = Literal["start", "pause", "resume", "cancel", "discard", "go_on", "keep", "set_aside"]

OWN_KEYS: Mapping[str, tuple[str, ...]] = {
    "shelve": ("duration_s", "one_shot"),
    "label": ("rating", "fault_code"),
    "set_limits": (*LIMIT_KEYS, "reset"),
    "promote": ("despite",),
    "recalibrate": ("proposal", "despite"),
    "decline": ("proposal",),
    "learn": ("learn", "hours", "unattended", "stretch", "seen"),
}
"""Action -> keys that belong to it, and to no action that does not name them, too."""

WHY_LETTERS = 3
"""A reason that is asked for has at least so many."""


class Command(BaseModel):
    """What an operator wants done about one source, or the whole box (`reload`). Keys may be left out."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, populate_by_name=True
    )

    schema_: Literal["command/1"] = Field(
        default="command/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    time: Time | None = Field(default=None, description="When it was given.", json_schema_extra=UTC)
    source: str | None = Field(
        default=None,
        description="Id of the source; the topic decides, and a different one here is refused.",
        json_schema_extra=TEXT,
    )
    bundle: str | None = Field(default=None, description="Not used.", json_schema_extra=TEXT)
    id: str = Field(
        pattern=ID_PATTERN,
        description="The sender's own id of this command; the reply carries it. The same id is the same "
        "command: another one with it is refused.",
        json_schema_extra=TEXT,
    )
    action: Action = Field(
        description="What to do; `ack` is short for `acknowledge`.",
        json_schema_extra={**TEXT, "enum": ["ack", *get_args(Action)]},
    )
    actor: str = Field(min_length=1, max_length=100, description="Who acts.", json_schema_extra=TEXT)
    duration_s: float | None = Field(
        default=None,
        gt=0,
        description="shelve: for how long; at most alarm.shelve_max_s.",
        json_schema_extra=SECONDS,
    )
    one_shot: bool = Field(
        default=False,
        description="shelve: only until the alarm returns to normal.",
        json_schema_extra=BOOLEAN,
    )
    note: str | None = Field(
        default=None, max_length=1000, json_schema_extra=TEXT,
        description="A remark that is kept. decline: why the proposed limit is not wanted; without it it is "
        "refused.",
    )  # fmt: skip
    event_id: str | None = Field(
        default=None,
        max_length=100,
        description="label, lock, unlock: which event. acknowledge: refused if another event is open; null: "
        "whichever is.",
        json_schema_extra=TEXT,
    )
    rating: Literal["anomaly", "no_anomaly", "unsure", "none"] | None = Field(
        default=None,
        description="label: what it was. `none` withdraws what was said before.",
        json_schema_extra=TEXT,
    )
    fault_code: str | None = Field(
        default=None, max_length=64, pattern=LINE_PATTERN, json_schema_extra=TEXT,
        description="label: which fault, by the plant's own list; empty: none is said.",
    )  # fmt: skip
    limit: float | None = Field(
        default=None,
        description="set_limits: raise the alarm at this score; within alarm.limit_min and alarm.limit_max. "
        "This key and the next four: null leaves it as it is.",
        json_schema_extra=LIMITS,
    )
    warning_value: float | None = Field(
        default=None,
        description="set_limits: raise the warning at this score; at most the limit.",
        json_schema_extra=LIMITS,
    )
    deadband: float | None = Field(
        default=None,
        description="set_limits: both clear below themselves minus this; below warning_value.",
        json_schema_extra=LIMITS,
    )
    on_delay_s: float | None = Field(
        default=None,
        description="set_limits: how long the score must stay at or above the limit; at most "
        "alarm.delay_max_s.",
        json_schema_extra=SECONDS,
    )
    off_delay_s: float | None = Field(
        default=None,
        description="set_limits: how long the score must stay below limit - deadband; at most "
        "alarm.delay_max_s.",
        json_schema_extra=SECONDS,
    )
    proposal: str | None = Field(
        default=None,
        max_length=64,
        description="recalibrate, decline: the id of the limit that was proposed, as health and `wheeltapper "
        "drift` show it. recalibrate: `before`: the limit before the last recalibration, where the bundle is "
        "not managed.",
        json_schema_extra=TEXT,
    )
    reset: bool = Field(
        default=False,
        description="set_limits: true: all limits as in the configuration again.",
        json_schema_extra=BOOLEAN,
    )
    despite: str | None = Field(
        default=None,
        min_length=WHY_LETTERS,
        max_length=500,
        description="promote: why a candidate is promoted that does not prove to be better; with "
        "bundles.promotion managed it is refused without. recalibrate: why a limit is raised further than "
        "drift.max_total.",
        json_schema_extra=TEXT,
    )

    learn: Learn | None = Field(
        default=None,
        description="learn: what to do. start: check the microphone and record `hours` of normal sound. "
        "pause, resume: stop for a while, go on. go_on: learn from what was recorded, or record although the "
        "check found the microphone useless. keep, set_aside: an odd `stretch` is normal, is not. cancel: "
        "end it; the sound stays. discard: end it and remove the sound.",
        json_schema_extra=TEXT,
    )
    hours: float | None = Field(
        default=None,
        gt=0,
        le=MAX_HOURS,
        description="learn start: how much is to be there in all; what was recorded before counts.",
        json_schema_extra=HOURS,
    )
    unattended: bool = Field(
        default=False,
        description="learn start: learn without waiting for anybody to hear what is odd; all of it is set "
        "aside.",
        json_schema_extra=BOOLEAN,
    )
    stretch: str | None = Field(
        default=None, max_length=200, description="learn keep, set_aside: the id of an odd stretch.",
        json_schema_extra=TEXT,
    )  # fmt: skip
    seen: str | None = Field(
        default=None, max_length=64,
        description="learn keep, set_aside: id of the command that had judged the stretch last when it was "
        "looked at, `nobody` where none had; refused if somebody else has said the contrary since. Null: not "
        "looked at.",
        json_schema_extra=TEXT,
    )  # fmt: skip

    @model_validator(mode="before")
    @classmethod
    def _spell_out(cls, document: object) -> object:
        if not isinstance(document, dict):
            return document
        short = {"action": "acknowledge"} if document.get("action") == "ack" else {}
        empty = {"fault_code": None} if document.get("fault_code") == "" else {}  # one kind of none, not two
        return {**document, **short, **empty}

    @model_validator(mode="after")
    def _check_together(self) -> Command:
        for action, keys in OWN_KEYS.items():
            foreign = set(keys) - set(OWN_KEYS.get(self.action, ()))
            if any(self._given(key) for key in foreign):
                raise ValueError(f"{', '.join(keys)} belong to {action}, not to {self.action}")
        if self.action == "shelve" and not (self._given("duration_s") or self.one_shot):
            raise ValueError("shelve needs an end: give duration_s, or one_shot: true")
        if self.action == "label":
            self._check_label()
        if self.action == "recalibrate" and self.proposal is None:
            raise ValueError("recalibrate needs proposal: the id of the limit that was shown")
        if self.action == "decline":
            self._check_decline()
        if self.action in {"lock", "unlock"} and self.event_id is None:
            raise ValueError(f"{self.action} needs event_id")
        if self.action == "learn" and self.learn is None:
            raise ValueError("learn needs learn: one of " + ", ".join(get_args(Learn)))
        if self.action == "set_limits" and bool(self.limits) == self.reset:
            raise ValueError(
                f"set_limits needs one of {', '.join(LIMIT_KEYS)}, or reset: true and none of them"
            )
        return self

    def _check_label(self) -> None:
        if self.event_id is None or self.rating is None:
            raise ValueError("label needs event_id and rating")
        if self.rating == "none" and self.fault_code is not None:
            raise ValueError("rating none withdraws a label and has no fault_code")

    def _check_decline(self) -> None:
        if self.proposal is None:
            raise ValueError("decline needs proposal: the id of the limit that was shown")
        if self.note is None or len(self.note.strip()) < WHY_LETTERS:
            raise ValueError("decline needs note: why the proposed limit is not wanted")

    def _given(self, key: str) -> bool:
        return getattr(self, key) is not None and getattr(self, key) is not False

    @property
    def limits(self) -> dict[str, float]:
        """The limits that are given, by LIMIT_KEYS."""
        return {key: getattr(self, key) for key in LIMIT_KEYS if getattr(self, key) is not None}

    @property
    def arguments(self) -> dict[str, object]:
        """What was given besides who, what and when: for the record."""
        return self.model_dump(mode="json", exclude=_NO_ARGUMENTS, exclude_defaults=True)


class ReplyPayload(Payload):
    """The answer to one command."""

    schema_: Literal["reply/1"] = Field(
        default="reply/1", alias="schema", description="Kind and version.", json_schema_extra=TEXT
    )
    source: str | None = Field(
        description="Id of the source, as in the topic; null: the whole box.", json_schema_extra=TEXT
    )
    id: str | None = Field(
        description="Id of the command; null when it could not be read.", json_schema_extra=TEXT
    )
    action: str | None = Field(
        description="What was asked; null when it could not be read.", json_schema_extra=TEXT
    )
    result: Literal["done", "refused"] = Field(description="What came of it.", json_schema_extra=TEXT)
    reason: str | None = Field(description="Why it was refused; null when done.", json_schema_extra=TEXT)
    code: str | None = Field(
        default=None,
        description="Why it was refused, for programs: it stays when the words change; null when done.",
        json_schema_extra=TEXT,
    )
    detail: str | None = Field(
        default=None,
        description="What was done, where the action does not say it: the keys that a reload changed.",
        json_schema_extra=TEXT,
    )
    state: AlarmState | None = Field(
        description="ISA-18.2 state of the alarm afterwards; null when not known.", json_schema_extra=TEXT
    )


_NO_ARGUMENTS = {"schema_", "time", "source", "bundle", "id", "action", "actor"}


def parse_command(payload: bytes) -> Command:
    """Return the command that `payload`, UTF-8 JSON, holds.

    Raises:
        CommandError: It is too long, no JSON, or no command; the text says what to change.
    """
    if len(payload) > MAX_COMMAND_BYTES:
        raise CommandError(
            worded(
                "command-too-long",
                "the command is longer than {most} bytes; shorten it",
                most=MAX_COMMAND_BYTES,
            )
        )
    try:
        command = Command.model_validate_json(payload)
    except ValidationError as error:
        raise CommandError(worded("no-command", DETAIL, detail=_sentence(error))) from error
    # one reader takes the first of two, another the last: what was checked must be what is done
    json.loads(payload, object_pairs_hook=_refuse_twice)
    return command


def command_id(payload: bytes) -> str | None:
    """Return the id in a command that was refused, or None when none can be read. For the reply."""
    if len(payload) > MAX_COMMAND_BYTES:
        return None
    try:
        document = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    found = document.get("id") if isinstance(document, dict) else None
    return found if isinstance(found, str) and re.match(ID_PATTERN, found) else None


def _refuse_twice(pairs: list[tuple[str, object]]) -> None:
    keys = [key for key, _ in pairs]
    twice = sorted({key for key in keys if keys.count(key) > 1})
    if twice:
        raise CommandError(
            worded("key-twice", "no command: {keys} stands twice; make one of them", keys=", ".join(twice))
        )


def _sentence(error: ValidationError) -> str:
    """Say in one line, without repeating what was sent, what is wrong with it."""
    problems = []
    for problem in error.errors(include_url=False, include_input=False)[:5]:
        where = ".".join(str(part)[:40] for part in problem["loc"])
        message = wording_of(problem, MUST)
        if problem["type"] == "extra_forbidden":
            near = difflib.get_close_matches(where, Command.model_fields, 1)
            message += f", {near[0]!r} may be meant" if near else ""
        problems.append(f"{where}: {message}" if where else message)
    return "no command: " + "; ".join(problems) + "; docs/mqtt.md describes it"
