"""One listened-to machine: all that judging its windows needs, put together before any sound is heard.

Everything that can be refused is refused here: a damaged bundle, another front end, a calibration of
another model. Opening a microphone comes after.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from engines.runtime import Engine, say_nothing
from monitor.alarm import Alarm, AlarmSnapshot
from monitor.bundles.choice import is_managed
from monitor.bundles.library import Library
from monitor.bundles.trust import trust_of
from monitor.calibration import Calibration, load_calibration
from monitor.config import Config, SourceConfig
from monitor.demo_bundles import knows_another
from monitor.describe import Describer
from monitor.errors import CalibrationError, CalibrationMismatchError
from monitor.frontend import StreamFrontend
from monitor.health import STARTING, SourceFacts
from monitor.listening import Ear, ear_without_bundle
from monitor.messages import CaptureHealth, CaptureState
from monitor.models import Model, open_models
from monitor.off import OffWatch, machine_off_from_facts
from monitor.score import Scorer
from monitor.store import ClipRecorder
from monitor.window_queue import PATIENT_WINDOWS

_numbers = itertools.count(1)
BUSY_S = 4.0
"""What a busy box may add between the end of a window and its judging, when sound cannot wait."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A source with its model, its limit and its alarm. Belongs to the thread that judges."""

    source: SourceConfig
    """Its section of the configuration."""
    ear: Ear
    """How its sound is prepared; shared with every source that has the same bundle."""
    engine: Engine | None
    """Shared with every source that has the same bundle; None: it waits for its first."""
    scorer: Scorer | None
    """With this source's own calibration and budget of false alarms; None with `engine`."""
    alarm: Alarm
    """Goes on from the state that the store had kept."""
    frontend: StreamFrontend
    """Remembers the frames of this source's last window."""
    clips: ClipRecorder
    """Filled by the capture thread, asked by the judging thread."""
    describer: Describer
    """Says what its events sound like; knows this source's normal sound."""
    off: OffWatch = field(default_factory=lambda: OffWatch(None))
    """Decides whether it runs at all; a successor has the same one."""
    key: str | None = None
    """The id of the key that signed its bundle; None: no signature was asked for."""
    number: int = 0
    """Another for each machine that this process makes: a window says which of a source's it was cut for."""

    @property
    def source_id(self) -> str:
        """The source's id."""
        return self.source.id

    @property
    def bundle_id(self) -> str | None:
        """The bundle that judges it; None: it waits for its first."""
        return None if self.engine is None else self.ear.bundle.bundle_id

    @property
    def model(self) -> Model | None:
        """Its opened bundle; None: it waits for its first."""
        return None if self.engine is None else Model(self.ear, self.engine)

    @property
    def calibration(self) -> Calibration:
        """What its scores are held against.

        Raises:
            CalibrationError: It waits for its first bundle, so that it has no scores.
        """
        if self.scorer is None:
            raise CalibrationError(
                f"sources.{self.source_id}: no bundle is live yet, so that it has neither score nor limit; "
                f"learn one on the page (Learn), then promote it: wheeltapper promote {self.source_id}"
            )
        return self.scorer.calibration


def _lag_s(source: SourceConfig, ear: Ear, max_batch: int) -> float:
    """Return how far capture may run ahead of judging: clips must remember that much sound.

    Of sound that can wait no more than PATIENT_WINDOWS wait, nor are more of them in the judge's hands.
    """
    live_s = ear.grid.duration_s + BUSY_S
    ahead = PATIENT_WINDOWS + min(max_batch, PATIENT_WINDOWS)
    return live_s + ahead * ear.hop_s if runs_ahead(source) else live_s


def runs_ahead(source: SourceConfig) -> bool:
    """Say whether a source's sound can wait for the engine, as a file can that is not played in real time."""
    return getattr(source, "pace", "real_time") == "fast"


def calibration_path(state_dir: Path, source_id: str) -> Path:
    """Return where a source's own calibration lies when it was made on this box."""
    return state_dir / "calibration" / f"{source_id}.json"


def calibration_of(source: SourceConfig, ear: Ear, config: Config) -> Calibration:
    """Load the calibration made on this box for this source, else the one that came with the bundle.

    A managed version has its own and no other, so that promotion and rollback move model and limit together.

    Raises:
        CalibrationError: There is none, or it cannot be read.
        CalibrationMismatchError: It was made with another bundle or another window hop.
        UntrustedError: Keys are configured, and none of them has signed it.
    """
    own, shipped = calibration_path(config.state_dir, source.id), ear.bundle.calibration_path
    path = own if own.exists() and not is_managed(source) else shipped
    if not path.exists():
        raise CalibrationError(
            f"sources.{source.id}: neither {own} nor {shipped} exists, so no score can be judged; "
            f"make one from normal recordings: wheeltapper calibrate {ear.bundle.folder} FILES --out {own}"
        )
    trust_of(config.bundles).check_calibration(path, ear.bundle, source.id)
    calibration = load_calibration(path, bundle_id=ear.bundle.bundle_id)
    if abs(calibration.hop_s - ear.hop_s) > 1e-6:
        raise CalibrationMismatchError(
            f"{path}: was fitted with a window every {calibration.hop_s:.3f} s, window.hop_frames makes one "
            f"every {ear.hop_s:.3f} s; set window.hop_frames back or fit it anew with `wheeltapper calibrate`"
        )
    return calibration


def machine_of(
    source: SourceConfig, config: Config, model: Model | None, snapshot: Mapping[str, object] | None
) -> Machine:
    """Put a source together with its model, its limit and the alarm state that the store had kept.

    `model` None: it waits for its first bundle.

    Raises:
        CodedError: Something does not fit; the text says what, and what to do.
    """
    settings, store = config.alarm_for(source), config.store
    ear = _ear_of(model, config)
    alarm = Alarm(source.id, settings, None if snapshot is None else AlarmSnapshot.from_tree(snapshot))
    facts = alarm.snapshot
    return Machine(
        source=source,
        ear=ear,
        engine=None if model is None else model.engine,
        scorer=None if model is None else _scorer_of(source, config, calibration_of(source, ear, config)),
        alarm=alarm,
        frontend=StreamFrontend(ear.frontend),
        clips=ClipRecorder(
            source.id,
            pre_roll_s=store.pre_roll_s,
            post_roll_s=store.post_roll_s,
            max_clip_s=store.max_clip_s,
            clip_every_s=store.clip_every_s,
            lag_s=_lag_s(source, ear, config.engine.max_batch),
        ),
        describer=_describer_of(ear, config),
        off=OffWatch(
            source.off, was=machine_off_from_facts(facts.off_reason, facts.off_causes, facts.off_since_utc_s)
        ),
        key=None if model is None else model.key,
        number=next(_numbers),
    )


def successor_of(
    machine: Machine,
    source: SourceConfig,
    config: Config,
    model: Model | None,
    calibration: Calibration | None = None,
) -> Machine:
    """Return the machine that takes over from `machine`: with its alarm and clips, all else as configured.

    `calibration` None: the one on the disk; `model` None: as before, the source waits for its first bundle.

    Raises:
        CodedError: Something does not fit; the text says what, and what to do.
        LibraryError: It was managed and judged, and its library knows of no live version any more.
    """
    ear = _ear_of(model, config)
    if model is None:
        if machine.engine is not None and is_managed(machine.source):
            Library(config.state_dir, source.id).live_folder()
        calibration = None
    elif calibration is None:
        calibration = calibration_of(source, ear, config)
    machine.clips.reach(_lag_s(source, ear, config.engine.max_batch))
    return replace(
        machine,
        source=source,
        ear=ear,
        engine=None if model is None else model.engine,
        scorer=None if calibration is None else _scorer_of(source, config, calibration),
        frontend=StreamFrontend(ear.frontend),
        # what it knows of normal sound holds while sound is given to a model in the same way
        describer=machine.describer if ear == machine.ear else _describer_of(ear, config),
        key=None if model is None else model.key,
        number=next(_numbers),
    )


def open_machines(
    config: Config,
    snapshots: Mapping[str, Mapping[str, object]],
    *,
    say: Callable[[str], None] = say_nothing,
) -> Sequence[Machine]:
    """Put every source together with its model, its limit and the alarm state it had before a restart.

    `say` is told what is about to take long.

    Raises:
        CodedError: Something does not fit; the text says what, and what to do.
    """
    models = open_models(config, say=say)
    return [
        machine_of(source, config, models.get(source.id), snapshots.get(source.id))
        for source in config.sources
    ]


def _ear_of(model: Model | None, config: Config) -> Ear:
    return ear_without_bundle(config.input_quality) if model is None else model.ear


def _scorer_of(source: SourceConfig, config: Config, calibration: Calibration) -> Scorer:
    return Scorer(calibration, false_alarms_per_week=config.alarm_for(source).false_alarms_per_week)


def _describer_of(ear: Ear, config: Config) -> Describer:
    return Describer(
        ear.frontend.parameters,
        mean=ear.bundle.manifest.standardisation_mean,
        std=ear.bundle.manifest.standardisation_std,
        hop_frames=config.window.hop_frames,
    )


def facts_at_start(machine: Machine) -> SourceFacts:
    """Return what is known of a machine before any sound of it has come."""
    return SourceFacts(
        capture=CaptureHealth(
            source_id=machine.source_id, state=CaptureState.RECOVERING, reason=STARTING, device=""
        ),
        bundle_id=machine.bundle_id,
        backend=None if machine.engine is None else machine.engine.backend,
        fallback="" if machine.engine is None else machine.engine.fallback,
        knows_another=knows_another(machine.bundle_id, machine.source),
        alarm=machine.alarm.state,
        machine=machine.off.machine,
    )
