"""Starts and ends the embedded broker, a child process, for `mqtt.host: embedded`."""

from __future__ import annotations

import importlib.util
import selectors
import subprocess
import sys
import time

from monitor.errors import PublishError

READY_S = 20.0
"""A slow box needs some seconds to import the broker."""


def require_broker_package() -> None:
    """Refuse `mqtt.host: embedded` where the package for it is not installed.

    Raises:
        PublishError: It is not; the text says what to do.
    """
    if importlib.util.find_spec("amqtt") is None:
        raise PublishError(
            "mqtt.host embedded: the package amqtt is not installed; install it with "
            "`pip install 'wheeltapper[demo]'`, or set mqtt.host to the name of your broker"
        )


class EmbeddedBroker:
    """A broker on 127.0.0.1 that lives as long as this object's process at most."""

    def __init__(self, port: int) -> None:
        self._wanted_port = port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> int:
        """Start the broker and return its port: the wanted one, or a free one where that is taken.

        Raises:
            PublishError: The package for it is not installed, or it does not come up.
        """
        require_broker_package()
        self._process = subprocess.Popen(  # noqa: S603 - our own module, a number as argument
            [sys.executable, "-m", "monitor.publish.embedded_broker", str(self._wanted_port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the daemon, which still has to say `stopped`
        )
        port = self._port_when_ready(self._process)
        if port is None:
            self.stop()
            raise PublishError(
                f"mqtt.host embedded: the broker did not come up within {READY_S:g} s; set mqtt.host to the "
                "name of a broker, or mqtt.enabled: false"
            )
        return port

    def stop(self, timeout_s: float = 3.0) -> None:
        """End the broker; killed when it does not within `timeout_s`."""
        process, self._process = self._process, None
        if process is None or process.stdin is None or process.stdout is None:
            return
        process.stdin.close()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    @staticmethod
    def _port_when_ready(process: subprocess.Popen[bytes]) -> int | None:
        if process.stdout is None:
            return None
        deadline_s = time.monotonic() + READY_S
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            if not selector.select(max(0.0, deadline_s - time.monotonic())):
                return None
        words = process.stdout.readline().split()
        return int(words[1]) if len(words) == 2 and words[0] == b"listening" else None
