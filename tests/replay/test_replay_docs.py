"""What is written of the API is what there is."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.replay.api import actions, uploading
from monitor.replay.api.routes import CHANGES, ENDPOINTS
from monitor.replay.kept.event_query import PAGE_MAX, Labelled, Order
from monitor.replay.kept.sheet import PICTURES

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "replay-api.md").read_text(encoding="utf-8")


def test_every_address_is_listed_and_no_other() -> None:
    listed = re.findall(r"^\| `(/\S*)` \|", TEXT, flags=re.MULTILINE)
    assert [endpoint.path for endpoint in ENDPOINTS] == listed


def test_names_of_values_stand_in_it() -> None:
    for name in (*PICTURES, *(item.value for item in (*Labelled, *Order)), str(PAGE_MAX)):
        assert name in TEXT, name


def test_every_address_that_changes_something_is_described() -> None:
    routes = (*actions.ROUTES, *uploading.ROUTES)
    assert [change.path for change in CHANGES] == [getattr(route, "path", None) for route in routes]
