"""The page of a candidate: what was found, in the reader's language; listened to, labelled, decided on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures_mosquitto import eventually
from replay_rig import Browser, Plant, add_people, browser_at, served_page

from engines.bundle import open_bundle
from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.control import server
from monitor.messages import Quality, read_only
from monitor.promotion.apart import Told
from monitor.promotion.document import keep_comparison
from monitor.promotion.records import Comparison, Ground, Pairs, Probe, Verdict
from monitor.promotion.rules import Asked, verdict
from monitor.replay.pages.awaited import WRITTEN_S
from monitor.replay.pages.compare_view import reasons_of
from monitor.replay.pages.words import Tongue, clock, day
from monitor.store import ClipJob
from monitor.store.dispute_labels import dispute_labels
from monitor.store.shadow import RunKey, ShadowTally, ShadowWindow, add_shadow
from monitor.store.shadow_clips import Dispute, add_dispute, write_dispute_clip

T0 = 1_790_000_000.0
DEMO = Path(__file__).parents[2] / "engines" / "demo"
Open = Callable[..., Browser]


@pytest.fixture
def plant(plant: Plant) -> Plant:
    """The plant, whose pump is judged by the live version of its library."""
    (pump,) = plant.config.sources
    plant.config = plant.config.model_copy(
        update={"sources": (pump.model_copy(update={"bundle": "managed"}),)}
    )
    return plant


@pytest.fixture
def candidate(plant: Plant) -> Comparison:
    """The demo's AE wants to judge in place of its MAE, and alarmed alone at one place."""
    state, library = plant.config.state_dir, Library(plant.config.state_dir, "pump")
    library.install(DEMO / "mae", By("ann", "terminal", T0, "c1"))
    live = str(library.promote(By("ann", "terminal", T0, "c2")).live)
    version = library.install(DEMO / "ae", By("ann", "terminal", T0, "c3")).name
    live_id = open_bundle(DEMO / "mae").bundle_id
    key, database = RunKey("pump", live_id, version), plant.store.database
    row = ShadowWindow("pump", live_id, version, T0, T0 + 2.0, 0.0, 0.4, 1.4, Quality.OK)
    add_shadow(database, {key: ShadowTally(T0, 1.0, [row])})
    number = add_dispute(database, key, Dispute("candidate", 100.0, T0, 104.0, 0.42, 1.37, None))
    assert number is not None
    sound = read_only(np.sin(np.arange(48_000) / 9.0).astype(np.float32) * np.float32(0.1))
    job = ClipJob("pump", f"dispute-{number}", sound, 16_000, 99.0, T0 - 1.0, 0)
    write_dispute_clip(database, state, number, job)
    compared = Comparison(
        "pump", live, version, T0, 1.0, 24.0, T0, anomalies=Pairs(both=3, live_only=2),
        false_alarms=Pairs(candidate_only=1), probes=(Probe(0.0, Pairs(both=9, live_only=1)),),
    )  # fmt: skip
    keep_comparison(state, compared, verdict(compared, Asked(168.0, 10)))
    return compared


def test_everybody_sees_what_was_found_in_their_language(open_browser: Open, candidate: Comparison) -> None:
    browser = open_browser("vera")
    text = browser.get("/compare/pump").text
    assert "The candidate is not better" in text
    assert "Of 5 held-out anomalies that the live one finds the candidate misses 2, and it finds 0" in text
    assert candidate.candidate in text
    assert ("0.42", "1.37") == tuple(number for number in ("0.42", "1.37") if number in text)
    assert "data-rate" not in text, "a viewer may listen and not label"
    assert "data-swap" not in text
    german = browser.get("/compare/pump", headers={"Accept-Language": "de"}).text
    assert "Der Kandidat ist nicht besser" in german
    assert "mit 95 % überhört er höchstens 81" in german
    assert 404 == browser.get("/compare/nobody").status_code


def test_a_control_that_was_cut_short_is_told_beside_its_figure(
    open_browser: Open, candidate: Comparison, plant: Plant
) -> None:
    browser = open_browser("vera")
    assert "<td>Heard of 10 foreign sounds mixed in</td>" in browser.get("/compare/pump").text
    compared = replace(candidate, probes_asked=144, probes_waiting=134)
    keep_comparison(plant.config.state_dir, compared, verdict(compared, Asked(168.0, 10)))
    text = browser.get("/compare/pump").text
    assert "<td>Heard of 10 foreign sounds mixed in; cut short: 10 of 144 were tried</td>" in text
    assert "The control by foreign sounds was cut short for want of time: 10 of 144 mixtures" in text
    german = browser.get("/compare/pump", headers={"Accept-Language": "de"}).text
    assert "Gehört von 10 beigemischten fremden Klängen; abgebrochen: 10 von 144 sind geprüft" in german


def test_another_candidate_was_not_compared_yet(
    open_browser: Open, candidate: Comparison, plant: Plant
) -> None:
    keep_comparison(
        plant.config.state_dir, replace(candidate, candidate="other"), verdict(candidate, Asked(1.0, 1))
    )
    text = open_browser("vera").get("/compare/pump").text
    assert "Not compared yet" in text
    assert "compared when somebody asks for it" in text, "with promotion manual nobody else asks"
    assert "The daemon compares them now and then" not in text
    assert "data-compare" not in text, "a viewer asks for nothing"
    assert ">Compare them now</button>" in open_browser("anna").get("/compare/pump").text


def test_who_has_no_version_is_led_to_where_one_comes_from(open_browser: Open) -> None:
    text = open_browser("ada").get("/compare/pump").text
    assert "This source has no versions of a bundle." in text
    assert '<a href="/learn/pump" data-go="learn">' in text


def test_a_source_with_a_named_bundle_is_not_said_to_be_unjudged(plant: Plant) -> None:
    (pump,) = plant.config.sources
    add_people(plant.config.state_dir)
    named = plant.config.model_copy(update={"sources": (pump.model_copy(update={"bundle": None}),)})
    library = Library(plant.config.state_dir, "pump")
    version = library.install(DEMO / "ae", By("ada", "page", T0, "c1")).name
    with served_page(named) as served, browser_at(served.url) as browser:
        assert 303 == browser.login("ada").status_code
        first = browser.get("/compare/pump").text
        learn = browser.get("/learn/pump").text
        library.promote(By("ada", "page", T0, "c2"))
        promoted = browser.get("/compare/pump").text
    assert "nothing is judged" not in first
    assert "promote the candidate here, then set bundle: managed" in first
    assert 'data-swap="promote"' in first
    assert 'data-swap="promote"' not in promoted
    assert "To let the live version judge: set bundle: managed" in promoted
    assert "There is nothing to decide" in promoted
    assert f"Candidate {version}: it judges nothing yet." in learn
    assert 'href="/compare/pump"' in learn
    assert "bundle: managed is to be set" in learn


def test_sound_of_a_disagreement_that_is_still_being_recorded_comes(
    open_browser: Open, candidate: Comparison, plant: Plant
) -> None:
    key = RunKey("pump", open_bundle(DEMO / "mae").bundle_id, candidate.candidate)
    began_utc_s = time.time() - 2.0
    add_dispute(plant.store.database, key, Dispute("candidate", 9e6, began_utc_s, 9e6 + 1.0, 0.4, 1.4, None))
    due = began_utc_s + 1.0 + plant.config.store.post_roll_s + WRITTEN_S
    browser = open_browser("vera")
    text = browser.get("/compare/pump").text
    assert f'<span class="soft" data-due>comes by {clock(due)}</span>' in text
    german = browser.get("/compare/pump", headers={"Accept-Language": "de"}).text
    assert f"kommt bis {clock(due)}" in german


@pytest.mark.usefixtures("candidate")
def test_what_only_the_candidate_heard_is_listened_to_and_labelled(open_browser: Open, plant: Plant) -> None:
    browser = open_browser("anna")
    text = browser.get("/compare/pump").text
    clip = text.partition('data-clip="')[2].partition('"')[0]
    sound = browser.get(f"/api/v1/clips/{clip}/audio")
    assert (200, b"fLaC") == (sound.status_code, sound.content[:4])
    assert 'data-label="dispute-1" data-rating=""' in text
    done = browser.change("/api/v1/events/dispute-1/labels", {"rating": "anomaly", "note": "a knock"})
    assert (200, "done") == (done.status_code, done.json()["result"]), done.text
    (label,) = dispute_labels(plant.store.database, "pump")[1]
    assert ("anomaly", "anna", "a knock") == (label.rating, label.who, label.note)
    assert 'data-label="dispute-1" data-rating="anomaly"' in browser.get("/compare/pump").text
    assert 404 == browser.change("/api/v1/events/dispute-7/labels", {"rating": "anomaly"}).status_code


@pytest.mark.usefixtures("candidate")
def test_a_technician_has_them_compared_and_everybody_sees_that_it_goes_on(
    open_browser: Open, plant: Plant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "COMMAND_S", 0.2)
    goes_on, asked = threading.Event(), {"action": "compare", "id": "one press"}

    def judge(*_asked: object) -> Told:
        assert goes_on.wait(20.0)
        return Told("too_early", ("2 h were judged by both; 168 h are asked for",))

    plant.judge = judge
    path, vera, anna = "/api/v1/sources/pump/commands", open_browser("vera"), open_browser("anna")
    assert 403 == vera.change(path, asked).status_code
    waits = anna.change(path, asked)
    assert (503, "2") == (waits.status_code, waits.headers["Retry-After"])
    assert "the same id asks again" in waits.json()["error"]

    def under_way() -> bool:  # what the daemon says of now is given again for half a second
        return "data-under-way" in vera.get("/compare/pump").text

    eventually(under_way, 10.0, "that it is being compared, on the page")
    during = {
        language: anna.get("/compare/pump", headers={"Accept-Language": language}).text
        for language in ("en", "de")
    }
    assert "Both are being compared since" in during["en"]
    assert "Beide werden seit" in during["de"]
    assert "data-compare " not in during["en"], "nobody asks twice"
    goes_on.set()
    answers = [waits]

    def answered() -> bool:
        answers.append(anna.change(path, asked))
        return answers[-1].status_code == 200

    eventually(answered, what="the answer")
    assert "2 h were judged by both" in answers[-1].json()["detail"]
    eventually(lambda: not under_way(), 10.0, "the end of it, on the page")
    assert ["anna"] == [entry.actor for entry in plant.store.audit(9) if entry.action == "compare"]


@pytest.mark.usefixtures("candidate")
def test_without_a_daemon_nothing_is_offered_and_nobody_waits(open_browser: Open, plant: Plant) -> None:
    anna = open_browser("anna")
    plant.end()
    text = anna.get("/compare/pump").text
    assert "nothing can be compared or promoted now" in text
    assert "data-compare " not in text
    refused = anna.change("/api/v1/sources/pump/commands", {"action": "compare"})
    assert (503, None) == (refused.status_code, refused.headers.get("Retry-After"))


@pytest.mark.usefixtures("candidate")
def test_what_somebody_went_back_from_is_named_with_the_way_to_have_it_again(
    open_browser: Open, plant: Plant
) -> None:
    library = Library(plant.config.state_dir, "pump")
    promoted = str(library.promote(By("ada", "page", T0, "c4")).live)
    vera, ada = open_browser("vera"), open_browser("ada")
    assert " judged until " not in ada.get("/compare/pump").text
    library.roll_back(By("bert", "page", T0, "c5", "it hears the compressor"))
    command = f"<code>wheeltapper bundle install pump {library.version_folder(promoted)}</code>"
    text = ada.get("/compare/pump").text
    assert f"{promoted} judged until bert went back on {day(T0)}" in text
    assert ": it hears the compressor." in text
    assert command in text
    assert command not in vera.get("/compare/pump").text
    assert f"{promoted} hat geurteilt" in ada.get("/compare/pump", headers={"Accept-Language": "de"}).text
    library.install(library.version_folder(promoted), By("ada", "terminal", T0, "c6"))
    again = ada.get("/compare/pump").text
    assert " judged until " not in again
    assert (promoted, True) == (library.roles().candidate, f"<dd>{promoted}</dd>" in again)


@pytest.mark.usefixtures("candidate")
@pytest.mark.parametrize(
    ("origin", "note", "told"),
    [
        ("page", "it hears belts", "promoted by ada: it hears belts."),
        ("terminal", None, "promoted by ada."),
        ("daemon", "it finds 7", "the daemon itself found it better and promoted it"),
    ],
)
def test_who_promoted_what_judges_is_named_until_somebody_goes_back(
    open_browser: Open, plant: Plant, origin: str, note: str | None, told: str
) -> None:
    library = Library(plant.config.state_dir, "pump")
    library.promote(By("ada", origin, T0, "c4", note))
    vera = open_browser("vera")
    text = vera.get("/compare/pump").text
    assert f"It judges since {day(T0)} {clock(T0)}" in text
    assert told in text
    assert f"Es urteilt seit {day(T0)}" in vera.get("/compare/pump", headers={"Accept-Language": "de"}).text
    library.roll_back(By("bert", "page", T0, "c5"))
    assert "It judges since" not in vera.get("/compare/pump").text


def test_a_candidate_that_nobody_compared_is_not_said_to_be_no_better(
    plant: Plant, candidate: Comparison
) -> None:
    add_people(plant.config.state_dir)
    bundles = plant.config.bundles.model_copy(update={"promotion": "managed"})
    managed = plant.config.model_copy(update={"bundles": bundles})
    not_yet, not_better = "Unless it proves to be better", "It does not prove to be better"
    with served_page(managed) as served, browser_at(served.url) as browser:
        browser.login("ada")
        after = browser.get("/compare/pump").text
        other = replace(candidate, candidate="other")
        keep_comparison(plant.config.state_dir, other, verdict(other, Asked(1.0, 1)))
        before = browser.get("/compare/pump").text
    assert [(True, False), (False, True)] == [(not_yet in one, not_better in one) for one in (before, after)]


@pytest.mark.parametrize(
    ("percent", "written"),
    [
        (0.0, "0"),
        (0.00086, "< 0.001"),
        (0.003, "0.003"),
        (0.4, "0.40"),
        (1.02, "1"),
        (7.25, "7.2"),
        (104.6, "105"),
    ],
)
def test_a_small_chance_is_not_written_as_none(percent: float, written: str) -> None:
    ground = Ground("more_false", {"candidate": 9, "live": 0, "hours": 1.0, "chance": percent})
    (said,) = reasons_of(Verdict("not_better", (ground,), ()), Tongue("en"))
    assert said.endswith(f"uneven in {written} % of cases.")


@pytest.mark.usefixtures("candidate")
def test_only_an_administrator_lets_it_judge(open_browser: Open) -> None:
    path, promote = "/api/v1/sources/pump/commands", {"action": "promote", "despite": "heard it all week"}
    assert 403 == open_browser("anna").change(path, promote).status_code
    ada = open_browser("ada")
    assert 'data-swap="promote"' in ada.get("/compare/pump").text
    refused = ada.change(path, promote)
    assert (409, True) == (refused.status_code, "no configuration file" in refused.json()["error"]), (
        refused.text
    )


def test_disputes_are_listed_a_page_at_a_time_with_what_was_said(
    open_browser: Open, candidate: Comparison, plant: Plant
) -> None:
    live_id = open_bundle(DEMO / "mae").bundle_id
    key, database = RunKey("pump", live_id, candidate.candidate), plant.store.database
    for second in (200.0, 300.0):
        add_dispute(database, key, Dispute("live", second, T0 + second, second + 5.0, 1.2, 0.4, "e-1"))
    browser, address = open_browser("anna"), "/api/v1/sources/pump/disputes"
    first = browser.get(f"{address}?limit=2").json()
    assert (["dispute-3", "dispute-2"], "d.2", 3) == (
        [one["dispute_id"] for one in first["disputes"]],
        first["next_cursor"],
        first["total"],
    )
    assert ("live", "e-1", 5.0) == tuple(
        first["disputes"][0][k] for k in ("alarmed", "event_id", "duration_s")
    )
    browser.change("/api/v1/events/dispute-1/labels", {"rating": "anomaly"})
    rest = browser.get(f"{address}?limit=2&cursor={first['next_cursor']}").json()
    (oldest,) = rest["disputes"]
    assert (None, "candidate", "anomaly", candidate.candidate, live_id, 0.42, 1.37) == (
        rest["next_cursor"],
        *(
            oldest[k]
            for k in ("alarmed", "rating", "candidate", "live_bundle", "live_peak", "candidate_peak")
        ),
    )
    assert 200 == browser.get(f"/api/v1/clips/{oldest['clip_id']}/audio").status_code
    assert ([], 0) == tuple(
        browser.get(f"{address}?candidate=other").json()[k] for k in ("disputes", "total")
    )
    assert 400 == browser.get(f"{address}?cursor=n.1").status_code
    assert 404 == browser.get("/api/v1/sources/nobody/disputes").status_code
