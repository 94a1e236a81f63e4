"""The last comparison of a source's candidate, kept as a document for whoever only shows it.

It is made by whoever compares (the daemon now and then, a promotion, `wheeltapper compare`), replaced whole,
and says which versions it is about: beside others it counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from monitor.bundles.version_files import give_away
from monitor.errors import StoreError
from monitor.promotion.records import Comparison, Disagreement, Ground, LeftOut, Pairs, Probe, Verdict
from monitor.promotion.sentences import said
from monitor.store.files import write_whole

FOLDER = "promotion"
"""Below the state directory: what was scored, and what was found."""
DOCUMENT = "comparison.json"
SCHEMA = 1
MAX_FILE_BYTES = 5_000_000


def tree_of(compared: Comparison, verdict: Verdict) -> dict[str, Any]:
    """Return comparison and verdict as JSON-able values."""
    grounds = [{"code": one.code, "figures": dict(one.figures)} for one in verdict.grounds]
    return {
        "schema": SCHEMA,
        **asdict(compared),
        "verdict": verdict.outcome,
        "reasons": list(verdict.reasons),
        "grounds": grounds,
    }


def keep_comparison(state_dir: Path, compared: Comparison, verdict: Verdict) -> None:
    """Replace the document of a source; whoever may not write the state directory leaves it as it is."""
    keep_file(state_dir, compared.source_id, DOCUMENT, json.dumps(tree_of(compared, verdict), indent=1))


def keep_file(state_dir: Path, source_id: str, name: str, text: str) -> None:
    """Replace a file beside the document; whoever may not write there leaves it as it is."""
    folder = state_dir / FOLDER / source_id
    with suppress(StoreError, OSError):
        write_whole(folder / name, text.encode(), below=state_dir)
        give_away(folder, like=state_dir)


def kept_comparison(
    state_dir: Path, source_id: str, *, live: str, candidate: str
) -> tuple[Comparison, Verdict] | None:
    """Return what was last found of these two versions; None: nothing, or it cannot be read."""
    try:
        with _path(state_dir, source_id).open("rb") as file:
            tree = json.loads(file.read(MAX_FILE_BYTES))
        found = _from_tree(tree)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    compared = found[0]
    same = (compared.source_id, compared.live, compared.candidate) == (source_id, live, candidate)
    return found if same else None


def _path(state_dir: Path, source_id: str) -> Path:
    return state_dir / FOLDER / source_id / DOCUMENT


def _from_tree(tree: Mapping[str, Any]) -> tuple[Comparison, Verdict]:
    values = dict(tree)
    if values.pop("schema") != SCHEMA:
        raise ValueError("another schema")
    outcome, grounds = values.pop("verdict"), values.pop("grounds")
    values.pop("reasons")
    for name in ("false_alarms", "anomalies", "normals"):
        values[name] = Pairs(**values[name])
    values["probes"] = tuple(Probe(one["snr_db"], Pairs(**one["heard"])) for one in values["probes"])
    scored = sum(probe.heard.cases for probe in values["probes"])
    values.setdefault("probes_asked", scored + values["probes_waiting"])  # older software did not say
    values["left_out"] = LeftOut(**values["left_out"])
    values["disagreements"] = tuple(Disagreement(**one) for one in values["disagreements"])
    found = tuple(Ground(one["code"], dict(one["figures"])) for one in grounds)
    return Comparison(**values), Verdict(outcome, found, tuple(said(ground) for ground in found))
