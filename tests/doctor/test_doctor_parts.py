"""The doctor tells the daemon, the sound, the models and the ways out as they are."""

from __future__ import annotations

import http.server
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from doctor_patients import HEARD, only, patient_of, status_of, verdicts
from fixtures_mosquitto import Mosquitto, free_port

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.calibration import load_calibration
from monitor.calibration.file import save_calibration
from monitor.doctor import models, sound
from monitor.doctor.daemon import check_daemon, check_report
from monitor.doctor.examination import CHECKS, examine, lines_of
from monitor.doctor.finding import Finding, Patient, Verdict, fault_from_error
from monitor.doctor.models import check_bundles, check_calibrations, check_engines
from monitor.doctor.network import check_broker, check_metrics, check_replay
from monitor.doctor.settings import check_config_file
from monitor.doctor.shadow import check_candidates
from monitor.doctor.sound import check_devices, check_sources
from monitor.errors import StoreError
from monitor.listening import DEMO_BUNDLE
from monitor.shadow.facts import ShadowFacts, ShadowState
from monitor.sources.devices import InputDevice

Status = Mapping[str, Any] | None
MICROPHONE = {"id": "p1", "kind": "microphone", "device": "alsa:CARD=Device,DEV=0", "channel": 2}
DEAF = {**HEARD, "capture": {**HEARD["capture"], "state": "failed", "reason": "gone", "lost_samples": 9}}


@pytest.mark.parametrize(
    ("status", "verdict", "words"),
    [
        (None, "fault", "there is no report"),
        (status_of(age_s=60.0), "fault", "NOT running"),
        (status_of(box={"pid": 2**22 + 1}), "fault", "NOT running"),
    ],
    ids=["none", "silent", "dead"],
)
def test_a_daemon_that_does_not_run_is_a_fault(
    tmp_path: Path, status: Status, verdict: str, words: str
) -> None:
    patient = patient_of(tmp_path, status=status)
    found = only(check_daemon, patient)
    assert (verdict, True) == (found.verdict.value, words in found.said)
    assert [] == list(check_report(patient)), "what it said long ago is no news"


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        (
            ShadowFacts("ae-2", ShadowState.JUDGING, heard_s=9000.0, judged_windows=9),
            "ok",
            "has judged 2.5 h",
        ),
        (ShadowFacts("ae-2", ShadowState.SET_ASIDE, "its engine failed"), "warning", "set aside: its engine"),
        (ShadowFacts("ae-2", ShadowState.JUDGING, skipped_windows=9), "warning", "100.0% of windows skipped"),
        (ShadowFacts("ae-2", ShadowState.JUDGING, lost_windows=3), "warning", "3 windows of it were not"),
    ],
    ids=["well", "set aside", "skipped", "not stored"],
)
def test_a_candidate_is_told_as_it_is_and_a_source_without_one_is_not(
    tmp_path: Path, facts: ShadowFacts, verdict: str, words: str
) -> None:
    tree = {**HEARD, "shadow": json.loads(json.dumps(asdict(facts)))}
    found = only(check_candidates, patient_of(tmp_path, status=status_of(tree)))
    assert (verdict, True) == (found.verdict.value, words in found.said), found.said
    assert [] == list(check_candidates(patient_of(tmp_path, status=status_of())))


def test_a_daemon_that_runs_tells_whether_it_is_watched_and_what_it_has_lost(tmp_path: Path) -> None:
    patient = patient_of(tmp_path, status=status_of())
    assert [("daemon", "ok"), ("watchdog", "ok")] == verdicts(check_daemon(patient))
    heard = [("retention", "ok"), ("sources heard", "ok"), ("losses", "ok")]
    assert heard == verdicts(check_report(patient))
    silent = {**HEARD, "quality": "silent", "dropped_windows": 3}
    short = {"line": "removed nothing; 9 GB in 3 locked events", "short_bytes": 7}
    box = {
        "watchdog_s": None,
        "store_error": "disk full",
        "counts": {"dropped_scores": 4},
        "retention": short,
    }
    patient = patient_of(tmp_path, status=status_of(DEAF, silent, box=box))
    assert [("daemon", "ok"), ("watchdog", "warning")] == verdicts(check_daemon(patient))
    found = list(check_report(patient))
    assert [
        ("report", "fault"),
        ("retention", "warning"),
        ("source p1", "fault"),
        ("source p1", "warning"),
        ("losses", "warning"),
    ] == verdicts(found)
    assert "since its start: 9 samples lost, 3 windows dropped, 4 dropped scores" == found[-1].said


def test_a_machine_that_is_off_is_well_and_one_of_which_nobody_speaks_is_not(tmp_path: Path) -> None:
    off = {**HEARD, "quality": "off", "machine": {"signal": "off", "signal_missing": ""}}
    unsure = {**HEARD, "machine": {"signal": "missing", "signal_missing": "never told"}}
    found = list(check_report(patient_of(tmp_path, status=status_of(off))))
    assert ("sources heard", "ok") in verdicts(found)
    (trouble,) = [
        one for one in check_report(patient_of(tmp_path, status=status_of(unsure))) if one.name == "source p1"
    ]
    assert "never told; it counts as running" in trouble.said


@pytest.fixture
def two_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two cards, as PortAudio's search would find them; this machine may have none."""
    there = [
        InputDevice(
            0, ("alsa:CARD=Device,DEV=0",), "USB", channels=2, sample_rate_hz=48_000, is_default=True
        ),
        InputDevice(
            1, ("alsa:CARD=Mono,DEV=0",), "Mono", channels=1, sample_rate_hz=16_000, is_default=False
        ),
    ]
    monkeypatch.setattr(sound, "list_devices", lambda: there)


@pytest.mark.parametrize(
    ("device", "verdict", "words"),
    [
        ("alsa:CARD=Device,DEV=0", "ok", "48000 Hz"),
        ("alsa:CARD=Mono,DEV=0", "fault", "has 1 channels, channel 2 is configured"),
        ("usb-path:1-1", "fault", "is not there"),
    ],
)
@pytest.mark.usefixtures("two_devices")
def test_every_microphone_is_looked_for(tmp_path: Path, device: str, verdict: str, words: str) -> None:
    patient = patient_of(tmp_path, root=tmp_path, sources=[{**MICROPHONE, "device": device}])
    found = only(check_devices, patient)
    assert (verdict, True) == (found.verdict.value, words in found.said), found


@pytest.mark.usefixtures("two_devices")
def test_a_card_that_the_daemon_hears_is_not_looked_for_for_alsa_would_hide_it(tmp_path: Path) -> None:
    held = [{**MICROPHONE, "device": "alsa:CARD=Held,DEV=0"}]
    found = only(check_devices, patient_of(tmp_path, root=tmp_path, sources=held, status=status_of()))
    assert (Verdict.OK, "alsa:CARD=Held, heard by the daemon") == (found.verdict, found.said)
    deaf = patient_of(tmp_path, root=tmp_path, sources=held, status=status_of(DEAF))
    assert Verdict.FAULT is only(check_devices, deaf).verdict
    stopped = patient_of(tmp_path, root=tmp_path, sources=held, status=status_of(age_s=99.0))
    assert Verdict.FAULT is only(check_devices, stopped).verdict


@pytest.mark.usefixtures("two_devices")
def test_sound_cards_that_may_not_be_opened_are_a_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dev/snd").mkdir(parents=True)
    (tmp_path / "dev/snd/pcmC1D0c").touch()
    (tmp_path / "dev/snd/pcmC1D0p").touch()
    patient = patient_of(tmp_path, root=tmp_path, sources=[MICROPHONE])
    assert [("sound cards", "ok"), ("device of p1", "ok")] == verdicts(check_devices(patient))
    monkeypatch.setattr("os.access", lambda _path, _mode: False)  # root may open everything
    found = next(iter(check_devices(patient)))
    assert (Verdict.FAULT, True) == (found.verdict, "usermod -aG audio" in found.remedy)


def test_no_microphone_is_no_finding_and_a_missing_file_is_a_fault(tmp_path: Path) -> None:
    assert [] == list(check_devices(patient_of(tmp_path)))
    assert Verdict.OK is only(check_sources, patient_of(tmp_path)).verdict
    missing = [{"id": "p1", "kind": "file", "path": "/nowhere.wav"}]
    (found,) = examine(patient_of(tmp_path, sources=missing), [("sources", check_sources)])
    assert (Verdict.FAULT, True) == (found.verdict, "/nowhere.wav" in found.said)


def test_a_bundle_with_a_changed_file_is_a_fault_and_the_demo_is_no_model_of_a_real_machine(
    tmp_path: Path,
) -> None:
    assert Verdict.OK is only(check_bundles, patient_of(tmp_path)).verdict
    found = only(check_bundles, patient_of(tmp_path, sources=[MICROPHONE]))
    assert (Verdict.WARNING, True) == (found.verdict, "knows only the simulated pump" in found.said)
    bundle = Path(shutil.copytree(DEMO_BUNDLE, tmp_path / "bundle"))
    (bundle / "model.onnx").write_bytes((bundle / "model.onnx").read_bytes()[:-1])
    patient = patient_of(tmp_path, engine={"bundle": str(bundle)})
    assert Verdict.FAULT is only(check_bundles, patient).verdict
    assert [] == [*check_calibrations(patient), *check_engines(patient)], "told once"


@pytest.mark.parametrize(
    ("fitted_utc_s", "verdict", "words"),
    [
        (time.time() - 10 * 86_400, "ok", "10 days old, from"),
        (time.time() - 500 * 86_400, "warning", "the machine may have changed"),
        (1000.0, "warning", "made while the clock was not set"),
    ],
    ids=["young", "old", "1970"],
)
def test_the_age_of_a_calibration_is_told(
    tmp_path: Path, fitted_utc_s: float, verdict: str, words: str
) -> None:
    patient = patient_of(tmp_path, sources=[MICROPHONE])
    bundle_id = next(iter(check_bundles(patient))).said.split()[0]
    shipped = load_calibration(DEMO_BUNDLE / "calibration.json", bundle_id=bundle_id)
    own = patient.config.state_dir / "calibration" / "p1.json"
    own.parent.mkdir()
    save_calibration(replace(shipped, fitted_utc_s=fitted_utc_s), own)
    found = only(check_calibrations, patient)
    assert (verdict, True) == (found.verdict.value, words in found.said), found


def test_a_source_without_a_bundle_is_told_once_with_the_way_that_is_open_to_it(tmp_path: Path) -> None:
    waits = {"bundle": "managed"}
    ways = {
        "p1": ({"kind": "simulated"}, "on the page (Learn)"),
        "p2": ({"kind": "file", "path": "p2.wav"}, "wheeltapper learn p2 --data FOLDER"),
        "p3": ({"kind": "simulated", "audio": "never"}, "wheeltapper learn p3 --data FOLDER"),
    }
    sources = [{"id": name, **waits, **keys} for name, (keys, _) in ways.items()]
    heard = [
        {**HEARD, "capture": {**HEARD["capture"], "source_id": name}, "quality": "unlearned"} for name in ways
    ]
    patient = patient_of(tmp_path, status=status_of(*heard), sources=sources)
    told = [
        finding
        for finding in examine(patient, [("report", check_report), ("bundles", check_bundles)])
        if finding.verdict is not Verdict.OK
    ]
    remedies = {
        f"bundle of {name}": f"learn one: {way}; then wheeltapper promote {name}"
        for name, (_, way) in ways.items()
    }
    assert list(remedies.items()) == [(finding.name, finding.remedy) for finding in told]

    library = Library(patient.config.state_dir, "p2")
    library.install(DEMO_BUNDLE, By("anna", "terminal", 1.8e9, "t-1"))
    (found,) = [finding for finding in check_bundles(patient) if finding.name == "bundle of p2"]
    assert "a candidate waits: wheeltapper promote p2" == found.remedy


def test_a_candidate_whose_file_was_changed_is_a_fault_before_anybody_promotes_it(tmp_path: Path) -> None:
    managed = {"id": "p1", "kind": "simulated", "bundle": "managed"}
    patient = patient_of(tmp_path, sources=[managed])
    library = Library(patient.config.state_dir, "p1")
    candidate = library.install(DEMO_BUNDLE, By("anna", "terminal", 1.8e9, "t-1")).name
    name = "files of the candidate of p1"
    assert name not in {finding.name for finding in check_bundles(patient)}
    model = library.version_folder(candidate) / "model.onnx"
    model.chmod(0o644)
    model.write_bytes(model.read_bytes()[:-1])
    (found,) = [finding for finding in check_bundles(patient) if finding.name == name]
    assert (Verdict.FAULT, True) == (found.verdict, "model.onnx" in found.said)


def test_a_calibration_of_another_bundle_is_a_fault(tmp_path: Path) -> None:
    patient = patient_of(tmp_path)
    own = patient.config.state_dir / "calibration" / "p1.json"
    own.parent.mkdir()
    shutil.copy(DEMO_BUNDLE.parent / "ae" / "calibration.json", own)
    found = only(check_calibrations, patient)
    assert (Verdict.FAULT, True) == (found.verdict, "was fitted with bundle ae-" in found.said)


@pytest.mark.parametrize(
    ("busy", "too_busy", "verdict"), [(0.5, 0.9, "ok"), (0.0, 0.9, "warning"), (0.0, 0.0, "fault")]
)
def test_the_engine_is_held_against_real_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, busy: float, too_busy: float, verdict: str
) -> None:
    monkeypatch.setattr(models, "BUSY", busy)
    monkeypatch.setattr(models, "TOO_BUSY", too_busy)
    monkeypatch.setattr(models, "SPEED_S", 0.0)
    found = only(check_engines, patient_of(tmp_path, root=tmp_path))
    assert (verdict, True) == (found.verdict.value, "of real time" in found.said)


def test_a_gpu_that_does_not_judge_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "SPEED_S", 0.0)
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvmap").touch()
    assert ["ok", "warning"] == [v for _, v in verdicts(check_engines(patient_of(tmp_path, root=tmp_path)))]


@pytest.mark.broker
def test_the_way_to_the_broker_is_walked(tmp_path: Path, mosquitto: Mosquitto) -> None:
    patient = patient_of(tmp_path, mqtt={"host": "127.0.0.1", "port": mosquitto.port})
    found = only(check_broker, patient)
    assert (Verdict.OK, True) == (found.verdict, "publish: " in found.said)
    mosquitto.stop()
    found = only(check_broker, patient)
    assert (Verdict.FAULT, True) == (found.verdict, "is not reachable" in found.said)


def test_a_broker_whose_password_only_the_service_has_is_not_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    mqtt = {"host": "broker.example", "username": "box", "password_file": "credential:mqtt-password"}
    found = only(check_broker, patient_of(tmp_path, mqtt=mqtt, status=status_of()))
    assert (Verdict.WARNING, True) == (
        found.verdict,
        "the daemon says connected, Sparkplug off" in found.said,
    )
    assert "off" in only(check_broker, patient_of(tmp_path)).said


@pytest.fixture
def page() -> Iterator[Callable[[int], int]]:
    """A function that serves one HTTP status, and returns the port."""
    servers = []

    def serve(status: int) -> int:
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                self.end_headers()

            def log_message(self, *_words: object) -> None:
                pass

        servers.append(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer))
        threading.Thread(target=servers[-1].serve_forever, args=(0.02,), daemon=True).start()
        return servers[-1].server_address[1]

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_page_is_asked_for(tmp_path: Path, page: Callable[[int], int]) -> None:
    ports = (page(200), page(303), page(500), free_port())
    found = [only(check_replay, patient_of(tmp_path, replay={"port": port})) for port in ports]
    assert ["ok", "ok", "fault", "warning"] == [one.verdict.value for one in found]
    assert "off" in only(check_replay, patient_of(tmp_path, replay={"enabled": False})).said


def test_the_metrics_are_asked_for_while_the_daemon_runs(tmp_path: Path, page: Callable[[int], int]) -> None:
    def found(port: int, status: Status) -> list[str]:
        patient = patient_of(tmp_path, metrics={"enabled": True, "port": port}, status=status)
        return [verdict for _, verdict in verdicts(check_metrics(patient))]

    assert (["ok"], ["fault"]) == (found(page(200), status_of()), found(free_port(), status_of()))
    assert [] == found(free_port(), None)
    assert "off" in only(check_metrics, patient_of(tmp_path)).said


def test_a_password_that_everybody_can_read_is_told(tmp_path: Path) -> None:
    stream = [{"id": "p1", "kind": "stream", "url": "rtsp://a:secret@camera/x"}]
    patient = patient_of(tmp_path, sources=stream)
    patient.config_path.chmod(0o644)
    assert [("configuration", "ok"), ("configuration", "warning")] == verdicts(check_config_file(patient))
    patient.config_path.chmod(0o640)
    assert [("configuration", "ok")] == verdicts(check_config_file(patient))


def test_a_check_that_fails_is_a_finding_and_the_next_goes_on(tmp_path: Path) -> None:
    def damaged(_patient: Patient) -> Iterator[Finding]:
        raise StoreError("x.sqlite: is damaged (page 7; row 2); restart the daemon")

    def forbidden(_patient: Patient) -> Iterator[Finding]:
        raise PermissionError(13, "Permission denied")

    checks = (("store", damaged), ("disk", forbidden), ("configuration", check_config_file))
    found = list(examine(patient_of(tmp_path), checks))
    assert [("store", "fault"), ("disk", "fault"), ("configuration", "ok")] == verdicts(found)
    assert "x.sqlite: is damaged (page 7; row 2) [store]" == found[0].said
    assert "FAULT    store: x.sqlite: is damaged (page 7; row 2) [store]\n         -> restart the daemon" == (
        lines_of(found[0])
    )


def test_an_error_without_a_remedy_gets_the_manuals() -> None:
    found = fault_from_error("x", StoreError("no remedy in here"))
    assert ("no remedy in here", True) == (found.said, bool(found.remedy))


def test_every_check_has_a_name_of_its_own() -> None:
    assert len({name for name, _ in CHECKS}) == len(CHECKS)
