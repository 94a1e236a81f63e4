"""Where promtool is, and the names of metrics in a PromQL expression."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMTOOL = ROOT / ".venv" / "promtool" / "promtool"
needs_promtool = pytest.mark.skipif(
    not PROMTOOL.is_file(), reason="promtool is not here; scripts/unpack_promtool.sh gets it"
)
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAME = re.compile(r"\b((?:wheeltapper|process)_[a-z0-9_]+)\b")


def metric_names(expression: str) -> set[str]:
    """Return the metrics of ours that a PromQL expression names; what stands in quotes is no name."""
    return set(_NAME.findall(_QUOTED.sub('""', expression)))
