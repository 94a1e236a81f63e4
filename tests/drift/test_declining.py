"""What somebody has declined is not proposed again, until normal sound has moved on or time has passed."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from drift_days import DAY_S, days_up_to, stored
from machine_rig import demo_calibration, machine

from monitor.bundles.roles import By
from monitor.commands.status import _drift_lines
from monitor.config import parse_config
from monitor.desk.decline import Decline
from monitor.desk.reload import Reloader
from monitor.doctor.drift import check_drift
from monitor.doctor.finding import Patient, Verdict
from monitor.drift.counting import basis_of
from monitor.drift.declining import AGAIN_AFTER_DAYS, holds_back
from monitor.drift.examiner import Examiner
from monitor.drift.facts import DriftFacts
from monitor.drift.judgement import Asked, Case
from monitor.drift.period import merged_bodies
from monitor.drift.place import proposal_path
from monitor.drift.proposal import Proposal, row_of
from monitor.drift.watch import DriftWatch
from monitor.errors import StoreRefusedError
from monitor.operators import Origin
from monitor.publish.drift import drift_document
from monitor.roster import Roster
from monitor.store import AuditEntry, Reply, Store, open_store
from monitor.store.declined import Declined, declined_of
from monitor.store.drift import add_periods, proposal_of, put_proposal
from monitor.testing import CapturedLog

TODAY = 20_500
MOVED_DAYS, ALL_DAYS = 14, 70
"""Days of the store: normal sound has moved since so many before TODAY, of so many in all."""


def at(days_later: float) -> float:
    return (TODAY + days_later) * DAY_S + 100.0


class Pump:
    """A machine whose past and future days are in the store; what is to come is not looked at."""

    def __init__(self, folder: Path, store: Store, moved: Callable[[int], float]) -> None:
        """`moved`: by how much, by the day counted from TODAY on."""
        text = f"state_dir: {folder}\nsources: [{{id: pump, kind: simulated}}]\n"
        self.config = parse_config(text, name="here")
        self.store, self.machine = store, machine("pump", [0.2])
        last, first = TODAY + ALL_DAYS - 28, -28
        hours = days_up_to(last, lambda day: moved(first + day), ALL_DAYS)
        add_periods(store.database, stored("pump", basis_of(self.machine), hours), merged_bodies)
        self._examiner = Examiner(store, lambda: self.config)

    def look(self, days_later: float) -> tuple[DriftFacts, Proposal | None]:
        looked = self._examiner.look(self.machine, at(days_later))
        return looked.facts, looked.proposal

    def decline(self, proposal: Proposal, days_later: float = 0.0) -> None:
        self.store.decline(declined(proposal, at(days_later)), reply=reply(proposal))


def declined(proposal: Proposal, at_utc_s: float) -> Declined:
    return Declined(
        proposal.source_id,
        proposal.id,
        proposal.basis,
        proposal.budget,
        proposal.limit,
        proposal.first_utc_s,
        "anna",
        "the bearing is worn",
        at_utc_s,
    )


def reply(proposal: Proposal, number: int = 0) -> Reply:
    arguments: dict[str, object] = {"proposal": proposal.id, "note": "the bearing is worn"}
    command_id = f"c{proposal.id}-{number}"
    entry = AuditEntry(at(0.0), Origin.PAGE, "pump", command_id, "anna", "decline", arguments, "done", None)
    return Reply(command_id, "pump", at(0.0), {"id": command_id}, audit=entry)


@pytest.fixture
def pump(tmp_path: Path) -> Iterator[Callable[..., Pump]]:
    with closing(open_store(tmp_path)) as store:
        yield lambda moved=steady: Pump(tmp_path, store, moved)


def steady(day: int) -> float:
    return 0.3 * (day >= -MOVED_DAYS)


def going_on(day: int) -> float:
    return steady(day) + 0.2 * (day >= 1)


def falling_back(day: int) -> float:
    return steady(day) - 0.15 * (day >= 1)


def test_what_was_declined_is_told_in_place_of_a_proposal_and_not_made_again(
    pump: Callable[..., Pump],
) -> None:
    one = pump()
    facts, proposal = one.look(0.0)
    assert proposal is not None
    assert (proposal.id, None) == (facts.proposal, facts.declined_by)
    assert proposal_path(one.config.state_dir, "pump").is_file()
    one.decline(proposal)  # and a kill before anything else is done
    for days_later in (0.0, 8.0):
        facts, again = one.look(days_later)
        assert again is None
        assert not proposal_path(one.config.state_dir, "pump").exists(), "nobody signs it any more"
        assert (None, "anna", "the bearing is worn") == (
            facts.proposal,
            facts.declined_by,
            facts.declined_why,
        )
        assert f"proposal {proposal.id} was declined by anna on 2026-02-16: the bearing" in str(
            facts.withheld
        )
        assert "after 2026-03-16, or under another bundle or limit" in str(facts.withheld)
        assert proposal_of(one.store.database, "pump") is None
    facts, again = one.look(AGAIN_AFTER_DAYS)
    assert again is not None, "a month later it is asked once more"
    assert again.id != proposal.id
    assert facts.declined_by is None
    assert one.look(AGAIN_AFTER_DAYS - 0.1)[1] is not None, "a clock that is put right does not take it away"


def test_why_is_told_in_one_line_that_no_terminal_obeys(pump: Callable[..., Pump]) -> None:
    one = pump()
    _, proposal = one.look(0.0)
    assert proposal is not None
    decline = Decline(
        "pump", proposal.id, "the bearing\n\x1b[2Jis worn ", By("anna", "page", at(0.0), "c1"),
        Roster([one.machine]), one.store, look_again=lambda _source_id: None,
    )  # fmt: skip
    plan = decline.plan(Reloader(one.config, lambda: one.config, ()))
    assert plan.save is not None
    plan.save(reply(proposal))
    said = declined_of(one.store.database, "pump")
    assert (said and said.why) == "the bearing ?[2Jis worn"


def test_what_is_proposed_since_stands_until_somebody_answers(pump: Callable[..., Pump]) -> None:
    one = pump(going_on)
    _, proposal = one.look(0.0)
    assert proposal is not None
    one.decline(proposal)
    _, further = one.look(20.0)
    assert further is not None
    assert further.limit > proposal.limit
    assert further == one.look(20.1)[1], "what somebody is looking at stays what it is"


def test_who_goes_back_to_a_limit_finds_the_word_again_though_another_was_proposed_to_meanwhile(
    pump: Callable[..., Pump],
) -> None:
    one = pump()
    _, proposal = one.look(0.0)
    assert proposal is not None
    one.decline(proposal)
    other = replace(proposal, basis="of another bundle", made_utc_s=at(1.0))
    put_proposal(one.store.database, row_of(other))
    facts, again = one.look(2.0)
    assert (None, "anna") == (again, facts.declined_by)
    assert proposal_of(one.store.database, "pump") is None


CALIBRATION = demo_calibration()


def case_of(moved: Callable[[int], float], days_later: float) -> Case:
    hours = days_up_to(TODAY + round(days_later), lambda day: moved(day - 28), 28 + round(days_later))
    return Case(hours, CALIBRATION, Asked(), at(days_later))


def found_of(limit: float, **other: Any) -> Proposal:  # noqa: ANN401 - as Proposal takes them
    """A proposal of which nothing counts but what is given."""
    values: dict[str, Any] = dict.fromkeys(Proposal.__dataclass_fields__)
    return Proposal(**{**values, "source_id": "pump", "basis": "b", "budget": 1.0, "limit": limit, **other})


ASKED_AT = Declined("pump", "p", "b", 1.0, 1.3, (TODAY - 7) * DAY_S, "anna", "worn", at(0.0))
"""A limit at 1.3, for which the seven days up to TODAY spoke."""


@pytest.mark.parametrize("days_later", [0, 8, 20])
def test_the_same_is_no_news_whatever_its_id(days_later: int) -> None:
    case = case_of(steady, days_later)
    for limit in (1.2, 1.3, 1.35):
        assert holds_back(ASKED_AT, found_of(limit), case)


def test_sound_that_has_moved_on_as_surely_as_it_had_then_is_news() -> None:
    assert holds_back(ASKED_AT, found_of(1.6), case_of(going_on, 6)), "not as surely yet"
    assert not holds_back(ASKED_AT, found_of(1.6), case_of(going_on, 20))
    assert holds_back(ASKED_AT, found_of(1.2), case_of(going_on, 20)), "a limit that lies between says less"
    lower = replace(ASKED_AT, factor=0.8)
    assert not holds_back(lower, found_of(0.6), case_of(falling_back, 20))
    assert holds_back(lower, found_of(0.9), case_of(falling_back, 20))


def test_sound_that_goes_part_of_the_way_back_is_no_news() -> None:
    assert holds_back(ASKED_AT, found_of(1.15), case_of(falling_back, 20))


def test_another_limit_bundle_promise_or_direction_and_a_month_later_are_other_questions() -> None:
    case = case_of(steady, 1)
    assert holds_back(ASKED_AT, found_of(1.3), case)
    assert not holds_back(ASKED_AT, found_of(1.3, basis="c"), case)
    assert not holds_back(ASKED_AT, found_of(1.3, budget=2.0), case)
    assert not holds_back(ASKED_AT, found_of(0.9), case)
    assert holds_back(ASKED_AT, found_of(1.3), replace(case, now_utc_s=at(AGAIN_AFTER_DAYS) - 1.0))
    assert not holds_back(ASKED_AT, found_of(1.3), replace(case, now_utc_s=at(AGAIN_AFTER_DAYS)))


def test_the_word_of_a_clock_that_ran_ahead_holds_no_longer_than_any() -> None:
    case = case_of(steady, 1)
    for days, held in ((0.5, True), (300.0, False)):
        ahead = replace(ASKED_AT, at_utc_s=case.now_utc_s + days * DAY_S)
        assert held is holds_back(ahead, found_of(1.3), case), days


def test_what_is_proposed_by_now_is_not_declined_by_the_name_of_what_was(pump: Callable[..., Pump]) -> None:
    one = pump()
    _, proposal = one.look(0.0)
    assert proposal is not None
    stale = replace(declined(proposal, at(0.0)), proposal_id="0123456789ab")
    with pytest.raises(StoreRefusedError, match="0123456789ab of pump is outdated"):
        one.store.decline(stale, reply=reply(proposal, 1))
    assert [] == one.store.audit(9), "neither is on record"
    assert declined_of(one.store.database, "pump") is None
    assert proposal_of(one.store.database, "pump") is not None
    one.decline(proposal)
    assert ["decline"] == [entry.action for entry in one.store.audit(9)]
    with pytest.raises(StoreRefusedError, match="declined or made anew"):
        one.store.decline(declined(proposal, at(1.0)), reply=reply(proposal, 2))


def test_a_decline_is_looked_into_at_once_and_not_the_next_day(
    pump: Callable[..., Pump], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.drift.watch.AGAIN_S", -1.0)  # an hour is over
    one = pump()
    told: list[DriftFacts] = []
    watch = DriftWatch(
        Roster([one.machine]), one.store, lambda: one.config, CapturedLog(),
        tell=lambda _source_id, facts: told.append(facts), is_dated=lambda: True,
    )  # fmt: skip
    assert watch._look_at_next(at(0.0))
    assert not watch._look_at_next(at(0.0)), "it is proposed: the next day says more"
    row = proposal_of(one.store.database, "pump")
    _, proposal = one.look(0.0)
    assert (row and row.proposal_id) == (proposal and proposal.id)
    assert proposal is not None
    one.decline(proposal)
    assert not watch._look_at_next(at(0.0))
    watch.look_again("pump")
    assert watch._look_at_next(at(0.0))
    assert not watch._look_at_next(at(0.0)), "nor does another hour of this day say more"
    assert [proposal.id, None] == [facts.proposal for facts in told]
    assert [None, "anna"] == [facts.declined_by for facts in told]


def test_status_doctor_and_health_say_who_declined_and_why(pump: Callable[..., Pump]) -> None:
    one = pump()
    _, proposal = one.look(0.0)
    assert proposal is not None
    one.decline(proposal)
    facts, _ = one.look(0.0)
    tree = {name: getattr(facts, name) for name in DriftFacts.__slots__}
    source = json.loads(json.dumps({"drift": tree, "capture": {"source_id": "pump"}}))
    told = "; ".join(_drift_lines(source))
    assert "declined by anna" in told
    assert "the bearing is worn" in told
    status = {"box": {"pid": os.getpid()}, "updated_utc_s": time.time(), "sources": [source]}
    (finding,) = check_drift(Patient(Path("config.yaml"), one.config, status))
    assert (Verdict.WARNING, True) == (finding.verdict, "declined by anna" in finding.said)
    assert "as whoever declined it says" in finding.remedy
    document = drift_document(facts)
    assert document is not None
    assert ("anna", "2026-02-16T00:01:40.000Z", "the bearing is worn") == (
        document.declined_by,
        document.declined_at,
        document.declined_why,
    )
