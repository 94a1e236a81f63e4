"""How often the fault that an event "sounds like" is the right one: simulated faults, and sounds on flights.

    python tests/bench/sounds_like.py pump
    python tests/bench/sounds_like.py flights STREAMS BUNDLE

Each event is described by its worst window, as the page does, and named by all others but it. `pump`: every
kind of the simulated machine's faults with SEEDS seeds, heard by the embedded bundle. `flights`: the events
of the shared bench's streams whose kind occurs twice or more. Said is how often anything is named; right, of
what is said; chance draws another event at random; the commonest names the commonest kind always.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.bundle import open_bundle
from engines.runtime import open_engine
from monitor.config import FaultConfig, InputQualityConfig, SimulatedSource, WindowConfig
from monitor.config.sources import FaultKind
from monitor.frontend import StreamFrontend
from monitor.listening import DEMO_BUNDLE, BlockWindows, inferences_from_logmels, open_ear
from monitor.messages import Float32, Quality
from monitor.recordings import inferences_of_file
from monitor.replay.kept.similar import description_of_map
from monitor.replay.kept.sounds_like import NamedEvent, sounds_like
from training.evaluation.truth import events_of_truth
from training.sound import blocks_of_recording, recording_of_machine

SEEDS = 5
FAULT_START_S, FAULT_S, AFTER_S = 3.0, 6.0, 1.0


@dataclass(frozen=True)
class Described:
    """An event."""

    kind: str
    description: Float32


def main() -> None:
    """Measure, and print one line."""
    if sys.argv[1] == "pump":
        events = list(events_of_pump())
    else:
        events = list(events_of_flights(Path(sys.argv[2]), Path(sys.argv[3])))
    common = Counter(event.kind for event in events)
    events = [event for event in events if common[event.kind] > 1]
    said = right = nearest = 0
    for one in events:
        others = [other for other in events if other is not one]
        named = [
            NamedEvent(str(n), other.kind, 0.0, float(np.clip(one.description @ other.description, 0.0, 1.0)))
            for n, other in enumerate(others)
        ]
        found = sounds_like(named)
        said += found is not None
        right += found is not None and found.fault_code == one.kind
        nearest += max(named, key=lambda event: event.similarity).fault_code == one.kind
    count = len(events)
    kinds = Counter(event.kind for event in events)
    chance = sum((n / count) * (n - 1) / (count - 1) for n in kinds.values())
    sys.stdout.write(
        f"{count} events of {len(kinds)} kinds: said of {said / count:.0%}, right {right / max(said, 1):.0%}"
        f"; the nearest alone {nearest / count:.0%}; chance {chance:.0%}, "
        f"the commonest kind {max(kinds.values()) / count:.0%}\n"
    )


def events_of_pump() -> Iterator[Described]:
    """Yield an event for each fault and seed; one that no window could be judged of is left out."""
    ear = open_ear(DEMO_BUNDLE, WindowConfig(), InputQualityConfig())
    engine = open_engine(ear.bundle, threads=1)
    for kind in FaultKind.__args__:  # type: ignore[attr-defined]
        for seed in range(SEEDS):
            fault = FaultConfig.model_validate(
                {"kind": kind, "start_s": FAULT_START_S, "duration_s": FAULT_S, "severity": 1.0}
            )
            source = SimulatedSource(
                id="pump",
                kind="simulated",
                seed=seed,
                pace="fast",
                duration_s=FAULT_START_S + FAULT_S + AFTER_S,
                faults=(fault,),
            )
            windows, frontend = BlockWindows("pump", ear), StreamFrontend(ear.frontend)
            heard = [
                frontend.logmel_from_window(window)
                for block in blocks_of_recording(recording_of_machine(source))
                for window in windows.add(block)
                if window.span.quality is Quality.OK
            ]
            answers = inferences_from_logmels(engine, heard) if heard else []
            if answers:
                worst = max(answers, key=lambda answer: answer.raw)
                yield Described(kind, description_of_map(worst.error_map))


def events_of_flights(streams: Path, folder: Path) -> Iterator[Described]:
    """Yield the events of labelled streams by their worst windows."""
    ear = open_ear(folder, WindowConfig(), InputQualityConfig())
    engine = open_engine(open_bundle(folder), threads=1)
    for name, events in events_of_truth(streams / "truth.csv").items():
        found = [(span, answer) for span, answer in inferences_of_file(streams / name, ear, engine) if answer]
        for event in events:
            over = [a for span, a in found if span.start_s < event.offset_s and span.end_s > event.onset_s]
            if over:
                worst = max(over, key=lambda answer: answer.raw)
                yield Described(event.kind, description_of_map(worst.error_map))


if __name__ == "__main__":
    main()
