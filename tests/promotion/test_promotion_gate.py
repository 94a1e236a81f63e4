"""The gate: who gets through when it says better, when it says anything else, and when it cannot say."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures_live import DEMO

from monitor.bundles.library import Library
from monitor.bundles.roles import By
from monitor.config import Config, parse_config
from monitor.errors import CommandError, ComparisonError
from monitor.promotion.apart import Told
from monitor.promotion.gate import Judge, check_promotion

BY = By("ann", "terminal", 1.8e9, "c-1")
BETTER = Told("better", ("it finds 9 held-out anomalies",))
REASONS = Told("too_early", ("one", "two", "three", "four", "five"))


def config_of(state_dir: Path, promotion: str) -> Config:
    return parse_config(
        f"state_dir: {state_dir}\nbundles: {{promotion: {promotion}}}\n"
        "sources: [{id: pump, kind: simulated, bundle: managed}]",
        name="test",
    )


def says(told: Told | ComparisonError) -> Judge:
    def judge(_config: Config, _source_id: str) -> Told:
        if isinstance(told, ComparisonError):
            raise told
        return told

    return judge


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    library = Library(tmp_path, "pump")
    library.install(DEMO / "ae", BY)
    library.promote(BY)
    library.install(DEMO / "mae", BY)
    return tmp_path


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (BETTER, "the candidate is better: it finds 9 held-out anomalies"),
        (
            REASONS,
            "it is too early to tell whether the candidate is better: one; two; three; and 2 more reasons",
        ),
        (ComparisonError("it took\n  too long"), "it could not be compared: it took too long"),
    ],
)
def test_under_managed_only_the_better_one_gets_in_or_whoever_says_why(
    state_dir: Path, told: Told | ComparisonError, words: str
) -> None:
    managed, manual = config_of(state_dir, "managed"), config_of(state_dir, "manual")
    assert words == check_promotion(manual, "pump", judge=says(told))
    if told is BETTER:
        assert words == check_promotion(managed, "pump", judge=says(told), by_policy=True)
        return
    for by_policy in (False, True):
        with pytest.raises(CommandError) as refused:
            check_promotion(managed, "pump", judge=says(told), by_policy=by_policy)
        assert str(refused.value).startswith(f"{words}; bundles.promotion is managed")
    despite = check_promotion(managed, "pump", judge=says(told), despite="the pump is new")
    assert f"promoted despite this, 'the pump is new': {words}" == despite
    with pytest.raises(CommandError, match="manual by now"):
        check_promotion(manual, "pump", judge=says(BETTER), by_policy=True)


def test_the_first_version_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    Library(tmp_path, "pump").install(DEMO / "ae", BY)
    assert "" == check_promotion(config_of(tmp_path, "managed"), "pump", judge=says(REASONS))
