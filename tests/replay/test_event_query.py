"""Lists of events: every event once, in the promised order, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from past import T0, Past, past_in

from monitor.errors import QueryError
from monitor.explanation import SoundKind
from monitor.messages import AlarmState
from monitor.replay.kept.event_query import EventFilter, Labelled, Order
from monitor.replay.kept.library import EventPage

SOURCES = ("pump", "fan")
KINDS = (SoundKind.KNOCK, SoundKind.TONE, None)
RATINGS = ("anomaly", "no_anomaly", "unsure", "none")
HOSTILE = ("' OR 1=1 --", '"; DROP TABLE events; --', "x' UNION SELECT 1,2,3 --", "%", "\x00", "é'")


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    """Forty events, whose labels were changed and withdrawn in no order."""
    with past_in(tmp_path_factory.mktemp("past") / "state") as past:
        rng = np.random.default_rng(3)
        for number in range(40):
            past.add_event(
                f"e{number}", source_id=SOURCES[number % 2], start_s=60.0 * number, kind=KINDS[number % 3]
            )
            if number % 4 == 0:
                past.end_event(f"e{number}", source_id=SOURCES[number % 2], at_s=60.0 * number + 9)
        for _ in range(60):
            number, rating = int(rng.integers(40)), RATINGS[int(rng.integers(4))]
            past.add_label(f"e{number}", rating, f"code{number % 3}")  # type: ignore[arg-type]
        yield past


def all_pages(past: Past, wanted: EventFilter, order: Order, limit: int) -> list[EventPage]:
    pages = [past.library.events(wanted, order, limit=limit)]
    while (cursor := pages[-1].next_cursor) is not None:
        pages.append(past.library.events(wanted, order, cursor=cursor, limit=limit))
    return pages


def expected_ids(past: Past, wanted: EventFilter, order: Order) -> list[str]:
    """The same by hand: every event of the store, looked at one by one."""
    fitting = []
    for event in past.store.events(100):
        label = past.store.label(event.event_id)
        rating = "none" if label is None else label.rating
        kind = None if event.explanation is None else event.explanation.findings[0].kind
        labelled = {None: True, Labelled.ANY: label is not None}.get(
            wanted.labelled, wanted.labelled is not None and rating == wanted.labelled.value
        )
        if (
            labelled
            and wanted.source_id in {None, event.source_id}
            and wanted.state in {None, event.state}
            and wanted.kind in {None, kind}
            and wanted.fault_code in {None, label and label.fault_code}
            and (wanted.from_utc_s or 0) <= event.start_utc_s < (wanted.to_utc_s or 1e12)
        ):
            fitting.append((order is Order.UNREVIEWED_FIRST and label is not None, -event.n, event.event_id))
    return [event_id for _, _, event_id in sorted(fitting)]


FILTERS = [
    EventFilter(source_id=source, labelled=labelled, kind=kind)
    for source, labelled, kind in product((None, "fan"), (None, *Labelled), (None, SoundKind.TONE))
] + [
    EventFilter(state=AlarmState.RETURNED),
    EventFilter(fault_code="code1"),
    EventFilter(from_utc_s=T0 + 600, to_utc_s=T0 + 1200),
    EventFilter(source_id="nobody"),
]


@pytest.mark.parametrize("order", Order)
@pytest.mark.parametrize("limit", [1, 7, 200])
def test_every_event_that_fits_comes_once_and_in_order(past: Past, order: Order, limit: int) -> None:
    for wanted in FILTERS:
        found = [
            listed.event.event_id for page in all_pages(past, wanted, order, limit) for listed in page.events
        ]
        assert expected_ids(past, wanted, order) == found, wanted


def test_counts_are_those_of_the_list(past: Past) -> None:
    for wanted in FILTERS:
        listed = past.library.events(wanted, limit=200).events
        counts = past.library.counts(wanted)
        assert (len(listed), sum(one.label is None for one in listed)) == (counts.total, counts.unreviewed)


def test_a_label_that_was_withdrawn_counts_for_nothing(past: Past) -> None:
    withdrawn = [
        event.event_id
        for event in past.store.events(100)
        if (labels := past.store.labels(event.event_id)) and labels[-1].rating == "none"
    ]
    assert withdrawn
    unreviewed = past.library.events(EventFilter(labelled=Labelled.NONE), limit=200).events
    assert set(withdrawn) <= {listed.event.event_id for listed in unreviewed}


@pytest.mark.parametrize("text", HOSTILE)
def test_sql_in_a_filter_is_a_name_that_nothing_has(past: Past, text: str) -> None:
    for wanted in (EventFilter(source_id=text), EventFilter(fault_code=text)):
        assert () == past.library.events(wanted).events
        assert 0 == past.library.counts(wanted).total
    assert 40 == past.library.counts().total


@pytest.mark.parametrize("cursor", [*HOSTILE, "n.", "n.-1", "x.1", "n.1 ", "u.1", "n.٣"])
def test_a_cursor_that_is_not_of_this_list_is_refused(past: Past, cursor: str) -> None:
    with pytest.raises(QueryError, match="cursor"):
        past.library.events(order=Order.NEWEST, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 201])
def test_a_page_has_a_bounded_length(past: Past, limit: int) -> None:
    with pytest.raises(QueryError, match="limit"):
        past.library.events(limit=limit)


def test_an_explanation_that_is_no_json_has_no_kind(tmp_path: Path) -> None:
    with past_in(tmp_path / "state") as past:
        past.add_event("e1", kind=SoundKind.TONE)
        with past.store.database.transaction() as connection:
            connection.execute("UPDATE events SET explanation = '{half'")
        assert () == past.library.events(EventFilter(kind=SoundKind.TONE)).events
        assert 1 == len(past.library.events().events)


def test_a_label_given_while_one_reads_leaves_no_event_out(tmp_path: Path) -> None:
    with past_in(tmp_path / "state") as past:
        for number in range(6):
            past.add_event(f"e{number}", start_s=number)
        first = past.library.events(limit=2)
        past.add_label("e5", "unsure")  # of the page that one has
        past.add_label("e3", "unsure")  # of the next
        rest = past.library.events(cursor=first.next_cursor, limit=10)
        assert ["e5", "e4"] == [listed.event.event_id for listed in first.events]
        assert ["e2", "e1", "e0", "e5", "e3"] == [listed.event.event_id for listed in rest.events]
