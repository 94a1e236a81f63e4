"""Golden windows: what a bundle's model answered where it was made, to hold any engine against.

NumPy only, so that it runs on the box with whatever engine was built there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engines.bundle import GOLDEN, INPUT_NAME, OUTPUT_NAMES, Bundle
from engines.errors import BundleDamagedError, EngineParityError
from engines.runtime import Engine, EngineOutput, Float32

RELATIVE_LIMITS = {"fp32": 1e-3, "fp16": 5e-2}
"""By precision, where the manifest's `tolerance` has none. Export holds fp32 on its own machine to a tenth of
it; other processors sum in another order."""
SCORE_LIMIT = 0.1
"""Of a normal window's score, as a share of the scores' own standard deviation: alarms are made from them."""


@dataclass(frozen=True, slots=True)
class OutputParity:
    """How far one output strays from its reference."""

    output: str
    """One of OUTPUT_NAMES."""
    max_absolute: float
    """Largest difference, in the output's own units; infinite when an answer is not a number."""
    max_relative: float
    """The same divided by the root mean square of the reference, so that a bin near 0 cannot inflate it."""


@dataclass(frozen=True, slots=True)
class GoldenWindows:
    """A few windows with the outputs of the training framework."""

    logmel: Float32
    """Shape (n, mel, frames), log10, not standardised."""
    expected: EngineOutput
    """What the framework answered to `logmel`, window by window."""


def compare_outputs(expected: EngineOutput, found: EngineOutput) -> tuple[OutputParity, ...]:
    """Return one row for each output, in the order of OUTPUT_NAMES."""
    return tuple(
        _parity_of_output(name, getattr(expected, name), getattr(found, name)) for name in OUTPUT_NAMES
    )


def _parity_of_output(name: str, expected: Float32, found: Float32) -> OutputParity:
    difference = np.abs(found.astype(np.float64) - expected)
    worst = float(difference.max()) if np.isfinite(difference).all() else float("inf")
    return OutputParity(name, worst, worst / _scale(expected))


def _scale(values: NDArray[np.floating[Any]]) -> float:
    """Return the root mean square, above 0."""
    return max(float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))), 1e-12)


def parity_for_manifest(parity: Sequence[OutputParity], suffix: str = "") -> dict[str, float]:
    """Return the numbers under the names that they have in a manifest's `parity`."""
    absolute = {f"{row.output}_max_absolute{suffix}": row.max_absolute for row in parity}
    return absolute | {f"{row.output}_max_relative{suffix}": row.max_relative for row in parity}


def agrees(parity: Sequence[OutputParity], limits: Mapping[str, float]) -> bool:
    """Return whether no output's relative difference is above its limit."""
    return all(row.max_relative <= limits[row.output] for row in parity)


def require_parity(parity: Sequence[OutputParity], limits: Mapping[str, float] | float, who: str) -> None:
    """Refuse an engine that strays. `limits` has one for each output, or is one for all.

    Raises:
        EngineParityError: An output's relative difference is above its limit; the text has all numbers.
    """
    allowed = dict.fromkeys(OUTPUT_NAMES, limits) if isinstance(limits, float) else limits
    if agrees(parity, allowed):
        return
    numbers = ", ".join(f"{row.output} {row.max_relative:.2g}" for row in parity)
    same = len(set(allowed.values())) == 1
    named = {"": allowed[OUTPUT_NAMES[0]]} if same else {f"{name} ": most for name, most in allowed.items()}
    raise EngineParityError(
        f"{who} strays from what training saw: relative difference {numbers}, "
        f"allowed {', '.join(f'{name}{most:.2g}' for name, most in named.items())}; "
        "do not use it: export the bundle anew, or run it with another backend"
    )


def limits_of(bundle: Bundle, precision: str, golden: GoldenWindows) -> dict[str, float]:
    """Return the largest relative difference that each output may have on the bundle's golden windows.

    A tolerance that the manifest names holds for every output. Where it names none, the score may not move by
    more than SCORE_LIMIT of what it varies by, unless that is less than fp32 may stray.
    """
    named = bundle.manifest.tolerance.get(precision)
    limits = dict.fromkeys(OUTPUT_NAMES, RELATIVE_LIMITS[precision] if named is None else named)
    if named is None:
        score = golden.expected.score.astype(np.float64)
        of_spread = SCORE_LIMIT * float(np.std(score)) / _scale(score)
        limits["score"] = min(limits["score"], max(RELATIVE_LIMITS["fp32"], of_spread))
    return limits


def write_golden(path: Path, golden: GoldenWindows) -> None:
    """Write golden.npz; the same windows always give the same bytes."""
    expected = golden.expected
    np.savez_compressed(
        path,
        allow_pickle=False,
        logmel=golden.logmel,
        score=expected.score,
        error_map=expected.error_map,
        reconstruction=expected.reconstruction,
    )


def read_golden(bundle: Bundle) -> GoldenWindows:
    """Read a bundle's golden windows.

    Raises:
        BundleDamagedError: The bundle has none, or the file is not readable.
    """
    path = bundle.folder / GOLDEN
    try:
        with np.load(path, allow_pickle=False) as arrays:
            outputs = EngineOutput(*(arrays[name] for name in OUTPUT_NAMES))
            return GoldenWindows(arrays[INPUT_NAME], outputs)
    except (OSError, KeyError, ValueError) as error:
        raise BundleDamagedError(
            f"{path}: no golden windows can be read ({error}); export the bundle anew"
        ) from error


def check_golden(engine: Engine, *, limit: float | None = None) -> tuple[OutputParity, ...]:
    """Run an engine on its bundle's golden windows and return how far it strays.

    `limit`, of every output, is what limits_of says of the engine's precision unless given.

    Raises:
        EngineParityError: It strays further than `limit`, relative.
        BundleDamagedError: The bundle has no golden windows.
    """
    golden = read_golden(engine.bundle)
    parity = compare_outputs(golden.expected, engine.infer(golden.logmel))
    allowed = limits_of(engine.bundle, engine.precision, golden) if limit is None else limit
    require_parity(parity, allowed, f"{engine.backend} on {engine.bundle.bundle_id}")
    return parity
