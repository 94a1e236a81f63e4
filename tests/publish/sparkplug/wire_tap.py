"""A line tap: passes bytes between an edge node and a broker, and keeps the packets that the node wrote."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass, field

CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, DISCONNECT = 1, 3, 8, 10, 14


@dataclass(frozen=True)
class Packet:
    """One MQTT packet as it stands on the wire."""

    kind: int
    flags: int
    body: bytes


@dataclass
class Line:
    """One connection and what the node wrote on it."""

    node: socket.socket
    broker: socket.socket
    written: bytearray = field(default_factory=bytearray)
    open: bool = True

    def cut(self) -> None:
        """Tear both ends, as an unplugged cable would after its time."""
        self.open = False
        for end in (self.node, self.broker):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @property
    def packets(self) -> list[Packet]:
        """Whole packets of the node, in order (MQTT 2.2, a fixed header and a length of up to 4 bytes)."""
        data, found, place = bytes(self.written), [], 0
        while place + 2 <= len(data):
            length, shift, begin = 0, 0, place + 1
            while True:
                digit = data[begin]
                length |= (digit & 0x7F) << shift
                begin, shift = begin + 1, shift + 7
                if digit < 0x80 or begin >= len(data):
                    break
            if begin + length > len(data):
                break
            found.append(Packet(data[place] >> 4, data[place] & 0x0F, data[begin : begin + length]))
            place = begin + length
        return found


class Tap:
    """Listens on a port of its own and passes each connection on to the broker's."""

    def __init__(self, broker_port: int) -> None:
        self._broker_port = broker_port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.lines: list[Line] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self) -> tuple[str, int]:
        return ("127.0.0.1", self.port)

    @property
    def open_lines(self) -> list[Line]:
        return [line for line in self.lines if line.open]

    def cut(self) -> None:
        """Tear every connection that stands."""
        for line in self.open_lines:
            line.cut()

    def close(self) -> None:
        self.cut()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                node, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection(("127.0.0.1", self._broker_port))
            except OSError:
                node.close()
                continue
            line = Line(node, broker)
            self.lines.append(line)
            for source, target, keep in ((node, broker, line.written), (broker, node, None)):
                threading.Thread(target=_pass, args=(line, source, target, keep), daemon=True).start()


def _pass(line: Line, source: socket.socket, target: socket.socket, keep: bytearray | None) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65_536):
            if keep is not None:
                keep += data
            target.sendall(data)
    line.cut()


def text_at(body: bytes, place: int) -> tuple[bytes, int]:
    """Return the string or binary data that begins at `place`, and where it ends."""
    length = int.from_bytes(body[place : place + 2], "big")
    return body[place + 2 : place + 2 + length], place + 2 + length
