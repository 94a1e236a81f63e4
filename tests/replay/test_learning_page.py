"""Guided commissioning over real HTTP: who sees, hears and does what, and what the page says of it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from fixtures_mosquitto import eventually
from learn_rig import LOUD_S, RATE_HZ, waiting_to_be_heard
from replay_rig import Browser, Plant, add_people, browser_at, replay_config, served_page

from monitor.learning.documents import (
    FOUND,
    OUTCOME,
    PACKAGE,
    Advice,
    CheckNow,
    Outcome,
    Progress,
    RecordingNow,
    WorkNow,
    write_progress,
)
from monitor.learning.plan import Plan, Step, learn_place, read_plan, write_plan
from monitor.recording.spans import began
from monitor.replay.gate.access import Role, Visit
from monitor.replay.kept.learning import Learning, learning_of
from monitor.replay.pages.learn_shown import LearnShown, Standing, learn_shown
from monitor.replay.pages.words import Tongue, clock, day
from monitor.replay.places import audit_path

Open = Callable[..., Browser]
LEARNING = "/api/v1/sources/pump/learning"


def ordered(browser: Browser, learn: str, **more: object) -> httpx.Response:
    return browser.change(f"{LEARNING}/orders", {"learn": learn, **more})


def test_an_admin_starts_a_technician_judges_and_a_viewer_looks(plant: Plant, open_browser: Open) -> None:
    place = learn_place(plant.config.state_dir, "pump")
    vera, anna, ada = (open_browser(name) for name in ("vera", "anna", "ada"))
    assert [403, 403] == [ordered(one, "start", hours=1).status_code for one in (vera, anna)]
    assert read_plan(place) is None
    started = ordered(ada, "start", hours=1)
    assert (200, "done") == (started.status_code, started.json()["result"])
    plan = read_plan(place)
    assert plan is not None
    assert (Step.CHECK, 1.0, "ada") == (plan.step, plan.hours, plan.by)
    again = ordered(ada, "start", hours=2)
    assert 409 == again.status_code
    assert "ada has started it already" in again.json()["error"]
    assert 403 == ordered(vera, "pause").status_code
    assert "paused at check" == ordered(anna, "pause").json()["detail"]
    assert 403 == ordered(anna, "discard").status_code
    assert 422 == ordered(ada, "start", hours=0).status_code
    assert 404 == ada.change("/api/v1/sources/other/learning/orders", {"learn": "pause"}).status_code
    shown = {
        name: one.get("/learn/pump").text for name, one in {"vera": vera, "anna": anna, "ada": ada}.items()
    }
    assert [False, True, True] == ['data-learn="resume"' in text for text in shown.values()]
    assert [False, False, True] == ['data-learn="cancel"' in text for text in shown.values()]
    record = [(entry.actor, entry.result, entry.arguments) for entry in plant.store.audit(50)]
    assert ("ada", "done", {"learn": "start", "hours": 1.0}) in record


def test_what_is_odd_is_heard_judged_and_on_record(tmp_path: Path, open_browser: Open, plant: Plant) -> None:
    found = waiting_to_be_heard(tmp_path)
    plant.plans = type(plant.plans)(plant.config, lambda _: plant.config.store)
    plant.desk.have_learned(plant.plans.obey)
    vera, anna = open_browser("vera"), open_browser("anna")
    assert 403 == vera.get(f"{LEARNING}/stretches/0/audio").status_code, "nothing was taken out of it"
    assert "data-play" not in vera.get("/learn/pump").text
    heard = anna.get(f"{LEARNING}/stretches/0/audio")
    samples, rate_hz = soundfile.read(io.BytesIO(heard.content))
    whole, _ = soundfile.read(found.stretches[0].file)
    part = whole[(LOUD_S[0] - 2) * RATE_HZ : (LOUD_S[1] + 2) * RATE_HZ]
    assert (RATE_HZ, True) == (rate_hz, bool(np.allclose(samples, part)))
    assert 404 == anna.get(f"{LEARNING}/stretches/1/audio").status_code
    lines = [json.loads(line) for line in audit_path(plant.config).read_text().splitlines()]
    assert ["anna"] == [line["user"] for line in lines if "sound fetched" == line["what"]]
    stretch = found.stretches[0].id
    assert 403 == ordered(vera, "keep", stretch=stretch).status_code
    assert 409 == ordered(anna, "keep", stretch="another").status_code
    assert 200 == ordered(anna, "keep", stretch=stretch).status_code
    assert (stretch,) == learning_of(tmp_path, "pump").plan.kept  # type: ignore[union-attr]
    text = anna.get("/learn/pump").text
    assert "12 dB louder than usual at 2.8 kHz to 3.2 kHz" in text
    assert 'class="kept"' in text
    assert 200 == ordered(anna, "set_aside", stretch=stretch).status_code
    assert 'class="kept"' not in anna.get("/learn-parts/pump").text


def seen_in(text: str) -> list[str]:
    """What the judgements that a page shows are called, in its order."""
    return re.findall(r'data-seen="([^"]+)"', text)


def test_who_judges_a_stretch_is_shown_and_overruled_by_nobody_who_has_not_seen_it(
    tmp_path: Path, open_browser: Open, plant: Plant
) -> None:
    stretch = waiting_to_be_heard(tmp_path).stretches[0].id
    plant.plans = type(plant.plans)(plant.config, lambda _: plant.config.store)
    plant.desk.have_learned(plant.plans.obey)
    anna, tom = open_browser("anna"), open_browser("tom")
    before = tom.get("/learn/pump").text
    assert ["nobody"] == seen_in(before)
    assert "nobody has judged it yet" in before
    assert 200 == ordered(anna, "keep", stretch=stretch, seen="nobody").status_code
    refused = ordered(tom, "set_aside", stretch=stretch, seen="nobody")
    assert (409, True) == (refused.status_code, "anna has judged it meanwhile" in refused.json()["error"])
    plan = learning_of(tmp_path, "pump").plan
    assert plan is not None
    assert ((stretch,), "anna") == (plan.kept, plan.judged[0].by), "as she has said"
    agrees = ordered(tom, "keep", stretch=stretch, seen="nobody")
    assert "is normal, as anna has said" in agrees.json()["detail"]
    text = tom.get("/learn/pump", headers={"Accept-Language": "de"}).text
    at = plan.judged[0].at_utc_s
    assert f"beurteilt von anna, {day(at)} {clock(at)}" in text
    assert [plan.judged[0].id] == seen_in(text)
    knowing = ordered(tom, "set_aside", stretch=stretch, seen=seen_in(text)[0])
    assert "is set aside; anna had said that it is normal" in knowing.json()["detail"]
    assert "judged by tom, " in anna.get("/learn-parts/pump").text
    shown = anna.get(LEARNING).json()["plan"]["judged"]
    assert [(stretch, False, "tom")] == [(one["stretch"], one["kept"], one["by"]) for one in shown]
    record = [(one.actor, one.arguments["learn"], one.result) for one in plant.store.audit(4)]
    assert record == [
        ("tom", "set_aside", "done"),
        ("tom", "keep", "done"),
        ("tom", "set_aside", "refused"),
        ("anna", "keep", "done"),
    ]


def test_nothing_is_read_from_elsewhere_whatever_a_document_names(tmp_path: Path, open_browser: Open) -> None:
    found = waiting_to_be_heard(tmp_path)
    secret = tmp_path / "secret.flac"
    soundfile.write(secret, np.zeros(RATE_HZ * 60), RATE_HZ)
    elsewhere = found.stretches[0].model_copy(update={"file": str(secret)})
    place = learn_place(tmp_path, "pump")
    (place / FOUND).write_text(found.model_copy(update={"stretches": (elsewhere,)}).model_dump_json())
    assert 410 == open_browser("anna").get(f"{LEARNING}/stretches/0/audio").status_code


def test_the_package_is_for_admins_alone(tmp_path: Path, open_browser: Open) -> None:
    ada = open_browser("ada")
    assert 404 == ada.get(f"{LEARNING}/package").status_code
    place = learn_place(tmp_path, "pump")
    place.mkdir(parents=True)
    (place / PACKAGE).write_bytes(b"tar")
    assert 403 == open_browser("anna").get(f"{LEARNING}/package").status_code
    answer = ada.get(f"{LEARNING}/package")
    assert (b"tar", 'attachment; filename="pump.tar"') == (
        answer.content,
        answer.headers["content-disposition"],
    )
    assert "wheeltapper bundle install pump pump-bundle" in ada.get("/learn/pump").text


def test_where_sound_is_never_stored_the_page_says_so_and_the_daemon_refuses(tmp_path: Path) -> None:
    config = replay_config(tmp_path)
    never = config.model_copy(update={"store": config.store.model_copy(update={"audio": "never"})})
    add_people(tmp_path)
    plant = Plant(never)
    try:
        with served_page(never) as served, browser_at(served.url) as browser:
            browser.login("ada")
            assert "never stored" in browser.get("/learn/pump").text
            for sound in ("stretches/0/audio", "package"):
                answer = browser.get(f"{LEARNING}/{sound}")
                assert (410, True) == (answer.status_code, "not handed out" in answer.json()["error"])
            refused = browser.change(f"{LEARNING}/orders", {"learn": "start", "hours": 1})
            assert 409 == refused.status_code
            assert "learn from recordings that were made elsewhere" in refused.json()["error"]
    finally:
        plant.close()
    assert not (tmp_path / "learn").exists()


@pytest.mark.parametrize(("where", "packs"), [("elsewhere", True), ("here", False)])
def test_where_nothing_is_learned_the_page_says_so_before_anything_is_recorded(
    tmp_path: Path, where: str, *, packs: bool
) -> None:
    config = replay_config(tmp_path)
    config = config.model_copy(update={"learn": config.learn.model_copy(update={"where": where})})
    add_people(tmp_path)
    with served_page(config) as served, browser_at(served.url) as browser:
        browser.login("ada")
        text = browser.get("/learn/pump").text
        assert packs is ("what is recorded becomes a package" in text)
        german = browser.get("/learn/pump", headers={"Accept-Language": "de"}).text
        assert packs is ("wird zu einem Paket" in german)


# what is shown -------------------------------------------------------------------------------------


def shown_at(state_dir: Path, plan: Plan, language: str = "en", **progress: Any) -> LearnShown:  # noqa: ANN401 - fields of Progress
    place = learn_place(state_dir, "pump")
    write_plan(place, plan)
    if progress:
        write_progress(place, Progress(step=plan.step, at_utc_s=0.0, **progress))
    admin = Visit(user="ada", role=Role.ADMIN, csrf_token="t", is_local=False)  # noqa: S106 - of a test
    return learn_shown(learning_of(state_dir, "pump"), Tongue(language), admin)


def plan_at(step: Step, **more: Any) -> Plan:  # noqa: ANN401 - fields of Plan
    return Plan(source="pump", step=step, hours=2.0, by="ada", started_utc_s=0.0, **more)


def test_a_candidate_that_was_brought_in_is_the_last_step_done() -> None:
    admin = Visit(user="ada", role=Role.ADMIN, csrf_token="t", is_local=False)  # noqa: S106 - of a test
    nothing = Learning("pump", None, None, None, None, None, has_sound=False)
    states = {
        waiting: [step.state for step in learn_shown(nothing, Tongue("en"), admin, Standing(waiting)).steps]
        for waiting in (None, "ae-1")
    }
    assert {None: ["ahead"] * 6, "ae-1": [*["ahead"] * 5, "done"]} == states
    brought = learn_shown(nothing, Tongue("en"), admin, Standing("ae-1"))
    assert ("good", "there is a candidate") == (brought.style, brought.headline)
    recording = replace(nothing, plan=plan_at(Step.RECORD))
    beside = learn_shown(recording, Tongue("en"), admin, Standing("ae-1"))
    assert ["done", "now", "ahead", "ahead", "ahead", "done"] == [step.state for step in beside.steps]
    packed = replace(nothing, plan=plan_at(Step.PACKED))
    assert "now" == learn_shown(packed, Tongue("en"), admin, Standing("ae-1")).steps[-1].state, (
        "it is to be fetched"
    )


def test_without_a_daemon_the_page_says_so_and_offers_nothing_that_needs_one(
    plant: Plant, open_browser: Open
) -> None:
    ada = open_browser("ada")
    assert 200 == ordered(ada, "start", hours=1).status_code
    before = ada.get("/learn-parts/pump").text
    plant.end()
    eventually(lambda: "does not answer" in ada.get("/learn-parts/pump").text, 5.0, "that it is noticed")
    after, listed = ada.get("/learn-parts/pump").text, ada.get("/learn-cards").text
    said = "nothing is recorded or learned now"
    assert [False, True] == [said in text for text in (before, after)]
    assert ['data-part="actions" >', 'data-part="actions" hidden>'] == [
        re.findall(r'data-part="actions" [^>]*>', text)[0] for text in (before, after)
    ]
    assert "The daemon does not answer: nothing goes on." in listed
    assert "Jetzt wird nichts aufgezeichnet" in ada.get("/learn/pump", headers={"Accept-Language": "de"}).text


@pytest.mark.parametrize(
    ("plan", "progress", "headline", "share"),
    [
        (
            plan_at(Step.CHECK),
            {"check": CheckNow(heard_s=5, wanted_s=20)},
            "the microphone is checked, 5.0 s of 20 s",
            0.25,
        ),
        (
            plan_at(Step.RECORD, paused=True),
            {"recording": RecordingNow(done_s=1800, wanted_s=7200)},
            "Paused: 30 min of 2 h are recorded",
            0.25,
        ),
        (
            plan_at(Step.LOOK),
            {"work": WorkNow(done=300, of=1200, left_s=61)},
            "5 min of 20 min are looked through, about 1 min left",
            0.25,
        ),
        (plan_at(Step.LOOK), {}, "the recording is looked through", None),
        (
            plan_at(Step.LEARN),
            {"work": WorkNow(done=6, of=24, left_s=431)},
            "pass 6 of at most 24, about 7 min left",
            0.25,
        ),
        (plan_at(Step.LEARN, trouble="no space"), {}, "Stopped: it learns", None),
        (plan_at(Step.PACKED), {}, "the package can be fetched", None),
    ],
)
def test_the_headline_says_where_it_stands(
    tmp_path: Path, plan: Plan, progress: dict[str, Any], headline: str, share: float | None
) -> None:
    shown = shown_at(tmp_path, plan, **progress)
    assert (headline, share) == (shown.headline, shown.share)
    assert "no space" == shown.why or plan.trouble is None


def test_the_recording_does_not_repeat_what_the_check_heard_but_of_the_place(tmp_path: Path) -> None:
    found = tuple(Advice(code=code, text=code) for code in ("gap", "rumble"))
    check, recording = CheckNow(heard_s=20, wanted_s=20, advice=found), RecordingNow(done_s=5, wanted_s=7200)
    at_check = shown_at(tmp_path, plan_at(Step.CHECK), check=check).advice
    later = shown_at(tmp_path, plan_at(Step.RECORD), check=check, recording=recording).advice
    assert (2, 1) == (len(at_check), len(later))
    assert at_check[1:] == later


def test_what_was_learned_and_promoted_is_said_to_judge_and_not_to_wait() -> None:
    outcome = Outcome(
        train_s=3600, calibrate_s=1800, odd_s=0, bundle="b", version="v1", folder="/f",
        per_week=2, fewest=0.0, most=4.0, exposure_h=90.0,
    )  # fmt: skip
    admin = Visit(user="ada", role=Role.ADMIN, csrf_token="t", is_local=False)  # noqa: S106 - of a test
    found = Learning("pump", plan_at(Step.DONE), None, None, outcome, None, has_sound=True)
    told = {
        standing: (shown.headline, shown.judges)
        for standing in (Standing("v1"), Standing(None, "v1"), Standing("v2", "v0"))
        if (shown := learn_shown(found, Tongue("en"), admin, standing))
    }
    candidate = ("there is a candidate", False)
    assert [candidate, ("what was learned judges now", True), candidate] == list(told.values())


def test_an_odd_stretch_is_named_by_when_it_was_heard(tmp_path: Path) -> None:
    waiting_to_be_heard(tmp_path)
    found = learning_of(tmp_path, "pump")
    assert found.found is not None
    (stretch,) = found.found.stretches
    admin = Visit(user="ada", role=Role.ADMIN, csrf_token="t", is_local=False)  # noqa: S106 - of a test
    began_utc_s = began(Path(stretch.file))
    assert began_utc_s is not None
    start_utc_s, end_utc_s = began_utc_s + stretch.start_s, began_utc_s + stretch.end_s
    (shown,) = learn_shown(found, Tongue("de"), admin).stretches
    assert f"{day(start_utc_s)}, {clock(start_utc_s)} bis {clock(end_utc_s)}" == shown.title
    unnamed = stretch.model_copy(update={"file": "/x/morning.wav"})
    known = replace(found, found=found.found.model_copy(update={"stretches": (unnamed,)}))
    assert learn_shown(known, Tongue("en"), admin).stretches[0].title.startswith("morning.wav from ")


def test_progress_of_the_step_before_is_not_that_of_this_one(tmp_path: Path) -> None:
    place = learn_place(tmp_path, "pump")
    write_plan(place, plan_at(Step.LOOK))
    write_progress(place, Progress(step=Step.LOOK, at_utc_s=0.0, work=WorkNow(done=12, of=12)))
    assert shown_at(tmp_path, plan_at(Step.LEARN)).share is None


def test_the_promise_is_told_with_its_interval_in_the_readers_language(tmp_path: Path) -> None:
    outcome = Outcome(
        train_s=3600, calibrate_s=1800, odd_s=0, bundle="b", version="v1", folder="/f",
        per_week=2, fewest=0.0, most=126.3, exposure_h=0.5,
    )  # fmt: skip
    place = learn_place(tmp_path, "pump")
    place.mkdir(parents=True)
    (place / OUTCOME).write_text(outcome.model_dump_json())
    promise = shown_at(tmp_path, plan_at(Step.DONE), "de").promise
    assert (
        "auf 2 Fehlalarme in der Woche gestellt; mit neun von zehn Chancen werden es zwischen 0 und 126"
        in promise[0]
    )
    assert 2 == len(promise), "so wide an interval is called wide"


def test_figures_that_are_not_of_all_that_was_recorded_say_of_how_much_they_are(
    tmp_path: Path, open_browser: Open
) -> None:
    place = learn_place(tmp_path, "pump")
    place.mkdir(parents=True)
    write_plan(place, plan_at(Step.RECORD))
    vera = open_browser("vera")

    def shown(measured_s: float | None, language: str = "en") -> str:
        recording = RecordingNow(done_s=7200, wanted_s=14400, measured_s=measured_s, speech_share=0.01)
        write_progress(place, Progress(step=Step.RECORD, at_utc_s=1.7e9, recording=recording))
        return vera.get("/learn/pump", headers={"Accept-Language": language}).text

    assert "<dt>Measured</dt><dd>30 min of it: the rest was recorded by another program" in shown(1800.0)
    assert "<dt>Gemessen</dt><dd>30 min davon: der Rest wurde" in shown(1800.0, "de")
    assert ["Measured" in shown(one) for one in (None, 7170.0)] == [False, False]
