"""The table of pitfalls is whole, and what it points to is there."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from fault_table import FAULTS
from pitfall_table import PITFALLS, Pitfall

TESTS = Path(__file__).resolve().parents[1]


def names_in(path: Path) -> set[str]:
    """The functions that a module of tests defines."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_twenty_and_each_has_a_test() -> None:
    assert list(range(1, 21)) == [pitfall.number for pitfall in PITFALLS]
    assert all(pitfall.tests for pitfall in PITFALLS)


@pytest.mark.parametrize("pitfall", PITFALLS, ids=lambda pitfall: str(pitfall.number))
def test_every_test_and_fault_of_a_pitfall_exists(pitfall: Pitfall) -> None:
    for test_id in pitfall.tests:
        file, _, name = test_id.partition("::")
        assert name in names_in(TESTS / file), test_id
    assert set(pitfall.faults) <= set(FAULTS)


def test_every_fault_of_the_issue_is_one_of_the_campaign() -> None:
    wanted = {
        "mic unplugged",
        "sound server killed",
        "silence",
        "clipping",
        "broker down",
        "broker slow",
        "broker restarted",
        "disk full",
        "disk read-only",
        "kill -9",
        "SIGSTOP",
        "clock jump",
        "engine hang",
        "corrupt store",
        "corrupt bundle",
    }
    assert wanted <= set(FAULTS)
