from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparkplug_oracle import pysparkplug

from monitor.errors import PayloadError
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.host import HostState
from monitor.publish.sparkplug.inbound import MAX_COMMAND_BYTES, Written, message_from_bytes
from monitor.publish.sparkplug.payload import Metric, Payload
from monitor.publish.sparkplug.tags import REBIRTH
from monitor.publish.sparkplug.topics import EdgeNode

NODE = EdgeNode("mill", "box1")
NCMD, DCMD = "spBv1.0/mill/NCMD/box1", "spBv1.0/mill/DCMD/box1/pump"


def command(*metrics: Metric, states_datatypes: bool = False) -> bytes:
    return encode_payload(Payload(metrics, 5, None), states_datatypes=states_datatypes)


def read(topic: str, payload: bytes) -> Written | HostState | None:
    return message_from_bytes(NODE, "scada", topic, payload)


@pytest.mark.parametrize("states_datatypes", [True, False])
def test_a_rebirth_is_asked_for_with_and_without_its_type(*, states_datatypes: bool) -> None:
    written = read(
        NCMD, command(Metric(REBIRTH, DataType.BOOLEAN, value=True), states_datatypes=states_datatypes)
    )
    assert isinstance(written, Written)
    assert written.asks_rebirth


def test_the_rebirth_of_an_independent_implementation_is_understood() -> None:
    asked = pysparkplug.Metric(timestamp=5, name=REBIRTH, datatype=pysparkplug.DataType.BOOLEAN, value=True)
    written = read(NCMD, pysparkplug.NCmd(timestamp=5, metrics=(asked,)).encode(include_dtypes=True))
    assert isinstance(written, Written)
    assert written.asks_rebirth


@pytest.mark.parametrize(
    ("topic", "metric"),
    [
        (NCMD, Metric(REBIRTH, DataType.BOOLEAN, value=False)),
        (NCMD, Metric(REBIRTH, DataType.BOOLEAN, value=None)),
        (NCMD, Metric(REBIRTH, DataType.INT32, 1)),
        (NCMD, Metric(REBIRTH, DataType.STRING, "true")),
        (NCMD, Metric("node control/rebirth", DataType.BOOLEAN, value=True)),
        (NCMD, Metric(None, DataType.BOOLEAN, value=True, alias=1)),
        (DCMD, Metric(REBIRTH, DataType.BOOLEAN, value=True)),
    ],
)
def test_nothing_else_is_a_rebirth(topic: str, metric: Metric) -> None:
    written = read(topic, command(metric))
    assert isinstance(written, Written)
    assert not written.asks_rebirth


def test_a_command_to_a_device_names_it_and_keeps_its_metrics() -> None:
    written = read(DCMD, command(Metric("Limit", DataType.DOUBLE, 1.2), states_datatypes=True))
    assert isinstance(written, Written)
    assert ("pump", [("Limit", 1.2)]) == (
        written.device_id,
        [(metric.name, metric.value) for metric in written.metrics],
    )


@pytest.mark.parametrize(
    "topic",
    [
        "spBv1.0/mill/NCMD/box2",
        "spBv1.0/other/NCMD/box1",
        "spBv1.0/mill/NCMD/box1/pump",
        "spBv1.0/mill/DCMD/box1",
        "spBv1.0/mill/DCMD/box1/pump/x",
        "spBv1.0/mill/NDATA/box1",
        "spAv1.0/mill/NCMD/box1",
        "spBv1.0/STATE/other",
        "STATE/scada",
        "",
    ],
)
def test_what_is_for_others_is_nothing_even_if_it_is_rubbish(topic: str) -> None:
    assert read(topic, b"rubbish") is None


def test_the_primary_hosts_state_is_read_and_others_are_not() -> None:
    state = b'{"online":true,"timestamp":7}'
    assert read("spBv1.0/STATE/scada", state) == HostState(online=True, timestamp_ms=7)
    assert message_from_bytes(NODE, None, "spBv1.0/STATE/scada", state) is None


def test_a_long_command_is_refused() -> None:
    with pytest.raises(PayloadError, match=str(MAX_COMMAND_BYTES)):
        read(NCMD, b"\0" * (MAX_COMMAND_BYTES + 1))


@given(topic=st.sampled_from([NCMD, DCMD, "spBv1.0/STATE/scada"]), payload=st.binary(max_size=80))
@settings(max_examples=200, deadline=None)
def test_any_bytes_on_our_topics_are_a_message_or_one_error(topic: str, payload: bytes) -> None:
    try:
        message = read(topic, payload)
    except PayloadError:
        return
    assert message is not None
