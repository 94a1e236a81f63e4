"""The wall clock dates things and measures nothing: who reads it is listed here with the reason."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
READS = re.compile(r"\btime\.time\b(?!\s+as it is)|\btime\.time_ns\b|datetime\.now|utcnow|time\.gmtime\(\)")
DATES = "dates a document or a row"
SAME = "the age of what was dated by the same clock half a second ago"
USES: dict[str, tuple[int, str]] = {
    "engines/plan_record.py": (1, DATES),
    "monitor/announcer.py": (2, DATES),
    "monitor/bundles/trail.py": (1, DATES),
    "monitor/caretaker.py": (2, "when the process began, dated anew when the clock is set"),
    "monitor/clock.py": (1, "the place where jumps are noticed"),
    "monitor/commands/bundle_keys.py": (1, DATES),
    "monitor/commands/bundle_versions.py": (1, DATES),
    "monitor/commands/calibrate.py": (1, DATES),
    "monitor/commands/learned_bundle.py": (1, DATES),
    "monitor/commands/status.py": (1, SAME),
    "monitor/control/answers.py": (1, DATES),
    "monitor/daemon.py": (1, "the end of shelving, which moves along with the clock"),
    "monitor/control/server.py": (1, DATES),
    "monitor/desk/arrivals.py": (1, DATES),
    "monitor/desk/comparisons.py": (1, DATES),
    "monitor/desk/desk.py": (3, DATES),
    "monitor/desk/looks.py": (1, DATES),
    "monitor/desk/reloads.py": (1, "the id of a SIGHUP"),
    "monitor/commands/drift.py": (2, "which days are over, and a limit's age in days, for a person"),
    "monitor/doctor/box.py": (1, "is the clock set, and what it says"),
    "monitor/doctor/daemon.py": (2, SAME + "; since when it runs, dated by the clock as it is now"),
    "monitor/doctor/models.py": (1, "a calibration's age in days, for a person"),
    "monitor/doctor/support.py": (1, DATES),
    "monitor/drift/watch.py": (1, "which days are over; what is counted is dated by the sound itself"),
    "monitor/learning/pupil.py": (1, DATES),
    "monitor/learning/teller.py": (1, DATES),
    "monitor/pipeline.py": (4, DATES),
    "monitor/promotion/comparison.py": (2, DATES),
    "monitor/publish/edge/node.py": (1, DATES),
    "monitor/publish/publisher.py": (1, DATES),
    "monitor/publish/walk.py": (1, "when a certificate ends, which is a date"),
    "monitor/replay/gate/audit.py": (1, DATES),
    "monitor/replay/gate/users.py": (2, DATES),
    "monitor/replay/kept/cache.py": (3, "a picture not looked at for long is drawn again: no harm by a jump"),
    "monitor/replay/pages/compare_view.py": (1, "is a clip still awaited: a hint on a page"),
    "monitor/replay/pages/drift_view.py": (1, "do four weeks since a refusal last on: a hint on a page"),
    "monitor/replay/pages/event_view.py": (1, "is a clip still awaited: a hint on a page"),
    "monitor/report.py": (2, DATES + "; " + SAME),
    "monitor/sign_of_life.py": (1, SAME),
    "monitor/sources/clock.py": (1, "anchors the stream's clock, which follows jumps"),
    "monitor/sources/ledger.py": (1, "hands it to the stream's clock"),
    "monitor/sources/paced.py": (1, "hands it to the stream's clock"),
    "monitor/starting.py": (1, DATES),
    "monitor/store/opening.py": (1, "numbers above all that were used"),
    "monitor/store/retention/age_clock.py": (
        1,
        "what is too old, in days; a clock that is far off is doubted",
    ),
    "monitor/store/set_aside.py": (1, "names a file"),
    "monitor/timekeeper.py": (1, "says in the log what it says"),
}
"""File -> how often it reads the wall clock, and why that may jump."""


def test_nobody_else_reads_the_wall_clock() -> None:
    found: Counter[str] = Counter()
    for folder in ("monitor", "engines"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "testing" not in path.parts:
                count = len(READS.findall(path.read_text(encoding="utf-8")))
                if count:
                    found[path.relative_to(ROOT).as_posix()] = count
    remedy = "measure time with time.monotonic, or say here why it may jump; see docs/decisions/0015"
    assert {name: count for name, (count, _) in USES.items()} == dict(found), remedy
