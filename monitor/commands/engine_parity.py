"""`wheeltapper engine parity BUNDLE`: how far each engine of this box strays from what training saw."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engines.bundle import MODELS, Bundle, open_bundle
from engines.errors import BackendUnavailableError, EngineError, PlanMissingError
from engines.golden import OutputParity, agrees, limits_of, read_golden
from engines.proof import proven_parity
from engines.runtime import BACKENDS, PlanSettings, open_engine
from monitor.commands.engine_options import (
    add_plan_options,
    add_precision_option,
    json_line,
    plans_from_arguments,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder of the bundle")
    parser.add_argument("--backend", choices=sorted(BACKENDS), help="default: all of this box")
    add_precision_option(parser)
    add_plan_options(parser)
    parser.add_argument("--json", action="store_true", help="print one line of JSON instead")


def run(arguments: argparse.Namespace) -> int:
    """Compare all that can run; 0 when none strays and one ran, else 1."""
    bundle = open_bundle(arguments.bundle)
    plans = plans_from_arguments(arguments, build=False)
    held = [precision for precision, name in MODELS.items() if name in bundle.manifest.files]
    rows = [
        _row(bundle, backend, precision, plans)
        for precision in ([arguments.precision] if arguments.precision else held)
        for backend in ([arguments.backend] if arguments.backend else BACKENDS)
    ]
    if arguments.json:
        print(json_line({"bundle": bundle.bundle_id, "engines": rows}))
    else:
        print("\n".join(_lines(bundle, rows)))
    strays = any(row["agrees"] is False for row in rows)
    return 1 if strays or not any(row["agrees"] for row in rows) else 0


def _row(bundle: Bundle, backend: str, precision: str, plans: PlanSettings) -> dict[str, Any]:
    """Return what is found of one engine; `agrees` is None where it cannot run here."""
    golden = read_golden(bundle)
    limits = limits_of(bundle, precision, golden)
    row: dict[str, Any] = {"backend": backend, "precision": precision, "allowed": limits, "outputs": []}
    try:
        engine = open_engine(bundle, backend=backend, precision=precision, plans=plans)
    except (BackendUnavailableError, PlanMissingError) as error:
        return {**row, "engine": None, "agrees": None, "reason": str(error)}
    except EngineError as error:
        return {**row, "engine": None, "agrees": False, "reason": f"{error} [{error.code}]"}
    try:
        parity = proven_parity(golden, engine.infer)
    except EngineError as error:
        return {**row, "engine": engine.backend, "agrees": False, "reason": f"{error} [{error.code}]"}
    finally:
        engine.close()
    outputs = [asdict(part) for part in parity]
    found = {"engine": engine.backend, "agrees": agrees(parity, limits), "reason": "", "outputs": outputs}
    return {**row, **found}


def lines_of_parity(parity: Sequence[OutputParity], limits: Mapping[str, float]) -> list[str]:
    """Return a table, one output a line, with what is allowed."""
    head = f"  {'output':<16}{'max absolute':>14}{'max relative':>14}{'allowed':>10}"
    return [head, *(_line_of_output(part, limits[part.output]) for part in parity)]


def _line_of_output(part: OutputParity, limit: float) -> str:
    verdict = "" if part.max_relative <= limit else "  STRAYS"
    return f"  {part.output:<16}{part.max_absolute:>14.2e}{part.max_relative:>14.2e}{limit:>10.1e}{verdict}"


def _lines(bundle: Bundle, rows: Sequence[dict[str, Any]]) -> list[str]:
    lines = [f"{bundle.bundle_id}, against what torch answered to its golden windows where it was made"]
    for row in rows:
        name = row["engine"] or f"{row['backend']} {row['precision']}"
        if row["reason"]:
            verdict = "refused" if row["agrees"] is False else "not here"
            lines.append(f"{name}: {verdict}: {row['reason']}")
            continue
        lines.append(f"{name}: {'agrees' if row['agrees'] else 'STRAYS'}")
        lines += lines_of_parity([OutputParity(**part) for part in row["outputs"]], row["allowed"])
    return lines
