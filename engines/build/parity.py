"""Compares any engine of a bundle with the bundle's golden windows.

python -m engines.build.parity BUNDLE [BACKEND]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from engines.bundle import open_bundle
from engines.golden import OutputParity, compare_outputs, read_golden
from engines.runtime import open_engine


def parity_of_bundle(folder: Path, backend: str = "onnxruntime") -> tuple[str, tuple[OutputParity, ...]]:
    """Return which backend answered and how far each output strays; judges nothing.

    Not `auto` unless asked for: that would measure whichever engine this machine happens to have.

    Raises:
        BundleError: The bundle cannot be opened or has no golden windows.
        EngineError: The backend cannot run here.
    """
    bundle = open_bundle(folder)
    golden = read_golden(bundle)
    engine = open_engine(bundle, backend=backend)
    try:
        found = engine.infer(golden.logmel)
    finally:
        engine.close()
    return engine.backend, compare_outputs(golden.expected, found)


def table_from_parity(parity: Sequence[OutputParity]) -> str:
    """Return the rows as text, one output a line."""
    lines = [f"{'output':<16}{'max absolute':>14}{'max relative':>14}"]
    lines += [f"{row.output:<16}{row.max_absolute:>14.2e}{row.max_relative:>14.2e}" for row in parity]
    return "\n".join(lines)


if __name__ == "__main__":
    answering, rows = parity_of_bundle(Path(sys.argv[1]), *sys.argv[2:3])
    sys.stdout.write(f"{answering}\n{table_from_parity(rows)}\n")
