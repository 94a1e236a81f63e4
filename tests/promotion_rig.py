"""A box with a live bundle, hours of sound, people who label what they hear, and candidates by turns."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from past import RAISED

from engines.bundle import CALIBRATION, FileEntry, entry_of_file, open_bundle, read_manifest, write_manifest
from engines.runtime import open_engine
from monitor.alarm import AlarmSnapshot
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.calibration import load_calibration
from monitor.config import Config, load_config
from monitor.messages import AlarmState, ChangeReason, Float32, Quality, read_only
from monitor.promotion.comparison import judged
from monitor.promotion.pairing import Stretches
from monitor.promotion.records import Comparison, Verdict
from monitor.promotion.rehearsed import Alarmed, RehearsedAlarm, Value
from monitor.store import ClipJob, Label, Store, open_store
from monitor.store.records import Rating
from monitor.store.shadow import RunKey, ShadowTally, ShadowWindow, add_shadow
from monitor.store.shadow_clips import Dispute, add_dispute

T0 = 1_790_000_000.0
SOURCE = "machine"
BATCH = 64
HOP_S = 1.024
"""Of the default front end and configuration."""
EVENT = replace(RAISED, source_id=SOURCE)


@dataclass(frozen=True, slots=True)
class Stream:
    """Windows of sound that both bundles judge beside each other."""

    logmels: Float32
    """Shape (n, mel, frames)."""
    starts_s: NDArray[np.float64]
    """Shape (n,): where in the stream each begins; between pieces of sound the box was away."""
    window_s: float
    faults: tuple[tuple[float, float], ...]
    """Start and end of each fault, in seconds of the stream."""

    @property
    def truth(self) -> Stretches:
        """What people hear who know the machine, with the window's length around it."""
        return Stretches(Alarmed(T0 + a - self.window_s, T0 + b + self.window_s, 0.0) for a, b in self.faults)


@dataclass(frozen=True, slots=True)
class KeptEvent:
    """An event from before the shadow run, with its clip."""

    samples: Float32
    rate_hz: int
    rating: Rating
    pre_roll_s: float = 3.0


class Box:
    """One source, one live bundle. Its people label all events, and all at which only a candidate alarms."""

    def __init__(
        self, folder: Path, live: Path, stream: Stream, kept: Sequence[KeptEvent], **bundles: float
    ) -> None:
        """`bundles`: keys of the section, beside `promotion: managed`."""
        folder.mkdir(parents=True, exist_ok=True)
        self.state = folder / "state"
        self.state.mkdir()
        self.path = folder / "config.yaml"
        budget = bundles.pop("budget", 1.0)
        tree = {
            "state_dir": str(self.state),
            "bundles": {"promotion": "managed", **bundles},
            "alarm": {"false_alarms_per_week": budget},
            "sources": [{"id": SOURCE, "kind": "file", "path": "none.wav", "bundle": "managed"}],
        }
        self.path.write_text(json.dumps(tree))
        self.config: Config = load_config(self.path)
        self.library = Library(self.state, SOURCE)
        self._commands = 0
        self.library.install(live, self._by())
        self.library.promote(self._by())
        self.stream = stream
        with closing(open_store(self.state)) as store:
            for number, event in enumerate(kept):
                self._keep(store, number, event)
            self._live = self._values(self.library.live_folder())
            self._live_alarms = self._alarms(self._live)
            for alarm in self._live_alarms:
                self._add_event(store, alarm, "anomaly" if stream.truth.meets(alarm) else "no_anomaly")

    def tried(self, candidate: Path) -> tuple[Comparison, Verdict]:
        """Install a candidate, let it judge beside the live one, label what it alone says, compare."""
        version = self.library.install(candidate, self._by())
        values = self._values(version.folder)
        live_id = read_manifest(self.library.live_folder()).bundle_id
        key = RunKey(SOURCE, live_id, version.name)
        rows = [
            ShadowWindow(
                source_id=SOURCE,
                live_bundle_id=live_id,
                candidate=version.name,
                start_utc_s=T0 + start_s,
                end_utc_s=T0 + start_s + self.stream.window_s,
                start_s=start_s,
                live=float(self._live[i]),
                candidate_value=float(values[i]),
                quality=Quality.OK,
            )
            for i, start_s in enumerate(self.stream.starts_s.tolist())
        ]
        with closing(open_store(self.state)) as store:
            add_shadow(store.database, {key: ShadowTally(T0, HOP_S, rows)})
            live = Stretches(self._live_alarms)
            for alarm in self._alarms(values):
                if not live.meets(alarm):
                    self._add_dispute(store, key, alarm)
            return judged(self.config, SOURCE, store=store)

    def _values(self, folder: Path) -> NDArray[np.float64]:
        bundle = open_bundle(folder)
        calibration = load_calibration(folder / CALIBRATION, bundle_id=bundle.bundle_id)
        limit = calibration.limit_raw(self.config.alarm.false_alarms_per_week)
        engine, logmels = open_engine(bundle), self.stream.logmels
        raw = [engine.infer(logmels[i : i + BATCH]).score for i in range(0, len(logmels), BATCH)]
        return np.array([calibration.value(float(one), limit) for one in np.concatenate(raw)])

    def _alarms(self, values: NDArray[np.float64]) -> list[Alarmed]:
        alarm = RehearsedAlarm(self.config.alarm, AlarmSnapshot(SOURCE))
        for start_s, value in zip(self.stream.starts_s.tolist(), values, strict=True):
            alarm.take(Value(start_s, start_s + self.stream.window_s, T0 + start_s, float(value)))
        return alarm.finish()

    def _add_event(self, store: Store, alarm: Alarmed, rating: Rating, bundle_id: str | None = None) -> str:
        event_id = f"{SOURCE}-{alarm.start_utc_s:.3f}"
        raised = replace(
            EVENT, event_id=event_id, at_utc_s=alarm.start_utc_s, event_start_utc_s=alarm.start_utc_s
        )
        cleared = replace(
            raised, reason=ChangeReason.CLEARED, at_utc_s=alarm.end_utc_s, active=False,
            new_state=AlarmState.RETURNED,
        )  # fmt: skip
        live_id = read_manifest(self.library.live_folder()).bundle_id
        store.apply([raised, cleared], snapshot={}, bundle_id=bundle_id or live_id)
        store.add_label(Label(event_id, rating, "ann", alarm.end_utc_s))
        return event_id

    def _add_dispute(self, store: Store, key: RunKey, alarm: Alarmed) -> None:
        start_s, length_s = alarm.start_utc_s - T0, alarm.end_utc_s - alarm.start_utc_s
        number = add_dispute(
            store.database,
            key,
            Dispute("candidate", start_s, alarm.start_utc_s, start_s + length_s, 0.5, alarm.peak, None),
        )
        assert number is not None
        rating: Rating = "anomaly" if self.stream.truth.meets(alarm) else "no_anomaly"
        store.add_dispute_label(number, Label(f"dispute-{number}", rating, "ann", T0))

    def _keep(self, store: Store, number: int, event: KeptEvent) -> None:
        """An event of an earlier bundle, days before, and of a fault of its own."""
        clip_s = T0 - 86_400.0 * (60 - 3 * number)
        length_s = len(event.samples) / event.rate_hz
        alarm = Alarmed(clip_s + event.pre_roll_s, clip_s + length_s, 1.5)
        event_id = self._add_event(store, alarm, event.rating, "earlier-1")
        start_s = 3600.0 * number
        store.add_clip(ClipJob(SOURCE, event_id, read_only(event.samples), event.rate_hz, start_s, clip_s, 0))

    def _by(self) -> By:
        self._commands += 1
        return By("ann", "terminal", T0 - 86_400.0 * 10, f"command-{self._commands}")


def copied(folder: Path, to: Path) -> Path:
    """A bundle's files in another folder, that may be changed."""
    shutil.copytree(folder, to, dirs_exist_ok=True)
    (to / "calibration.sig").unlink(missing_ok=True)
    return to


def with_limit(folder: Path, to: Path, factor: float) -> Path:
    """The same model with a limit that lies `factor` times as far from the centre."""
    path = copied(folder, to) / CALIBRATION
    tree = json.loads(path.read_text())
    centre, threshold = tree["centre"], tree["threshold"]
    moved = centre + factor * (threshold - centre)
    tree["below_levels"] = [centre + factor * (level - centre) for level in tree["below_levels"]]
    tree["threshold"] = tree["below_levels"][-1] = moved
    tree["tail"][0] *= factor
    tree["draws"] = [[scale * factor, shape, rate] for scale, shape, rate in tree["draws"]]
    tree["largest"] = centre + factor * (tree["largest"] - centre)
    _rewritten(to, {CALIBRATION: json.dumps(tree).encode()})
    return to


def with_calibration_of(folder: Path, other: Path, to: Path) -> Path:
    """A model with the limit of another one, given out as its own."""
    copied(folder, to)
    tree = json.loads((other / CALIBRATION).read_text())
    tree["bundle"] = read_manifest(folder).bundle_id
    _rewritten(to, {CALIBRATION: json.dumps(tree).encode()})
    return to


def constant(folder: Path, to: Path, score: float) -> Path:
    """A model whose score is always the same, with the limit of the one it was made of."""
    copied(folder, to)
    model = onnx.load(str(folder / "model.onnx"))
    for node in model.graph.node:
        node.output[:] = ["raw_score" if name == "score" else name for name in node.output]
        node.input[:] = ["raw_score" if name == "score" else name for name in node.input]
    model.graph.initializer.extend(
        [
            helper.make_tensor("nothing", onnx.TensorProto.FLOAT, [], [0.0]),
            helper.make_tensor("always", onnx.TensorProto.FLOAT, [], [score]),
        ]
    )
    model.graph.node.extend(
        [
            helper.make_node("Mul", ["raw_score", "nothing"], ["zero_score"]),
            helper.make_node("Add", ["zero_score", "always"], ["score"]),
        ]
    )
    _rewritten(to, {"model.onnx": model.SerializeToString()})
    bundle_id = read_manifest(to).bundle_id
    tree = json.loads((to / CALIBRATION).read_text())
    tree["bundle"] = bundle_id
    _rewritten(to, {CALIBRATION: json.dumps(tree).encode()})
    return to


def _rewritten(folder: Path, contents: dict[str, bytes]) -> None:
    """Put files into a bundle, and their digests into its manifest, as whoever makes bundles can."""
    manifest = read_manifest(folder)
    files: dict[str, FileEntry] = dict(manifest.files)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
        if name in files:
            files[name] = entry_of_file(folder / name)
    write_manifest(folder, replace(manifest, files=files))


def new_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="wheeltapper-candidates-"))
