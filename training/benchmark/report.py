"""docs/benchmark.md: the tables with what a reader must know to trust them, from whatever rows are there."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from training.benchmark.plan import CLIP_SETS, STREAM_SETS, Job, Plan
from training.benchmark.prose import COMMANDS, READING, bullets, paragraph
from training.benchmark.rows import Row, code_digest
from training.benchmark.tables import clip_section, stream_section
from training.benchmark.tables_of_promises import cost_section, promise_section
from training.benchmark.work import Workplace

WRITTEN = """
Written by `make benchmark`, which needs ../shared (evaluation sound that is no part of this project). Do not
edit. Commands are at the end.
"""


def write_report(out: Path, place: Workplace, plan: Plan) -> int:
    """Write the report from the rows that are there, and return how many are missing."""
    rows, missing = place.rows(plan)
    notes = place.shared / "bench" / "NUMBERS.md"
    streams = [name for name in STREAM_SETS if name in plan.sets]
    clips = [name for name in CLIP_SETS if name in plan.sets]
    lines = [
        *_head(rows, plan),
        *_missing(missing),
        "## How to read this",
        "",
        *bullets(READING),
        "",
        *(line for name in streams for line in stream_section(rows, plan, name, notes)),
        *clip_section(rows, plan, clips),
        *(line for name in streams for line in promise_section(rows, plan, name)),
        *(line for name in streams[:1] for line in cost_section(rows, plan, name, notes)),
        *_commands(plan),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part-{os.getpid()}")
    part.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    part.replace(out)
    return len(missing)


def _head(rows: Sequence[Row], plan: Plan) -> list[str]:
    days = sorted({str(row.made["utc"])[:10] for row in rows})
    when = " to ".join(dict.fromkeys([days[0], days[-1]])) if days else "nothing yet"
    return [
        "# Benchmark",
        "",
        paragraph(WRITTEN),
        "",
        f"- Measured: {when} (UTC), {len(rows)} rows. Seeds planned for each method: {plan.seeds}.",
        *(
            paragraph(f"Made with {words} ({count} rows).", bullet=True)
            for words, count in _circumstances(rows).items()
        ),
        *_other_code(rows),
        "",
    ]


def _circumstances(rows: Sequence[Row]) -> Counter[str]:
    packages = "Python {python}, NumPy {numpy}, torch {torch}, ONNX Runtime {onnxruntime}"
    machine = "{machine}, {cores} cores, {threads} of them in training"
    return Counter(f"{packages}; {machine}".format(**row.made) for row in rows)


def _other_code(rows: Sequence[Row]) -> list[str]:
    other = Counter(row.method for row in rows if row.made["code"] != code_digest())
    if not other:
        return []
    text = (
        f"Measured before the last change of the training code, perhaps with other results: {_listed(other)}."
    )
    return [paragraph(f"{text} With `--force` they are measured again.", bullet=True)]


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{words} ({count})" for words, count in counts.items())


def _missing(missing: Sequence[Job]) -> list[str]:
    if not missing:
        return []
    methods = dict.fromkeys(job.method.name for job in missing)
    sets = {name: Counter(job.set for job in missing if job.method.name == name) for name in methods}
    named = "; ".join(f"{name}: {_listed(counts)}" for name, counts in sets.items())
    return [paragraph(f"**Not measured yet** (how many seeds): {named}."), ""]


def _commands(plan: Plan) -> list[str]:
    words = [f"    {method.name:20} {' '.join(method.words)}" for method in plan.methods if method.words]
    return ["## Commands", "", COMMANDS, *words]
