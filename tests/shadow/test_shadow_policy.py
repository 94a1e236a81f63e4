"""The managed policy asks when it is time and evidence can suffice, and has promoted what is better."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_live import DEMO
from shadow_rig import BY, library_with, with_limit

from monitor.config import Config, parse_config
from monitor.errors import ComparisonError
from monitor.promotion.apart import Told
from monitor.promotion.records import Outcome
from monitor.shadow.facts import ShadowFacts, ShadowState
from monitor.shadow.policy import Answered, Policy
from monitor.testing import CapturedLog

BETTER = Told("better", ("it finds 9 held-out anomalies", "and misses none"))


class Rig:
    """A policy whose clock is set by hand, and whose child process may be answered for."""

    def __init__(self, state_dir: Path, promotion: str = "managed", heard_h: float = 3.0) -> None:
        text = (
            f"state_dir: {state_dir}\nsources: [{{id: pump-1, kind: simulated, bundle: managed}}]\n"
            f"bundles: {{promotion: {promotion}, promotion_hours: 2}}"
        )
        self.config: Config = parse_config(text, name="test")
        self.now_s = 1000.0
        self.facts = ShadowFacts("ae-2", ShadowState.JUDGING, heard_s=3600.0 * heard_h)
        self.commands: list[tuple[str, Mapping[str, object]]] = []
        self.answers: list[Answered] = []
        self.turns_away = False
        self.log = CapturedLog()
        self.policy = Policy(
            lambda: self.config,
            lambda: {"pump-1": self.facts},
            self.promote,
            self.log,
            monotonic=lambda: self.now_s,
        )

    def promote(self, source_id: str, command: Mapping[str, object], answered: Answered) -> bool:
        self.commands.append((source_id, command))
        self.answers.append(answered)
        return not self.turns_away

    def answer_for(self, monkeypatch: pytest.MonkeyPatch, answer: Told | ComparisonError) -> list[str]:
        asked: list[str] = []

        def instead(_policy: Policy, _config: Config, source_id: str) -> Told:
            asked.append(source_id)
            if isinstance(answer, ComparisonError):
                raise answer
            return answer

        monkeypatch.setattr(Policy, "_told", instead)
        return asked

    def pass_time(self, seconds: float) -> None:
        for _ in range(3):
            self.now_s += seconds / 3
            self.policy.run_once(0.0)


def test_what_is_better_is_promoted_by_a_command_that_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    asked = rig.answer_for(monkeypatch, BETTER)
    rig.pass_time(90.0)
    ((source_id, command),) = rig.commands
    assert ("pump-1", "promote", "policy") == (source_id, command["action"], command["actor"])
    assert "it finds 9 held-out anomalies; and misses none" == command["note"]
    rig.answers[0]({"result": "refused"})
    rig.pass_time(3000.0)
    assert ["pump-1"] == asked, "not before the hour is over"
    rig.pass_time(3000.0)
    assert ["pump-1", "pump-1"] == asked


def test_nothing_is_asked_again_while_a_promotion_is_not_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    asked = rig.answer_for(monkeypatch, BETTER)
    rig.pass_time(90.0)
    rig.pass_time(9000.0)
    assert (["pump-1"], 1) == (asked, len(rig.commands)), "it may be a while until the first is looked into"
    rig.answers[0]({"result": "refused"})
    rig.turns_away = True
    rig.pass_time(3700.0)
    assert (2, 1) == (len(rig.commands), rig.log.text().count("turned away"))
    rig.pass_time(3700.0)
    assert 3 == len(rig.commands), "for what was turned away nobody answers"


@pytest.mark.parametrize("state", [ShadowState.SET_ASIDE, ShadowState.WAITING])
def test_one_that_does_not_judge_is_not_asked_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: ShadowState
) -> None:
    rig = Rig(tmp_path)
    asked = rig.answer_for(monkeypatch, BETTER)
    rig.facts = replace(rig.facts, state=state)
    rig.pass_time(90.0)
    assert [] == asked


def test_a_verdict_beside_another_live_version_is_told_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path, "managed")
    library = library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    library.promote(BY)
    library.install(with_limit(tmp_path / "third", "mae", 2.0), BY)
    rig.facts = ShadowFacts(str(library.roles().candidate), ShadowState.JUDGING, heard_s=9e3)
    rig.answer_for(monkeypatch, Told("not_better", ("a reason",)))
    rig.pass_time(90.0)
    assert rig.policy.found("pump-1", rig.facts.candidate) is not None
    library.roll_back(BY)
    rig.pass_time(90.0)
    assert rig.policy.found("pump-1", rig.facts.candidate) is None


@pytest.mark.parametrize(
    ("promotion", "heard_h", "answer"),
    [
        ("manual", 3.0, None),
        ("managed", 1.9, None),
        ("managed", 3.0, "not_better"),
        ("managed", 3.0, "too_early"),
    ],
)
def test_else_nothing_is_promoted_and_what_was_found_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, promotion: str, heard_h: float, answer: Outcome | None
) -> None:
    rig = Rig(tmp_path, promotion, heard_h)
    asked = rig.answer_for(monkeypatch, Told(answer or "better", ("a reason",)))
    rig.pass_time(90.0)
    assert ([], [] if answer is None else ["pump-1"]) == (rig.commands, asked)
    found = rig.policy.found("pump-1", "ae-2")
    assert answer == (None if found is None else found.outcome)
    assert rig.policy.found("pump-1", "another") is None


def test_a_comparison_that_fails_is_logged_and_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig = Rig(tmp_path)
    rig.answer_for(monkeypatch, ComparisonError("the store cannot be read"))
    rig.pass_time(90.0)
    assert "the store cannot be read" in rig.log.text()
    asked = rig.answer_for(monkeypatch, BETTER)
    rig.pass_time(4000.0)
    assert (["pump-1"], 1) == (asked, len(rig.commands))


def test_a_comparison_whose_process_does_not_start_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_words: object, **_options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    rig = Rig(tmp_path)
    rig.pass_time(90.0)
    assert "its process does not start" in rig.log.text()
    assert [] == rig.commands


def test_a_comparison_whose_process_complains_in_no_words_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, broken = Rig(tmp_path), tmp_path / "python"
    broken.write_text("#!/bin/sh\nprintf 'bad \\377\\n' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    rig.pass_time(90.0)
    assert "its process failed: bad \ufffd" in rig.log.text()


def test_the_comparison_is_made_in_a_process_of_its_own(tmp_path: Path) -> None:
    rig = Rig(tmp_path)
    library = library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    rig.facts = ShadowFacts(str(library.roles().candidate), ShadowState.JUDGING, heard_s=9e3)
    with pytest.raises(ComparisonError, match="store"):  # there is none yet, and that is what it says
        rig.policy._told(rig.config, "pump-1")
    rig.policy.wake()
    with pytest.raises(ComparisonError, match="broken off"):
        rig.policy._told(rig.config, "pump-1")
    assert "cannot be compared" not in rig.log.text()
