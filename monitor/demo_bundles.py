"""The bundles that come with the software: they know the simulated pump, and no machine besides."""

from __future__ import annotations

import functools
from pathlib import Path

from engines import bundle
from monitor.config import SimulatedSource, SourceConfig

FOLDER = Path(bundle.__file__).parent / "demo"
NOT_THIS_MACHINE = "knows only the simulated pump, not this machine"
"""What is said of such a bundle that judges something else."""
REMEDY = "learn this machine's own sound: on the page (Learn), or wheeltapper learn (docs/commissioning.md)"


def knows_another(bundle_id: str | None, source: SourceConfig) -> bool:
    """Whether a source that is no simulated machine is judged by a bundle of the simulated pump."""
    return bundle_id in _ids() and not isinstance(source, SimulatedSource)


@functools.cache
def _ids() -> frozenset[str]:
    return frozenset(bundle.read_manifest(folder).bundle_id for folder in FOLDER.iterdir() if folder.is_dir())
