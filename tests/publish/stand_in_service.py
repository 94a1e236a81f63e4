"""Something that listens where a broker is looked for, and is none."""

from __future__ import annotations

import socket
import struct
import threading


class Service:
    """Takes connections, waits for the first word, answers it and ends them; answer None: keeps them."""

    def __init__(self, answer: bytes | None, *, port: int = 0, resets: bool = False) -> None:
        """`port` 0: any that is free; `resets`: ends them without a farewell."""
        self._listener = socket.create_server(("127.0.0.1", port))
        self._answer, self._resets = answer, resets
        self._kept: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]
        self.guests = 0
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                guest, _ = self._listener.accept()
            except OSError:
                return
            self.guests += 1
            if self._answer is None:
                self._kept.append(guest)
                continue
            with guest:
                guest.recv(1000)
                guest.sendall(self._answer)
                if self._resets:
                    guest.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self) -> None:
        """Listen no more: whoever comes now finds nobody. May be called again."""
        if self._listener.fileno() == -1:
            return
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(60)
        for guest in self._kept:
            guest.close()
