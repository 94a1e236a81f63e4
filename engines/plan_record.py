"""What a plan depends on, and what is kept beside it: its key, and the record in its sidecar."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from engines.bundle import OUTPUT_NAMES
from engines.golden import OutputParity


@dataclass(frozen=True, slots=True)
class PlanKey:
    """All that a plan depends on. Two equal keys may share a plan, any other two may not."""

    onnx_sha256: str
    """Of the ONNX file."""
    flavour: str
    """`tensorrt` or `tensorrt-rtx`."""
    version: str
    """The compiler's, in full."""
    gpu_name: str
    """As CUDA calls it."""
    compute_capability: str
    """`8.7` and the like."""
    precision: str
    """`fp32` or `fp16`."""
    min_batch: int
    """Fewest windows in one call."""
    opt_batch: int
    """Windows in one call that the plan is tuned for."""
    max_batch: int
    """Most windows in one call."""
    recipe: int = 0
    """How our own code had the compiler build; see engines.tensorrt.plan. Old sidecars have none: 0."""

    @property
    def stem(self) -> str:
        """The name of the plan's files, without suffix. Recipe 0 does not count: the first plans had none."""
        fields = {name: value for name, value in asdict(self).items() if (name, value) != ("recipe", 0)}
        text = json.dumps(fields, sort_keys=True)
        return f"{self.onnx_sha256[:12]}-{self.precision}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"

    @property
    def timing_name(self) -> str:
        """The name of the timing cache: of one compiler on one GPU, for all models."""
        where = f"{self.flavour}-{self.version}-{self.gpu_name}-{self.compute_capability}"
        return f"timing-{re.sub(r'[^A-Za-z0-9.-]+', '_', where)}.cache"


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """What stands in a plan's sidecar."""

    key: PlanKey
    """What the plan was made for."""
    bundle_id: str
    """The bundle that it was made for, for readers."""
    sha256: str
    """Of the plan file; hexadecimal."""
    size_bytes: int
    """Of the plan file."""
    built_utc_s: float
    """When it was finished."""
    build_s: float
    """How long the compiler took."""
    tolerance: Mapping[str, float]
    """Largest relative difference that was allowed on the golden windows, by output."""
    parity: tuple[OutputParity, ...]
    """How far it strayed from what training saw."""
    quarantined: str = ""
    """Why it must not be used; empty: it may."""

    @classmethod
    def of_plan(
        cls, key: PlanKey, plan: bytes, *, bundle_id: str, build_s: float, tolerance: Mapping[str, float]
    ) -> PlanRecord:
        """Return the record of a plan that has just been built and not been compared yet."""
        digest = hashlib.sha256(plan).hexdigest()
        return cls(key, bundle_id, digest, len(plan), time.time(), build_s, tolerance, ())

    def with_parity(self, parity: tuple[OutputParity, ...]) -> PlanRecord:
        """Return the record with what was found on the golden windows."""
        return replace(self, parity=parity)


def text_of_record(record: PlanRecord) -> str:
    """Return a sidecar's text."""
    return json.dumps(asdict(record), indent=1, sort_keys=True) + "\n"


def record_from_file(path: Path) -> PlanRecord:
    """Read a sidecar; in old ones the tolerance is one for all outputs.

    Raises:
        OSError: It cannot be read.
        ValueError: It is not a PlanRecord.
    """
    tree: Any = json.loads(path.read_text(encoding="utf-8"))
    try:
        rows = tuple(OutputParity(**row) for row in tree["parity"])
        tolerance = tree["tolerance"]
        if isinstance(tolerance, float):
            tolerance = dict.fromkeys(OUTPUT_NAMES, tolerance)
        key = PlanKey(**tree["key"])
        return PlanRecord(**{**tree, "key": key, "parity": rows, "tolerance": tolerance})
    except (KeyError, TypeError) as error:
        raise ValueError(f"not the record of a plan: {error!r}") from error
