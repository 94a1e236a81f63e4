"""Writes docs/sparkplug-tck.md, every assertion id with the test that shows it; run it to do so.

The ids of test_sparkplug_tck.py and the `tck` marks of test_edge_wire.py are what stands in the page.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS / "publish"), str(TESTS / "publish" / "sparkplug")]

import test_edge_wire  # noqa: E402 - after the path
from test_sparkplug_tck import CHECKS, ELSEWHERE  # noqa: E402 - after the path

PAGE = TESTS.parent / "docs" / "sparkplug-tck.md"
NOT_FOR_US = {"-template": "no templates are sent", "-dataset": "no data sets are sent"}
"""Part of an id -> why it does not apply."""

INTRODUCTION = """# Sparkplug: the TCK's assertions for an edge node

<!-- written by `python tests/publish/sparkplug/tck_page.py`; do not edit -->

Tested against the TCK's assertion list: the {total} ids (prefix `tck-id-`) that the tests of the Eclipse
Sparkplug 3.0 TCK hold against an edge node. {covered} are covered by tests of ours, {not_for_us} do not
apply, {open} are not covered. The TCK itself, which needs HiveMQ, has not been run, and nobody has
certified anything.

Tests of the core read what it says with a decoder that is not ours (pysparkplug). Tests of the wire have a
real Mosquitto, and read the packets between it and the node.

| assertion | | shown by |
|---|---|---|
"""


def edge_ids() -> list[str]:
    """Return every id that is for an edge node, in order."""
    return sorted(Path(__file__).with_name("tck_edge_ids.txt").read_text(encoding="utf-8").split())


def wire_ids() -> Mapping[str, str]:
    """Return the ids that tests of the wire are marked with, and the test of each."""
    return {
        tck_id: f"`test_edge_wire.py::{name}`"
        for name, test in vars(test_edge_wire).items()
        if name.startswith("test_")
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "tck"
        for tck_id in mark.args
    }


def not_for_us(tck_id: str) -> str | None:
    """Return why an id does not apply; None: it does."""
    return next((why for part, why in NOT_FOR_US.items() if part in tck_id), None)


def page() -> str:
    """Return docs/sparkplug-tck.md."""
    shown = {tck_id: f"`test_sparkplug_tck.py::test[{tck_id}]`" for tck_id in CHECKS}
    shown |= {tck_id: f"`{where.split(':')[0]}`" for tck_id, where in ELSEWHERE.items()}
    shown |= wire_ids()
    rows = []
    for tck_id in edge_ids():
        why = not_for_us(tck_id)
        state = "covered" if tck_id in shown else "not covered" if why is None else "not applicable"
        rows.append((tck_id, state, shown.get(tck_id) or why or ""))
    states = [state for _, state, _ in rows]
    head = INTRODUCTION.format(
        total=len(rows),
        covered=states.count("covered"),
        not_for_us=states.count("not applicable"),
        open=states.count("not covered"),
    )
    return head + "".join(f"| {tck_id} | {state} | {where} |\n" for tck_id, state, where in rows)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
