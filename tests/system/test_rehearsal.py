"""From an empty box to another model and back, with real sound, and no file edited by hand.

Real microphone, broker, daemon and page; everything is typed, sent or asked. The short form: small nets, and
most of the normal sound from files, for a microphone needs twenty minutes to hear what a limit is fitted to.
The long form, with nothing left out, is tests/bench/rehearsal.py; both go the way of docs/rehearsal.md.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import soundfile
from fixtures_daemon import ROOT
from fixtures_mosquitto import eventually
from flights import RATE_HZ, Airfield, Session
from rehearsal_rig import PREFIX, SOURCE, Box, label, label_disputes

from monitor.__main__ import build_parser

DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "rehearsal.md"
SMALL = ("--widths", "2,2", "--epochs", "1", "--threads", "1")
SETTINGS = {
    "alarm": {"false_alarms_per_week": 100, "off_delay_s": 0.5, "acknowledge_required": False},
    "store": {"min_free_bytes": 0, "pre_roll_s": 1.0, "post_roll_s": 1.0},
    "bundles": {"promotion": "managed", "promotion_hours": 0.001, "promotion_anomalies": 1},
    "shadow": {"cpu_share": 1.0},
}
KIND = "rooster"
FILE_S = 60
HEALTH, EVENT = f"{PREFIX}/{SOURCE}/health", f"{PREFIX}/{SOURCE}/event"


@pytest.fixture
def sounds() -> Mapping[str, Session]:
    """What the microphone hears: other flights, and other cries of a rooster, each time."""
    field = Airfield(DATA, foreign_db=12.0)
    first, second, none = slice(0, 2), slice(2, 4), slice(0, 0)
    return {
        "normal": field.normal("train", most=4),
        "calibrate": field.normal("calibrate"),
        "first": field.with_faults(first, none, [KIND], count=4, every_s=5.5, role="event_train"),
        "second": field.with_faults(second, none, [KIND], count=2, every_s=5.5),
    }


@pytest.fixture
def box(tmp_path: Path, sounds: Mapping[str, Session]) -> Iterator[Box]:
    with closing(Box(tmp_path, sounds, SETTINGS, types_here=True)) as box:
        yield box


def recorded_before(folder: Path, sounds: Mapping[str, Session]) -> Path:
    """Make files as `wheeltapper record` leaves them, of a recording that took longer than a test has."""
    folder.mkdir()
    lines = ["file,role\n"]
    for name, role in (("normal", "train"), ("calibrate", "calibrate")):
        for second in range(0, int(sounds[name].seconds) - FILE_S // 2, FILE_S):
            file = f"{name}-{second}.flac"
            part = sounds[name].sound[second * RATE_HZ : (second + FILE_S) * RATE_HZ]
            soundfile.write(folder / file, part, RATE_HZ)
            lines.append(f"{file},{role}\n")
    (folder / "index.csv").write_text("".join(lines))
    return folder


def bundle_of(version: str) -> str:
    """Return the bundle that a version holds."""
    return version.rpartition("-")[0]


def shadow(box: Box) -> Mapping[str, Any]:
    """Return what the plant was told last of the candidate that judges beside the live bundle."""
    told = [heard.document["shadow"] for heard in box.scada.on(HEALTH)]
    return told[-1] if told and told[-1] else {}


@pytest.mark.slow
@pytest.mark.broker
@pytest.mark.microphone
@pytest.mark.shared_data
@pytest.mark.timeout(600)
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")
def test_a_microphone_is_learned_its_faults_labelled_and_what_comes_of_them_tried_and_taken_back(
    box: Box, tmp_path: Path, sounds: Mapping[str, Session]
) -> None:
    written = box.daemon.config_path.read_bytes()
    heard = tmp_path / "heard"
    box.type("record", SOURCE, "--minutes", "0.15", "--role", "train", "--out", heard)
    learned = box.type("learn", SOURCE, "--data", heard, recorded_before(tmp_path / "before", sounds), *SMALL)
    assert "promise    at most 100 a week" in learned.out
    assert f"next       wheeltapper promote {SOURCE}" in learned.out
    first = box.roles["candidate"]
    box.type("promote", SOURCE, "--actor", "anna")

    box.listen()
    box.serve()
    anna = box.technician("anna")
    faults = box.hear("first", anna)
    assert bundle_of(first) == box.judging()
    assert len(faults.found()) >= 3, faults.alarms
    told = {one.document["event_id"] for one in box.scada.on(EVENT)}
    assert {alarm["event_id"] for alarm in faults.alarms} <= told
    said = label(anna, faults)
    assert said[KIND] >= 3

    retrained = box.type("retrain", SOURCE, *SMALL)
    assert f"labels     {said[KIND]} anomalies ({KIND} {said[KIND]})" in retrained.out
    second = box.roles["candidate"]
    assert first == box.roles["live"] != second
    eventually(lambda: shadow(box).get("state") == "judging", 20.0, "the candidate to judge")
    assert second == shadow(box)["candidate"]
    faults = box.hear("second", anna)
    assert faults.found()
    assert label(anna, faults)[KIND] >= 1
    assert label_disputes(anna, faults).keys() <= {KIND, "no anomaly"}
    assert bundle_of(first) == box.judging(), "a candidate raises nothing"

    compared = box.type("compare", SOURCE, "--json", ok=None)
    tree = json.loads(compared.out)
    assert (first, second) == (tree["live"], tree["candidate"])
    assert tree["hours"] * 3600 > 10
    assert tree["left_out"]["used"] >= 1, "what it has learned from is no proof"
    assert compared.code != 0, "so few cases prove nothing"
    refused = box.type("promote", SOURCE, "--actor", "anna", ok=1)
    assert "--despite" in refused.out
    assert first == box.roles["live"]
    box.type("promote", SOURCE, "--actor", "anna", "--despite", "heard the disputes")
    box.wait_judging(bundle_of(second))
    box.type("rollback", SOURCE, "--actor", "bert", "--note", "misses the rooster")
    box.wait_judging(bundle_of(first))
    audit = box.type("audit", "--source", SOURCE)
    for words in ("install", "bundle from=None", "promote despite=heard the disputes", "rollback note="):
        assert words in audit.out, words
    assert written == box.daemon.config_path.read_bytes()
    assert verbs_of_the_page() == [t.words[0] for t in box.typed if t.words[0] not in {"record", "bundle"}]


def verbs_of_the_page() -> list[str]:
    """Return the verbs that the page has people type, in order."""
    return [words[1] for words in commands_of_the_page()]


def commands_of_the_page() -> list[list[str]]:
    lines = re.findall(r"^ {8}\$ (wheeltapper .*)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return [shlex.split(line, comments=True) for line in lines]


def test_every_command_of_the_page_is_understood() -> None:
    for _, verb, *words in commands_of_the_page():
        parser, _ = build_parser(verb)
        parser.parse_args([verb, *words])
