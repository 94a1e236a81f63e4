from __future__ import annotations

import re

from tck_page import PAGE as TCK_PAGE
from tck_page import edge_ids, not_for_us, wire_ids
from tck_page import page as tck_page
from test_sparkplug_tck import CHECKS, ELSEWHERE, WIRE

from monitor.publish.sparkplug.metrics import DEVICE_TAGS, NODE_TAGS
from monitor.publish.sparkplug_docs import PAGE, page


def test_the_page_of_tags_is_current() -> None:
    remedy = "run `python -m monitor.publish.sparkplug_docs`"
    assert page() == PAGE.read_text(encoding="utf-8"), remedy


def test_every_tag_stands_in_the_page_with_its_type() -> None:
    text = page()
    for tag in (*DEVICE_TAGS, *NODE_TAGS):
        assert f"| `{tag.name}` | {tag.datatype.label} | {tag.unit} |" in text


def test_the_page_of_assertions_is_current() -> None:
    remedy = "run `python tests/publish/sparkplug/tck_page.py`"
    assert tck_page() == TCK_PAGE.read_text(encoding="utf-8"), remedy


def test_every_assertion_is_shown_once_or_is_not_for_us() -> None:
    assert WIRE == set(wire_ids())
    placed = [*CHECKS, *ELSEWHERE, *wire_ids(), *(each for each in edge_ids() if not_for_us(each))]
    assert sorted(placed) == edge_ids()


def test_nobody_is_told_that_we_are_certified() -> None:
    text = " ".join((page() + tck_page()).split())
    assert "tested against the TCK's assertion list" in text
    assert ["nobody has certified"] == re.findall(r"\w+\s\w+\scertified", text)
