"""A source with two versions of its bundle, another with one, and weeks in which normal sound has moved."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from drift_days import begin_with_days
from fixtures_live import DEMO, copy_bundle

from engines.bundle import open_bundle
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.calibration import load_calibration

# at the rate that the demo was made from: at another one it alarms, and no limit may be proposed then
MANAGED: dict[str, Any] = {
    "id": "pump-2",
    "kind": "simulated",
    "machine": "pump",
    "seed": 2,
    "sample_rate_hz": 48_000,
    "bundle": "managed",
}
NAMED: dict[str, Any] = {
    "id": "pump-3",
    "kind": "simulated",
    "machine": "pump",
    "sample_rate_hz": 48_000,
    "bundle": str(DEMO / "ae"),
}


def begin_with_versions(state_dir: Path, folder: Path) -> None:
    """Have the demo's AE judge MANAGED, with its MAE as the candidate; `folder` is for copies.

    The normal sound of NAMED has moved, too.
    """
    library, now_utc_s = Library(state_dir, MANAGED["id"]), time.time()
    library.install(_unsealed(folder / "ae"), By("ada", "terminal", now_utc_s, "v1"))
    library.promote(By("ada", "terminal", now_utc_s, "v2"))
    library.install(DEMO / "mae", By("ada", "terminal", now_utc_s, "v3"))
    bundle = open_bundle(DEMO / "ae")
    calibration = load_calibration(bundle.calibration_path, bundle_id=bundle.bundle_id)
    begin_with_days(state_dir, [MANAGED["id"], NAMED["id"]], calibration)


def _unsealed(folder: Path) -> Path:
    """Copy the demo's AE; its calibration lies beside it and is not sealed, as that of a learned bundle."""
    manifest = copy_bundle(DEMO / "ae", folder) / "manifest.json"
    tree = json.loads(manifest.read_text())
    del tree["files"]["calibration.json"]
    manifest.write_text(json.dumps(tree))
    return folder
