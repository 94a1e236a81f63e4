from __future__ import annotations

import pytest
from sparkplug_oracle import OraclePayload
from sparkplug_rig import DEVICE_TAGS

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.datatypes import DataType
from monitor.publish.sparkplug.encode import encode_payload
from monitor.publish.sparkplug.payload import Metric, Payload, TagQuality
from monitor.publish.sparkplug.tags import Reading, Tag, TagSet

BAD, GOOD = TagQuality.BAD, TagQuality.GOOD


def test_quality_is_told_when_it_is_bad_and_when_it_is_good_again() -> None:
    tags = TagSet(DEVICE_TAGS, 0, {})
    told = [
        tags.take({"Score": reading}, 1)[0].quality
        for reading in (Reading(1.0), Reading(None, BAD), Reading(2.0), Reading(3.0))
    ]
    assert [None, BAD, GOOD, None] == told


def test_the_same_value_of_another_quality_is_news() -> None:
    tags = TagSet(DEVICE_TAGS, 0, {})
    tags.take({"Score": Reading(1.0)}, 1)
    assert [BAD] == [metric.quality for metric in tags.take({"Score": Reading(1.0, BAD)}, 2)]


def test_births_and_the_past_tell_a_quality_that_is_not_good() -> None:
    tags = TagSet(DEVICE_TAGS, 0, {})
    tags.take({"Score": Reading(None, BAD)}, 1)
    assert [BAD] == [metric.quality for metric in tags.birth() if metric.name == "Score"]
    assert [BAD, None] == [
        tags.past({"Score": reading}, 1)[0].quality for reading in (Reading(None, BAD), Reading(1.0))
    ]


def test_a_birth_tells_the_oldest_value_first() -> None:
    tags = TagSet(DEVICE_TAGS, 5, {})
    tags.take({"Score": Reading(1.0)}, 9)
    tags.take({"Error/Map": Reading((1.0,))}, 7)
    assert [5, 5, 7, 9] == [metric.timestamp_ms for metric in tags.birth()]


def test_a_birth_tells_what_the_table_says() -> None:
    tag = Tag("T", DataType.DOUBLE, "What it is.", "mm/s", low=0.0, high=7.1, documentation="How to read it.")
    (metric,) = TagSet((tag, Tag("U", DataType.STRING, "Bare.")), 5, {}).birth()[:1]
    assert {
        "engUnit": "mm/s",
        "description": "What it is.",
        "documentation": "How to read it.",
        "engLow": 0.0,
        "engHigh": 7.1,
    } == {told.name: told.value for told in metric.properties}
    assert [("description", "Bare.")] == [
        (told.name, told.value) for told in Tag("U", DataType.STRING, "Bare.").properties()
    ]


def test_two_names_that_differ_by_letter_case_alone_are_refused() -> None:
    with pytest.raises(SparkplugError, match="letter case"):
        TagSet((Tag("Score", DataType.DOUBLE, "A."), Tag("score", DataType.DOUBLE, "B.")), 0, {})


@pytest.mark.parametrize("datatype", [DataType.INT8, DataType.INT16, DataType.INT32])
def test_a_negative_number_fills_its_field(datatype: DataType) -> None:
    payload = Payload((Metric("t", datatype, -5),), 1, 0)
    (metric,) = OraclePayload.FromString(encode_payload(payload, states_datatypes=True)).metrics
    assert 2**32 - 5 == metric.int_value
