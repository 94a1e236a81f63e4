"""Writes docs/reliability.md from what the campaign and the soak left: what was tried, and what came of it.

The words stand in reliability_page.md; here are the numbers and the tables.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fault_table import FAULTS, Fault
from fixtures_daemon import ROOT
from pitfall_table import PITFALLS
from plant_lab import LabTimes
from soak import MEMORY_FROM_H, RISES_MB, settled

from monitor.standstill import STANDS_STILL_S

Tree = Mapping[str, Any]
WORDS = Path(__file__).with_name("reliability_page.md")
PAGE = ROOT / "docs" / "reliability.md"
CORES = os.cpu_count() or 1


def page(results: Sequence[Tree], soak: Tree, times: LabTimes, notes: Sequence[str] = ("", "")) -> str:
    """Return the whole page; `notes`: what else is to be said of this campaign, and of this soak."""
    facts = {
        "machine": machine(),
        "runs": _runs(results),
        "soak_run": f"commit {soak['commit']}, nice {soak['nice']}",
        "note": notes[0],
        "soak_note": notes[1],
        "rises_mb": RISES_MB,
        "memory_from_h": MEMORY_FROM_H,
        "stands_still_s": STANDS_STILL_S,
        "cores": CORES,
        "watchdog_s": times.unit.watchdog_s,
        "restart_s": times.unit.restart_s,
        "keepalive_s": times.keepalive_s,
        "pitfall_table": pitfall_table(),
    }
    return WORDS.read_text(encoding="utf-8").format_map(
        facts | campaign_facts(results, times) | soak_facts(soak)
    )


def campaign_facts(results: Sequence[Tree], times: LabTimes) -> dict[str, object]:
    """Return the numbers of the section about the campaign."""
    whole = [result for result in results if result.get("steps")]
    steps = [step for result in whole for step in result["steps"]]
    seeds = sorted(result["seed"] for result in results)
    loads = [step["load"] for step in steps] or [0.0]
    broken = [str(result["seed"]) for result in results if not result.get("steps")]
    without = (
        f"of seeds {', '.join(broken)} there is no result: the daemon was not up at the first start, or the "
        "laboratory failed"
    )
    return {
        "sequences": len(whole),
        "steps": len(steps),
        "seeds": f"{seeds[0]} to {seeds[-1]}",
        "faults": sum(len(step["step"]["faults"]) for step in steps),
        "lives": sum(result["lives"] for result in whole),
        "events": sum(result["events"] for result in whole),
        "commands": sum(result["commands"] for result in whole),
        "load_median": statistics.median(loads),
        "load_worst": max(loads),
        "wrong": _listed(
            [*(text for result in whole for text in result["found"]), *([without] if broken else [])]
        ),
        "late": _listed(
            f"{', '.join(step['step']['faults'])}: {text} (load {step['load']:g})"
            for step in steps
            for text in step["late"]
        ),
        "calm": sum(step["load"] <= CORES for step in steps),
        "late_rule": ""
        if any(step["load"] <= CORES for step in steps)
        else "So no miss in time could count here.",
        "fault_table": _table(
            "fault | made | survived | told by | told after | stated | healthy after | stated",
            [fault_row(fault, steps, times) for fault in FAULTS.values()],
        ),
    }


def fault_row(fault: Fault, steps: Sequence[Tree], times: LabTimes) -> list[str]:
    """Return a fault's row: how often, what came of it, and how long things took when it came alone."""
    with_it = [step for step in steps if fault.name in step["step"]["faults"]]
    alone = [step for step in with_it if len(step["step"]["faults"]) == 1]
    calm = [step for step in alone if step["load"] <= CORES or not step["late"]] or alone
    survived = sum(not step["violations"] and step["recovered_after_s"] is not None for step in with_it)
    told = [step["told_after_s"][fault.name] for step in calm if fault.name in step["told_after_s"]]
    healthy = [step["recovered_after_s"] for step in calm if step["recovered_after_s"] is not None]
    return [
        f"**{fault.name}**: {fault.what}",
        f"{len(alone)} + {len(with_it) - len(alone)}",
        f"{survived} of {len(with_it)}",
        fault.seen_how or "nothing to tell",
        _seconds(told) if fault.seen_how else "-",
        f"{fault.detect_within_s(times):g}" if fault.seen_how else "-",
        _seconds(healthy),
        f"{fault.recover_within_s(times):g}",
    ]


def soak_facts(soak: Tree) -> dict[str, object]:
    """Return the numbers of the section about the soak."""
    sound_h = soak["hours"] * soak["sources"]
    return {
        "hours": soak["hours"],
        "sources": soak["sources"],
        "sound_h": sound_h,
        "wall_min": soak["wall_s"] / 60,
        "speed": soak["hours"] * 3600 / soak["wall_s"],
        "cpu_per_hour": soak["cpu_s"] / sound_h,
        "soak_load": soak["load"],
        "alarms": soak["events"],
        "transitions": soak["transitions"],
        "soak_table": soak_table(soak),
        "soak_wrong": _listed(soak["found"]),
    }


def soak_table(soak: Tree) -> str:
    """Return what was measured after warming up."""
    samples = settled(soak["samples"])
    rows = []
    labels = {
        "rss": "resident memory (RSS)",
        "anonymous": "of it allocated (RssAnon)",
        "private_dirty": "written and not shared (Private_Dirty)",
        "uss": "memory of its own (USS)",
    }
    for name, label in labels.items():
        values = [sample[f"{name}_mb"] for sample in samples]
        slope, low, high = (1000 * soak[name][key] for key in ("per_hour", "low", "high"))
        verdict = "zero within noise" if low <= 0 else "**above zero**"
        spread = f"{min(values):.1f} to {max(values):.1f} MB"
        rows.append([label, spread, f"{slope:+.0f} kB", f"{low:+.0f} to {high:+.0f} kB", verdict])
    for name, label in (("fds", "file descriptors"), ("threads", "threads")):
        counts = [sample[name] for sample in samples]
        rows.append([label, f"{min(counts)} to {max(counts)}", "", "", ""])
    return _table("what | from, to | slope per hour of each machine's sound | 90 % interval |", rows)


def pitfall_table() -> str:
    """Return the twenty pitfalls with their tests."""
    rows = []
    for pitfall in PITFALLS:
        tests = "<br>".join(f"`{test_id}`" for test_id in pitfall.tests)
        rows.append([str(pitfall.number), pitfall.claim, tests, ", ".join(pitfall.faults)])
    return _table("| claim | tests, below `tests/` | faults of the campaign", rows)


def machine() -> str:
    """Return what this machine is, in words."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    kernel = platform.release().partition("-")[0]
    return f"{CORES} cores of {(models or [platform.machine()])[0]}, Linux {kernel}"


def _seconds(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.1f} / {max(values):.1f}" if values else "-"


def _listed(texts: Iterable[str]) -> str:
    """Return sentences as a list, or that there are none."""
    lines = sorted(set(texts))
    return "\n\n" + "\n".join(f"- {line}" for line in lines) if lines else "nothing."


def _table(head: str, rows: Iterable[Sequence[str]]) -> str:
    columns = head.count("|") + 1
    lines = [f"| {head} |", "|" + "---|" * columns]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def _runs(results: Sequence[Tree]) -> str:
    """Return which sequences ran at which commit and priority."""
    runs: dict[str, list[str]] = {}
    for result in (one for one in results if one.get("steps")):
        at = f"commit {result['commit']}, nice {result['nice']}"
        runs.setdefault(at, []).append(str(result["seed"]))
    return "; ".join(f"seeds {', '.join(seeds)} at {at}" for at, seeds in runs.items())


def main() -> int:
    """Write the page; 1: something did not hold."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--campaign", type=Path, required=True, help="what campaign.py wrote")
    parser.add_argument("--soak", type=Path, required=True, help="what soak.py wrote")
    parser.add_argument("--note", type=Path, help="Markdown: what else is to be said of this campaign")
    parser.add_argument("--soak-note", type=Path, help="the same, of this soak")
    arguments = parser.parse_args()
    results, soak = (json.loads(path.read_text()) for path in (arguments.campaign, arguments.soak))
    paths = (arguments.note, arguments.soak_note)
    notes = ["" if path is None else path.read_text(encoding="utf-8").strip() for path in paths]
    PAGE.write_text(page(results, soak, LabTimes.as_installed(), notes), encoding="utf-8")
    return int(bool(soak["found"]) or any(result.get("found") for result in results if result.get("steps")))


if __name__ == "__main__":
    sys.exit(main())
