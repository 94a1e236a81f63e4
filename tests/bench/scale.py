"""How many sources one core carries, what an hour of sound costs, and how late a score is: `make bench`.

    make bench                                          (six to seven minutes; --smoke: some seconds)
    make bench BENCH="--write docs/bench.md"
    make bench BENCH="--peers-python VENV/bin/python"   which has audio-anomaly, pyod and librosa

Measured on this machine, in one run:

    carried           the largest crowd of 16 kHz sources that one core judged, no window lost (crowd.py)
    crowd             CPU of the whole daemon with 32 sources, stretch by stretch, per hour of sound;
                      short_blocks: the same with a microphone's default of 100 ms a block
    bare              the same FFTs and engine calls in a loop (bare.py), before, between and after the crowds
    peers             audio-anomaly, pyod's AudioAE, a torch + torchaudio loop of the same nets (peer_loop.py)
    microphone        one source: latency to an MQTT subscriber, start to READY, memory (daemon.py)

Everything but the microphone is CPU time, pinned to the last core, so that what else runs matters little; the
load average stands beside it all the same. The last line is one JSON document.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bare import BareLoop
from bench_report import KINDS, box, goals, lines_of, write_page
from crowd import Crowd, last_core, most_carried, run_crowd, write_sound
from daemon import measure
from fixtures_daemon import ROOT

PEERS = ("torch-ae", "torch-mae", "audio-anomaly", "pyod-audio-ae")
SHORT_BLOCK_MS = 100.0
"""A microphone's default, for a score that comes sooner."""
SEARCH_SETTLE_S = 4.0
"""Of the crowds that are tried: describers that learn only make it harder to keep up."""
PEER_TIMEOUT_S = 120.0
"""pyod alone takes half a minute to import."""


@dataclass(frozen=True, slots=True)
class Effort:
    """What is measured, and for how long."""

    kinds: tuple[str, ...]
    """Of the demo bundles."""
    sources: int
    """In the crowd whose CPU is measured."""
    block_ms: float
    """Of its sources."""
    settle_s: float
    stretches: int
    stretch_s: float
    search_from: float
    """The search begins at this share of the extrapolated crowd."""
    trials: int
    """Crowds that the search may try, for each kind."""
    trial_s: float
    bare_windows: int
    """In each of the repetitions of the bare loop."""
    peer_s: float
    """CPU seconds of each repetition of a peer; 0: no peers."""
    microphone_s: float
    microphone_warm_up_s: float
    sound_s: int
    """Of the pump that every source plays, again and again."""


WHOLE = Effort(KINDS, 32, 250.0, 14.0, 3, 8.0, 0.85, 4, 7.0, 400, 1.5, 30.0, 8.0, 60)
SMOKE = Effort(("ae",), 2, 250.0, 1.0, 1, 2.0, 0.01, 0, 0.0, 5, 0.0, 1.3, 1.3, 5)


def run(effort: Effort, folder: Path, peers_python: str) -> dict[str, Any]:
    """Measure everything and return the figures."""
    core, load = last_core(), os.getloadavg()[0]
    sound = write_sound(folder, effort.sound_s)
    bare = {kind: BareLoop(ROOT / "engines" / "demo" / kind, sound, core) for kind in effort.kinds}
    result: dict[str, Any] = {"box": box(), "crowd": {}, "carried": {}, "bare": {}, "ratio_to_bare": {}}
    for kind, loop in bare.items():
        crowd = Crowd(kind, sound, effort.sources, effort.block_ms, core, effort.settle_s)
        loop.repeat(effort.bare_windows)
        result["crowd"][kind] = _costs(crowd, _new_folder(folder / kind), effort)
        loop.repeat(effort.bare_windows)
        result["carried"][kind] = _carried(
            crowd, result["crowd"][kind], _new_folder(folder / f"{kind}-trials"), effort
        )
        loop.repeat(effort.bare_windows)
        result["bare"][kind] = [round(cost, 2) for cost in loop.cpu_s_per_hour]
        whole = statistics.median(result["crowd"][kind]["cpu_s_per_hour"])
        result["ratio_to_bare"][kind] = round(whole / statistics.median(loop.cpu_s_per_hour), 2)
    crowd = Crowd(effort.kinds[0], sound, effort.sources, SHORT_BLOCK_MS, core, effort.settle_s)
    result["short_blocks"] = _costs(crowd, _new_folder(folder / "short"), effort)
    peers = PEERS if effort.peer_s else ()
    result["peers"] = {name: _peer(name, sound, effort.peer_s, peers_python, core) for name in peers}
    result["microphone"] = measure(
        effort.microphone_s, _new_folder(folder / "one"), warm_up_s=effort.microphone_warm_up_s
    )
    result["goals"] = goals(result)
    result["load_average"] = [round(load, 1), round(os.getloadavg()[0], 1)]
    return result


def _new_folder(place: Path) -> Path:
    place.mkdir()
    return place


def _costs(crowd: Crowd, place: Path, effort: Effort) -> dict[str, Any]:
    trial = run_crowd(crowd, place, stretches=effort.stretches, stretch_s=effort.stretch_s)
    return {"block_ms": crowd.block_ms, **asdict(trial)}


def _carried(crowd: Crowd, costs: Mapping[str, Any], place: Path, effort: Effort) -> dict[str, Any]:
    extrapolated = int(3600 / statistics.median(costs["cpu_s_per_hour"]))
    settle_s = min(crowd.settle_s, SEARCH_SETTLE_S)
    first = replace(crowd, sources=int(extrapolated * effort.search_from), settle_s=settle_s)
    found, trials = most_carried(first, place, trials=effort.trials, stretch_s=effort.trial_s)
    tried = [{**asdict(trial), "carried": trial.carried} for trial in trials]
    return {"sources": found, "extrapolated": extrapolated, "trials": tried}


def _peer(name: str, sound: Path, seconds: float, peers_python: str, core: int) -> dict[str, Any]:
    python = sys.executable if name.startswith("torch-") else peers_python
    command = ["taskset", "-c", str(core), python, str(Path(__file__).with_name("peer_loop.py"))]
    try:
        done = subprocess.run(
            [*command, name, str(sound), str(seconds)],
            capture_output=True,
            text=True,
            timeout=PEER_TIMEOUT_S,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"peer": name, "left_out": f"not done within {PEER_TIMEOUT_S:g} s"}
    if done.returncode:
        return {"peer": name, "left_out": (done.stderr.strip().splitlines() or ["it failed"])[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", type=Path, metavar="PAGE", help="write the figures there as Markdown too")
    parser.add_argument("--smoke", action="store_true", help="some seconds: whether it runs, not how fast")
    parser.add_argument(
        "--peers-python", default=sys.executable, help="the Python that has audio-anomaly and pyod"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = run(SMOKE if arguments.smoke else WHOLE, Path(folder), arguments.peers_python)
    if arguments.write is not None:
        write_page(arguments.write, result)
    sys.stdout.write("\n".join([*lines_of(result), json.dumps(result)]) + "\n")


if __name__ == "__main__":
    main()
