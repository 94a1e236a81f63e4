"""A line to the broker that can be made slow or dead: a TCP proxy with nothing but delays."""

from __future__ import annotations

import asyncio
import contextlib
import threading

from fixtures_mosquitto import free_port

PIECE_BYTES = 65_536


class SlowLine:
    """Passes on what comes on `port` to a broker's port, `delay_s` later, or not at all while it is `dead`.

    A dead line takes connections and bytes, as a switch without power behind it does, and keeps them.
    """

    def __init__(self, broker_port: int) -> None:
        self.port = free_port()
        self.delay_s = 0.0
        """How long each piece takes, in each direction."""
        self._broker_port = broker_port
        self._loop = asyncio.new_event_loop()
        self._lives = asyncio.Event()
        self._lives.set()
        self._listening = threading.Event()
        self._thread = threading.Thread(target=self._run, name="slow line", daemon=True)
        self._thread.start()
        if not self._listening.wait(60):
            raise RuntimeError("the proxy did not begin to listen")

    def cut(self) -> None:
        """Let nothing through from now on."""
        self._loop.call_soon_threadsafe(self._lives.clear)

    def mend(self) -> None:
        """Let everything through again, at once."""
        self.delay_s = 0.0
        self._loop.call_soon_threadsafe(self._lives.set)

    def close(self) -> None:
        """Drop all connections."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(60)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self._listening.set()
        self._loop.run_forever()
        server.close()
        waiting = asyncio.all_tasks(self._loop)
        for task in waiting:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*waiting, return_exceptions=True))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._lives.wait()
            broker = await asyncio.open_connection("127.0.0.1", self._broker_port)
            pipes = [
                asyncio.ensure_future(self._pass_on(reader, broker[1])),
                asyncio.ensure_future(self._pass_on(broker[0], writer)),
            ]
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
            for pipe in pipes:
                pipe.cancel()
            broker[1].close()
        writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                await self._lives.wait()
                writer.write(piece)
                await writer.drain()
