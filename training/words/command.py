"""`python -m training.words`: measures the words and writes what it found into docs/words.md."""

from __future__ import annotations

import argparse
import copy
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.runtime import open_engine
from monitor.describe import Describer
from training.errors import TrainingError
from training.words.cases import Heard, Hearing, Stream
from training.words.judge import Judged, describer_of, judge_stream
from training.words.mixed import mixed_streams, normal_sound
from training.words.report import markdown_of_parts
from training.words.simulated import simulated_streams

BEGIN, END = "<!-- measured: python -m training.words -->\n", "<!-- end of what was measured -->\n"


@dataclass(frozen=True, slots=True)
class Split:
    """Which days, recordings and events one half of the measurement has."""

    seeds: range
    """Days of the simulated machines."""
    role: str
    """Recordings of ../shared/data, by their role; those of role `train` are heard before."""
    seed: int
    """Of the sounds that are mixed in."""
    repeats: int
    """Times that each recording serves, each time with other sounds."""


SPLITS = {
    "development": Split(range(201, 203), "calibrate", seed=5, repeats=6),
    "test": Split(range(301, 304), "test", seed=6, repeats=6),
}
"""Thresholds were chosen on the first; the second is what is reported."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m training.words", description=__doc__)
    parser.add_argument("--shared", type=Path, help="folder with data/; without it simulated faults only")
    parser.add_argument("--out", type=Path, help="file whose measured part is replaced; default: print")
    parser.add_argument("--split", choices=sorted(SPLITS), default="test")
    options = parser.parse_args(arguments)
    split = SPLITS[options.split]
    bundle = Hearing(None, None).ear.bundle
    engine = open_engine(bundle)
    known = Hearing(None, engine)
    parts = {"Simulated faults": _judged(simulated_streams(known, split.seeds), known, {})}
    engine.close()
    if options.shared is not None:
        unknown = Hearing(None, None)
        streams = mixed_streams(unknown, options.shared, split.role, seed=split.seed, repeats=split.repeats)
        before = normal_sound(unknown, options.shared)
        parts["Sounds in real recordings"] = _judged(streams, unknown, before)
    text = markdown_of_parts(parts)
    if options.out is None:
        sys.stdout.write(text)
    else:
        _replace(options.out, text)
    return 0


def _judged(
    streams: Iterable[Stream], hearing: Hearing, before: Mapping[str, Sequence[Heard]]
) -> list[Judged]:
    describers: dict[str, Describer] = {}
    out: list[Judged] = []
    for stream in streams:
        if stream.machine not in describers:
            describers[stream.machine] = describer_of(hearing, before.get(stream.machine, ()))
        fresh = copy.deepcopy(describers[stream.machine])
        out += judge_stream(stream, fresh, hearing.ear.frontend.parameters)
    return out


def _replace(path: Path, text: str) -> None:
    """Replace what stands between the two marks of a document.

    Raises:
        TrainingError: The marks are not there.
    """
    document = path.read_text(encoding="utf-8") if path.is_file() else ""
    head, begin, rest = document.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise TrainingError(f"{path}: lacks the lines {BEGIN.strip()!r} and {END.strip()!r}; add them")
    part = path.with_name(path.name + ".part")
    part.write_text(f"{head}{begin}\n{text}\n{end}{tail}", encoding="utf-8")
    part.replace(path)
