"""The TCK's assertions for an edge node, by their ids, as far as a core without a connection can show them.

test[payloads-nbirth-seq] is tck-id-payloads-nbirth-seq. The rest needs the wire, or is not for us.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from tck_checks import (
    BIRTHS,
    DATA,
    STATE_TOPIC,
    Check,
    Lives,
    aliases_are_unique,
    bdseq_of_birth_is_that_of_the_will,
    bdseq_of_death_is_that_of_the_birth,
    births_follow_the_nodes_at_once,
    births_have_name_and_alias,
    clean,
    data_after_births,
    data_has_the_alias_alone,
    death_is_bdseq_alone,
    device_death,
    every,
    every_metric,
    every_tag_with_its_value,
    every_will,
    has_seq,
    host_check,
    is_sparkplug,
    leaves_with_a_death,
    lives,
    mqtt,
    names_differ_by_more_than_case,
    next_seq,
    not_retained,
    nothing_before_a_birth,
    only_after_connecting,
    properties_match,
    property_types,
    quality_of_service,
    rebirth_check,
    rebirth_metric,
    sent_at_its_timestamp,
    subscribed_first,
    told_by_exception,
    topic,
    walks_on,
)

CHECKS: dict[str, Check] = {
    "case-sensitivity-metric-names": every(BIRTHS, names_differ_by_more_than_case),
    "message-flow-device-birth-publish-dbirth-match-edge-node-topic": topic("DBIRTH", device=True),
    "message-flow-device-birth-publish-dbirth-payload": is_sparkplug("DBIRTH"),
    "message-flow-device-birth-publish-dbirth-qos": quality_of_service("DBIRTH"),
    "message-flow-device-birth-publish-dbirth-retained": not_retained("DBIRTH"),
    "message-flow-device-birth-publish-dbirth-topic": topic("DBIRTH", device=True),
    "message-flow-device-birth-publish-nbirth-wait": data_after_births,
    "message-flow-device-dcmd-subscribe": subscribed_first(
        "spBv1.0/mill/DCMD/box1/pump", "spBv1.0/mill/DCMD/box1/fan"
    ),
    "message-flow-edge-node-birth-publish-connect": only_after_connecting,
    "message-flow-edge-node-birth-publish-nbirth-payload": is_sparkplug("NBIRTH"),
    "message-flow-edge-node-birth-publish-nbirth-payload-bdseq": bdseq_of_birth_is_that_of_the_will,
    "message-flow-edge-node-birth-publish-nbirth-payload-seq": has_seq("NBIRTH"),
    "message-flow-edge-node-birth-publish-nbirth-qos": quality_of_service("NBIRTH"),
    "message-flow-edge-node-birth-publish-nbirth-retained": not_retained("NBIRTH"),
    "message-flow-edge-node-birth-publish-nbirth-topic": topic("NBIRTH"),
    "message-flow-edge-node-birth-publish-phid-offline": host_check(
        (True, 5), (False, 5), births=1, deaths=1
    ),
    "message-flow-edge-node-birth-publish-phid-wait": host_check(births=0, deaths=0),
    "message-flow-edge-node-birth-publish-phid-wait-id": subscribed_first(STATE_TOPIC, hosted=True),
    "message-flow-edge-node-birth-publish-phid-wait-online": host_check((False, 5), births=0, deaths=0),
    "message-flow-edge-node-birth-publish-phid-wait-timestamp": host_check(
        (False, 5), (True, 4), births=0, deaths=0
    ),
    "message-flow-edge-node-birth-publish-will-message": every_will(lambda will: will.payload.metrics),
    "message-flow-edge-node-birth-publish-will-message-payload": every_will(death_is_bdseq_alone),
    "message-flow-edge-node-birth-publish-will-message-qos": every_will(lambda will: will.qos == 1),
    "message-flow-edge-node-birth-publish-will-message-topic": every_will(
        lambda will: will.topic == "spBv1.0/mill/NDEATH/box1"
    ),
    "message-flow-edge-node-birth-publish-will-message-will-retained": every_will(
        lambda will: will.retain is False
    ),
    "message-flow-edge-node-ncmd-subscribe": subscribed_first("spBv1.0/mill/NCMD/box1"),
    "operational-behavior-data-commands-rebirth-action-1": rebirth_check("stops data"),
    "operational-behavior-data-commands-rebirth-action-2": rebirth_check("all births"),
    "operational-behavior-data-commands-rebirth-action-3": rebirth_check("same bdSeq"),
    "operational-behavior-data-commands-rebirth-datatype": every(("NBIRTH",), rebirth_metric),
    "operational-behavior-data-commands-rebirth-name": every(("NBIRTH",), rebirth_metric),
    "operational-behavior-data-commands-rebirth-name-aliases": every(("NBIRTH",), rebirth_metric),
    "operational-behavior-data-commands-rebirth-value": every(("NBIRTH",), rebirth_metric),
    "operational-behavior-data-publish-dbirth-values": every_tag_with_its_value("DBIRTH"),
    "operational-behavior-data-publish-nbirth-values": every_tag_with_its_value("NBIRTH"),
    "operational-behavior-device-ddeath": device_death,
    "operational-behavior-edge-node-birth-sequence-wait": host_check((True, 0), births=1, deaths=0),
    "operational-behavior-edge-node-intentional-disconnect-ndeath": leaves_with_a_death,
    "operational-behavior-edge-node-intentional-disconnect-packet": leaves_with_a_death,
    "operational-behavior-edge-node-termination-host-offline": host_check(
        (True, 5), (False, 6), births=1, deaths=1
    ),
    "operational-behavior-edge-node-termination-host-offline-reconnect": walks_on,
    "operational-behavior-edge-node-termination-host-offline-timestamp": host_check(
        (True, 5), (False, 4), births=1, deaths=0
    ),
    "operational-behavior-primary-application-state-with-multiple-servers-state-subs": subscribed_first(
        STATE_TOPIC, hosted=True
    ),
    "operational-behavior-primary-application-state-with-multiple-servers-walk": walks_on,
    "payloads-alias-birth-requirement": births_have_name_and_alias,
    "payloads-alias-data-cmd-requirement": data_has_the_alias_alone,
    "payloads-alias-uniqueness": aliases_are_unique,
    "payloads-dbirth-order": births_follow_the_nodes_at_once,
    "payloads-dbirth-qos": quality_of_service("DBIRTH"),
    "payloads-dbirth-retain": not_retained("DBIRTH"),
    "payloads-dbirth-seq": has_seq("DBIRTH"),
    "payloads-dbirth-seq-inc": next_seq("DBIRTH"),
    "payloads-dbirth-timestamp": sent_at_its_timestamp("DBIRTH"),
    "payloads-ddata-order": data_after_births,
    "payloads-ddata-qos": quality_of_service("DDATA"),
    "payloads-ddata-retain": not_retained("DDATA"),
    "payloads-ddata-seq": next_seq("DDATA"),
    "payloads-ddata-timestamp": sent_at_its_timestamp("DDATA"),
    "payloads-ddeath-seq": has_seq("DDEATH"),
    "payloads-ddeath-seq-inc": next_seq("DDEATH"),
    "payloads-ddeath-seq-number": has_seq("DDEATH"),
    "payloads-ddeath-timestamp": sent_at_its_timestamp("DDEATH"),
    "payloads-metric-datatype-not-req": every_metric(DATA, lambda metric: not metric.HasField("datatype")),
    "payloads-metric-datatype-req": every_metric(BIRTHS, lambda metric: metric.HasField("datatype")),
    "payloads-metric-datatype-value": every_metric(BIRTHS, lambda metric: 1 <= metric.datatype <= 34),
    "payloads-metric-datatype-value-type": every_metric(BIRTHS, lambda metric: 1 <= metric.datatype <= 34),
    "payloads-metric-propertyvalue-type-req": every(BIRTHS, property_types),
    "payloads-metric-propertyvalue-type-type": every(BIRTHS, property_types),
    "payloads-metric-propertyvalue-type-value": every(BIRTHS, property_types),
    "payloads-metric-timestamp-in-utc": every_metric(
        (*BIRTHS, *DATA), lambda metric: 1_769_860_800_000 <= metric.timestamp < 1_769_880_000_000
    ),
    "payloads-name-birth-data-requirement": every_metric(
        (*BIRTHS, *DATA), lambda metric: metric.HasField("timestamp")
    ),
    "payloads-name-requirement": births_have_name_and_alias,
    "payloads-nbirth-bdseq": every(("NBIRTH",), lambda message: message.metric("bdSeq").datatype == 4),
    "payloads-nbirth-bdseq-repeat": bdseq_of_birth_is_that_of_the_will,
    "payloads-nbirth-qos": quality_of_service("NBIRTH"),
    "payloads-nbirth-rebirth-req": every(("NBIRTH",), rebirth_metric),
    "payloads-nbirth-retain": not_retained("NBIRTH"),
    "payloads-nbirth-seq": has_seq("NBIRTH"),
    "payloads-nbirth-timestamp": sent_at_its_timestamp("NBIRTH"),
    "payloads-ndata-order": data_after_births,
    "payloads-ndata-qos": quality_of_service("NDATA"),
    "payloads-ndata-retain": not_retained("NDATA"),
    "payloads-ndata-seq": next_seq("NDATA"),
    "payloads-ndata-timestamp": sent_at_its_timestamp("NDATA"),
    "payloads-ndeath-bdseq": bdseq_of_death_is_that_of_the_birth,
    "payloads-ndeath-seq": every(("NDEATH",), lambda message: not message.payload.HasField("seq")),
    "payloads-ndeath-will-message": every_will(death_is_bdseq_alone),
    "payloads-ndeath-will-message-publisher": leaves_with_a_death,
    "payloads-ndeath-will-message-qos": every_will(lambda will: will.qos == 1),
    "payloads-ndeath-will-message-retain": every_will(lambda will: will.retain is False),
    "payloads-propertyset-keys-array-size": every(BIRTHS, properties_match),
    "payloads-propertyset-values-array-size": every(BIRTHS, properties_match),
    "payloads-sequence-num-always-included": has_seq(*BIRTHS, *DATA, "DDEATH"),
    "payloads-sequence-num-req-nbirth": has_seq("NBIRTH"),
    "principles-birth-certificates-order": nothing_before_a_birth,
    "topics-dbirth-metrics": every_tag_with_its_value("DBIRTH"),
    "topics-dbirth-mqtt": mqtt("DBIRTH"),
    "topics-dbirth-seq": next_seq("DBIRTH"),
    "topics-dbirth-timestamp": sent_at_its_timestamp("DBIRTH"),
    "topics-dbirth-topic": topic("DBIRTH", device=True),
    "topics-ddata-mqtt": mqtt("DDATA"),
    "topics-ddata-payload": told_by_exception("DDATA"),
    "topics-ddata-seq-num": next_seq("DDATA"),
    "topics-ddata-timestamp": sent_at_its_timestamp("DDATA"),
    "topics-ddata-topic": topic("DDATA", device=True),
    "topics-ddeath-mqtt": mqtt("DDEATH"),
    "topics-ddeath-seq-num": next_seq("DDEATH"),
    "topics-ddeath-topic": topic("DDEATH", device=True),
    "topics-nbirth-bdseq-included": every(("NBIRTH",), lambda message: "bdSeq" in message.names),
    "topics-nbirth-bdseq-matching": bdseq_of_birth_is_that_of_the_will,
    "topics-nbirth-metrics": every_tag_with_its_value("NBIRTH"),
    "topics-nbirth-mqtt": mqtt("NBIRTH"),
    "topics-nbirth-rebirth-metric": every(("NBIRTH",), rebirth_metric),
    "topics-nbirth-seq-num": every(("NBIRTH",), lambda message: message.payload.seq == 0),
    "topics-nbirth-timestamp": sent_at_its_timestamp("NBIRTH"),
    "topics-nbirth-topic": topic("NBIRTH"),
    "topics-ndata-mqtt": mqtt("NDATA"),
    "topics-ndata-payload": told_by_exception("NDATA"),
    "topics-ndata-seq-num": next_seq("NDATA"),
    "topics-ndata-timestamp": sent_at_its_timestamp("NDATA"),
    "topics-ndata-topic": topic("NDATA"),
    "topics-ndeath-payload": every(("NDEATH",), death_is_bdseq_alone),
    "topics-ndeath-seq": every(("NDEATH",), lambda message: not message.payload.HasField("seq")),
    "topics-ndeath-topic": topic("NDEATH"),
}

ELSEWHERE = {
    "payloads-propertyset-quality-value-type": "test_sparkplug_payload.py: quality_is_an_int32_property",
    "payloads-propertyset-quality-value-value": "test_sparkplug_payload.py: quality_is_an_int32_property",
}
"""Shown by a test of another module."""

WIRE = {
    "operational-behavior-primary-application-state-with-multiple-servers-single-server",
    "payloads-ndeath-will-message-publisher-disconnect-mqtt311",
    "payloads-ndeath-will-message-publisher-disconnect-mqtt50",
    "principles-persistence-clean-session-311",
    "principles-persistence-clean-session-50",
}
"""The core asks for them (`clean_start`, `with_will`); the connection's owner has to show that it does."""


def _edge_ids() -> set[str]:
    return set(Path(__file__).with_name("tck_edge_ids.txt").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def recorded() -> Lives:
    return lives()


@pytest.mark.parametrize("tck_id", CHECKS)
def test(tck_id: str, recorded: Lives) -> None:
    CHECKS[tck_id](recorded)


def test_the_core_asks_for_what_only_the_wire_can_show(recorded: Lives) -> None:
    clean(recorded)
    leaves_with_a_death(recorded)


def test_every_id_has_its_place() -> None:
    not_for_us = {each for each in _edge_ids() if "-template" in each or "-dataset" in each}
    assert 33 == len(not_for_us)  # we send neither templates nor data sets
    placed = [*CHECKS, *ELSEWHERE, *WIRE, *not_for_us]
    assert _edge_ids() == set(placed)
    assert 164 == len(placed)
