"""The models: whole, calibrated not too long ago, and fast enough for the sound of this box."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engines.errors import BundleError, CodedError
from engines.runtime import Engine
from monitor.bundles.choice import folder_of, is_managed, is_unlearned, way_to_first_bundle
from monitor.bundles.library import Library, check_version
from monitor.bundles.trust import trust_of
from monitor.calibration import Calibration
from monitor.clock import CLOCK_SET_UTC_S
from monitor.config import Config, SimulatedSource, SourceConfig
from monitor.demo_bundles import NOT_THIS_MACHINE, REMEDY, knows_another
from monitor.doctor.finding import Finding, Patient, fault, fault_from_error, ok, warning
from monitor.errors import CalibrationError, LibraryError
from monitor.listening import DEMO_BUNDLE, Ear, open_checked_bundle, open_ear
from monitor.machine import calibration_of
from monitor.models import checked_engine, plan_settings, plans_folder

SPEED_S = 0.5
"""So long an engine is timed."""
BUSY, TOO_BUSY = 0.5, 0.9
"""Shares of real time; the rest is for everything else that the daemon does."""
GPU_NODES = ("dev/nvidia0", "dev/nvhost-gpu", "dev/nvmap", "dev/nvgpu")


def check_bundles(patient: Patient) -> Iterator[Finding]:
    """Read every bundle and hold its files against their digests."""
    config = patient.config
    yield from _not_found(config)
    for folder, sources in _by_bundle(config).items():
        name = f"bundle {folder or 'embedded demo'}"
        try:
            trust = trust_of(config.bundles)
            for source in sources:
                trust.check_bundle(folder or DEMO_BUNDLE, source.id)
            bundle = open_checked_bundle(folder)
        except CodedError as error:
            yield fault_from_error(name, error)
            continue
        others = [source.id for source in sources if knows_another(bundle.bundle_id, source)]
        if others:
            said = f"{bundle.bundle_id} {NOT_THIS_MACHINE}, and judges {', '.join(others)}"
            yield warning(name, said, REMEDY)
        else:
            yield ok(name, f"{bundle.bundle_id}, every digest holds")
    yield from _damaged_candidates(config)


def _damaged_candidates(config: Config) -> Iterator[Finding]:
    """Hold candidates against their digests too; how a whole one is getting on the daemon tells."""
    for source in config.sources:
        library = Library(config.state_dir, source.id)
        with contextlib.suppress(LibraryError):  # the finding on its bundle tells why it cannot be read
            candidate = library.roles().candidate
            try:
                if candidate is not None:
                    check_version(library.version_folder(candidate))
            except CodedError as error:
                yield fault_from_error(f"files of the candidate of {source.id}", error)


def check_calibrations(patient: Patient) -> Iterator[Finding]:
    """Say of every source what its limit promises, and how old that is."""
    config = patient.config
    for source in config.sources:
        name = f"calibration of {source.id}"
        try:
            ear = open_ear(folder_of(source, config), config.window, config.input_quality)
            calibration = calibration_of(source, ear, config)
            yield _judged(name, calibration, source, config.drift.evidence_max_days)
        except CalibrationError as error:
            yield fault_from_error(name, error)
        except CodedError:
            continue  # the bundle's own finding tells why


def _judged(name: str, calibration: Calibration, source: SourceConfig, old_days: float) -> Finding:
    age_days = (time.time() - calibration.fitted_utc_s) / 86_400
    said = f"{age_days:.0f} days old, from {calibration.exposure_h:.1f} h of {calibration.source}"
    remedy = "record normal sound and calibrate again: wheeltapper record, wheeltapper calibrate"
    if calibration.fitted_utc_s < CLOCK_SET_UTC_S:
        return warning(name, f"made while the clock was not set, {said.partition(', ')[2]}", remedy)
    if age_days > old_days and not isinstance(source, SimulatedSource):
        return warning(name, f"{said}: older than {old_days:g} days, the machine may have changed", remedy)
    return ok(name, said)


def check_engines(patient: Patient) -> Iterator[Finding]:
    """Let every engine answer its golden windows, and hold its speed against real time."""
    config = patient.config
    for folder, sources in _by_bundle(config).items():
        name = f"engine for {folder or 'embedded demo'}"
        try:
            ear = open_ear(folder, config.window, config.input_quality)
        except CodedError:
            continue  # the bundle's own finding tells why
        try:
            engine = _opened(config, ear)
        except CodedError as error:
            yield fault_from_error(name, error)
            continue
        try:
            yield _speed(name, engine, ear, len(sources))
        finally:
            engine.close()
        if engine.fallback and any((patient.root / node).exists() for node in GPU_NODES):
            yield warning(name, f"this box has a GPU, the CPU judges: {engine.fallback}", "docs/jetson.md")


def _opened(config: Config, ear: Ear) -> Engine:
    """Open an engine as the daemon would, but build no plan."""
    settings = config.engine.model_copy(update={"build_plans": False})
    plans = plan_settings(settings, plans_folder(config.state_dir), lambda _words: None)
    return checked_engine(ear.bundle, settings, plans)


def _speed(name: str, engine: Engine, ear: Ear, sources: int) -> Finding:
    """Time a batch of one window from every source: that is what each hop brings."""
    manifest = engine.bundle.manifest
    batch = np.zeros((sources, manifest.mel, manifest.frames), np.float32)
    ends_s = time.monotonic() + SPEED_S
    seconds: list[float] = []
    while not seconds or time.monotonic() < ends_s:
        started_s = time.perf_counter()
        engine.infer(batch)
        seconds.append(time.perf_counter() - started_s)
    share = statistics.median(seconds) / ear.hop_s
    said = (
        f"{engine.backend}: {statistics.median(seconds) * 1e3:.1f} ms for a window of each of {sources} "
        f"sources, {share:.0%} of real time"
    )
    remedy = "fewer sources, a larger window.hop_frames, or another bundle: wheeltapper engine bench BUNDLE"
    if share > TOO_BUSY:
        return fault(name, said, remedy)
    return warning(name, said, remedy) if share > BUSY else ok(name, said)


def _by_bundle(config: Config) -> dict[Path | None, list[SourceConfig]]:
    """Return who is judged by which bundle; sources whose bundle cannot be told are left out."""
    found: dict[Path | None, list[SourceConfig]] = {}
    for source in config.sources:
        with contextlib.suppress(LibraryError):
            found.setdefault(folder_of(source, config), []).append(source)
    return found


def _not_found(config: Config) -> Iterator[Finding]:
    for source in config.sources:
        try:
            if is_unlearned(source, config):
                yield warning(
                    f"bundle of {source.id}",
                    "none is live yet, so that it is heard and not judged",
                    way_to_first_bundle(source, config),
                )
                continue
            folder = folder_of(source, config)
            if is_managed(source) and folder is not None:
                check_version(folder)
        except BundleError:
            continue  # told of the folder itself
        except LibraryError as error:
            yield fault_from_error(f"bundle of {source.id}", error)
