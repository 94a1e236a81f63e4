"""The order in which a box is looked at, and how the findings are told."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from engines.errors import CodedError
from monitor.doctor.box import check_clock, check_heat, check_user, check_versions
from monitor.doctor.daemon import check_daemon, check_report
from monitor.doctor.disk import check_free_space, check_state_dir, check_store
from monitor.doctor.drift import check_drift
from monitor.doctor.finding import Check, Finding, Patient, Verdict, fault_from_error
from monitor.doctor.models import check_bundles, check_calibrations, check_engines
from monitor.doctor.network import check_broker, check_metrics, check_replay
from monitor.doctor.privacy import check_privacy
from monitor.doctor.settings import check_config_file
from monitor.doctor.shadow import check_candidates
from monitor.doctor.sound import check_devices, check_sources
from monitor.redaction import redactor_of
from monitor.report import STATUS_FILE

CHECKS: tuple[tuple[str, Check], ...] = (
    ("versions", check_versions),
    ("user", check_user),
    ("configuration", check_config_file),
    ("daemon", check_daemon),
    ("report", check_report),
    ("state directory", check_state_dir),
    ("free space", check_free_space),
    ("store", check_store),
    ("clock", check_clock),
    ("temperature", check_heat),
    ("devices", check_devices),
    ("sources", check_sources),
    ("bundles", check_bundles),
    ("calibrations", check_calibrations),
    ("engines", check_engines),
    ("normal sound", check_drift),
    ("candidates", check_candidates),
    ("privacy", check_privacy),
    ("broker", check_broker),
    ("page", check_replay),
    ("metrics", check_metrics),
)
"""What is quick and explains most comes first."""
WIDTH = 8


def examine(patient: Patient, checks: Sequence[tuple[str, Check]] = CHECKS) -> Iterator[Finding]:
    """Yield what each check finds, without secrets; one that fails is a finding, and the next goes on."""
    redactor = redactor_of(patient.config)
    for name, check in checks:
        try:
            for finding in check(patient):
                yield replace(finding, said=redactor.text(finding.said), remedy=redactor.text(finding.remedy))
        except CodedError as error:
            found = fault_from_error(name, error)
            yield replace(found, said=redactor.text(found.said), remedy=redactor.text(found.remedy))
        except OSError as error:
            yield Finding(
                name, Verdict.FAULT, redactor.text(str(error)), "ask as the daemon's user, or as root"
            )


def status_in(state_dir: Path) -> Mapping[str, Any] | None:
    """Return the daemon's last report; None: there is none that can be read."""
    try:
        tree = json.loads((state_dir / STATUS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return tree if isinstance(tree, dict) else None


def lines_of(finding: Finding) -> str:
    """Return a finding as it is printed."""
    mark = finding.verdict.value if finding.verdict is Verdict.OK else finding.verdict.value.upper()
    line = f"{mark:<{WIDTH}} {finding.name}: {finding.said}"
    return f"{line}\n{'':<{WIDTH}} -> {finding.remedy}" if finding.remedy else line
