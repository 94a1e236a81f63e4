"""`wheeltapper check`: everything that can be refused, tried without listening to anything."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from engines.errors import CodedError
from monitor.bundles.choice import folder_to_open, is_unlearned, way_to_first_bundle
from monitor.calibration import Calibration
from monitor.config import Config, MicrophoneSource, SourceConfig, load_config
from monitor.demo_bundles import NOT_THIS_MACHINE, REMEDY, knows_another
from monitor.errors import PublishError
from monitor.listening import open_ear
from monitor.machine import calibration_of
from monitor.models import open_models
from monitor.privacy.speech import SpeechDetector
from monitor.publish.access import access_from_config
from monitor.publish.client import check_host
from monitor.publish.embedded import require_broker_package
from monitor.publish.walk import Step
from monitor.sources.devices import find_device
from monitor.trials import broker_walks, try_sources


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="default: ./config.yaml")
    parser.add_argument("--no-devices", action="store_true", help="do not look for the microphones")
    parser.add_argument(
        "--mqtt", action="store_true", help="go to the broker too, and name the step that fails"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check every part and go on after a failure; 0 when all is well, 1 when anything is not."""
    config = load_config(arguments.config)
    print(f"ok    configuration {arguments.config}")
    failures = 0
    told: set[str] = set()
    for name, check in _checks(config, devices=not arguments.no_devices):
        try:
            said = check()
        except CodedError as error:
            failures += 1
            _tell_failure(name, "for the same reason" if str(error) in told else str(error), error.code)
            told.add(str(error))
        else:
            print(f"ok    {name}{': ' + said if said else ''}")
    if arguments.mqtt and not _walked(config):
        failures += 1
    return 1 if failures else 0


def _walked(config: Config) -> bool:
    """Walk to the brokers and say each step; whether all were reached."""
    walks = broker_walks(config)
    if not walks:
        why = "host: embedded" if config.mqtt.enabled else "enabled: false"
        print(f"ok    mqtt: no broker to go to (mqtt.{why})")
    arrived = [_arrived(name, walk) for name, walk in walks]  # after a failure the others are tried, too
    return all(arrived)


def _arrived(name: str, walk: Iterator[Step]) -> bool:
    try:
        for step in walk:
            print(f"ok    {name} {step.name}: {step.said}")
    except PublishError as error:
        _tell_failure(name.rstrip(","), str(error), error.code)
        return False
    return True


def _tell_failure(name: str, said: str, code: str) -> None:
    print(f"FAIL  {name}: {said} [{code}]", file=sys.stderr)


def _checks(config: Config, *, devices: bool) -> list[tuple[str, Callable[[], str]]]:
    checks: list[tuple[str, Callable[[], str]]] = [("bundles and engines", lambda: _engines(config))]
    for source in config.sources:
        checks.append((f"calibration of {source.id}", lambda s=source: _calibration(config, s)))  # type: ignore[misc]
        if devices and isinstance(source, MicrophoneSource):
            checks.append((f"device of {source.id}", lambda s=source: find_device(s.device).name))  # type: ignore[misc]
    checks.append(("sources", lambda: try_sources(config)))
    if config.looks_for_speech:
        checks.append(("speech check", _speech_check))
    if config.mqtt.enabled or config.sparkplug.enabled:
        checks.append(("mqtt", lambda: _credentials(config)))
    return checks


def _engines(config: Config) -> str:
    opened = open_models(config, say=print)
    said = []
    for model in {id(model.engine): model for model in opened.values()}.values():
        ear, engine = model.ear, model.engine
        why = f" (no better backend: {engine.fallback})" if engine.fallback else ""
        said.append(f"{ear.bundle.bundle_id} on {engine.backend}{why}")
        engine.close()
    return ", ".join(said) or "none is live yet"


def _speech_check() -> str:
    SpeechDetector()
    return "the network is the one that was measured"


def _calibration(config: Config, source: SourceConfig) -> str:
    if is_unlearned(source, config):
        way = way_to_first_bundle(source, config)
        return f"NOTE: no bundle is live yet, it is heard and not judged; {way}"
    ear = open_ear(folder_to_open(source, config), config.window, config.input_quality)
    calibration = calibration_of(source, ear, config)
    bundle_id = ear.bundle.bundle_id
    another = knows_another(bundle_id, source)
    budget = config.alarm_for(source).false_alarms_per_week
    low, high = calibration.false_alarms_interval(budget)
    return (
        f"limit {calibration.limit_raw(budget):.4g} for {budget:g} false alarms a week "
        f"(90 % interval {low:.2g} to {high:.2g}), "
        f"from {calibration.exposure_h:.1f} h of {calibration.source}"
        f"{_delay_note(config, source, calibration)}"
        f"{f'; NOTE: {bundle_id} {NOT_THIS_MACHINE}; {REMEDY}' if another else ''}"
    )


def _delay_note(config: Config, source: SourceConfig, calibration: Calibration) -> str:
    """Say when alarms clear faster than calibration assumed: one rise may then raise several."""
    off_delay_s = config.alarm_for(source).off_delay_s
    if off_delay_s >= calibration.gap_s:
        return ""
    return (
        f"; NOTE: off_delay_s {off_delay_s:g} is shorter than the {calibration.gap_s:g} s within which the "
        "calibration counts high windows as one alarm, so that more alarms than promised may be raised"
    )


def _credentials(config: Config) -> str:
    if config.mqtt.host == "embedded":
        require_broker_package()
    check_host(config.mqtt.host)
    access = access_from_config(config.mqtt)
    unchecked = ", NOTE: the broker's name is not checked" if config.mqtt.insecure_skip_tls_name_check else ""
    login = "with login" if access.login else "no login"
    return f"{'TLS' if access.encryption else 'no TLS'}, {login}{unchecked}"
