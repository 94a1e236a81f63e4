"""`wheeltapper audit` shows who asked for what, and nothing that a terminal would obey."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from fixtures_verbs import ran

from monitor.commands import audit
from monitor.operators import Origin
from monitor.store import AuditEntry, open_store


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    with closing(open_store(tmp_path)) as store:
        for number in range(7):
            store.add_audit(
                AuditEntry(
                    at_utc_s=1_769_860_800.0 + number,
                    origin=Origin.MQTT,
                    source_id="pump" if number % 2 else None,
                    command_id=f"c{number}",
                    actor="eve\x1b[2J\u202e",
                    action="shelve",
                    arguments={"note": "a\nb"},
                    result="refused",
                    reason="no",
                )
            )
        store.add_audit(AuditEntry(1e9, Origin.PAGE, "pump", None, None, None, {}, "refused", "no JSON"))
    return tmp_path


def test_entries_come_newest_first_one_a_line(state_dir: Path) -> None:
    first, second, *rest = ran("audit", "--state-dir", state_dir).out.splitlines()
    said = "a command that could not be read, by page  refused: no JSON"
    assert f"2001-09-09T01:46:40.000Z  pump  {said}" == first, "who gave it could not be read either"
    assert "2026-01-31T12:00:06.000Z  (box)  shelve note=a?b  eve?[2J? by mqtt  refused: no" == second
    assert 6 == len(rest)


def test_a_source_and_a_number_can_be_asked_for(state_dir: Path) -> None:
    shown = ran("audit", "--state-dir", state_dir, "--json", "--source", "pump", "--limit", 3).out
    entries = [json.loads(line) for line in shown.splitlines()]
    assert [None, "c5", "c3"] == [entry["command_id"] for entry in entries]
    assert ("eve\x1b[2J\u202e", {"note": "a\nb"}) == (entries[1]["actor"], entries[1]["arguments"])


def test_a_source_of_which_nothing_is_on_record_is_asked_back_for(state_dir: Path) -> None:
    asked = ran("audit", "--state-dir", state_dir, "--source", "pmup")
    assert (0, "") == (asked.code, asked.out)
    assert "nothing is on record of source 'pmup'; is it spelt so?" == asked.err.strip()


def test_a_long_record_is_read_piece_by_piece(state_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "AT_A_TIME", 3)
    for limit, count in ((100, 8), (5, 5), (0, 0)):
        assert count == len(ran("audit", "--state-dir", state_dir, "--limit", limit).out.splitlines())


def test_without_a_store_it_says_what_to_do(tmp_path: Path) -> None:
    asked = ran("audit", "--state-dir", tmp_path)
    assert 2 == asked.code
    assert "start the daemon once" in asked.err
