"""How late a score is at a subscriber, against the sound's own clock anchor."""

from __future__ import annotations

import json
import time
from datetime import datetime

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

LAST_FRAME_S = 0.016
"""The last STFT frame of a window reaches this far beyond its span: (n_fft - hop) / 2 samples."""


class ScoreClock:
    """Subscribes to one source's scores and notes how long after its last sample each one came."""

    def __init__(self, port: int, topic: str) -> None:
        self._topic = topic
        self._late_ms: list[float] = []
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2)
        self._client.on_connect = lambda client, *_: client.subscribe(topic)
        self._client.on_message = self._note
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def clear(self) -> None:
        """Forget what came so far."""
        self._late_ms.clear()

    def latencies_ms(self) -> list[float]:
        """Return what was noted since the last `clear`."""
        return list(self._late_ms)

    def close(self) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def _note(self, _client: object, _userdata: object, message: mqtt.MQTTMessage) -> None:
        now_utc_s = time.time()
        end = datetime.fromisoformat(json.loads(message.payload)["end_utc"].replace("Z", "+00:00"))
        self._late_ms.append(1000 * (now_utc_s - end.timestamp() - LAST_FRAME_S))
