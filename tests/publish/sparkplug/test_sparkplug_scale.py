from __future__ import annotations

import time

from sparkplug_rig import NODE, Counter, Rig

from monitor.publish.sparkplug.actions import Publish
from monitor.publish.sparkplug.history import Sample
from monitor.publish.sparkplug.metrics import BOX_TAGS, DEVICE_TAGS
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.settings import Now, SessionSettings
from monitor.publish.sparkplug.tags import Reading

SOURCES = 500


def test_five_hundred_sources_are_born_within_a_second() -> None:
    session = Session(SessionSettings(NODE), BOX_TAGS, Counter(), Now(0, 0.0))
    cells = Reading(tuple(index / 512 for index in range(512)))
    for index in range(SOURCES):
        readings = {"Error/Map": cells, "Score": Reading(0.5), "Alarm/Explanation": Reading("knocks " * 20)}
        session.device_appeared(f"source-{index}", DEVICE_TAGS, readings, Now(0, 0.0))
    session.connecting(Now(1, 1.0))
    started_s = time.process_time()
    _, *births = session.connected(Now(2, 1.0))
    spent_s = time.process_time() - started_s
    assert SOURCES + 1 == len(births)
    assert spent_s < 1.0
    size = sum(len(birth.payload) for birth in births if isinstance(birth, Publish))
    assert size < SOURCES * 13_000


def test_a_day_without_a_broker_holds_no_more_than_its_bounds_and_counts_what_it_gave_up() -> None:
    rig = Rig(SessionSettings(NODE, tokened_max=100, loose_max=300))
    rig.appear("pump")
    for second in range(20_000):
        rig.seconds = float(second)
        token = second if second < 100 else None
        sample = Sample("pump", {"Score": Reading(float(second))}, rig.now.utc_ms, token=token)
        assert [] == rig.session.changed(sample, rig.now)
    history = rig.session.counts.history
    assert (400, 20_000 - 400) == (history.waiting, history.dropped)
    rig.connect()
    told: list[float] = []
    while news := rig.tick(0.1):
        told += [message.metric("Score").double_value for message in news]
        rig.session.confirmed(news[-1].number, rig.now)
    assert [*range(100), *range(19_700, 20_000)] == told
    assert tuple(range(100)) == rig.session.settled(rig.now)
    assert (0, 0) == (rig.session.counts.history.waiting, rig.session.counts.history.under_way)
