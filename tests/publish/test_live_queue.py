from __future__ import annotations

from typing import cast

import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import MQTTErrorCode
from publish_rig import inference_at, score_at

from monitor.frontend import FrontendParameters, band_edges_hz
from monitor.messages import Score
from monitor.publish.delivery import Delivery
from monitor.publish.live import PASS_MAX, UNDER_WAY_MAX, LiveItem, LiveMap, LiveQueue
from monitor.testing import CapturedCalls

EDGES_HZ = band_edges_hz(FrontendParameters())


class Line:
    """A network thread that takes everything and writes nothing until it is told to."""

    def __init__(self) -> None:
        self.taken: list[LiveItem] = []
        self._infos: list[mqtt.MQTTMessageInfo] = []

    def publish(self, item: LiveItem) -> Delivery:
        self.taken.append(item)
        self._infos.append(mqtt.MQTTMessageInfo(len(self.taken)))
        return Delivery(self._infos[-1], qos=0)

    def write_all(self) -> None:
        for info in self._infos:
            info._set_as_published()

    def break_off(self) -> None:
        """Lose what was not written, as paho marks it when it connects anew."""
        for info in self._infos:
            if not info.is_published():
                info.rc = MQTTErrorCode.MQTT_ERR_CONN_LOST
                info._set_as_published()


def indexes(items: list[LiveItem]) -> list[int]:
    return [round(cast("Score", item).span.start_s / 1.024) for item in items]


def test_when_full_the_oldest_go_and_are_counted() -> None:
    queue, line = LiveQueue(10), Line()
    for index in range(25):
        queue.offer(score_at(index))
    queue.send(line.publish)
    assert list(range(15, 25)) == indexes(line.taken)
    assert queue.counts.dropped == 15
    assert queue.counts.sent == 10


def test_no_more_is_handed_over_than_the_line_writes() -> None:
    queue, line = LiveQueue(1000), Line()
    for index in range(500):
        queue.offer(score_at(index))
    for _ in range(5):
        queue.send(line.publish)
    assert len(line.taken) == UNDER_WAY_MAX
    line.write_all()
    queue.send(line.publish)
    assert len(line.taken) == 2 * UNDER_WAY_MAX
    assert queue.counts.waiting == 500 - 2 * UNDER_WAY_MAX


def test_one_pass_is_bounded_so_that_alarms_need_not_wait() -> None:
    queue = LiveQueue(1000)
    for index in range(500):
        queue.offer(score_at(index))

    def written_at_once(_item: LiveItem) -> Delivery:
        info = mqtt.MQTTMessageInfo(1)
        info.rc = MQTTErrorCode.MQTT_ERR_NO_CONN
        return Delivery(info, qos=0)

    assert queue.send(written_at_once) == PASS_MAX
    assert queue.counts.lost == PASS_MAX


def test_what_was_lost_with_the_connection_is_counted_as_lost_and_not_as_sent() -> None:
    queue, line = LiveQueue(100), Line()
    for index in range(7):
        queue.offer(score_at(index))
    queue.send(line.publish)
    line.break_off()
    queue.send(line.publish)
    assert (queue.counts.sent, queue.counts.lost) == (0, 7)


def test_offline_scores_are_handed_over_in_order_and_maps_dropped() -> None:
    queue, calls = LiveQueue(100), CapturedCalls()
    for index in range(5):
        queue.offer(score_at(index))
        queue.offer(LiveMap(inference_at(index), EDGES_HZ))
    assert queue.hand_over(calls.offline_score) == 10
    assert list(range(5)) == indexes(list(calls.offline_scores))
    assert queue.counts.dropped == 5


def test_a_score_handed_over_to_a_store_that_fails_is_not_taken_for_kept() -> None:
    queue = LiveQueue(100)
    queue.offer(score_at(0))
    queue.offer(score_at(1))

    def full(_score: Score) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        queue.hand_over(full)
    assert queue.counts.dropped == 1
    assert queue.counts.waiting == 1
