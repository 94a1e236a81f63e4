"""The support bundle has what support asks for, and no secret, no person and no sound."""

from __future__ import annotations

import json
import os
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from doctor_patients import HEARD, patient_of, status_of
from fixtures_daemon import DaemonProcess
from fixtures_mosquitto import Mosquitto, eventually

from monitor.__main__ import main
from monitor.doctor import support
from monitor.doctor.finding import Patient, Verdict, fault
from monitor.doctor.support import write_support_bundle
from monitor.errors import SupportError

SECRETS = {
    "broker": 'br0ker-"pw"-of-the-plant',
    "camera": "c@mera-pw",
    "token": "t0ken-in-the-address",
    "key": "MIIEvQIBADANBgkqhki",
    "forgotten": "hunter2hunter2",
}
PEOPLE = ("anna.operator", "the bearing squeals again")
AT, US = "2026-01-01T00:00:00+0000 box", "wheeltapper[7]:"
LOG = f"""\
{AT} {US} {{"event": "command", "actor": "{PEOPLE[0]}", "note": "{PEOPLE[1]}"}}
{AT} {US} cannot open rtsp://viewer:c%40mera-pw@10.0.0.7/x?t={SECRETS["token"]}
{AT} {US} {{"said": {json.dumps(SECRETS["broker"])}}} or {SECRETS["broker"]}
{AT} other[8]: password={SECRETS["forgotten"]}
-----BEGIN PRIVATE KEY-----
{SECRETS["key"]}
-----END PRIVATE KEY-----
{AT} {US} the last line of the log
"""


@pytest.fixture
def box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Patient:
    """A box with secrets at every place they are known to get to, and a journal that is full of them."""
    (tmp_path / "password").write_text(SECRETS["broker"] + "\n")
    sources = [
        {
            "id": "p1",
            "kind": "stream",
            "url": f"rtsp://viewer:c%40mera-pw@10.0.0.7:554/x?t={SECRETS['token']}",
        },
    ]
    mqtt = {"host": "broker.example", "username": "plantuser", "password_file": str(tmp_path / "password")}
    limits = {"limit": 1.5, "set_by": PEOPLE[0]}
    error = f"refused {SECRETS['broker']}"
    status = status_of({**HEARD, "limits": limits}, box={"broker_error": error})
    patient = patient_of(tmp_path, sources=sources, mqtt=mqtt, status=status)
    clip = patient.config.state_dir / "clips" / "p1" / "2026-01-01"
    clip.mkdir(parents=True)
    (clip / "120000-abc.flac").write_bytes(b"fLaC the sound of people talking")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "journalctl").write_text(f"#!/bin/sh\ncat <<'LOG'\n{LOG}LOG\n")
    (programs / "journalctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    return patient


def contents(path: Path) -> dict[str, str]:
    with tarfile.open(path) as tar:
        members = [(member.name, tar.extractfile(member)) for member in tar.getmembers()]
        return {name: file.read().decode() for name, file in members if file is not None}


def test_no_secret_no_person_and_no_sound_is_in_it(box: Patient, tmp_path: Path) -> None:
    finding = fault("broker", f"refused with {SECRETS['broker']}", "ask")
    path = tmp_path / "support.tar.gz"
    names = write_support_bundle(box, [finding], path)
    texts = contents(path)
    assert [f"wheeltapper-support/{name}" for name in names] == list(texts)
    hidden = [*SECRETS.values(), "c%40mera", json.dumps(SECRETS["broker"])[1:-1], *PEOPLE, "plantuser"]
    assert [] == [(name, word) for name, text in texts.items() for word in hidden if word in text]
    assert "people talking" not in "".join(texts.values())
    assert b"people talking" not in path.read_bytes()


def test_what_support_asks_for_is_in_it(box: Patient, tmp_path: Path) -> None:
    path = tmp_path / "support.tar.gz"
    write_support_bundle(box, [fault("broker", "refused", "ask")], path)
    texts = {name.removeprefix("wheeltapper-support/"): text for name, text in contents(path).items()}
    assert {"doctor.json", "versions.json", "config.json", "status.json", "files.txt"} <= set(texts)
    assert "refused" == json.loads(texts["doctor.json"])[0]["said"]
    config = json.loads(texts["config.json"])
    assert ("broker.example", "rtsp://***@10.0.0.7:554/x?***") == (
        config["mqtt"]["host"],
        config["sources"][0]["url"],
    )
    assert 1.5 == json.loads(texts["status.json"])["sources"][0]["limits"]["limit"]
    assert "clips/p1/2026-01-01/120000-abc.flac" in texts["files.txt"]
    assert texts["wheeltapper.log"].endswith("the last line of the log\n")
    (manifest,) = [name for name in texts if name.startswith("manifest-")]
    assert "frontend_digest" in texts[manifest]


def test_it_is_for_its_owner_only_and_there_whole_or_not_at_all(
    box: Patient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "support.tar.gz"
    write_support_bundle(box, [], path)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    whole = path.read_bytes()

    def disk_full(*_arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(support, "_add", disk_full)
    with pytest.raises(SupportError, match="No space left on device"):
        write_support_bundle(box, [], path)
    assert whole == path.read_bytes()
    assert [] == list(tmp_path.glob("*.part"))
    with pytest.raises(SupportError, match="name another file"):
        write_support_bundle(box, [], tmp_path / "nowhere" / "x.tar.gz")


def test_a_box_without_a_journal_has_no_log_in_it(box: Patient, tmp_path: Path) -> None:
    (tmp_path / "bin" / "journalctl").write_text("#!/bin/sh\necho '-- No entries --'\n")
    names = write_support_bundle(box, [], tmp_path / "a.tar.gz")
    assert [] == [name for name in names if name.endswith(".log")]


def test_an_invalid_configuration_is_told_whole_and_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config.yaml").write_text("sources: []\nnonsense: 1\n")
    assert 2 == main(["doctor", "--config", str(tmp_path / "config.yaml")])
    assert "nonsense: unknown key" in capsys.readouterr().err


@pytest.mark.broker
def test_a_box_that_is_well_has_no_fault(
    make_daemon: Callable[..., DaemonProcess],
    mosquitto: Mosquitto,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    daemon = make_daemon(
        sources=[{"id": "pump-1", "kind": "simulated"}],
        mqtt={"host": "127.0.0.1", "port": mosquitto.port},
        replay={"enabled": False},
    )
    daemon.environment["WATCHDOG_USEC"] = "30000000"
    daemon.start()
    daemon.wait_listening()
    eventually(lambda: (daemon.status() or {})["box"]["broker"] == "connected", 20)

    def doctor(*words: str) -> tuple[int, str]:
        code = main(["doctor", "--config", str(daemon.config_path), *words])
        return code, capsys.readouterr().out

    code, printed = doctor("--json")
    found: list[dict[str, Any]] = json.loads(printed)
    assert [] == [one for one in found if one["verdict"] == Verdict.FAULT.value]
    assert 0 == code
    names = {one["name"] for one in found if one["verdict"] == "ok"}
    assert {"daemon", "watchdog", "store", "sources heard", "broker of mqtt"} <= names
    assert 0 == daemon.stop()
    code, printed = doctor("--bundle", str(tmp_path / "b.tar.gz"))
    assert 1 == code
    assert "FAULT    daemon: NOT running" in printed
    assert "-> start it: systemctl start wheeltapper" in printed
    assert (tmp_path / "b.tar.gz").is_file()
