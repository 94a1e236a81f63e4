"""`wheeltapper status`: how the daemon on this box is, from the file that it keeps up to date."""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from monitor.config import default_state_dir, load_config
from monitor.demo_bundles import NOT_THIS_MACHINE, REMEDY
from monitor.drift.judgement import DriftState
from monitor.drift.words import steps_words
from monitor.errors import StoreError
from monitor.report import STATUS_FILE, is_alive
from monitor.shadow.facts import facts_from_tree
from monitor.sign_of_life import why_silent


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--config", type=Path, help="the daemon's configuration, for its state_dir")
    parser.add_argument("--state-dir", type=Path, help="default: the configuration's, else ./state")
    parser.add_argument("--json", action="store_true", help="print the file as it is")


def run(arguments: argparse.Namespace) -> int:
    """Print how the daemon is; as systemctl does: 0 it runs, 3 it does not, 4 it runs and cannot say how."""
    state_dir = state_dir_of(arguments)
    path = state_dir / STATUS_FILE
    try:
        text = path.read_text(encoding="utf-8")
        tree: dict[str, Any] = json.loads(text)
    except FileNotFoundError:
        print(f"no daemon has run here: {path} is missing; start one, or name its folder with --state-dir")
        return 3
    except (OSError, ValueError) as error:
        raise StoreError(f"{path}: cannot be read ({error}); is this the daemon's state_dir?") from error
    alive, silent = is_alive(tree), why_silent(tree, state_dir)
    state = f"running, pid {tree['box']['pid']}" if alive else _not_alive(tree, silent)
    print(text if arguments.json else "\n".join(_lines(tree, state, alive=alive)))
    return 0 if alive else 3 if silent is None else 4


def state_dir_of(arguments: argparse.Namespace) -> Path:
    """Return the folder that --state-dir or --config names, else the default one."""
    if arguments.state_dir is not None:
        return Path(arguments.state_dir)
    return load_config(arguments.config).state_dir if arguments.config else default_state_dir()


def _not_alive(tree: dict[str, Any], silent: tuple[str, str] | None) -> str:
    if silent is not None:
        return "; ".join(silent)
    return f"NOT running; last sign of life {time.time() - float(tree['updated_utc_s']):.0f} s ago"


def _lines(tree: dict[str, Any], state: str, *, alive: bool) -> list[str]:
    box = tree["box"]
    lines = [f"wheeltapper {box['version']}: {state}"]
    if not alive:
        lines.append("what it said last, not how things are now:")
    lines.append(f"  {tree['line']}")
    lines.append(f"  broker: {box['broker']}{': ' + box['broker_error'] if box['broker_error'] else ''}")
    sparkplug = box.get("sparkplug", "off")  # a status that an earlier version wrote has none
    if sparkplug != "off":
        lines.append(f"  sparkplug: {': '.join(filter(None, (sparkplug, box['sparkplug_error'])))}")
    lines += [f"  {key}: {box[key]}" for key in ("store_error", "clips_error") if box[key]]
    if "retention" in box:
        lines.append(f"  retention: {box['retention']['line']}")
    lines += [f"  {name.replace('_', ' ')}: {count}" for name, count in box["counts"].items() if count]
    for source in tree["sources"]:
        lines += _source_lines(source)
    return [*lines, *_fallback_lines(tree["sources"])]


def _fallback_lines(sources: Iterable[dict[str, Any]]) -> list[str]:
    """Return why no better backend answers: once, for it is usually so of all sources."""
    told: dict[str, list[str]] = {}
    for source in sources:
        if source.get("fallback"):
            told.setdefault(source["fallback"], []).append(source["capture"]["source_id"])
    return [f"no better backend for {', '.join(names)}: {why}" for why, names in told.items()]


def _machine_lines(machine: dict[str, Any] | None) -> list[str]:
    if machine is None:
        return []
    lines = [f"  machine off: {machine['off']['reason']}"] if machine["off"] else []
    missing = machine["signal_missing"]
    return [*lines, f"  counts as running, its signal is missing: {missing}"] if missing else lines


def _drift_lines(source: dict[str, Any]) -> list[str]:
    """Return what is to be done about normal sound; nothing while it is as it was."""
    drift, source_id = source.get("drift"), source["capture"]["source_id"]
    if drift is None:
        return []
    if drift["state"] == DriftState.DRIFTING.value:
        what = (
            "another limit is proposed" if drift["proposal"] else f"no limit is proposed: {drift['withheld']}"
        )
        return [f"  {drift['words']}", f"  {what}; wheeltapper drift {source_id}", *_steps(drift)]
    if drift["evidence_old"]:
        age = f"  its limit is {drift['evidence_age_days']:.0f} days old (drift.evidence_max_days)"
        return [age, *_steps(drift)]
    return _steps(drift)


def _steps(drift: dict[str, Any]) -> list[str]:
    if not drift.get("limit_steps"):  # none were accepted, or an earlier version wrote it
        return []
    return [f"  {steps_words(drift['limit_steps'], drift['limit_of_first'])}"]


def _judge(source: dict[str, Any]) -> str:
    if source["bundle_id"] is None:
        return "not judged: no bundle is live yet; wheeltapper doctor says what to do"
    return f"{source['bundle_id']} on {source['backend']}"


def _source_lines(source: dict[str, Any]) -> list[str]:
    capture = source["capture"]
    value = "not judged" if source["value"] is None else f"{source['value']:.2f} of the limit"
    quality = source["quality"] or "not heard yet"
    level = "" if source["level_dbfs"] is None else f", {source['level_dbfs']:.0f} dBFS"
    reason = f" ({capture['reason']})" if capture["reason"] else ""
    uncertain = ", uncertain" if source.get("uncertain") else ""
    lines = [
        f"{capture['source_id']}: {capture['state']}{reason}",
        f"  alarm {source['alarm']}{uncertain}; last score {value}; input {quality}{level}",
        f"  {capture['device']}; {_judge(source)}",
    ]
    if source.get("knows_another"):  # a status that an earlier version wrote has none, nor `machine`
        lines.append(f"  its bundle {NOT_THIS_MACHINE}; {REMEDY}")
    lines += _machine_lines(source.get("machine"))
    lines += _drift_lines(source)
    if source.get("shadow") is not None:
        lines.append(f"  {facts_from_tree(source['shadow']).line}")
    limits = source.get("limits")
    if limits and limits["set_by"] is not None:
        lines.append(
            f"  limits set by {limits['set_by']}: alarm {limits['limit']:g}, warning "
            f"{limits['warning_value']:g}, deadband {limits['deadband']:g}, delays "
            f"{limits['on_delay_s']:g} s on, {limits['off_delay_s']:g} s off"
        )
    ledger = source["ledger"]
    if ledger:
        lines.append("  samples: " + ", ".join(f"{name} {count}" for name, count in ledger.items()))
    if source.get("stands_still"):
        lines.append("  the engine does not come back: the state of its alarm is not to be believed")
    elif not source.get("keeps_up", True):
        lately = source.get("lately", {})
        lines.append(
            f"  can't keep up: {lately.get('dropped', 0)} of {lately.get('windows', 0)} windows of the last "
            "minute dropped, so its alarm is uncertain"
        )
    if source["dropped_windows"]:
        lines.append(f"  {source['dropped_windows']} windows dropped since the start")
    return lines
