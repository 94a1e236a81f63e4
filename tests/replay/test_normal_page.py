"""The page of a source's normal sound: days as a picture, what is proposed, and who may accept it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import numpy as np
import pytest
from drift_days import DAY_S, HOP_S, days_up_to, stored, units
from replay_rig import Browser, Plant

from monitor.calibration import fit_calibration
from monitor.drift.evidence import Evidence, evidence_of
from monitor.drift.judgement import Asked, Case, judged
from monitor.drift.period import merged_bodies
from monitor.drift.proposal import Present, Proposal, proposed, row_of
from monitor.drift.said import EventLabel
from monitor.operators import Origin
from monitor.replay.kept.normal import NormalDay
from monitor.replay.pages.drift_picture import picture_of
from monitor.replay.pages.words import Tongue
from monitor.store import AuditEntry, Reply
from monitor.store.declined import Declined
from monitor.store.drift import add_periods, put_proposal

Open = Callable[..., Browser]
BASIS = "ae-1/x"


def drift_into(plant: Plant) -> Proposal:
    """Store three weeks that have moved, and the proposal that is made from them."""
    now_utc_s = time.time()
    days = days_up_to(int(now_utc_s // DAY_S), lambda day: 0.5 * (day >= 14), 21)
    scores = 1.0 + units(np.random.default_rng(3), 60_000)
    calibration = fit_calibration(scores, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=now_utc_s - 21 * DAY_S)
    evidence = evidence_of(days, list[EventLabel](), Asked(), hop_s=HOP_S, now_utc_s=now_utc_s)
    assert isinstance(evidence, Evidence)
    judgement = judged(Case(days, calibration, Asked(), now_utc_s))
    proposal = proposed(Present("pump", BASIS, calibration, 1.0, 1.0), evidence, judgement, now_utc_s)
    assert isinstance(proposal, Proposal)
    add_periods(plant.store.database, stored("pump", BASIS, days), merged_bodies)
    put_proposal(plant.store.database, row_of(proposal))
    return proposal


def test_a_proposal_is_shown_to_all_and_accepted_by_an_administrator(
    plant: Plant, open_browser: Open
) -> None:
    before = open_browser("anna").get("/drift/pump").text
    assert "A limit never changes by itself" in before
    proposal = drift_into(plant)
    for name, may in (("anna", False), ("ada", True)):
        browser = open_browser(name)
        text = browser.get("/drift/pump").text
        assert "the scores cannot tell" in text
        assert 21 == len(re.findall(r"[\d.]+,[\d.]+", _points(text, "median")))
        assert may == (f'data-accept="{proposal.id}"' in text)
        assert f'data-decline="{proposal.id}"' in text, "whoever knows the machine may say no"
        assert "accepted before this one: 0." in text
        assert f"the present one is 1.00, the proposed one {proposal.total.proposed:.2f}" in text
        assert 1.5 < proposal.total.proposed
        assert "further, in all, than drift.max_total allows" in text
        assert may == ('name="note" required minlength="3" data-despite' in text), (
            "who accepts it has to say why"
        )
        asked = {"action": "recalibrate", "proposal": proposal.id}
        answer = browser.change("/api/v1/sources/pump/commands", asked)
        # the rig's desk can open no bundle: what counts is who gets as far as that
        assert (409 if may else 403) == answer.status_code, answer.text


def test_a_limit_that_was_accepted_is_not_offered_again_while_its_proposal_goes(
    plant: Plant, open_browser: Open
) -> None:
    proposal, ada = drift_into(plant), open_browser("ada")

    def accept(at_utc_s: float) -> None:
        given: dict[str, object] = {"proposal": proposal.id}
        plant.store.add_audit(
            AuditEntry(
                at_utc_s, Origin.PAGE, "pump", f"c{at_utc_s}", "ada", "recalibrate", given, "done", None
            )
        )

    accept(proposal.made_utc_s - 60.0)  # of this id before: it was taken back, and proposed anew since
    assert "data-accept" in ada.get("/drift/pump").text
    accept(proposal.made_utc_s + 60.0)
    text = ada.get("/drift/pump").text
    assert (False, True) == (f'data-accept="{proposal.id}"' in text, "No other limit is proposed." in text)
    assert "ada accepted another limit on" in text
    assert 'data-accept="before"' in text, (
        "for the bundle that the configuration names: here it is taken back"
    )
    assert "data-accept" not in open_browser("anna").get("/drift/pump").text
    at_utc_s, taken = proposal.made_utc_s + 90.0, {"proposal": "before", "note": "it was the bearing"}
    plant.store.add_audit(
        AuditEntry(at_utc_s, Origin.PAGE, "pump", "c9", "tom", "recalibrate", taken, "done", None)
    )
    back = ada.get("/drift/pump", headers={"Accept-Language": "de"}).text
    assert "tom hat am" in back
    assert "die letzte Grenze zurückgenommen: it was the bearing" in back
    assert 'data-accept="before"' not in back


def test_a_limit_that_is_proposed_again_after_one_was_taken_back_is_shown_with_its_days(
    plant: Plant, open_browser: Open
) -> None:
    """What was heard last was heard under the limit that was taken back: a few minutes of it."""
    proposal = drift_into(plant)
    few = days_up_to(int(time.time() // DAY_S) + 1, lambda _: 0.0, 1)[:1]
    add_periods(plant.store.database, stored("pump", "ae-1/taken-back", few), merged_bodies)
    text = open_browser("ada").get("/drift/pump").text
    assert f'data-accept="{proposal.id}"' in text
    assert 21 == len(re.findall(r"[\d.]+,[\d.]+", _points(text, "median")))


def test_whoever_declined_a_limit_is_named_with_the_reason_and_it_is_offered_no_more(
    plant: Plant, open_browser: Open
) -> None:
    proposal, vera = drift_into(plant), open_browser("vera")
    assert "data-decline" not in vera.get("/drift/pump").text
    asked = {"action": "decline", "proposal": proposal.id, "note": "<b>worn</b>"}
    assert 403 == vera.change("/api/v1/sources/pump/commands", asked).status_code
    # the rig's desk has no configuration to look at: what counts is that a technician gets as far as that
    assert 409 == open_browser("anna").change("/api/v1/sources/pump/commands", asked).status_code
    plant.store.decline(declined(proposal), reply=Reply("c1", "pump", time.time(), {}))
    text = open_browser("ada").get("/drift/pump").text
    assert "data-decline" not in text
    assert "data-accept" not in text
    assert "No other limit is proposed." in text
    factor = f"{proposal.limit:.2f}"
    assert "Declined by anna on" in text
    assert f"(a limit at {factor} of the one at that time): &lt;b&gt;worn&lt;/b&gt;" in text
    assert "Another one is proposed when normal sound has moved markedly further, after" in text
    back = vera.get("/drift/pump", headers={"Accept-Language": "de"}).text
    assert "Abgelehnt von anna am" in back
    assert f"(eine Grenze beim {factor.replace('.', ',')}-fachen der damaligen)" in back


def declined(proposal: Proposal) -> Declined:
    return Declined(
        "pump",
        proposal.id,
        proposal.basis,
        proposal.budget,
        proposal.limit,
        proposal.first_utc_s,
        "anna",
        "<b>worn</b>",
        time.time(),
    )


def test_a_person_reads_from_the_picture_how_far_and_since_when(plant: Plant, open_browser: Open) -> None:
    proposal = drift_into(plant)
    for language, point, limit in (("en", ".", "limit"), ("de", ",", "Grenze")):
        text = open_browser("vera").get("/drift/pump", headers={"Accept-Language": language}).text
        rows = re.findall(
            r'<tr><th scope="row">([-\d]+)</th><td class="number">(\S+)</td><td class="number">(\S+)</td>',
            text,
        )
        assert 21 == len(rows), "newest first"
        (last, now, _), (first, then, _) = rows[0], rows[-1]
        (title,) = re.findall(r'<title id="days-title">(.*)</title>', text)
        assert all(one in title for one in (first, last, then, now)), title
        assert 0.4 < float(now.replace(point, ".")) - float(then.replace(point, ".")) < 0.6
        scale = re.findall(r'<text (?:class="at-limit" )?x="100%" y="([\d.]+)%">([^<]+)</text>', text)
        assert f"{limit} 1{point}0" == scale[[told for _, told in scale].index(f"{limit} 1{point}0")][1]
        heights = [float(y) for y, _ in scale]
        assert sorted(heights, reverse=True) == heights, "higher numbers lie higher"
        assert 21 == len(re.findall(r'<rect class="day" [^>]*><title>[-\d]+: ', text))
        dates = re.findall(r'y="1rem">([-\d]+)</text>', text)
        assert [first, last] == [dates[0], dates[-1]]
        assert 3 == len(dates)
        begin, width = map(float, re.findall(r'"rests-on" x="([\d.]+)" y="0" width="([\d.]+)"', text)[0])
        assert (8 + 624 * 14 / 21, 624 * 7 / 21) == pytest.approx((begin, width), abs=0.2)
    assert proposal.id in open_browser("anna").get("/drift/pump").text


def test_a_scale_is_told_with_few_numbers_and_the_limit_among_them() -> None:
    for high in (0.9, 1.5, 3.0, 40.0, 3e5):
        days = [NormalDay(DAY_S * day, 0.1, high) for day in (1.0, 2.0)]
        picture = picture_of(days, None, Tongue("en"))
        assert picture is not None
        assert 1 == sum(tick.is_limit for tick in picture.scores)
        assert 2 <= len(picture.scores) <= 7
    assert picture_of([NormalDay(DAY_S, 0.1, 0.2)], None, Tongue("en")) is None


def test_an_unknown_source_has_no_such_page(open_browser: Open) -> None:
    answer = open_browser("anna").get("/drift/nobody")
    assert (404, True) == (answer.status_code, "This box has no source of this name." in answer.text)


def _points(text: str, which: str) -> str:
    found = re.search(rf'class="{which}" points="([^"]+)"', text)
    assert found is not None
    return found.group(1)
