"""What 500 sources cost a Sparkplug edge node and its broker: births, then a minute's worth of scores.

Run with `python tests/bench/sparkplug.py`; needs Mosquitto. Prints one line of JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import psutil

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "publish"), str(TESTS / "publish" / "sparkplug")]

from edge_rig import EdgeRig, HostSide, at  # noqa: E402 - after the path
from fixtures_mosquitto import Mosquitto, Recorder, eventually  # noqa: E402

SOURCES = 500
SECONDS = 20


def main() -> None:
    """Measure and print."""
    broker = Mosquitto(Path(tempfile.mkdtemp()))
    broker.start()
    assert broker._process is not None
    process = psutil.Process(broker._process.pid)
    host = HostSide(Recorder(broker.port, "spBv1.0/#"))
    source_ids = tuple(f"source-{index}" for index in range(SOURCES))
    rig = EdgeRig([at(broker)], source_ids=source_ids).run()
    births = host.waits_for(SOURCES, "DBIRTH", timeout_s=60.0)
    time.sleep(1.1)  # births are sent once a second at most
    heard_before = len(host.recorder.heard)
    begun_s = time.monotonic()
    host.asks_rebirth()
    eventually(lambda: len(host.recorder.heard) >= heard_before + SOURCES + 2, 60.0)  # and the request itself
    births_s = time.monotonic() - begun_s
    birth_bytes = sum(message.payload.ByteSize() for message in births)

    heard_before, cpu_before_s = len(host.recorder.heard), sum(process.cpu_times()[:2])
    for second in range(SECONDS):
        for index, source_id in enumerate(source_ids):
            rig.score(0.2 + 0.5 * ((second * 7 + index) % 10) / 10, source_id)
        time.sleep(1.0)
    heard = host.recorder.heard[heard_before:]
    result = {
        "sources": SOURCES,
        "all_births_s": round(births_s, 2),
        "birth_bytes": birth_bytes,
        "data_messages_per_s": round(len(heard) / SECONDS, 1),
        "data_bytes_per_s": round(sum(len(each.payload) + len(each.topic) for each in heard) / SECONDS),
        "broker_cpu_percent": round(100 * (sum(process.cpu_times()[:2]) - cpu_before_s) / SECONDS, 1),
        "load_average": [round(value, 1) for value in psutil.getloadavg()],
    }
    rig.stop()
    host.recorder.close()
    broker.kill()
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
