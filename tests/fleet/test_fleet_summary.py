"""A summary shows trouble first, in every form, and names nothing that could run in a browser."""

from __future__ import annotations

import csv
import io
import json
import re

from training.fleet.summary import (
    Row,
    Summary,
    csv_of_summary,
    html_of_summary,
    json_of_summary,
    named,
    text_of_summary,
    trouble_of,
)

ROWS = (
    Row("fine", "done", {"merit": 0.9}, trouble_of(0.9, low_is_bad=True), ""),
    Row("weak", "done", {"merit": 0.5}, trouble_of(0.5, low_is_bad=True), ""),
    Row("half", "partly", {"merit": 0.99}, trouble_of(0.99, low_is_bad=True), "1.wav: damaged"),
    Row(
        "<b>broken", "failed", {"merit": None}, trouble_of(None), "too little sound; record more " + 80 * "x"
    ),
)
ORDER = ["<b>broken", "half", "weak", "fine"]
SUMMARY = Summary("Training", ROWS)


def test_trouble_stands_first_in_every_form() -> None:
    assert ORDER == [row["machine"] for row in csv.DictReader(io.StringIO(csv_of_summary(SUMMARY)))]
    assert ORDER == [row["machine"] for row in json.loads(json_of_summary(SUMMARY))["machines"]]
    assert ORDER == [line.split()[0] for line in text_of_summary(SUMMARY).splitlines()[1:5]]
    page = html_of_summary(SUMMARY)
    assert ["&lt;b&gt;broken", *ORDER[1:]] == re.findall(r'<tr class="\w+"><td>(.*?)</td>', page)


def test_a_terminal_gets_short_cells_and_the_counts_and_files_get_all() -> None:
    text = text_of_summary(SUMMARY)
    assert "4 machines: 2 done, 1 partly, 1 failed" == text.splitlines()[-1]
    assert max(map(len, text.splitlines())) < 110
    assert 80 * "x" in csv_of_summary(SUMMARY)
    assert "... and 10 more" in text_of_summary(Summary("Many", ROWS[:1] * 50))


def test_a_page_needs_nothing_else_and_a_figure_that_is_not_known_is_null() -> None:
    assert not re.search(r"<script|src=|href=|@import|<b>", html_of_summary(SUMMARY))
    tree = json.loads(json_of_summary(SUMMARY))
    assert (None, False) == (tree["machines"][0]["merit"], tree["complete"])
    assert json.loads(json_of_summary(Summary("Fine", ROWS[:2])))["complete"]


def test_many_complaints_are_named_and_counted() -> None:
    assert "a; b; c; and 2 more" == named(["a", "b", "c", "d", "e"])
    assert "" == named([])
