"""What makes a candidate better, and that nothing a deaf one has does."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from monitor.promotion.document import keep_comparison, kept_comparison, tree_of
from monitor.promotion.records import Comparison, Disagreement, LeftOut, Pairs, Probe, Verdict
from monitor.promotion.rules import Asked, verdict
from monitor.promotion.sentences import SENTENCES, english

ASKED = Asked(hours=168.0, anomalies=10)
GOOD = Comparison(
    source_id="pump",
    live="mae-1",
    candidate="mae-2",
    at_utc_s=1_790_000_000.0,
    budget_per_week=1.0,
    hours=170.0,
    since_utc_s=1_789_000_000.0,
    false_alarms=Pairs(both=1, live_only=1, candidate_only=0),
    spared=1,
    anomalies=Pairs(both=12, live_only=0, candidate_only=8, neither=2),
    probes=(Probe(6.0, Pairs(both=40, neither=2)), Probe(0.0, Pairs(both=30, candidate_only=3, neither=9))),
    disagreements=(Disagreement("dispute-1", 1.0, 2.0, "candidate", 0.4, 1.5, None, None, "c1"),),
)


def codes(compared: Comparison) -> list[str]:
    found = verdict(compared, ASKED)
    return [found.outcome, *(ground.code for ground in found.grounds)]


def test_better_is_who_finds_more_and_loses_nothing() -> None:
    assert ["better", "finds_more", "none_lost", "within", "hears"] == codes(GOOD)
    fewer = replace(GOOD, anomalies=Pairs(both=12), false_alarms=Pairs(live_only=8), spared=8)
    assert ["better", "fewer_false"] == codes(fewer)[:2]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"hours": 100.0}, "hours"),
        ({"skipped_share": 0.21}, "skipped"),
        ({"anomalies": Pairs()}, "no_anomalies"),
        ({"anomalies": Pairs(both=9)}, "anomalies"),
        ({"unlabelled_live_only": 1}, "unlabelled"),
        ({"unlabelled_skipped": 1}, "unlabelled_skipped"),
        ({"left_out": LeftOut(waiting=1)}, "waiting"),
        ({"probes": ()}, "no_probe"),
        ({"probes_asked": 144, "probes_waiting": 1}, "waiting_foreign"),
        ({"probes": (), "probes_asked": 144, "probes_waiting": 144}, "waiting_foreign"),
    ],
)
def test_too_little_is_known(change: dict[str, object], code: str) -> None:
    assert ["too_early", code] == codes(replace(GOOD, **change))  # type: ignore[arg-type]


def test_a_control_that_was_cut_short_is_told_whatever_else_is_said() -> None:
    told = "was cut short for want of time: 96 of 144 mixtures"
    cut_short = replace(GOOD, probes_asked=144, probes_waiting=48)
    for change, outcome in (
        ({}, "too_early"),
        ({"left_out": LeftOut(waiting=3)}, "too_early"),
        ({"anomalies": Pairs(live_only=3)}, "not_better"),
        ({"probes": (Probe(6.0, Pairs(both=10, live_only=30)),)}, "not_better"),
    ):
        found = verdict(replace(cut_short, **change), ASKED)  # type: ignore[arg-type]
        assert (outcome, 1) == (found.outcome, sum(told in reason for reason in found.reasons))
    worse = {"anomalies": Pairs(live_only=3), "false_alarms": Pairs(candidate_only=30)}
    deaf = (Probe(6.0, Pairs(both=10, live_only=30)),)
    assert codes(replace(cut_short, **worse, probes=deaf)) == [  # type: ignore[arg-type]
        "not_better", "lost", "waiting_foreign", "more_false", "promise", "deaf",
    ]  # fmt: skip
    document = tree_of(cut_short, verdict(cut_short, ASKED))
    assert (144, 48) == (document["probes_asked"], document["probes_waiting"])


def test_a_deaf_candidate_has_no_false_alarm_and_is_not_better_without_labelled_anomalies() -> None:
    deaf = replace(GOOD, false_alarms=Pairs(live_only=50), spared=50, anomalies=Pairs())
    assert ["too_early", "no_anomalies"] == codes(deaf)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"anomalies": Pairs(both=12, live_only=1)}, "lost"),
        ({"anomalies": Pairs(both=4, live_only=4)}, "lost"),
        ({"anomalies": Pairs(both=9, live_only=1, candidate_only=9)}, "lost"),
        ({"false_alarms": Pairs(live_only=1, candidate_only=7)}, "more_false"),
        ({"false_alarms": Pairs(both=2, candidate_only=3)}, "promise"),
        ({"probes": (Probe(0.0, Pairs(both=20, live_only=8, candidate_only=1)),)}, "deaf"),
    ],
)
def test_worse_in_one_thing_is_not_better_however_good_the_rest_is(
    change: dict[str, object], code: str
) -> None:
    assert ["not_better", code] == codes(replace(GOOD, **change))[:2]  # type: ignore[arg-type]
    early = replace(GOOD, hours=0.5, **change)  # type: ignore[arg-type]
    assert "not_better" == codes(replace(early, budget_per_week=1000.0))[0] or code == "promise"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"anomalies": Pairs(neither=12)}, "few_found"),
        ({"anomalies": Pairs(both=1, neither=11)}, "few_found"),
        ({"anomalies": Pairs(both=12), "probes": (Probe(0.0, Pairs(neither=99)),)}, "no_control"),
    ],
)
def test_beside_a_deaf_live_bundle_fewer_false_alarms_prove_nothing(
    change: dict[str, object], code: str
) -> None:
    quiet = replace(GOOD, false_alarms=Pairs(live_only=8), spared=8, **change)  # type: ignore[arg-type]
    assert ["too_early", code] == codes(quiet)
    hears = replace(quiet, anomalies=Pairs(candidate_only=9, neither=3))
    assert "better" == codes(hears)[0], "who finds what a deaf one misses is better"


@pytest.mark.parametrize(
    ("pairs", "code"),
    [(Pairs(both=2, candidate_only=4), "promise"), (Pairs(live_only=1, candidate_only=8), "more_false")],
)
def test_what_nobody_has_listened_to_proves_nothing_against_it_alone(pairs: Pairs, code: str) -> None:
    unheard = replace(GOOD, false_alarms=pairs, unlabelled_candidate_only=pairs.candidate_only)
    found = verdict(unheard, ASKED)
    assert ["too_early", code, "unheard"] == [*codes(unheard)[:2], codes(unheard)[-1]]
    assert f"nobody has listened to {pairs.candidate_only}:" in found.reasons[-1]
    assert found.reasons[-1].endswith("/compare/pump")
    heard = replace(unheard, unlabelled_candidate_only=0)
    assert "not_better" == codes(heard)[0]
    assert "unheard" not in codes(heard)
    lost = replace(unheard, anomalies=Pairs(both=12, live_only=1))
    assert "not_better" == codes(lost)[0]
    assert "unheard" == codes(lost)[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"false_alarms": Pairs(candidate_only=3)},  # of one a week promised so many come in 8 % of weeks
        {"false_alarms": Pairs(candidate_only=2), "budget_per_week": 0.05},  # two are no rate
        {"false_alarms": Pairs(both=5)},  # the live one breaks the promise as well
        {"false_alarms": Pairs(both=5, live_only=1, candidate_only=1)},
        {"false_alarms": Pairs(candidate_only=4), "budget_per_week": 3.0},
        {"probes": (Probe(0.0, Pairs(both=2, live_only=2)),)},  # two of four say nothing
        {"probes": (Probe(0.0, Pairs(both=179, live_only=21, candidate_only=1)),)},  # a tenth, all in all
    ],
)
def test_what_chance_does_is_not_held_against_it(change: dict[str, object]) -> None:
    assert "better" == codes(replace(GOOD, **change))[0]  # type: ignore[arg-type]


def test_small_differences_are_not_held_against_it() -> None:
    many = replace(GOOD, anomalies=Pairs(both=40, live_only=1, candidate_only=12))
    assert ["better", "finds_more", "lost"] == codes(many)[:3]
    limit = replace(GOOD, probes=(Probe(-6.0, Pairs(both=90, live_only=7)),))
    assert "better" == codes(limit)[0]


def test_fewer_false_alarms_make_up_for_no_fault_that_is_lost() -> None:
    quiet = replace(GOOD, false_alarms=Pairs(live_only=9), spared=9)
    found = [replace(quiet, anomalies=Pairs(both=100, live_only=3, candidate_only=count)) for count in (2, 3)]
    assert [["not_better", "lost"], ["better", "fewer_false"]] == [codes(one)[:2] for one in found]


def test_one_fork_lift_proves_nothing_however_often_it_raised_the_alarm() -> None:
    spared = replace(GOOD, anomalies=Pairs(both=12), false_alarms=Pairs(live_only=8), spared=1)
    assert ["not_better", "as_good"] == codes(spared)[:2]


def test_as_good_is_not_better() -> None:
    same = replace(GOOD, anomalies=Pairs(both=20, candidate_only=3))
    assert ["not_better", "as_good", "none_lost", "within", "hears"] == codes(same)
    found = [replace(GOOD, anomalies=Pairs(both=20, candidate_only=count)) for count in (6, 7)]
    assert ["not_better", "better"] == [codes(one)[0] for one in found], "7 to 0 is enough"
    quiet = [
        replace(GOOD, anomalies=Pairs(both=20), false_alarms=Pairs(live_only=9), spared=count)
        for count in (6, 7)
    ]
    assert ["not_better", "better"] == [codes(one)[0] for one in quiet]
    mixed: dict[str, Any] = {
        "anomalies": Pairs(both=100, live_only=4, candidate_only=8),
        "false_alarms": Pairs(live_only=9, candidate_only=4),
    }
    assert ["not_better", "as_good"] == codes(replace(GOOD, **mixed, spared=9))[:2], (
        "4 to 8 and 4 to 9 are chance"
    )


def test_figures_are_written_as_people_do() -> None:
    figures = (1.0, 0.25, 1234.6, 1.86e4, 2.33e-5, 0.0, -3.5, 999_600.0, 12, "pump", float("inf"))
    assert [
        *("1", "0.25", "1230", "18600", "less than 0.001", "0", "-3.5", "1000000", "12", "pump", "inf")
    ] == [english(figure) for figure in figures]
    louder = replace(
        GOOD, anomalies=Pairs(both=20, candidate_only=4), false_alarms=Pairs(candidate_only=2), spared=0
    )
    assert ["not_better", "as_good_louder"] == codes(louder)[:2]
    assert (
        verdict(louder, ASKED)
        .reasons[0]
        .endswith("4 more anomalies found, of which 7 to 0 would be enough, and 2 more false alarms")
    )


def test_every_reason_is_a_sentence_and_what_is_kept_is_read_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    state = tmp_path_factory.mktemp("state")
    changes = [
        {},
        {"hours": 0.0},
        {"anomalies": Pairs(live_only=3)},
        {"false_alarms": Pairs(candidate_only=9)},
    ]
    for change in changes:
        compared = replace(GOOD, **change)  # type: ignore[arg-type]
        found = verdict(compared, ASKED)
        assert all(reason and "{" not in reason for reason in found.reasons)
        keep_comparison(state, compared, found)
        assert (compared, found) == kept_comparison(state, "pump", live="mae-1", candidate="mae-2")
    assert kept_comparison(state, "pump", live="mae-1", candidate="mae-3") is None
    assert kept_comparison(state, "fan", live="mae-1", candidate="mae-2") is None
    assert set(SENTENCES) >= {ground.code for ground in found.grounds}
    assert found.outcome == tree_of(compared, found)["verdict"]


def test_what_older_software_kept_says_of_how_many_foreign_sounds_it_was_at_least(tmp_path: Path) -> None:
    compared = replace(GOOD, probes=(Probe(0.0, Pairs(both=5, neither=3)),), probes_waiting=4)
    keep_comparison(tmp_path, compared, Verdict("not_better", (), ()))
    (document,) = tmp_path.rglob("comparison.json")
    tree = json.loads(document.read_text())
    del tree["probes_asked"]
    document.write_text(json.dumps(tree))
    kept = kept_comparison(tmp_path, "pump", live="mae-1", candidate="mae-2")
    assert kept is not None
    assert (8, 12) == (kept[0].probes_tried, kept[0].probes_asked)


@pytest.mark.parametrize(
    ("hours", "needed", "told"),
    [(167.97, 168.0, "167 h"), (0.0796, 0.08, "0.079 h"), (11.97, 12.0, "11.9 h")],
)
def test_hours_that_are_too_few_never_read_as_enough(hours: float, needed: float, told: str) -> None:
    found = verdict(replace(GOOD, hours=hours), Asked(hours=needed, anomalies=10))
    assert "too_early" == found.outcome
    assert [
        f"both have judged {told} beside each other, {needed:g} h are asked for (bundles.promotion_hours)"
    ] == [reason for reason in found.reasons if "are asked for" in reason]
