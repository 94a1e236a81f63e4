"""The ways out of the box: the broker step by step, the technicians' page, the metrics."""

from __future__ import annotations

import http.client
import os
import ssl
from collections.abc import Iterator
from contextlib import closing

from monitor.config import MqttConfig
from monitor.doctor.finding import Finding, Patient, fault, fault_from_error, ok, warning
from monitor.errors import PublishError
from monitor.publish.credential_files import FOLDER_VARIABLE, PREFIX
from monitor.publish.embedded import require_broker_package
from monitor.report import is_alive
from monitor.trials import EMBEDDED, broker_walks

PATIENCE_S = 5.0
ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - where such a server is reached


def check_broker(patient: Patient) -> Iterator[Finding]:
    """Walk to every broker that is configured, and name the step that fails."""
    config = patient.config
    if config.mqtt.enabled and config.mqtt.host == EMBEDDED:
        require_broker_package()
        yield ok("broker", "embedded: in the daemon itself, for this box alone")
    elif not config.mqtt.enabled and not config.sparkplug.enabled:
        yield ok("broker", "MQTT and Sparkplug are off")
    for words, walk in broker_walks(config):
        name = f"broker of {words.rstrip(',')}"
        if _is_only_the_services(config.mqtt):
            yield warning(
                name,
                "not tried: the password is a credential, which only the service is given; the daemon says "
                f"{_said_of_broker(patient)}",
                f"{FOLDER_VARIABLE}=FOLDER wheeltapper doctor, with the password's file in FOLDER",
            )
            continue
        try:
            yield ok(name, "; ".join(f"{step.name}: {step.said}" for step in walk))
        except PublishError as error:
            yield fault_from_error(name, error)


def _is_only_the_services(mqtt: MqttConfig) -> bool:
    files = (mqtt.password_file, mqtt.ca_file, mqtt.cert_file, mqtt.key_file)
    return FOLDER_VARIABLE not in os.environ and any(str(file).startswith(PREFIX) for file in files)


def _said_of_broker(patient: Patient) -> str:
    box = {} if patient.status is None else patient.status["box"]
    return f"{box.get('broker', 'nothing')}, Sparkplug {box.get('sparkplug', 'nothing')}"


def check_replay(patient: Patient) -> Iterator[Finding]:
    """Ask for the technicians' page."""
    replay = patient.config.replay
    if not replay.enabled:
        yield ok("page", "off (replay.enabled: false)")
        return
    secure = replay.tls_cert_file is not None
    where = f"{'https' if secure else 'http'}://{replay.host}:{replay.port}"
    status = _status_of(replay.host, replay.port, "/login", secure=secure)
    if isinstance(status, str):
        yield warning(
            "page",
            f"{where} does not answer ({status})",
            "systemctl enable --now wheeltapper-replay, or replay.enabled: false",
        )
    elif status >= 500:
        yield fault("page", f"{where} answers {status}", "see its log: journalctl -u wheeltapper-replay")
    else:
        yield ok("page", f"{where} answers")


def check_metrics(patient: Patient) -> Iterator[Finding]:
    """Ask for /metrics."""
    metrics = patient.config.metrics
    if not metrics.enabled:
        yield ok("metrics", "off (metrics.enabled: false)")
        return
    if patient.status is None or not is_alive(patient.status):
        return  # the daemon serves them, and has a finding of its own
    where = f"http://{metrics.host}:{metrics.port}/metrics"
    status = _status_of(metrics.host, metrics.port, "/metrics", secure=False)
    if status == 200:
        yield ok("metrics", f"{where} answers")
    else:
        yield fault(
            "metrics", f"{where} does not answer ({status})", "is the port taken? see the daemon's log"
        )


def _status_of(host: str, port: int, path: str, *, secure: bool) -> int | str:
    """Return the status of an answer, or why there was none."""
    address = ANYWHERE.get(host, host)
    connection: http.client.HTTPConnection
    if secure:
        # it is asked whether somebody answers, and told nothing
        context = ssl._create_unverified_context()  # noqa: S323, SLF001 - see above
        connection = http.client.HTTPSConnection(address, port, timeout=PATIENCE_S, context=context)
    else:
        connection = http.client.HTTPConnection(address, port, timeout=PATIENCE_S)
    with closing(connection):
        try:
            connection.request("GET", path, headers={"Host": f"localhost:{port}"})
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
