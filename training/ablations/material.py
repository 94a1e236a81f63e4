"""What questions are asked on: the benchmark's streams and clips, as stores of log-mel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from monitor.frontend import FrontendParameters
from training.ablations.labelled import labelled_sounds, sound_kinds
from training.ablations.questions import LABELS_MAX
from training.anomalies import gather_anomalies, store_anomalies
from training.benchmark.sound_sets import files_to_score, sound_set_of_clips, sound_set_of_streams
from training.benchmark.streams import TRUTH, clips_path
from training.data import SEGMENT_FRAMES, LogMelStore, store_logmel
from training.errors import TrainingError
from training.evaluation.truth import Events, events_of_truth
from training.features import TEST, Clips, clips_of_file, store_of_clips
from training.sound import recording_of_file
from training.split import Split

CLIP_SET = "toycar_id_04"


@dataclass(frozen=True, slots=True)
class Labels:
    """Labelled anomalies to learn from."""

    kind: str
    """Of all of them."""
    anomalies: LogMelStore | None
    """Any of its windows holds some of one; None where there are to be none."""


@dataclass(frozen=True, slots=True)
class StreamMaterial:
    """Normal sound to learn from, and streams with known events to be tested on."""

    store: LogMelStore
    split: Callable[[int], Split]
    """Who serves what, by seed."""
    tested: LogMelStore
    """Whole recordings, named as in `events`."""
    events: Events
    labelled: Callable[[int, int], Labels]
    """(seed, how many) -> labelled anomalies; the kind depends on the seed alone."""


@dataclass(frozen=True, slots=True)
class ClipMaterial:
    """Normal clips to learn from, and labelled ones to be tested on or learned from."""

    store: LogMelStore
    split: Callable[[int], Split]
    normal: LogMelStore
    """Normal test clips."""
    anomalous: LogMelStore
    """All anomalous test clips."""
    clips: Clips
    """Where they come from."""
    folder: Path
    """For stores of labelled clips."""

    def dealt(self, seed: int, count: int) -> tuple[LogMelStore | None, frozenset[str]]:
        """Return `count` labelled clips to learn from, and the LABELS_MAX names that are not tested."""
        indices = self.clips.of(TEST, anomaly=True)
        drawn = np.random.default_rng(seed).permutation(indices)[:LABELS_MAX]
        reserved = frozenset(self.clips.names[index] for index in drawn)
        if not count:
            return None, reserved
        chosen = {self.clips.names[index]: self.clips.logmel[index] for index in drawn[:count]}
        return store_of_clips(self.folder / f"labelled-{seed}-{count}.f32", chosen), reserved


def stream_material(shared: Path, streams: Path, folder: Path) -> StreamMaterial:
    """Return the material of a set of streams; its log-mel is computed into `folder`.

    Raises:
        TrainingError: A test stream has a gap, so that times in it would be wrong.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sound = sound_set_of_streams(streams, folder / "normal.f32")
    files = files_to_score(streams)
    recordings = [recording_of_file(path, path.relative_to(streams).as_posix()) for path in files]
    tested = store_logmel(folder / "tested.f32", recordings, FrontendParameters(), title="test streams")
    _refuse_gaps(tested, streams)
    data = shared / "data"

    def labelled(seed: int, count: int) -> Labels:
        kinds = sound_kinds(data)
        kind = kinds[seed % len(kinds)]
        if not count:
            return Labels(kind, None)
        carriers = sorted((streams / "calibrate").glob("*.flac"))
        made = labelled_sounds(folder / f"labelled-{seed}", data, kind, carriers, count=LABELS_MAX, seed=seed)
        stretches = gather_anomalies([made])[:count]
        path = folder / f"labelled-{seed}-{count}.f32"
        return Labels(kind, store_anomalies(path, stretches, FrontendParameters()))

    return StreamMaterial(sound.store, sound.split, tested, events_of_truth(streams / TRUTH), labelled)


def _refuse_gaps(tested: LogMelStore, streams: Path) -> None:
    for recording in tested.recordings:
        frames = sum(run.end - run.first for run in tested.runs if run.recording == recording)
        sound = soundfile.info(str(streams / recording))
        whole = sound.frames / sound.samplerate / tested.parameters.hop_s
        if frames < whole - 2 * SEGMENT_FRAMES:
            raise TrainingError(
                f"{recording}: {frames} of about {whole:.0f} frames are fit to be judged; times after a gap "
                "would be wrong: make the streams again"
            )


def clip_material(shared: Path, folder: Path) -> ClipMaterial:
    """Return the material of CLIP_SET; its stores are written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = clips_path(shared, CLIP_SET)
    sound, clips = sound_set_of_clips(path, folder / "normal.f32"), clips_of_file(path)

    def stored(name: str, *, anomaly: bool) -> LogMelStore:
        chosen = {clips.names[index]: clips.logmel[index] for index in clips.of(TEST, anomaly=anomaly)}
        return store_of_clips(folder / name, chosen)

    normal, anomalous = stored("tested.f32", anomaly=False), stored("anomalous.f32", anomaly=True)
    return ClipMaterial(sound.store, sound.split, normal, anomalous, clips, folder)
