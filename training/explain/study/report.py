"""docs/explanations.md, from whatever parts of the study are there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from training.benchmark.cells import table
from training.benchmark.prose import bullets, paragraph
from training.explain.attributions import ATTRIBUTIONS
from training.explain.study.compared import Compared, compared
from training.explain.study.findings import findings_of
from training.explain.study.measuring import Measured
from training.explain.study.plan import Part, Plan
from training.explain.study.prose import READING, RULE, WRITTEN
from training.explain.study.tables import (
    REMOVALS,
    TIMES,
    inside_section,
    percentile_section,
    plain_section,
)


def write_report(
    out: Path, plan: Plan, parts: Sequence[Measured], missing: Sequence[Part], notes: Path
) -> None:
    """Write the document; it is there wholly or not at all."""
    paper, ours = compared(parts, "paper"), compared(parts, "ours")
    lines = [
        "# Which explanations can be trusted",
        "",
        paragraph(WRITTEN),
        "",
        *_facts(plan, parts, missing),
        "",
        *_findings(paper),
        *inside_section(paper, notes),
        "## How to read the tables",
        "",
        *bullets(READING),
        "",
        *_paper_tables(paper),
        *_our_tables(ours),
        *_methods(parts),
    ]
    out.parent.mkdir(parents=True, exist_ok=True)
    part = out.with_name(f"{out.name}.part-{os.getpid()}")
    part.write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
    part.replace(out)


def _facts(plan: Plan, parts: Sequence[Measured], missing: Sequence[Part]) -> list[str]:
    facts = []
    if parts:
        wrong, normal = parts[0].available
        clips = parts[0].table
        facts.append(
            f"{clips.anomalous} clips with an event and {clips.normal} without one, drawn by lot of {wrong} "
            f"and {normal} that could be cut; {plan.draws} draws behind each chance row."
        )
        heads = dict.fromkeys(f"{m.part.kind} {m.head}" for m in parts)
        facts.append(f"Scored by the heads that training chose: {', '.join(heads)}.")
        cpu_min = sum(m.cpu_s for m in parts) / 60
        facts.append(f"{len(parts)} tables took {cpu_min:.0f} CPU minutes beside the training.")
    if missing:
        names = ", ".join(f"{part.kind} seed {part.seed} ({part.settings})" for part in missing)
        facts.append(f"**Not measured yet**: {names}.")
    return [paragraph(fact, bullet=True) for fact in facts]


def _findings(found: Compared) -> list[str]:
    judged = findings_of(found)
    if not judged:
        return ["## What the paper finds, here", "", "Not measured yet for both models.", ""]
    return [
        "## What the paper finds, here",
        "",
        paragraph(RULE),
        "",
        *table(["claim", "here", "numbers"], [[f.claim, f"**{f.verdict}**", f.numbers] for f in judged]),
        "",
    ]


def _paper_tables(found: Compared) -> list[str]:
    if not found.parts:
        return []
    return [
        "## As in the paper",
        "",
        *percentile_section(found, "ff_frame", "Faithfulness by frames"),
        *percentile_section(found, "ff_segment", "Faithfulness by segments"),
        *percentile_section(found, "f1", "Precision in time: F1 of seconds"),
        *percentile_section(found, "ff_frame/inpainted", "The same by a foreign imputer and judge"),
        *percentile_section(found, "ff_normal", "On normal clips"),
        *plain_section(found, TIMES, "Other measures of time"),
    ]


def _our_tables(found: Compared) -> list[str]:
    if not found.parts:
        return []
    return [
        "## In our own way",
        "",
        *percentile_section(found, "ff_frame", "Faithfulness by frames, ours"),
        *percentile_section(found, "ff_frame/inpainted", "By a foreign imputer and judge, ours"),
        *percentile_section(found, "f1", "F1 of seconds, ours"),
        *plain_section(found, TIMES, "Other measures of time, ours"),
        *plain_section(found, REMOVALS, "Deletion and insertion, ours"),
    ]


def _methods(parts: Sequence[Measured]) -> list[str]:
    gaps = [
        f"- {m.part.kind} seed {m.part.seed} ({m.part.settings}): {100 * m.completeness_gap:.1f} %"
        for m in parts
        if m.completeness_gap is not None
    ]
    if not gaps:
        return []
    title = ATTRIBUTIONS["integrated_gradients"].title
    return [
        f"## How far {title} miss adding up",
        "",
        "By 50 steps, of what the score gained over the baseline; median over windows.",
        "",
        *gaps,
        "",
    ]
