"""What ten labelled events are worth on flights: the box's recipe with and without them, five seeds.

    python tests/bench/retrained.py ../shared --work out/benchmark --out out/retrained

A seed is a net, a pair of kinds of foreign sound, and five labelled events of each. They are mixed, from
recordings of role event_train at 6, 0 or -6 dB, into the flights that set the limit: no sound and no flight
of them is in the test streams. An event is labelled where the recipe without labels flags it (99 % of those
flights' windows lie lower), and what is learned is what a box would have: its flagged windows. Both are
judged on all test streams, at the limit that flags 1 % of the clear windows: kinds that were labelled, other
foreign sounds, broken propellers.

The recipe's nets are those of the benchmark in --work; `python -m training.benchmark --only mdae --sets uav
--seeds 5` makes them. A seed without a net of its own takes that of an earlier one, and says so. Rows that
are there are kept: what was cut short goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
import tempfile
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from unittest import mock

import numpy as np
import soundfile
import soxr
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from engines.bundle import WEIGHTS, open_bundle
from monitor.frontend import FrontendParameters
from training.ablations.labelled import RATE_HZ, SNRS_DB, loudest_stretch
from training.ablations.material import stream_material
from training.benchmark.cells import spread, table
from training.data import LogMelStore, store_logmel
from training.detector import Detector
from training.evaluation.figures import figures_of_windows
from training.evaluation.scored_windows import ScoredWindow
from training.heads import Verdict
from training.models import ModelDesign
from training.rebuilt import detector_of_bundle
from training.sound import recording_of_file, rows_of_index
from training.split import SCORING_BATCH, SCORING_HOP_FRAMES
from training.taught import taught_detector, train_judge
from training.train import TrainingSettings

KINDS = ("baby_cry", "chainsaw", "clock_tick", "dog_bark", "person_sneeze", "rooster")
LABELS_PER_KIND = 5
AROUND_S = 0.25
CONTEXT_S = 5.0
TAKE_OFF_S = 6
TRIES = 60
Sound = NDArray[np.float32]
RECIPE, TAUGHT = "recipe", "recipe and judge, 10 labels"
ALONE = "judge alone, 10 labels"


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
    parser.add_argument("--quieter-db", type=int, default=0, help="of all foreign sounds")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    arguments.out.mkdir(parents=True, exist_ok=True)
    rows = []
    with tempfile.TemporaryDirectory(prefix="retrained-") as folder:
        bench = None
        for seed in range(arguments.seeds):
            path = arguments.out / f"{arguments.quieter_db}-db-quieter-seed{seed}.json"
            if not path.is_file():
                bench = bench or Bench(
                    arguments.shared, arguments.work, Path(folder), quieter_db=arguments.quieter_db
                )
                row = bench.row(seed)
                path.with_suffix(".part").write_text(json.dumps(asdict(row), indent=1) + "\n")
                path.with_suffix(".part").replace(path)
            rows.append(Row(**json.loads(path.read_text())))
    sys.stdout.write("\n".join(report(rows)) + "\n")


class Bench:
    """The streams, and what is done with them."""

    def __init__(self, shared: Path, work: Path, folder: Path, *, quieter_db: int) -> None:
        """Compute the log-mel of the streams into `folder`."""
        self.data, self.work, self.folder = shared / "data", work, folder
        self.snrs_db = [snr_db - quieter_db for snr_db in SNRS_DB]
        streams = work / "streams" / "uav"
        if quieter_db:
            streams = quieter_streams(shared, folder, self.snrs_db)
        self.material = stream_material(shared, streams, folder / "streams")
        self.carriers = [_sound(path) for path in sorted((streams / "calibrate").glob("*.flac"))]

    def row(self, seed: int) -> Row:
        """Measure one seed."""
        started_s = time.process_time()
        net_seed, recipe = self._recipe(seed)
        store, split = self.material.store, self.material.split(net_seed)
        limit = float(np.quantile(self._scores(recipe, store, split.calibration), 0.99))
        kinds = KINDS[seed % len(KINDS)], KINDS[(seed + 1) % len(KINDS)]
        anomalies, tried = self._labelled(recipe, limit, kinds, seed)
        settings = TrainingSettings(seed=seed)
        design = ModelDesign("mdae")
        judge = train_judge(design, store, split, settings, anomalies=anomalies)
        taught = taught_detector(recipe, judge, store, split)
        both = {RECIPE: recipe.head, TAUGHT: taught.head}
        windows = windows_of(taught, both, self.material.tested)
        windows |= windows_of(judge, {ALONE: Verdict()}, self.material.tested)
        found, auc = {}, {}
        for name, scored in windows.items():
            found[name], auc[name] = self._found(scored, kinds)
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
        sounds = [row for row in rows_of_index(self.data / "index.csv") if row["role"] == "event_train"]
        files: list[Path] = []
        tried = 0
        for kind in kinds:
            pool = [self.data / row["file"] for row in sounds if row["kind"] == kind]
            order = draws.permutation(len(pool))
            of_kind = 0
            for attempt in range(TRIES):
                sound = loudest_stretch(_sound(pool[order[attempt % len(pool)]]))
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
        mixed[middle] += _rms(mixed[middle]) / _rms(sound) * 10.0 ** (snr_db / 20.0) * sound
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


def quieter_streams(shared: Path, folder: Path, snrs_db: Sequence[float]) -> Path:
    """Return the flights of the shared bench with its foreign sounds at other levels, made into `folder`."""
    spec = importlib.util.spec_from_file_location("make_streams", shared / "bench" / "make_streams.py")
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    vars(script)["SNRS_DB"] = tuple(snrs_db)
    with mock.patch.object(sys, "argv", ["make_streams.py", str(shared / "data"), str(folder / "quieter")]):
        script.main()
    return folder / "quieter" / "uav"


@torch.no_grad()
def scores_by(
    detector: Detector, heads: Mapping[str, nn.Module], store: LogMelStore, starts: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    """Return what each head says of windows, shape (n,); the model goes through them once for all."""
    parts: dict[str, list[Tensor]] = {name: [] for name in heads}
    for windows in store.batches(starts, SCORING_BATCH):
        found = detector.compare(torch.from_numpy(windows))
        for name, head in heads.items():
            parts[name].append(head(found))
    return {name: torch.cat(of_head).double().numpy() for name, of_head in parts.items()}


def scores_of(detector: Detector, store: LogMelStore, starts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the scores of windows, shape (n,)."""
    return scores_by(detector, {"": detector.head}, store, starts)[""]


def windows_of(
    detector: Detector, heads: Mapping[str, nn.Module], store: LogMelStore
) -> dict[str, list[ScoredWindow]]:
    """Return all windows of a store of whole recordings with what each head says of them."""
    hop_s, length_s = store.parameters.hop_s, window_s(store)
    firsts: dict[str, int] = {}
    for run in store.runs:
        firsts.setdefault(run.recording, run.first)
    windows: dict[str, list[ScoredWindow]] = {name: [] for name in heads}
    for recording, first in firsts.items():
        starts = store.window_starts(hop_frames=SCORING_HOP_FRAMES, recordings={recording})
        for name, values in scores_by(detector, heads, store, starts).items():
            windows[name] += [
                ScoredWindow(recording, start * hop_s, start * hop_s + length_s, float(value))
                for start, value in zip(starts - first, values, strict=True)
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
    for way in (RECIPE, TAUGHT, ALONE):
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


def _sound(path: Path) -> Sound:
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    mono: Sound = samples[:, 0]
    if rate_hz != RATE_HZ:
        mono = soxr.resample(mono, rate_hz, RATE_HZ).astype(np.float32)
    return mono


def _rms(samples: Sound) -> float:
    return float(np.sqrt(np.square(samples, dtype=np.float64).mean())) + 1e-9


if __name__ == "__main__":
    main()
