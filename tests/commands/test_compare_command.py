"""`wheeltapper compare`: what is told of a comparison that was broken off."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures_verbs import ran

from monitor.commands import compare
from monitor.promotion.records import Comparison, Pairs, Probe
from monitor.promotion.rules import Asked, verdict

COMPARED = Comparison(
    "pump-1", "ae-1", "ae-2", 1.79e9, 1.0, probes=(Probe(6.0, Pairs(both=40)),), probes_asked=144
)


@pytest.mark.parametrize(
    ("waiting", "told"),
    [
        (0, "foreign sounds     144 of 144 tried\n"),
        (96, "foreign sounds     48 of 144 tried, cut short for want of time: ask again\n"),
    ],
)
def test_how_much_of_the_control_by_foreign_sounds_was_made_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waiting: int, told: str
) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(json.dumps({"sources": [{"id": "pump-1", "kind": "simulated", "bundle": "managed"}]}))
    found = replace(COMPARED, probes_waiting=waiting)
    monkeypatch.setattr(compare, "judged", lambda *_: (found, verdict(found, Asked(168.0, 10))))
    words = ("compare", "pump-1", "--config", config)
    text = ran(*words).out
    assert told in text
    assert (waiting > 0) == ("cut short for want of time: 48 of 144 mixtures" in text)
    assert (144, waiting) == tuple(
        json.loads(ran(*words, "--json").out)[key] for key in ("probes_asked", "probes_waiting")
    )
