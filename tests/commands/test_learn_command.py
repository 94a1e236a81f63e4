"""`wheeltapper learn` makes a candidate bundle of a recording, through kills, without odd stretches."""

from __future__ import annotations

import importlib.util
import signal
import tarfile
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures_mosquitto import eventually
from fixtures_verbs import killed_after_two_epochs, ran

from engines.bundle import open_bundle
from monitor.bundles.keys import make_keys, public_text
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.commands.learned_bundle import put_in_place
from monitor.config import LearnConfig, load_config
from monitor.errors import RecordError
from monitor.learning.apprentice import Apprentice, Ended
from monitor.learning.documents import read_outcome
from monitor.learning.orders import why_too_few
from monitor.learning.plan import Step, learn_place
from monitor.learning.pupil import Job
from monitor.listening import DEMO_BUNDLE
from monitor.promotion.learned import recorded_in
from monitor.recording import microphone
from monitor.recording.learn_folder import LearnFolder
from training.learn.budget import epochs_for

RATE_HZ = 16_000
MINUTES = {"train": 5, "calibrate": 6}
KNOCKS_S = (20, 25)
KNOCKING = 3
TINY = ("--widths", "4,4", "--epochs", "3", "--threads", "1")


def named(minute: int) -> str:
    """What `wheeltapper record` calls the recording of a minute."""
    return f"fan-20251009T08{minute:02d}00Z"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Minutes of a hiss whose level wanders; one of them has a loud tone in it."""
    folder = tmp_path_factory.mktemp("sound")
    roles = [role for role, minutes in MINUTES.items() for _ in range(minutes)]
    rows = [f"{named(minute)}.flac,{role}\n" for minute, role in enumerate(roles)]
    (folder / "index.csv").write_text("file,role\n" + "".join(rows))
    for minute in range(len(roles)):
        draws = np.random.default_rng(minute)
        level = np.repeat(np.exp(0.2 * draws.standard_normal(240)), RATE_HZ // 4)
        samples = 0.05 * level * draws.standard_normal(60 * RATE_HZ)
        if minute == KNOCKING:
            t = np.arange(5 * RATE_HZ) / RATE_HZ
            samples[KNOCKS_S[0] * RATE_HZ : KNOCKS_S[1] * RATE_HZ] += 0.2 * np.sin(2 * np.pi * 3000 * t)
        soundfile.write(folder / f"{named(minute)}.flac", np.clip(samples, -1, 1), RATE_HZ, subtype="PCM_16")
    return folder


def config(folder: Path, source: str = "kind: microphone") -> Path:
    path = folder / "config.yaml"
    path.write_text(
        f"state_dir: {folder / 'state'}\nsources: [{{id: fan, {source}}}]\n"
        "alarm: {false_alarms_per_week: 2}\n"
    )
    return path


def learned_by_the_daemons_child(folder: Path, sound: Path) -> str | None:
    """The candidate that the daemon's child process finds made of the same sound, and what it can promise."""
    place = learn_place(folder / "state", "fan")
    (place / "recordings").symlink_to(sound)
    parsed = load_config(folder / "config.yaml")
    tiny = LearnConfig(epochs=3, widths="4,4", threads=1, nice=0)
    job = Job(
        config=parsed.model_copy(update={"learn": tiny}),
        step=Step.LEARN,
        kept=(),
        by="ada",
        command_id="learn-1",
    )
    apprentice = Apprentice(job)
    ended: list[Ended] = []

    def has_ended() -> bool:
        how = apprentice.look()
        if how is not None:
            ended.append(how)
        return bool(ended)

    try:
        eventually(has_ended, 60.0, "the job's end")
    finally:
        apprentice.end()
    assert [Ended(None)] == ended
    (place / "recordings").unlink()
    outcome = read_outcome(place)
    assert outcome is not None
    assert (2.0, True) == (outcome.per_week, outcome.fewest <= outcome.most)
    assert "nothing is made anew" in (place / "learn.log").read_text()
    return outcome.version


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_recording_becomes_a_candidate_through_a_kill_and_can_be_packed_without_torch(
    sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["learn", "fan", "--config", config(tmp_path), "--data", sound, *TINY]
    killed = killed_after_two_epochs(*words)
    assert -signal.SIGKILL == killed.returncode, killed.stderr
    assert f"odd        {named(KNOCKING)}.flac from 1" in killed.stdout
    library = Library(tmp_path / "state", "fan")
    assert library.roles().candidate is None
    again = ran(*words)
    assert 0 == again.code, again.err
    assert "going on with the epochs that are kept" in again.out
    assert "looking through" not in again.out
    assert "at most 2 a week, 90 % interval" in again.out
    name = library.roles().candidate
    assert name is not None
    manifest = open_bundle(library.version_folder(name)).manifest
    learned = [Path(r).name for role in manifest.training["recordings"].values() for r in role]
    assert f"{KNOCKING:05d}-{named(KNOCKING)}.flac" not in learned, "it was cut"
    assert f"{KNOCKING:05d}-00-{named(KNOCKING)}.flac" in learned
    (before, knock_s), (after_s, end) = recorded_in(library.version_folder(name))
    begin = datetime(2025, 10, 9, 8, tzinfo=timezone.utc).timestamp()
    assert (begin, begin + 60.0 * sum(MINUTES.values())) == (before, end)
    knocks_s = tuple(begin + 60.0 * KNOCKING + second for second in KNOCKS_S)
    assert knocks_s == pytest.approx((knock_s, after_s), abs=3.0), (
        "the bundle says when what it learned was heard"
    )
    assert "labels.json" in manifest.files
    assert "set `bundle: managed` at source fan in config.yaml; wheeltapper promote fan" in again.out

    third = ran(*words)
    assert 0 == third.code
    assert "nothing is made anew" in third.out
    assert f"{name}, installed before" in third.out
    assert (name,) == library.roles().installed
    assert name == learned_by_the_daemons_child(tmp_path, sound)
    elsewhere = ran(*words, "--out", tmp_path / "mine")
    assert 0 == elsewhere.code, elsewhere.err
    assert manifest == open_bundle(tmp_path / "mine").manifest

    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *more: None if name == "torch" else find_spec(name, *more)
    )
    refused = ran(*words)
    assert 2 == refused.code
    assert "--data ... --export fan.tar" in refused.err
    packed = ran(*words, "--export", tmp_path / "fan.tar")
    assert 0 == packed.code, packed.err
    assert "wheeltapper train mdae --data fan --set-aside --out fan-bundle" in packed.out
    with tarfile.open(tmp_path / "fan.tar") as tar:
        names = tar.getnames()
    assert "fan/index.csv" in names
    assert [] == [name for name in names if "odd" in name], "what was set aside does not leave the box"


def test_what_was_made_of_other_sound_goes_and_two_never_learn_at_once(tmp_path: Path) -> None:
    with LearnFolder(tmp_path) as work:
        assert not work.begin_learning("this")
        work.bundle.mkdir()
        assert work.begin_learning("this")
        assert work.bundle.exists()
        with pytest.raises(RecordError, match="wait for it"), LearnFolder(tmp_path):
            pass
        assert not work.begin_learning("other")
        assert not work.bundle.exists()


def test_where_keys_are_configured_it_is_no_candidate_until_somebody_signs(tmp_path: Path) -> None:
    public = public_text(make_keys(tmp_path / "site"))
    path = config(tmp_path)
    path.write_text(
        path.read_text() + f"bundles: {{trusted_keys: [{{name: site, public_key: '{public}'}}]}}\n"
    )
    parsed = load_config(path)
    said = put_in_place(open_bundle(DEMO_BUNDLE), parsed, parsed.sources[0], None)
    assert any("wheeltapper bundle sign" in line for line in said)
    assert Library(tmp_path / "state", "fan").roles().candidate is None


def test_what_is_said_next_follows_what_the_bundle_is(tmp_path: Path) -> None:
    parsed = load_config(config(tmp_path, "kind: microphone, bundle: managed"))
    library, by = Library(tmp_path / "state", "fan"), By("anna", "terminal", 1.8e9, "c-0")

    def said(kind: str) -> str:
        return "\n".join(
            put_in_place(open_bundle(DEMO_BUNDLE.parent / kind), parsed, parsed.sources[0], None)
        )

    assert "compare" not in said("mae"), "there is nothing to compare with"
    library.promote(by)
    assert "; it judges already" in said("mae")
    second = said("ae")
    assert second.index("judge beside the live one") < second.index("wheeltapper compare fan")
    assert second.index("wheeltapper compare fan") < second.index("wheeltapper promote fan")
    library.promote(by)
    again = said("mae")
    assert "a rollback brings back" in again
    assert "promote" not in again


def test_too_little_for_a_limit_is_refused_before_it_is_looked_through(sound: Path, tmp_path: Path) -> None:
    few = sorted(sound.glob("*.flac"))[:10]
    refused = ran("learn", "fan", "--config", config(tmp_path), "--data", *few)
    assert 2 == refused.code
    assert "are too little, 5.5 are needed" in refused.err
    assert "looking through" not in refused.out


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("kind: file, path: {silent}, pace: fast", "almost silent"),
        ("kind: file, path: {clipped}, pace: fast", "clipped: lower the gain"),
    ],
)
def test_a_useless_microphone_is_refused_before_anything_is_recorded(
    tmp_path: Path, source: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(microphone, "CHECK_S", 8.0)
    draws = np.random.default_rng(0).standard_normal(RATE_HZ * 10)
    paths = {"silent": tmp_path / "silent.wav", "clipped": tmp_path / "clipped.wav"}
    soundfile.write(paths["silent"], 1e-5 * draws, RATE_HZ, subtype="PCM_24")
    soundfile.write(paths["clipped"], np.clip(2 * draws, -1, 1), RATE_HZ)
    refused = ran("learn", "fan", "--config", config(tmp_path, source.format(**paths)), "--hours", "1")
    assert 2 == refused.code
    assert why in refused.err
    assert "add --anyway" in refused.err
    assert not (tmp_path / "state" / "learn" / "fan" / "recordings").exists()


def test_hours_from_which_no_limit_can_be_set_are_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    words = ("--config", config(tmp_path, "kind: simulated, pace: fast"))
    refused = ran("learn", "fan", "--hours", "0.3226", *words)
    assert 2 == refused.code
    assert "--hours 0.3226: 19.4 minutes are too little to set a limit by; 20 are the least" in refused.err
    assert not (tmp_path / "state" / "learn" / "fan" / "recordings").exists()
    assert why_too_few(0.3333) is None, "a third, as people write it"


def test_a_recording_that_is_not_complete_goes_on_next_time(tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    noise = 0.05 * np.random.default_rng(0).standard_normal(RATE_HZ * 30)
    soundfile.write(path, noise, RATE_HZ)
    found = ran(
        *("learn", "fan", "--hours", "1", "--config"),
        config(tmp_path, f"kind: file, path: {path}, pace: fast"),
    )
    assert 1 == found.code
    assert "0.01 h of 1 h are recorded; the same command goes on" in found.out


@pytest.mark.parametrize(("minutes", "epochs"), [(5, 80), (12.5, 80), (42, 24), (420, 8)])
def test_more_sound_is_passed_over_less_often(minutes: float, epochs: int) -> None:
    assert epochs == epochs_for(60 * minutes)
