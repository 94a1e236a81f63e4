"""`wheeltapper doctor`: everything that a support call would ask, and what to do about it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from monitor.config import load_config
from monitor.doctor.examination import examine, lines_of, status_in
from monitor.doctor.finding import Finding, Patient, Verdict
from monitor.doctor.support import write_support_bundle


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="default: ./config.yaml")
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE.tar.gz",
        help="also write what support needs: no sound, no secrets, no names of people",
    )


def run(arguments: argparse.Namespace) -> int:
    """Look at everything and go on after a fault; 0 when there is no fault, 1 when there is one.

    A configuration that is not valid ends it with 2 and every problem: nothing else can be looked at.
    """
    config = load_config(arguments.config)
    patient = Patient(arguments.config, config, status_in(config.state_dir))
    findings: list[Finding] = []
    for finding in examine(patient):
        findings.append(finding)
        if not arguments.json:
            print(lines_of(finding), flush=True)
    faults = [finding for finding in findings if finding.verdict is Verdict.FAULT]
    warnings = [finding for finding in findings if finding.verdict is Verdict.WARNING]
    if arguments.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        print(f"{len(findings)} findings: {len(faults)} faults, {len(warnings)} warnings")
    if arguments.bundle is not None:
        names = write_support_bundle(patient, findings, arguments.bundle)
        if not arguments.json:
            print(f"{arguments.bundle}: {', '.join(names)}; look through it before you send it")
    return 1 if faults else 0
