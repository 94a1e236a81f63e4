"""Rehearses the life of a microphone with real sound: learned, watched, labelled, improved, rolled back.

    python tests/bench/rehearsal.py FOLDER --data ../shared/data [--epochs 24]

PulseAudio plays quadcopters into the real daemon's microphone, in real time; everything else is typed or
asked of the page's API (tests/rehearsal_rig.py), and no file is edited. Flights are levelled and laid over
background (tests/flights.py): 28 intact ones to learn from, five with faults before the retraining, five
others after it, and some of these again once the candidate is live. FOLDER is gone on with: a recording
that was cut off is not begun anew.

Each session with faults says how many were found, the false alarms, and beside them how many faults would be
hit by as many alarms at random moments (chance) and by whoever only knows how loud normal flight was (level).
The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from flights import BROKEN, RATE_HZ, Airfield, Session, levels_dbfs
from rehearsal_rig import PREFIX, SOURCE, Box, Heard, label, label_disputes
from replay_rig import Browser

SETTINGS = {
    # minutes stand for weeks here
    "alarm": {"false_alarms_per_week": 50, "off_delay_s": 2.0, "acknowledge_required": False},
    "bundles": {"promotion": "managed", "promotion_hours": 0.08, "promotion_anomalies": 5},
    "store": {"min_free_bytes": 0},
}
EVERY_S = 15.0
FIRST = (BROKEN, "dog_bark", BROKEN, "clock_tick")
SECOND = (BROKEN, "dog_bark", BROKEN, "clock_tick", BROKEN, "chainsaw")
THIRD = (BROKEN, "dog_bark", BROKEN, "clock_tick")
LEAST_NORMAL_S = 1380.0
"""So much is recorded; the 28 flights are shorter, and some of them fly again. `learn` wants 20 min."""
NICE = 15
"""Of the retraining, against the rest; a busy box is asked to favour all of it by `nice -n -12`."""
POLICY_S = 60.0
"""So long the daemon is given to promote by itself."""


def sounds(data: Path) -> dict[str, Session]:
    """Return what is played, by name."""
    field = Airfield(data)
    normal = field.normal("train", "calibrate").sound
    first, second = slice(0, 5), slice(5, 10)
    broken = slice(0, 6), slice(6, 12)
    return {
        "normal": Session(np.resize(normal, max(len(normal), round(LEAST_NORMAL_S * RATE_HZ))), ()),
        "first": field.with_faults(first, broken[0], FIRST, count=24, every_s=EVERY_S, role="event_train"),
        "second": field.with_faults(second, broken[1], SECOND, count=24, every_s=EVERY_S),
        "third": field.with_faults(second, broken[1], THIRD, count=8, every_s=EVERY_S),
    }


class Rehearsal:
    """The steps, in order, and what they came to."""

    def __init__(self, box: Box, epochs: int) -> None:
        self.report: list[dict[str, Any]] = []
        self._box = box
        self._how = ("--epochs", epochs, "--threads", 1)
        self._loudest_dbfs = float(levels_dbfs(box.sounds["normal"].sound).max())

    def run(self) -> None:
        """Go through all of it."""
        box = self._box
        hours = box.sounds["normal"].seconds / 3600
        with self._step("learn from the microphone") as step:
            said = box.type("learn", SOURCE, "--hours", f"{hours:.4f}", *self._how)
            step["said"] = said.out.splitlines()
            first = box.roles["candidate"] if "candidate" in box.roles else box.roles["live"]
        if box.roles.get("live") != first:
            with self._step("promote the first bundle") as step:
                step["said"] = box.type("promote", SOURCE, "--actor", "anna").out.splitlines()
        box.listen()
        box.serve()
        anna, bert = box.technician("anna"), box.technician("bert")
        self._session("first", anna)
        with self._step("retrain") as step:
            step["said"] = box.type("retrain", SOURCE, *self._how, nice=NICE).out.splitlines()
            second = box.roles["candidate"]
        heard = self._session("second", anna)
        with self._step("labels: what the candidate alone alarmed at") as step:
            step["said"] = label_disputes(anna, heard)
        self._contradict(heard, bert)
        with self._step("compare") as step:
            compared = box.type("compare", SOURCE, ok=None)
            step.update(code=compared.code, said=compared.out.splitlines())
        self._promote(compared.code, second)
        self._session("third", anna)
        with self._step("roll back") as step:
            step["said"] = box.type("rollback", SOURCE, "--actor", "bert", "--note", "rehearsed")
            step["said"] = step["said"].out.splitlines()
            step["roles"] = box.roles
            assert first == box.roles["live"]
        with self._step("audit") as step:
            step["said"] = box.type("audit", "--source", SOURCE).out.splitlines()

    def _promote(self, verdict: int, candidate: str) -> None:
        """Let the policy promote what is better; promote by hand, with a reason, what is not."""
        box = self._box
        with self._step("promote the candidate") as step:
            deadline_s = time.monotonic() + POLICY_S
            while verdict == 0 and box.roles["live"] != candidate and time.monotonic() < deadline_s:
                time.sleep(2.0)
            step["by policy"] = box.roles["live"] == candidate
            if not step["by policy"]:
                refused = box.type("promote", SOURCE, "--actor", "anna", ok=None)
                step["said"] = refused.out.splitlines()
                if refused.code != 0:
                    why = "to rehearse a promotion"
                    said = box.type("promote", SOURCE, "--actor", "anna", "--despite", why)
                    step["said"] += said.out.splitlines()
            step["roles"] = box.roles
            assert candidate == box.roles["live"]

    def _session(self, name: str, technician: Browser) -> Heard:
        """Play faults, label what was raised, and say what was found."""
        with self._step(f"faults: {name} session") as step:
            heard = self._box.hear(name, technician)
            step.update(self._found(heard), bundle=self._box.judging())
            health = self._box.scada.on(f"{PREFIX}/{SOURCE}/health")[-1].document
            step["lost_samples"] = health.get("lost_samples")
        with self._step(f"labels: {name} session") as step:
            step["said"] = label(technician, heard)
        return heard

    def _contradict(self, heard: Heard, bert: Browser) -> None:
        """Let bert say another thing of an alarm than was said: it is evidence for nobody then."""
        if not heard.alarms:
            return
        alarm = heard.alarms[-1]
        other = "anomaly" if heard.kind_of(alarm) is None else "no_anomaly"
        with self._step("two people disagree") as step:
            said = bert.change(f"/api/v1/events/{alarm['event_id']}/labels", {"rating": other})
            step["said"] = [f"bert says {other} of one: {said.status_code}"]

    def _found(self, heard: Heard) -> dict[str, Any]:
        session = heard.session
        played, found = (Counter(one.kind for one in some) for some in (session.faults, heard.found()))
        louder = [
            one
            for one in session.faults
            if levels_dbfs(
                session.sound[round(one.start_s * RATE_HZ) - RATE_HZ : round(one.end_s * RATE_HZ) + RATE_HZ]
            ).max()
            > self._loudest_dbfs
        ]
        return {
            "minutes": round(session.seconds / 60, 1),
            "played": dict(played),
            "found": dict(found),
            "false_alarms": len(heard.false()),
            "chance": round(heard.by_chance(), 1),
            "level": dict(Counter(one.kind for one in louder)),
        }

    @contextlib.contextmanager
    def _step(self, name: str) -> Iterator[dict[str, Any]]:
        step: dict[str, Any] = {"step": name}
        began_s = time.monotonic()
        yield step
        step["seconds"] = round(time.monotonic() - began_s)
        self.report.append(step)
        sys.stdout.write(_words(step))
        sys.stdout.flush()


def _words(step: dict[str, Any]) -> str:
    facts = [f"    {key}: {value}" for key, value in step.items() if key not in {"step", "seconds", "said"}]
    said = step.get("said", [])
    lines = [f"{key} {value}" for key, value in said.items()] if isinstance(said, dict) else said
    return "\n".join(
        [f"{step['step']} ({step['seconds']} s)", *facts, *(f"    | {one}" for one in lines), ""]
    )


def main() -> None:
    """Rehearse, and print what came of it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--epochs", type=int, default=24, help="of both trainings (default: %(default)s)")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(Box(options.folder.resolve(), sounds(options.data), SETTINGS)) as box:
        rehearsal = Rehearsal(box, options.epochs)
        try:
            rehearsal.run()
        finally:
            sys.stdout.write(json.dumps({"load": os.getloadavg(), "steps": rehearsal.report}) + "\n")


if __name__ == "__main__":
    main()
