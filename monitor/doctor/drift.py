"""Normal sound that has moved since a limit was made, as the daemon tells it."""

from __future__ import annotations

from collections.abc import Iterator

from monitor.doctor.finding import Finding, Patient, ok, warning
from monitor.drift.judgement import DriftState
from monitor.report import is_alive


def check_drift(patient: Patient) -> Iterator[Finding]:
    """Say of each source whether its normal sound is as it was."""
    status = patient.status
    if status is None or not is_alive(status):
        return
    for source in status["sources"]:
        drift = source.get("drift")  # a report of an earlier version has none
        if drift is None:
            continue
        source_id = source["capture"]["source_id"]
        name = f"normal sound of {source_id}"
        if drift["state"] != DriftState.DRIFTING.value:
            yield ok(name, drift["words"])
        elif drift["proposal"] is not None:
            yield warning(
                name,
                drift["words"],
                f"hear the machine; then `wheeltapper drift {source_id}` and `wheeltapper recalibrate "
                f'{source_id} {drift["proposal"]}`; with `--decline --note "..."` where the machine is '
                "not well (docs/drift.md)",
            )
        elif drift.get("declined_by"):  # a report of an earlier version has none
            yield warning(
                name,
                f"{drift['words']}; {drift['withheld']}",
                "see to the machine, as whoever declined it says (docs/drift.md)",
            )
        else:
            yield warning(
                name,
                f"{drift['words']}; no limit is proposed: {drift['withheld']}",
                "hear the machine, and label its events (docs/drift.md)",
            )
