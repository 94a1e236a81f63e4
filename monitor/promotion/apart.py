"""Has a candidate compared in a process of its own, for whoever must not hold up the judging.

Reading the rows and scoring sound takes seconds of a core, much of it under the interpreter's lock: beside it
a judging thread would wait. A daemon compares in no other way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from monitor.config import Config
from monitor.errors import ComparisonError
from monitor.promotion.records import Outcome
from monitor.worded import worded, worded_from

LOOK_EVERY_S = 0.25
"""Between two looks whether it is to be broken off."""


@dataclass(frozen=True, slots=True)
class Told:
    """A verdict as it is told."""

    outcome: Outcome
    """What was found."""
    reasons: tuple[str, ...]
    """Why, in sentences (Worded), what decides first."""


def judged_apart(
    config: Config,
    source_id: str,
    *,
    patience_s: float,
    within_s: float,
    nice: int,
    broken_off: Callable[[], bool] = lambda: False,
) -> Told:
    """Return the verdict on a source's candidate, as `comparison.judged` finds it.

    `patience_s`: of scoring sound; `within_s`: of all, for a process may get little of a busy box's time;
    `nice`: how far it stands back; `broken_off`: asked all the time.

    Raises:
        ComparisonError: It cannot be compared, its process failed, took too long or was broken off.
    """
    asked = {
        "config": config.model_dump(mode="json"),
        "source_id": source_id,
        "patience_s": patience_s,
        "nice": nice,
    }
    answer = _answer(json.dumps(asked), within_s, broken_off)
    if "error" in answer:
        raise ComparisonError(worded_from(answer["error"]) or "what its process said cannot be read")
    return Told(answer["outcome"], tuple(worded_from(tree) or "" for tree in answer["reasons"]))


def _answer(asked: str, within_s: float, broken_off: Callable[[], bool]) -> dict[str, Any]:
    """Return what the child says, or why it says nothing."""
    command = [sys.executable, "-m", "monitor.promotion.verdict_child", str(os.getpid())]
    pipe, end_s = subprocess.PIPE, time.monotonic() + within_s
    told: str | None = asked
    try:
        started = subprocess.Popen(  # noqa: S603 - our own command, without a shell
            command,
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            encoding="utf-8",
            errors="replace",  # a library may complain in whatever bytes
            start_new_session=True,
        )
    except OSError as error:  # no process, memory or descriptor is to be had: the next time asks again
        return {
            "error": worded(
                "comparison-not-begun", "its process does not start: {detail}", detail=str(error)
            ).tree
        }
    with started as child:
        while True:
            try:
                out, complaints = child.communicate(told, timeout=LOOK_EVERY_S)
                break
            except subprocess.TimeoutExpired:
                told = None  # it has been handed over
                if broken_off() or time.monotonic() >= end_s:
                    child.kill()
                    child.communicate()
                    if broken_off():
                        return {"error": worded("comparison-broken-off", "it was broken off").tree}
                    return {"error": worded("comparison-too-slow", "it took too long").tree}
    try:
        answer = json.loads(out)
    except ValueError:
        return {
            "error": worded("comparison-died", "its process failed: {detail}", detail=complaints[-500:]).tree
        }
    return dict(answer)
