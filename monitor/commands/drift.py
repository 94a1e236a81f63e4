"""`wheeltapper drift SOURCE`: whether its normal sound has moved, and which limit is proposed to it.

Reads what the daemon has stored; the daemon need not run.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import closing
from dataclasses import asdict
from typing import Any

from monitor.bundles.choice import folder_to_open
from monitor.bundles.trail import calibration_digest
from monitor.calibration import Calibration
from monitor.clock import CLOCK_SET_UTC_S
from monitor.commands.bundle_versions import add_source_arguments, config_of
from monitor.config import Config, SourceConfig
from monitor.drift.chain_file import chain_of
from monitor.drift.declining import declined_words
from monitor.drift.examiner import asked_of
from monitor.drift.judgement import Case, Judgement, judged
from monitor.drift.likeness import DAY_S
from monitor.drift.period import period_of
from monitor.drift.place import proposal_path
from monitor.drift.proposal import Proposal, proposal_from
from monitor.drift.scale import unit_of
from monitor.drift.tally import group_edges_hz
from monitor.drift.words import age_words, judgement_words, proposal_words, steps_words
from monitor.frontend import band_edges_hz
from monitor.listening import open_ear
from monitor.machine import calibration_of
from monitor.store import Store, open_store
from monitor.store.declined import Declined, declined_of
from monitor.store.drift import periods_of, proposal_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    add_source_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print all figures as one JSON document")


def run(arguments: argparse.Namespace) -> int:
    """Print what is known; 0 whatever that is."""
    config = config_of(arguments)
    source = next(one for one in config.sources if one.id == arguments.source)
    with closing(open_store(config.state_dir, read_only=True)) as store:
        judgement, calibration = _judgement(store, config, source)
        row, declined = proposal_of(store.database, source.id), declined_of(store.database, source.id)
    proposal = None if row is None else proposal_from(row)
    if proposal is not None and not proposal.basis.endswith(f"/{calibration_digest(calibration)}"):
        proposal = None  # it was for the limit before
    if declined is not None and not declined.basis.endswith(f"/{calibration_digest(calibration)}"):
        declined = None
    if arguments.json:
        print(json.dumps(_tree(judgement, calibration, proposal, declined)))
        return 0
    budget = config.alarm_for(source).false_alarms_per_week
    scale = unit_of(calibration).size_raw / (calibration.limit_raw(budget) - calibration.centre)
    lines = _lines(config, source, judgement_words(judgement, scale), calibration)
    print("\n".join([*lines, *_proposed_lines(config, source.id, proposal, declined)]))
    return 0


def _judgement(store: Store, config: Config, source: SourceConfig) -> tuple[Judgement, Calibration]:
    ear = open_ear(folder_to_open(source, config), config.window, config.input_quality)
    calibration = calibration_of(source, ear, config)
    basis = f"{ear.bundle.bundle_id}/{calibration_digest(calibration)}"
    periods = [
        period_of(row.start_utc_s, row.span_s, row.body)
        for row in periods_of(store.database, source.id, basis)
    ]
    edges_hz = group_edges_hz(band_edges_hz(ear.frontend.parameters))
    judgement = judged(Case(periods, calibration, asked_of(config), time.time(), edges_hz))
    return judgement, calibration


def _lines(config: Config, source: SourceConfig, words: str, calibration: Calibration) -> list[str]:
    dated = calibration.fitted_utc_s >= CLOCK_SET_UTC_S
    age_days = (time.time() - calibration.fitted_utc_s) / DAY_S if dated else None
    old = age_days is not None and age_days > config.drift.evidence_max_days
    lines = [f"{source.id}: {words}", f"  {age_words(age_days, calibration.exposure_h, old=old)}"]
    chain = chain_of(config.state_dir, source.id, calibration)
    if chain.steps:
        budget = config.alarm_for(source).false_alarms_per_week
        lines.append(f"  {steps_words(len(chain.steps), chain.limit_of(calibration, budget))}")
    return lines


def _proposed_lines(
    config: Config, source_id: str, proposal: Proposal | None, declined: Declined | None
) -> list[str]:
    past = [] if declined is None else [f"  {declined_words(declined)}"]
    if proposal is None:
        return ["  no other limit is proposed", *past]
    return [
        *past,
        f"proposal {proposal.id}:",
        *(f"  {sentence}" for sentence in proposal_words(proposal)[1:]),  # the first one stands above
        f"  as a file, to be signed where keys are asked for: {proposal_path(config.state_dir, source_id)}",
        f"It judges nothing until: wheeltapper recalibrate {source_id} {proposal.id}",
        f'If it is not to be: wheeltapper recalibrate {source_id} {proposal.id} --decline --note "why"',
    ]


def _tree(
    judgement: Judgement, calibration: Calibration, proposal: Proposal | None, declined: Declined | None
) -> dict[str, Any]:
    tree = None
    if proposal is not None:
        tree = {"id": proposal.id, **asdict(proposal)}
        del tree["calibration"]
    return {
        "judgement": asdict(judgement),
        "fitted_utc_s": calibration.fitted_utc_s,
        "fitted_hours": calibration.exposure_h,
        "proposal": tree,
        "declined": None if declined is None else asdict(declined),
    }
