"""docs/reliability.md tells of every fault and pitfall, and its makers leave no blank."""

from __future__ import annotations

from fault_table import FAULTS
from pitfall_table import PITFALLS
from plant_lab import LabTimes
from reliability_report import PAGE, page

TIMES = LabTimes.as_installed()
STEP = {
    "step": {"faults": ["silence"], "alarmed": False, "hold_s": 1.0},
    "told_after_s": {"silence": 3.0},
    "recovered_after_s": 4.0,
    "load": 0.5,
    "late": [],
    "violations": [],
}
RESULT = {
    "seed": 1,
    "steps": [STEP],
    "found": [],
    "events": 4,
    "commands": 1,
    "lives": 1,
    "commit": "abc",
    "nice": 5,
}
SLOPE = {"per_hour": 0.0, "low": -0.1, "high": 0.1}
SOAK = {
    "hours": 1.0,
    "sources": 16,
    "wall_s": 60.0,
    "cpu_s": 80.0,
    "load": 1.0,
    "events": 3,
    "transitions": 9,
    "samples": [
        {
            "hours": 0.5,
            "rss_mb": 100.0,
            "uss_mb": 90.0,
            "anonymous_mb": 80.0,
            "private_dirty_mb": 81.0,
            "fds": 20,
            "threads": 22,
        }
    ]
    * 4,
    "rss": SLOPE,
    "uss": SLOPE,
    "anonymous": SLOPE,
    "private_dirty": SLOPE,
    "commit": "def",
    "nice": 10,
    "found": [],
}


def test_the_page_has_every_fault_and_every_pitfall() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in FAULTS if f"**{name}**" not in text] == []
    assert [p.number for p in PITFALLS if f"| {p.number} | {p.claim}" not in text] == []
    tests = [test_id for pitfall in PITFALLS for test_id in pitfall.tests]
    assert [test_id for test_id in tests if test_id not in text] == []


def test_what_went_well_and_what_did_not_is_told() -> None:
    good = page([RESULT], SOAK, TIMES, ("Seed 2 was stopped.", ""))
    assert "seeds 1 at commit abc, nice 5; the soak: commit def, nice 10" in good
    assert "Seed 2 was stopped." in good
    assert "**What was late:** nothing." in good
    assert "So no miss in time could count here." not in good
    assert "| 1 + 0 | 1 of 1 | alarm uncertain | 3.0 / 3.0 | 5 | 4.0 / 4.0 | 10 |" in good
    assert 2 == good.count("**What did not hold:** nothing.")
    broken = {
        **RESULT,
        "found": ["mic was shown as normal"],
        "steps": [{**STEP, "violations": ["that"], "late": ["not told within 5 s"], "load": 99.0}],
    }
    bad = page([broken, {"seed": 9, "broken": "Traceback"}], {**SOAK, "rss": {**SLOPE, "low": 0.1}}, TIMES)
    assert "- silence: not told within 5 s (load 99)" in bad
    assert "So no miss in time could count here." in bad
    assert "- mic was shown as normal" in bad
    assert "| 1 + 0 | 0 of 1 |" in bad
    assert "- of seeds 9 there is no result" in bad
    assert "1 sequences of 1 steps together, seeds 1 to 9" in bad
    assert "**above zero**" in bad
