"""How far a limit has come by small steps: they add up, are shown, and end at a stated total."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from drift_days import DAY_S, HOP_S, days_up_to, units

from monitor.calibration import Calibration, fit_calibration
from monitor.commands.status import _drift_lines
from monitor.drift.acceptance import check_total
from monitor.drift.chain import Chain
from monitor.drift.chain_file import chain_of, chain_path, with_step, write_chain
from monitor.drift.evidence import Evidence, evidence_of
from monitor.drift.examiner import _facts, present_of
from monitor.drift.judgement import Asked, Case, judged
from monitor.drift.proposal import Present, Proposal, proposal_from, proposed, row_of
from monitor.drift.words import proposal_words
from monitor.errors import CalibrationError, CommandError
from monitor.machine import Machine

TODAY = 20_500
NOW_UTC_S = TODAY * DAY_S + 100.0
ASKED = Asked()


@pytest.fixture(scope="module")
def learned() -> Calibration:
    scores = units(np.random.default_rng(9), 60_000)
    return fit_calibration(1.0 + scores, hop_s=HOP_S, bundle_id="ae-1", fitted_utc_s=(TODAY - 60) * DAY_S)


def higher(calibration: Calibration, by: float) -> Calibration:
    """The same with every score so much higher, in units of its limit above the median."""
    raw = by * (calibration.limit_raw(1.0) - calibration.centre)
    moved = [replace(one, threshold=one.threshold + raw) for one in (calibration.tail, *calibration.draws)]
    return replace(
        calibration,
        centre=calibration.centre + raw,
        tail=moved[0],
        draws=tuple(moved[1:]),
        below_levels=tuple(one + raw for one in calibration.below_levels),
    )


def test_small_steps_add_up_and_an_undo_goes_back(tmp_path: Path, learned: Calibration) -> None:
    limits = [learned]
    for _ in range(3):
        chain = chain_of(tmp_path, "pump", limits[-1])
        limits.append(higher(limits[-1], 0.1))
        write_chain(tmp_path, "pump", with_step(chain, limits[-1]))
    found = [chain_of(tmp_path, "pump", one) for one in limits]
    assert [0, 1, 2, 3] == [len(one.steps) for one in found]
    assert {learned} == {one.first for one in found}
    assert [1.0, 1.1, 1.2, 1.3] == pytest.approx(
        [one.limit_of(limit, 1.0) for one, limit in zip(found, limits, strict=True)]
    )
    # from an earlier step on the later ones are forgotten
    write_chain(tmp_path, "pump", with_step(found[1], higher(learned, 0.5)))
    assert 0 == len(chain_of(tmp_path, "pump", limits[3]).steps)
    assert 2 == len(chain_of(tmp_path, "pump", higher(learned, 0.5)).steps)


def test_what_was_learned_anew_is_another_first_limit(tmp_path: Path, learned: Calibration) -> None:
    write_chain(tmp_path, "pump", with_step(Chain(learned), higher(learned, 0.1)))
    anew = replace(learned, source="recorded anew")
    assert Chain(anew) == chain_of(tmp_path, "pump", anew)


def test_steps_of_another_bundle_do_not_make_the_sum_forgotten(tmp_path: Path, learned: Calibration) -> None:
    raised, other = higher(learned, 0.3), replace(learned, bundle_id="ae-2")
    write_chain(tmp_path, "pump", with_step(chain_of(tmp_path, "pump", learned), raised))
    for number in range(3):
        write_chain(
            tmp_path, "pump", with_step(chain_of(tmp_path, "pump", other), higher(other, 0.1 + number))
        )
    back = chain_of(tmp_path, "pump", raised)  # rolled back to the first bundle
    assert 1.3 == pytest.approx(back.limit_of(raised, 1.0))
    assert 1 == len(chain_of(tmp_path, "pump", higher(other, 2.1)).steps)


def test_chains_are_bounded_and_one_of_earlier_software_is_read(
    tmp_path: Path, learned: Calibration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitor.drift.chain_file.OTHERS_MAX", 2)
    bundles = [replace(learned, bundle_id=f"ae-{number}") for number in range(5)]
    for one in bundles:
        write_chain(tmp_path, "pump", with_step(Chain(one), higher(one, 0.1)))
    steps = [len(chain_of(tmp_path, "pump", higher(one, 0.1)).steps) for one in bundles]
    assert [0, 0, 1, 1, 1] == steps
    path = chain_path(tmp_path, "pump")
    tree = json.loads(path.read_bytes())
    del tree["others"]
    path.write_text(json.dumps(tree))
    assert 1 == len(chain_of(tmp_path, "pump", higher(bundles[-1], 0.1)).steps)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"kind": "wheeltapper-limits", "schema": 9}'])
def test_a_chain_that_cannot_be_read_is_not_taken_for_none(
    tmp_path: Path, learned: Calibration, content: bytes
) -> None:
    path = chain_path(tmp_path, "pump")
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match="remove it to count from the present limit on"):
        chain_of(tmp_path, "pump", learned)


@pytest.fixture(scope="module")
def proposal(learned: Calibration) -> Proposal:
    """The third step: scores have moved by 0.4 since the first, and the second limit was at 1.1."""
    days = days_up_to(TODAY, lambda _day: 0.4, 8)
    now = higher(learned, 0.1)
    evidence = evidence_of(days, [], ASKED, hop_s=HOP_S, now_utc_s=NOW_UTC_S)
    assert isinstance(evidence, Evidence)
    chain = Chain(learned, ("a", "b"))
    judgement = judged(Case(days, now, ASKED, NOW_UTC_S))
    found = proposed(Present("pump", "ae-1/x", now, 1.0, 1.0, chain), evidence, judgement, NOW_UTC_S)
    assert isinstance(found, Proposal)
    return found


def test_a_proposal_tells_what_it_comes_to_with_the_steps_before_it(proposal: Proposal) -> None:
    total = proposal.total
    assert (2, (TODAY - 60) * DAY_S) == (total.steps, total.first_utc_s)
    assert total.present == pytest.approx(1.1)
    assert 1.4 < total.proposed < 1.7, "the scores have moved by 0.4 since then"
    assert total.at_first.a_week > proposal.at_present.a_week > 1.0
    (words,) = [one for one in proposal_words(proposal) if one.startswith("since the limit")]
    assert "2 steps accepted, the present limit is 1.10 of it" in words
    assert proposal == proposal_from(row_of(proposal))


def test_beyond_the_stated_total_a_limit_is_raised_only_by_somebody_who_says_why(proposal: Proposal) -> None:
    check_total(proposal, most=2.0, despite=None)
    check_total(proposal, most=1.2, despite="a new bearing, heard it")
    with pytest.raises(
        CommandError, match=r'more than drift\.max_total 1\.2 .* learn or retrain .*--despite "'
    ):
        check_total(proposal, most=1.2, despite=None)
    lower = replace(proposal, limit=0.9, total=replace(proposal.total, proposed=1.3))
    check_total(lower, most=1.2, despite=None)  # a limit that comes back down hides nothing


def test_status_tells_the_sum_of_the_steps(tmp_path: Path, learned: Calibration, proposal: Proposal) -> None:
    now = higher(learned, 0.1)
    write_chain(tmp_path, "pump", with_step(Chain(learned), now))
    bundle = SimpleNamespace(bundle_id="ae-1")
    asked = SimpleNamespace(source_id="pump", calibration=now, ear=SimpleNamespace(bundle=bundle))
    facts = _facts(proposal.judgement, present_of(cast("Machine", asked), 1.0, tmp_path), 1e6, NOW_UTC_S)
    assert 1 == facts.limit_steps
    assert facts.limit_of_first == pytest.approx(1.1)
    tree = {
        "state": "stable",
        "evidence_old": False,
        "limit_steps": facts.limit_steps,
        "limit_of_first": facts.limit_of_first,
    }
    source = {"drift": tree, "capture": {"source_id": "pump"}}
    assert ["  its limit is 1.10 of the one that was learned, by 1 accepted step"] == _drift_lines(source)
