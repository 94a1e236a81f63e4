"""`wheeltapper compare SOURCE [--json]`: how the candidate compares with the live bundle, and the verdict."""

from __future__ import annotations

import argparse
import json

from monitor.commands.bundle_versions import add_source_arguments, config_of
from monitor.promotion.comparison import judged
from monitor.promotion.document import tree_of
from monitor.promotion.records import Comparison, Pairs, Verdict
from monitor.promotion.sentences import OUTCOMES

CODES = {"better": 0, "not_better": 1, "too_early": 3}
"""Exit code of a verdict; 2 is an error, as of every verb."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_source_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Compare and say what was found; 0 better, 1 not better, 3 too early to tell."""
    compared, verdict = judged(config_of(arguments), arguments.source)
    if arguments.json:
        print(json.dumps(tree_of(compared, verdict), indent=1))
    else:
        print("\n".join(_lines(compared, verdict)))
    return CODES[verdict.outcome]


def _lines(compared: Comparison, verdict: Verdict) -> list[str]:
    false, left = compared.false_alarms, compared.left_out
    lines = [
        f"{'live':17}  {compared.live}",
        f"{'candidate':17}  {compared.candidate}",
    ]
    told = {
        "both judged": f"{_duration(compared.hours)}, and {100.0 * compared.skipped_share:.1f} % of the "
        "windows by the live one alone",
        "false alarms": f"live {false.live}, candidate {false.candidate}, of which "
        f"{compared.unlabelled_candidate_only} that nobody labelled",
        "not labelled": f"{compared.unlabelled_live_only} alarms of the live one alone, "
        f"{compared.unlabelled_skipped} where the candidate was not asked, "
        f"{compared.unlabelled_both} of both",
        "anomalies": _pairs(compared.anomalies),
        "kept false alarms": f"{_pairs(compared.normals)} (told, no proof)",
        **{f"foreign {probe.snr_db:+.0f} dB": _pairs(probe.heard) for probe in compared.probes},
        "foreign sounds": _tried(compared),
        "left out": f"{left.used} that a bundle learned from, {left.withdrawn} withdrawn, "
        f"{left.unsure} unsure, {left.disagreed} disputed, {left.no_sound} without sound, "
        f"{left.waiting} not scored yet",
    }
    lines += [f"{name:17}  {what}" for name, what in told.items()]
    lines.append(f"{OUTCOMES[verdict.outcome]}:")
    return [*lines, *(f"  - {reason}" for reason in verdict.reasons)]


def _tried(compared: Comparison) -> str:
    """Return how much of the control by foreign sounds was made."""
    if not compared.probes_asked:
        return "none tried: no normal sound is kept"
    cut_short = ", cut short for want of time: ask again" if compared.probes_waiting else ""
    return f"{compared.probes_tried} of {compared.probes_asked} tried{cut_short}"


def _duration(hours: float) -> str:
    return f"{hours:.1f} h" if hours >= 1.0 else f"{60.0 * hours:.0f} min"


def _pairs(pairs: Pairs) -> str:
    return (
        f"{pairs.cases}: live {pairs.live}, candidate {pairs.candidate}, both {pairs.both}"
        if pairs.cases
        else "none"
    )
