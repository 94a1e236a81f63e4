"""Candidates are opened as at a promotion, set aside with a reason, and share what they can."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_live import DEMO
from shadow_rig import BY, library_with, with_limit

from monitor.bundles.library import Library
from monitor.config import Config, parse_config
from monitor.shadow.hangs import Hangs
from monitor.shadow.roll import Roll
from monitor.shadow.team import Team
from monitor.shadow.tries import TRIES_MAX, Tries
from monitor.testing import CapturedLog

Make = Callable[..., tuple[Team, Callable[[], None]]]


def config_of(state_dir: Path, *names: str, more: str = "") -> Config:
    sources = ", ".join(f"{{id: {name}, kind: simulated, bundle: managed}}" for name in names)
    return parse_config(f"state_dir: {state_dir}\nsources: [{sources}]\n{more}", name="test")


@pytest.fixture
def make() -> Make:
    """A team, and what lets it look once at the libraries of a configuration."""

    def make(config: Config) -> tuple[Team, Callable[[], None]]:
        log = CapturedLog()
        team, roll = Team(config, Hangs(), log), Roll(log)
        return team, lambda: team.follow(config, roll.wanted(config))

    return make


def test_a_candidate_judges_from_its_install_on_and_no_more_when_it_was_promoted(
    tmp_path: Path, make: Make
) -> None:
    library = library_with(tmp_path, DEMO / "mae")
    team, look = make(config_of(tmp_path, "pump-1"))
    look()
    assert {} == team.members
    version = library.install(DEMO / "ae", BY).name
    look()
    assert version == team.members["pump-1"].wanted.version
    assert 1 == Tries(library).begun(version)
    library.promote(BY)
    look()
    assert ({}, 0) == (team.members, Tries(library).begun(version))


def test_a_reload_that_has_it_opened_anew_is_no_other_try(tmp_path: Path) -> None:
    library = library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    version, log = str(library.roles().candidate), CapturedLog()
    first = config_of(tmp_path, "pump-1")
    team, roll = Team(first, Hangs(), log), Roll(log)
    for config in (first, *(config_of(tmp_path, "pump-1") for _ in range(TRIES_MAX))):
        team.follow(config, roll.wanted(config))
        assert 1 == Tries(library).begun(version)
    # the power goes
    after = Team(first, Hangs(), log)
    after.follow(first, roll.wanted(first))
    assert ({"pump-1"}, {}) == (set(after.members), after.aside)


def test_sources_that_share_a_candidate_share_its_engine_and_others_wait_for_room(
    tmp_path: Path, make: Make
) -> None:
    for name in ("a", "b", "c"):
        library_with(tmp_path, DEMO / "mae", source_id=name)
    Library(tmp_path, "a").install(DEMO / "ae", BY)
    Library(tmp_path, "b").install(with_limit(tmp_path / "mae-2", "mae", 2.0), BY)
    Library(tmp_path, "c").install(DEMO / "ae", BY)
    team, look = make(config_of(tmp_path, "a", "b", "c", more="shadow: {max_engines: 1}"))
    for _ in range(3):
        look()
    a, c = (team.members[name].watch.candidate.model.engine for name in ("a", "c"))
    assert (True, {"b"}) == (a is c, set(team.waiting))
    Library(tmp_path, "a").promote(BY)
    look()
    assert "b" in team.waiting, "c still needs the engine"
    Library(tmp_path, "c").promote(BY)
    for _ in range(2):
        look()
    assert {"b"} == set(team.members)


def test_one_that_was_changed_or_is_not_trusted_is_set_aside_until_it_is_installed_anew(
    tmp_path: Path, make: Make
) -> None:
    library = library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    version = str(library.roles().candidate)
    with (library.version_folder(version) / "manifest.json").open("a") as file:
        file.write("\n")
    team, look = make(config_of(tmp_path, "pump-1"))
    look()
    assert {} == team.members
    assert "its files were changed" in team.aside["pump-1"][1]
    look()
    assert 1 == len(team.aside), "it is not tried again"
    library.install(DEMO / "ae", BY)
    look()
    assert ({}, {"pump-1"}) == (team.aside, set(team.members))


def test_one_that_ended_the_process_again_and_again_is_set_aside(tmp_path: Path, make: Make) -> None:
    library = library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    version = str(library.roles().candidate)
    for _ in range(TRIES_MAX):
        Tries(library).begin(version)
    team, look = make(config_of(tmp_path, "pump-1"))
    look()
    assert "ended out of order 3 times" in team.aside["pump-1"][1]
    library.install(DEMO / "ae", BY)
    look()
    assert {"pump-1"} == set(team.members)


def test_one_that_ends_the_process_an_hour_after_each_start_is_set_aside_too(tmp_path: Path) -> None:
    library = library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    version, config, log = str(library.roles().candidate), config_of(tmp_path, "pump-1"), CapturedLog()
    now_s = [0.0]
    for after_s, ends in ((3600.0, 1), (7 * 3600.0, 0)):
        team = Team(config, Hangs(), log, monotonic=lambda: now_s[0])
        team.follow(config, Roll(log).wanted(config))
        now_s[0] += after_s
        team.note_proven()
        assert ends == Tries(library).begun(version), "then the process ends out of order"


def test_another_configuration_opens_it_anew_with_the_same_engine(tmp_path: Path) -> None:
    library_with(tmp_path, DEMO / "mae", DEMO / "ae")
    before = config_of(tmp_path, "pump-1")
    after = config_of(tmp_path, "pump-1", more="alarm: {false_alarms_per_week: 5}")
    log = CapturedLog()
    team, roll = Team(before, Hangs(), log), Roll(log)
    team.follow(before, roll.wanted(before))
    first = team.members["pump-1"].watch.candidate
    team.follow(after, roll.wanted(after))
    second = team.members["pump-1"].watch.candidate
    assert first.model.engine is second.model.engine
    assert second.scorer.limit_raw < first.scorer.limit_raw
    team.follow(after, {})
    assert {} == team.members
