"""What is stored first is how the clock stands, so that all the rest is known to be dated by it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import yaml

from monitor.config import parse_config
from monitor.notify import Notifier
from monitor.opening import open_what_is_kept
from monitor.store.rendering import json_tree
from monitor.testing import CapturedLog


def test_the_clock_is_noted_before_anything_is_stored(tmp_path: Path) -> None:
    tree = {
        "state_dir": str(tmp_path),
        "sources": [{"id": "pump-1", "kind": "simulated"}],
        "mqtt": {"enabled": False},
    }
    config = parse_config(yaml.safe_dump(tree), name="t")
    store, _, _ = open_what_is_kept(config, Notifier({}), CapturedLog())
    with closing(store):
        (noted,) = store.database.rows("SELECT marks FROM clocks")
        stored = store.database.rows("SELECT COUNT(*) FROM audit")[0][0]
    assert stored > 0, "which bundle judges"
    assert {0} == set(json_tree(noted["marks"]).values())
