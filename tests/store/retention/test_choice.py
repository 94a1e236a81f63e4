"""What goes, whatever events there are: never what is locked or sure, in order, no more than needed."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config import StoreConfig
from monitor.store.retention.choice import (
    CLIPS,
    SURE_CLIPS,
    WINDOWS,
    Age,
    KeptEvent,
    KeptFile,
    files_for_space,
    need_of,
    newest_events,
    old_files,
)

T0 = 1_700_000_000.0
AHEAD = T0 + 10 * 365 * 86_400.0


@st.composite
def kept(draw: st.DrawFn) -> tuple[list[KeptEvent], dict[str, list[KeptFile]]]:
    """Draw events of three sources with their files, in any order."""
    events, files = [], {}
    for n in range(draw(st.integers(0, 8))):
        event_id = f"e{n}"
        count = draw(st.integers(1, SURE_CLIPS + 3))
        tables = draw(st.sampled_from([(CLIPS,), (CLIPS, WINDOWS)]))
        files[event_id] = [
            KeptFile(
                table=draw(st.sampled_from(tables)),
                n=number,
                event_id=event_id,
                path=f"{event_id}/{number}",
                size_bytes=draw(st.integers(1, 100)),
                start_utc_s=draw(st.sampled_from([5.0, T0 - 1000.0, T0, AHEAD])),
            )
            for number in range(count)
        ]
        dated = [one.start_utc_s for one in files[event_id] if one.start_utc_s > 5.0]
        events.append(
            KeptEvent(
                n=n,
                event_id=event_id,
                source_id=draw(st.sampled_from(["pump", "fan", "belt"])),
                size_bytes=sum(one.size_bytes for one in files[event_id]),
                clips=sum(one.table == CLIPS for one in files[event_id]),
                first_utc_s=min(dated, default=None),
                last_utc_s=max(dated, default=None),
                is_labelled=draw(st.booleans()),
                is_locked=draw(st.booleans()),
            )
        )
    return draw(st.permutations(events)), files


@settings(max_examples=80, deadline=None)
@given(kept(), st.integers(0, 4), st.integers(0, 1500))
def test_for_space(
    past: tuple[list[KeptEvent], dict[str, list[KeptFile]]], of_each_source: int, aim_bytes: int
) -> None:
    events, files = past
    by_id = {event.event_id: event for event in events}
    newest = newest_events(events, of_each_source)
    going: list[KeptFile] = []
    for file in files_for_space(events, lambda event: files[event.event_id], newest):
        if sum(one.size_bytes for one in going) >= aim_bytes:
            break
        going.append(file)
    # the minimum is that of each source
    of_source = defaultdict(list)
    for event in sorted(events, key=lambda one: one.n):
        of_source[event.source_id].append(event.event_id)
    assert newest == {
        one for ids in of_source.values() for one in ids[len(ids) - min(of_each_source, len(ids)) :]
    }
    # nothing that is locked or sure goes
    sure = {
        one.path
        for event_id in newest
        for one in [x for x in files[event_id] if x.table == WINDOWS]
        + [x for x in files[event_id] if x.table == CLIPS][:SURE_CLIPS]
    }
    locked = {one.path for event in events if event.is_locked for one in files[event.event_id]}
    assert not {one.path for one in going} & (sure | locked)
    # unlabelled events before labelled ones, older before newer, of each the oldest sound first
    order = [(by_id[one.event_id].is_labelled, by_id[one.event_id].n, one.n) for one in going]
    assert order == sorted(order)
    # enough goes, and no more; else all that may
    freed = sum(one.size_bytes for one in going)
    everything = {one.path for found in files.values() for one in found}
    if freed >= aim_bytes:
        assert not going or freed - going[-1].size_bytes < aim_bytes
    else:
        assert {one.path for one in going} == everything - sure - locked


@settings(max_examples=50, deadline=None)
@given(kept(), st.sampled_from([0.0, T0 - 500.0, T0 + 1.0]))
def test_for_age(past: tuple[list[KeptEvent], dict[str, list[KeptFile]]], oldest_utc_s: float) -> None:
    events, files = past
    age = Age(oldest_utc_s, T0 + 100.0, {CLIPS: 4})
    going = {one.path for one in old_files(events, lambda event: files[event.event_id], age)}
    expected = {
        one.path
        for event in events
        if not event.is_labelled and not event.is_locked
        for one in files[event.event_id]
        if 5.0 < one.start_utc_s < oldest_utc_s  # 5.0: a clock that was not set says nothing
        or (one.start_utc_s == AHEAD and one.table == CLIPS and one.n < 4)
    }
    assert going == expected


@given(st.integers(0, 10**11), st.integers(0, 10**11), st.integers(1_000_000, 10**11), st.integers(0, 10**11))
def test_need(kept_bytes: int, free_bytes: int, max_bytes: int, min_free_bytes: int) -> None:
    config = StoreConfig(max_bytes=max_bytes, min_free_bytes=min_free_bytes)
    need = need_of(config, kept_bytes=kept_bytes, free_bytes=free_bytes)
    is_short = kept_bytes > max_bytes or free_bytes < min_free_bytes
    assert (need.aim_bytes > 0) is is_short
    # after it has gone there is peace: the same need does not come back at once
    after = need_of(config, kept_bytes=kept_bytes - need.aim_bytes, free_bytes=free_bytes + need.aim_bytes)
    assert (after.quota_bytes, after.floor_bytes, after.aim_bytes) == (0, 0, 0)
