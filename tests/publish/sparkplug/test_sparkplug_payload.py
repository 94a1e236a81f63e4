from __future__ import annotations

import datetime as dt
import json
import math
import struct
import subprocess
import sys
from random import Random
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sparkplug_oracle import OraclePayload, pysparkplug

from monitor.errors import PayloadError
from monitor.publish.sparkplug.datatypes import (
    ARRAY_CODES,
    FIELDS,
    SIGNED_BITS,
    UNSIGNED_BITS,
    DataType,
    Scalar,
    Value,
)
from monitor.publish.sparkplug.decode import MAX_BYTES, MAX_METRICS, decode_payload
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.payload import Metric, Payload, Property, TagQuality

TEXT = st.text("aZ/ \0é→🔨", max_size=8)
UINT64 = st.integers(0, 2**64 - 1)
SINGLE = st.floats(width=32, allow_nan=False)


def values_of(datatype: DataType) -> st.SearchStrategy[Any]:
    if datatype in SIGNED_BITS:
        half = 2 ** (SIGNED_BITS[datatype] - 1)
        return st.integers(-half, half - 1)
    if datatype in UNSIGNED_BITS:
        return st.integers(0, 2 ** UNSIGNED_BITS[datatype] - 1)
    if datatype in ARRAY_CODES:
        code = ARRAY_CODES[datatype]
        size = 8 * struct.calcsize(code)
        if code in "fd":
            elements: st.SearchStrategy[Any] = st.floats(width=size, allow_nan=False)  # type: ignore[arg-type]
        elif code.islower():
            elements = st.integers(-(2 ** (size - 1)), 2 ** (size - 1) - 1)
        else:
            elements = st.integers(0, 2**size - 1)
        return st.lists(elements, max_size=6).map(tuple)
    return {
        DataType.FLOAT: SINGLE,
        DataType.DOUBLE: st.floats(allow_nan=False),
        DataType.BOOLEAN: st.booleans(),
        DataType.BYTES: st.binary(max_size=20),
        DataType.FILE: st.binary(max_size=20),
    }.get(datatype, TEXT)


@st.composite
def properties(draw: st.DrawFn) -> Property:
    datatype = draw(st.sampled_from([each for each in DataType if FIELDS[each] != "bytes_value"]))
    name = draw(TEXT.filter(lambda text: text != "Quality"))
    return Property(name, datatype, draw(st.none() | values_of(datatype)))


@st.composite
def metrics(draw: st.DrawFn) -> Metric:
    datatype = draw(st.sampled_from(list(DataType)))
    name = draw(st.none() | TEXT)
    return Metric(
        name=name,
        datatype=datatype,
        value=draw(st.none() | values_of(datatype)),
        timestamp_ms=draw(st.none() | UINT64),
        alias=draw(UINT64 if name is None else st.none() | UINT64),
        is_historical=draw(st.booleans()),
        is_transient=draw(st.booleans()),
        quality=draw(st.none() | st.sampled_from(list(TagQuality))),
        properties=draw(st.lists(properties(), max_size=3).map(tuple)),
    )


PAYLOADS = st.builds(
    Payload,
    metrics=st.lists(metrics(), max_size=4).map(tuple),
    timestamp_ms=st.none() | UINT64,
    seq=st.none() | st.integers(0, 255),
)


@given(payload=PAYLOADS)
@settings(max_examples=40, deadline=None)
def test_what_was_written_is_read_back(payload: Payload) -> None:
    assert payload == decode_payload(encode_payload(payload, states_datatypes=True))


@given(payload=PAYLOADS)
@settings(max_examples=40, deadline=None)
def test_data_without_types_is_read_back_once_the_births_types_are_told(payload: Payload) -> None:
    read = decode_payload(encode_payload(payload, states_datatypes=False))
    assert all(metric.datatype is None for metric in read.metrics)
    told = [metric.datatype for metric in payload.metrics if metric.datatype is not None]
    typed = tuple(metric.as_type(datatype) for metric, datatype in zip(read.metrics, told, strict=True))
    assert payload.metrics == typed


@given(payload=PAYLOADS)
@settings(max_examples=40, deadline=None)
def test_tahus_own_schema_finds_nothing_unknown_in_our_bytes(payload: Payload) -> None:
    data = encode_payload(payload, states_datatypes=True)
    theirs = OraclePayload.FromString(data)
    bare = OraclePayload.FromString(data)
    bare.DiscardUnknownFields()
    assert theirs == bare
    assert data == theirs.SerializeToString()
    for metric, written in zip(theirs.metrics, payload.metrics, strict=True):
        assert written.datatype == metric.datatype
        assert (written.value is None) == metric.is_null == (metric.WhichOneof("value") is None)


ORACLE_TYPES = [each for each in DataType if each not in {DataType.INT8, DataType.INT16, DataType.UINT32}]
"""The oracle wants narrow negatives as narrow bytes, and UInt32 as int_value; we have no such tags."""


def _as_the_oracle_has_it(datatype: DataType, value: object) -> object:
    utc = dt.timezone.utc
    if datatype is DataType.DATETIME and isinstance(value, int):
        return dt.datetime.fromtimestamp(value * 1e-3, tz=utc)
    if datatype is DataType.DATETIME_ARRAY and isinstance(value, tuple):
        return tuple(dt.datetime.fromtimestamp(each / 1000, utc) for each in value)
    return value


@given(data=st.data(), datatype=st.sampled_from(ORACLE_TYPES))
@settings(max_examples=40, deadline=None)
def test_an_independent_decoder_reads_the_same_values(data: st.DataObject, datatype: DataType) -> None:
    values = values_of(datatype)
    if datatype is DataType.DATETIME:
        values = st.integers(0, 2**42)
    if datatype is DataType.DATETIME_ARRAY:
        values = st.lists(st.integers(0, 2**42), max_size=4).map(tuple)
    value = data.draw(values)
    birth = Payload((Metric("tag", datatype, value, timestamp_ms=5, alias=7),), 5, 0)
    later = Payload((Metric(None, datatype, value, timestamp_ms=6, alias=7),), 6, 1)
    born = pysparkplug.DBirth.decode(encode_payload(birth, states_datatypes=True))
    told = pysparkplug.DData.decode(encode_payload(later, states_datatypes=False), birth=born)
    expected = _as_the_oracle_has_it(datatype, value)
    assert (expected, "tag", 7) == (born.metrics[0].value, born.metrics[0].name, born.metrics[0].alias)
    assert (expected, "tag", 6) == (told.metrics[0].value, told.metrics[0].name, told.metrics[0].timestamp)


def test_what_an_independent_encoder_wrote_is_read() -> None:
    theirs = pysparkplug.DBirth(
        timestamp=5,
        seq=3,
        metrics=(
            pysparkplug.Metric(timestamp=5, name="n", datatype=pysparkplug.DataType.INT32, value=-7),
            pysparkplug.Metric(timestamp=5, name="b", datatype=pysparkplug.DataType.INT8, value=-7),
            pysparkplug.Metric(timestamp=5, name="u", datatype=pysparkplug.DataType.UINT32, value=2**32 - 1),
            pysparkplug.Metric(
                timestamp=5, name="f", datatype=pysparkplug.DataType.FLOAT_ARRAY, value=(1, 2.5)
            ),
            pysparkplug.Metric(timestamp=5, name="z", datatype=pysparkplug.DataType.STRING, is_null=True),
        ),
    )
    read = decode_payload(theirs.encode())
    assert [-7, -7, 2**32 - 1, (1.0, 2.5), None] == [metric.value for metric in read.metrics]
    assert (5, 3) == (read.timestamp_ms, read.seq)


def test_quality_is_an_int32_property_as_the_convention_says() -> None:
    told = Metric("t", DataType.DOUBLE, None, quality=TagQuality.STALE)
    (metric,) = OraclePayload.FromString(
        encode_payload(Payload((told,), 1, 0), states_datatypes=True)
    ).metrics
    assert ["Quality"] == list(metric.properties.keys)
    assert (3, "int_value", 500) == (
        metric.properties.values[0].type,
        metric.properties.values[0].WhichOneof("value"),
        metric.properties.values[0].int_value,
    )


# Refusals


@pytest.mark.parametrize(
    ("datatype", "value"),
    [
        (DataType.INT8, 128),
        (DataType.INT32, -(2**31) - 1),
        (DataType.UINT64, -1),
        (DataType.UINT64, 2**64),
        (DataType.DATETIME, -1),
        (DataType.INT32, True),
        (DataType.INT32, 1.0),
        (DataType.BOOLEAN, 1),
        (DataType.DOUBLE, True),
        (DataType.DOUBLE, "1"),
        (DataType.DOUBLE, 10**400),
        (DataType.FLOAT, 1e39),
        (DataType.STRING, b"text"),
        (DataType.STRING, "\udc80"),
        (DataType.BYTES, "text"),
        (DataType.FLOAT_ARRAY, (1e39,)),
        (DataType.FLOAT_ARRAY, 1.0),
        (DataType.FLOAT_ARRAY, (True,)),
        (DataType.UINT8_ARRAY, (256,)),
        (DataType.UINT8_ARRAY, (1.5,)),
    ],
)
def test_a_value_outside_its_type_is_not_written(datatype: DataType, value: Value) -> None:
    with pytest.raises(PayloadError, match=datatype.label):
        encode_payload(Payload((Metric("t", datatype, value),), 1, 0), states_datatypes=True)


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (Payload((Metric(None, DataType.INT32, 1),), 1, 0), "name or an alias"),
        (Payload((Metric("t", None, 1),), 1, 0), "needs a datatype"),
        (Payload((), 1, 256), "seq 256"),
        (Payload((), -1, 0), "timestamp -1"),
        (Payload((Metric("t", DataType.INT32, 1, alias=2**64),), 1, 0), "alias"),
        (Payload((Metric("\ud800", DataType.INT32, 1),), 1, 0), "UTF-8"),
        (
            Payload(
                (Metric("t", DataType.INT32, 1, properties=(Property("p", DataType.BYTES, b""),)),), 1, 0
            ),
            "cannot be of type Bytes",
        ),
    ],
)
def test_what_nobody_could_read_is_not_written(payload: Payload, why: str) -> None:
    with pytest.raises(PayloadError, match=why):
        encode_payload(payload, states_datatypes=True)


def _theirs(**fields: Scalar) -> bytes:
    message = OraclePayload(timestamp=1, seq=0)
    metric = message.metrics.add(name="t")
    for name, value in fields.items():
        setattr(metric, name, value)
    return bytes(message.SerializeToString())


def _with_property(key: str, **fields: Scalar) -> bytes:
    message = OraclePayload()
    metric = message.metrics.add(name="t", is_null=True)
    metric.properties.keys.append(key)
    metric.properties.values.add(**fields)
    return bytes(message.SerializeToString())


def _with_dataset() -> bytes:
    message = OraclePayload()
    message.metrics.add(name="t", datatype=16).dataset_value.num_of_columns = 2
    return bytes(message.SerializeToString())


HOSTILE = {
    "text": b"not a payload",
    "cut off": _theirs(datatype=12, string_value="some text")[:-3],
    "no name": OraclePayload(metrics=[OraclePayload.Metric(is_null=True)]).SerializeToString(),
    "no value": _theirs(datatype=3),
    "null and a value": _theirs(datatype=3, is_null=True, int_value=1),
    "unknown type": _theirs(datatype=99, int_value=1),
    "type 0": _theirs(datatype=0, int_value=1),
    "a field of another type": _theirs(datatype=3, string_value="1"),
    "a number beyond its type": _theirs(datatype=5, int_value=256),
    "an array cut off": _theirs(datatype=30, bytes_value=b"\0\0\0"),
    "text that is no UTF-8": b"\x12\x07\x0a\x01t\x7a\x02\xff\xfe",
    "a name that is no UTF-8": b"\x12\x06\x0a\x02\xff\xfe\x38\x01",
    "a property's name that is no UTF-8": b"\x12\x0f\x0a\x01t\x38\x01\x4a\x08\x0a\x02\xff\xfe\x12\x02\x08"
    b"\x03",
    "a data set": _with_dataset(),
    "seq 256": OraclePayload(seq=256).SerializeToString(),
    "more names than values of properties": b"\x12\x0a\x0a\x01t\x38\x01\x4a\x03\x0a\x01p",
    "a property without a type": _with_property("p", int_value=1),
    "quality 1": _with_property("Quality", type=3, int_value=1),
    "quality as text": _with_property("Quality", type=12, string_value="192"),
    "quality null": _with_property("Quality", type=3, is_null=True),
    "an array as property": _with_property("p", type=30, string_value="x"),
    "groups in groups": b"\x0b" * 5_000,
    "closed groups in groups": b"\x7b" * 3_000 + b"\x7c" * 3_000,
    "too many metrics": b"\x12\x05\x0a\x01t\x38\x01" * (MAX_METRICS + 1),
    "too long": b"\0" * (MAX_BYTES + 1),
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_bytes_are_refused_with_a_reason(data: bytes) -> None:
    with pytest.raises(PayloadError) as refused:
        decode_payload(data)
    assert 10 < len(str(refused.value)) < 300


@given(data=st.binary(max_size=200))
@example(data=b"")
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_a_payload_or_one_error(data: bytes) -> None:
    try:
        payload = decode_payload(data)
    except PayloadError:
        return
    assert len(payload.metrics) <= len(data)


def _sane() -> list[bytes]:
    """Payloads with a metric of each type, with properties, quality and all flags."""
    samples: dict[DataType, Value] = dict.fromkeys(DataType, 1)
    samples |= dict.fromkeys([each for each in DataType if FIELDS[each] == "string_value"], "text")
    samples |= {DataType.BYTES: b"bytes", DataType.FILE: b"file", DataType.BOOLEAN: True}
    samples |= dict.fromkeys(ARRAY_CODES, (1, 2, 3))
    samples |= {DataType.FLOAT: 1.5, DataType.DOUBLE: -1.5}
    payloads = []
    for datatype, value in samples.items():
        tells = (Property("engUnit", DataType.STRING, "s"), Property("engLow", DataType.DOUBLE, 0.0))
        full = Metric("tag", datatype, value, 5, 7, True, True, TagQuality.BAD, tells)
        payloads.append(encode_payload(Payload((full, full), 5, 3), states_datatypes=True))
    return payloads


def test_ten_thousand_damaged_payloads_are_a_payload_or_one_error() -> None:
    random, sane, refused = Random(20_260), _sane(), 0
    for index in range(10_000):
        data = bytearray(sane[index % len(sane)])
        for _ in range(random.randint(1, 4)):
            place = random.randrange(len(data))
            if random.random() < 0.3:
                del data[place:]
                data.append(0)
            else:
                data[place] = random.randrange(256)
        try:
            decode_payload(bytes(data))
        except PayloadError:
            refused += 1
    assert 2_000 < refused < 9_500  # damage is mostly seen, and sometimes only another value


def test_a_metric_is_not_read_as_another_type_than_it_says() -> None:
    metric = Metric("t", DataType.DOUBLE, 1.0)
    with pytest.raises(PayloadError, match="comes as Double, not as Int32"):
        metric.as_type(DataType.INT32)
    assert metric is metric.as_type(DataType.DOUBLE)


def test_not_a_number_survives_as_such() -> None:
    (read,) = decode_payload(
        encode_payload(Payload((Metric("t", DataType.DOUBLE, math.nan),), 1, 0), states_datatypes=True)
    ).metrics
    assert isinstance(read.value, float)
    assert math.isnan(read.value)


PURE = """
import json, sys
from google.protobuf.internal import api_implementation
from monitor.errors import PayloadError
from monitor.publish.sparkplug.decode import decode_payload
assert api_implementation.Type() == "python"
for name, data in json.load(sys.stdin).items():
    try:
        decode_payload(bytes.fromhex(data))
    except PayloadError:
        continue
    raise SystemExit(name)
"""


def test_protobuf_without_its_c_code_refuses_the_same_bytes() -> None:
    environment = {"PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION": "python", "PATH": "/usr/bin:/bin"}
    hostile = json.dumps({name: data.hex() for name, data in HOSTILE.items()})
    command = [sys.executable, "-c", PURE]
    subprocess.run(command, input=hostile, text=True, env=environment, check=True, timeout=60)
