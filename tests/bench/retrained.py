"""What ten labelled events are worth on flights: the box's recipe with and without them, five seeds.

    python tests/bench/retrained.py ../shared --work out/benchmark --out out/retrained
    python tests/bench/retrained.py ../shared ... --quieter-db 9      all foreign sounds 9 dB quieter
    python tests/bench/retrained.py ../shared ... --development       to try things on

A seed is a net, a pair of kinds of foreign sound, and five labelled events of each. They are mixed, from
recordings of role event_train at 6, 0 or -6 dB, into the flights that set the limit: no sound and no flight
of them is in the test streams. An event is labelled where the recipe without labels flags it (99 % of those
flights' windows lie lower), and what is learned is what a box would have: its flagged windows. Both are
judged on all test streams, at the limit that flags 1 % of the clear windows: kinds that were labelled, other
foreign sounds, broken propellers.

The recipe's nets are those of the benchmark in --work; `python -m training.benchmark --only mdae --sets uav
--seeds 5` makes them. A seed without a net of its own takes that of an earlier one, and says so. Rows that
are there are kept: what was cut short goes on, and two may share the work (`--first-seed`).

The control is the same lesson without labels: what more passes are worth by themselves.

On development streams both halves of the sounds of role event_train serve, one for labels, one to be found,
at -3, -9 and -15 dB, in the flights that set the limit; labels lie in flights that were learned from.
"""

from __future__ import annotations

import argparse
import copy
import json
import sys
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray
from retrained_streams import Sound, development_streams, quieter_streams, rms, sound_of_file

from engines.bundle import WEIGHTS, open_bundle
from monitor.frontend import FrontendParameters
from training.ablations.labelled import RATE_HZ, SNRS_DB, loudest_stretch
from training.ablations.material import stream_material
from training.benchmark.cells import spread, table
from training.data import LogMelStore, store_logmel
from training.detector import Detector
from training.evaluation.figures import figures_of_windows
from training.evaluation.scored_windows import ScoredWindow
from training.rebuilt import detector_of_bundle
from training.sound import recording_of_file, rows_of_index
from training.split import SCORING_BATCH, SCORING_HOP_FRAMES
from training.taught import teach_labels
from training.train import TrainingSettings

KINDS = ("baby_cry", "chainsaw", "clock_tick", "dog_bark", "person_sneeze", "rooster")
LABELS_PER_KIND = 5
AROUND_S = 0.25
CONTEXT_S = 5.0
TAKE_OFF_S = 6
TRIES = 60
RECIPE, TAUGHT, CONTROL = "recipe", "taught by 10 labels", "the same lesson without labels"


@dataclass(frozen=True)
class Row:
    """One seed."""

    seed: int
    net_seed: int
    """Of the recipe's net."""
    kinds: tuple[str, ...]
    """That were labelled."""
    tried: int
    """Mixed events until ten were flagged."""
    found: dict[str, dict[str, tuple[int, int]]]
    """Way -> group -> events found at 1 %, of how many."""
    auc: dict[str, float]
    """Way -> window AUC of all events."""
    cpu_s: float


def main() -> None:
    """Make the rows that are missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("shared", type=Path)
    parser.add_argument("--work", type=Path, default=Path("out/benchmark"))
    parser.add_argument("--out", type=Path, default=Path("out/retrained"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0, help="rows before it are left to another run")
    parser.add_argument("--quieter-db", type=int, default=0, help="of all foreign sounds")
    parser.add_argument("--development", action="store_true", help="not on the test streams")
    parser.add_argument("--without-control", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="retrained-") as folder:
        bench = None
        for seed in range(arguments.first_seed, arguments.seeds):
            name = "development" if arguments.development else f"{arguments.quieter_db}-db-quieter"
            path = arguments.out / f"{name}-seed{seed}.json"
            if not path.is_file():
                bench = bench or Bench(arguments, Path(folder))
                row = bench.row(seed, with_control=not arguments.without_control)
                path.with_suffix(".part").write_text(json.dumps(asdict(row), indent=1) + "\n")
                path.with_suffix(".part").replace(path)
            rows.append(Row(**json.loads(path.read_text())))
    sys.stdout.write("\n".join(report(rows)) + "\n")


class Bench:
    """The streams, and what is done with them."""

    def __init__(self, arguments: argparse.Namespace, folder: Path) -> None:
        """Compute the log-mel of the streams into `folder`."""
        shared, self.work, self.folder = arguments.shared, arguments.work, folder
        self.snrs_db = [snr_db - arguments.quieter_db for snr_db in SNRS_DB]
        streams = carriers = self.work / "streams" / "uav"
        self.sounds = sounds_to_label(shared / "data")
        if arguments.development:
            half = {kind: len(files) // 2 for kind, files in self.sounds.items()}
            to_find = {kind: files[half[kind] :] for kind, files in self.sounds.items()}
            self.sounds = {kind: files[: half[kind]] for kind, files in self.sounds.items()}
            streams = development_streams(streams, folder, to_find)
        elif arguments.quieter_db:
            streams = carriers = quieter_streams(shared, folder, self.snrs_db)
        self.material = stream_material(shared, streams, folder / "streams")
        role = "train" if arguments.development else "calibrate"
        self.carriers = [sound_of_file(path) for path in sorted((carriers / role).glob("*.flac"))]

    def row(self, seed: int, *, with_control: bool) -> Row:
        """Measure one seed."""
        started_s = time.process_time()
        net_seed, recipe = self._recipe(seed)
        store, split = self.material.store, self.material.split(net_seed)
        limit = float(np.quantile(self._scores(recipe, store, split.calibration), 0.99))
        kinds = KINDS[seed % len(KINDS)], KINDS[(seed + 1) % len(KINDS)]
        anomalies, tried = self._labelled(recipe, limit, kinds, seed)

        def taught() -> Detector:
            learner, settings = copy.deepcopy(recipe), TrainingSettings(seed=seed)
            return teach_labels(learner, store, split, settings, anomalies)

        detectors = {RECIPE: recipe, TAUGHT: taught()}
        if with_control:
            with mock.patch("training.models.taught.LABELLED_SHARE", 0.0):
                detectors[CONTROL] = taught()
        found, auc = {}, {}
        for name, detector in detectors.items():
            found[name], auc[name] = self._found(windows_of(detector, self.material.tested), kinds)
        return Row(seed, net_seed, kinds, tried, found, auc, round(time.process_time() - started_s, 1))

    def _recipe(self, seed: int) -> tuple[int, Detector]:
        nets = {}
        for path in sorted((self.work / "bundles").glob("uav--mdae--seed*")):
            if (path / WEIGHTS).is_file():
                nets[int(path.name.split("--seed")[1].split("--")[0])] = path
        net_seed = seed if seed in nets else sorted(nets)[seed % len(nets)]
        return net_seed, detector_of_bundle(open_bundle(nets[net_seed]))

    def _scores(
        self, detector: Detector, store: LogMelStore, recordings: Collection[str]
    ) -> NDArray[np.float64]:
        starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings=recordings)
        return scores_of(detector, store, starts)

    def _labelled(
        self, recipe: Detector, limit: float, kinds: Sequence[str], seed: int
    ) -> tuple[LogMelStore, int]:
        """Return the flagged windows of ten events, and how many were mixed until ten were flagged."""
        draws = np.random.default_rng(seed)
        folder = self.folder / f"labelled-{seed}"
        folder.mkdir()
        files: list[Path] = []
        tried = 0
        for kind in kinds:
            pool = self.sounds[kind]
            order = draws.permutation(len(pool))
            of_kind = 0
            for attempt in range(TRIES):
                sound = loudest_stretch(sound_of_file(pool[order[attempt % len(pool)]]))
                flagged = self._flagged(recipe, limit, sound, draws)
                tried += 1
                if flagged is not None:
                    files.append(folder / f"{kind}-{attempt:02d}.flac")
                    soundfile.write(files[-1], flagged, RATE_HZ, subtype="PCM_16")
                    of_kind += 1
                if of_kind == LABELS_PER_KIND:
                    break
        recordings = [recording_of_file(path, path.name) for path in files]
        return store_logmel(self.folder / f"labelled-{seed}.f32", recordings, FrontendParameters()), tried

    def _flagged(
        self, recipe: Detector, limit: float, sound: Sound, draws: np.random.Generator
    ) -> Sound | None:
        """Return the flagged part of a flight with this sound mixed in; None: nothing of it was flagged."""
        flight = self.carriers[int(draws.integers(len(self.carriers)))]
        context = round(CONTEXT_S * RATE_HZ)
        length = len(sound) + 2 * context
        first = int(draws.integers(TAKE_OFF_S * RATE_HZ, len(flight) - length))
        mixed = flight[first : first + length].copy()
        middle = slice(context, context + len(sound))
        snr_db = self.snrs_db[int(draws.integers(len(self.snrs_db)))]
        mixed[middle] += rms(mixed[middle]) / rms(sound) * 10.0 ** (snr_db / 20.0) * sound
        mixed /= max(1.0, float(np.abs(mixed).max()) / 0.99)
        path = self.folder / "mixed.flac"
        soundfile.write(path, mixed, RATE_HZ, subtype="PCM_16")
        store = store_logmel(
            self.folder / "mixed.f32", [recording_of_file(path, "mixed")], FrontendParameters()
        )
        starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES)
        hop_s, length_s = store.parameters.hop_s, window_s(store)
        begins_s = starts[scores_of(recipe, store, starts) >= limit] * hop_s
        end_s = CONTEXT_S + len(sound) / RATE_HZ
        begins_s = begins_s[(begins_s < end_s) & (begins_s + length_s > CONTEXT_S)]
        if not len(begins_s):
            return None
        from_s, to_s = begins_s.min() - AROUND_S, begins_s.max() + length_s + AROUND_S
        return mixed[max(0, round(from_s * RATE_HZ)) : round(to_s * RATE_HZ)]

    def _found(
        self, windows: Sequence[ScoredWindow], kinds: Collection[str]
    ) -> tuple[dict[str, tuple[int, int]], float]:
        figures = figures_of_windows(windows, self.material.events, has_limit=False)
        groups: dict[str, list[int]] = {"labelled": [0, 0], "other sounds": [0, 0], "propellers": [0, 0]}
        for group in figures.by_kind:
            name = "labelled" if group.name in kinds else "other sounds"
            count = groups["propellers" if group.name.startswith("fault:") else name]
            count[0] += group.found_at_1pc or 0
            count[1] += group.events
        return {name: (count[0], count[1]) for name, count in groups.items()}, figures.window_auc or 0.0


def sounds_to_label(data: Path) -> dict[str, list[Path]]:
    """Return the recordings of role event_train by kind, in the order of the index."""
    sounds: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for row in rows_of_index(data / "index.csv"):
        if row["role"] == "event_train":
            sounds[row["kind"]].append(data / row["file"])
    return sounds


@torch.no_grad()
def scores_of(detector: Detector, store: LogMelStore, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores of windows, shape (n,)."""
    batches = store.batches(starts, SCORING_BATCH)
    scores = [detector.head(detector.compare(torch.from_numpy(windows))) for windows in batches]
    return torch.cat(scores).double().numpy()


def windows_of(detector: Detector, store: LogMelStore) -> list[ScoredWindow]:
    """Return all windows of a store of whole recordings."""
    hop_s, length_s = store.parameters.hop_s, window_s(store)
    firsts: dict[str, int] = {}
    for run in store.runs:
        firsts.setdefault(run.recording, run.first)
    windows: list[ScoredWindow] = []
    for recording, first in firsts.items():
        starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings={recording})
        windows += [
            ScoredWindow(recording, start * hop_s, start * hop_s + length_s, float(value))
            for start, value in zip(starts - first, scores_of(detector, store, starts), strict=True)
        ]
    return windows


def window_s(store: LogMelStore) -> float:
    return store.parameters.samples_of_frames(store.frames) / store.parameters.sample_rate_hz


def report(rows: Sequence[Row]) -> list[str]:
    """Return the table, and a line for each seed."""
    groups = ("labelled", "other sounds", "propellers")

    def recall(row: Row, way: str, group: str) -> float:
        found, events = row.found[way][group]
        return found / events

    lines = []
    for way in rows[0].found:
        cells = [spread((recall(row, way, group) for row in rows), 3) for group in groups]
        lines.append([way, *cells, spread((row.auc[way] for row in rows), 3)])
    found = table(["recall at 1 %", "labelled kinds", *groups[1:], "window AUC"], lines)
    for row in rows:
        pairs = "; ".join(
            f"{group} {row.found[RECIPE][group][0]} to {row.found[TAUGHT][group][0]} of "
            f"{row.found[RECIPE][group][1]}"
            for group in groups
        )
        net = "" if row.net_seed == row.seed else f" (net of seed {row.net_seed})"
        found.append(
            f"seed {row.seed}{net}, {' and '.join(row.kinds)}: {pairs}; {row.cpu_s:.0f} CPU s, "
            f"{row.tried} mixed until ten were flagged"
        )
    return found


if __name__ == "__main__":
    main()
