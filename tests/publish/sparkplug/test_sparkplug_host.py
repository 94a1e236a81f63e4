from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparkplug_oracle import pysparkplug

from monitor.errors import PayloadError
from monitor.publish.sparkplug.host import HostState, PrimaryHost, host_state_from_json


def test_the_state_of_an_independent_implementation_is_read() -> None:
    theirs = pysparkplug.State(timestamp=1_769_860_800_000, online=True).encode()
    assert host_state_from_json(theirs) == HostState(online=True, timestamp_ms=1_769_860_800_000)


def test_keys_that_are_not_known_are_ignored() -> None:
    assert host_state_from_json(b'{"online":false,"timestamp":0,"x":[]}') == HostState(False, 0)


BAD_STATES = [
    b"",
    b"ONLINE",
    b"[]",
    b"null",
    b"\xff\xfe",
    b'{"online":true}',
    b'{"timestamp":1}',
    b'{"online":"true","timestamp":1}',
    b'{"online":1,"timestamp":1}',
    b'{"online":true,"timestamp":"1"}',
    b'{"online":true,"timestamp":1.5}',
    b'{"online":true,"timestamp":true}',
    b'{"online":true,"timestamp":-1}',
    b'{"online":true,"timestamp":1e400}',
    b'{"online":true,"timestamp":99999999999999999999}',
    b'{"online":true,"timestamp":' + b"9" * 4_050 + b"}",
    b"[" * 4_000,
    b'{"online":true,"timestamp":1}' + b" " * 5_000,
]


@pytest.mark.parametrize("data", BAD_STATES, ids=[str(data[:40]) for data in BAD_STATES])
def test_a_state_that_says_nothing_clear_is_refused(data: bytes) -> None:
    with pytest.raises(PayloadError, match="STATE"):
        host_state_from_json(data)


LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(["online", "timestamp"])
TREES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner), max_leaves=5
)


@given(data=st.binary(max_size=60) | TREES.map(lambda tree: json.dumps(tree).encode()))
@settings(deadline=None)
def test_any_bytes_are_a_state_or_one_error(data: bytes) -> None:
    try:
        state = host_state_from_json(data)
    except PayloadError:
        return
    assert state.timestamp_ms >= 0


def _counts(*states: tuple[bool, int]) -> list[bool]:
    host = PrimaryHost()
    return [host.take(HostState(online, timestamp_ms), 0) for online, timestamp_ms in states]


def test_the_first_word_counts_whatever_its_time() -> None:
    assert [True] == _counts((True, 0))
    assert [True] == _counts((False, 0))


def test_an_older_online_does_not_count_and_an_equal_one_does() -> None:
    assert [True, False, True] == _counts((True, 10), (True, 9), (True, 10))


def test_an_offline_counts_from_the_time_of_the_last_online_on() -> None:
    assert [True, False, True] == _counts((True, 10), (False, 9), (False, 10))


def test_an_online_older_than_an_offline_does_not_count() -> None:
    assert [True, True, False, True] == _counts((True, 10), (False, 20), (True, 15), (True, 20))


def test_a_host_that_came_anew_to_one_broker_is_still_there_at_the_other() -> None:
    host = PrimaryHost()
    assert host.take(HostState(online=True, timestamp_ms=1200), 0)
    assert host.take(HostState(online=True, timestamp_ms=800), 1)
    assert not host.take(HostState(online=True, timestamp_ms=1100), 0)
    assert not host.take(HostState(online=True, timestamp_ms=700), 1)
