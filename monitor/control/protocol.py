"""What is said on the control socket: one question a connection, one line of JSON each way.

    {"ask": "now"}                                            how everything is: documents.Now
    {"ask": "trends"}                                         the last hours: {"trends": {"pump-1": Trend}}
    {"ask": "command", "source": "pump-1", "command": {...}}  a command as in docs/mqtt.md; its reply document
    {"ask": "install", "source": "pump-1", "bytes": 1048576,  a bundle as one tar: answered {"go": true}, then
     "actor": "ada", "id": "page:7", "note": null}            so many bytes are taken, then result and reason

`source` null sends a command to the whole box. With `"from": "terminal"` the record names the command line
in place of the page. What cannot be answered is answered {"error": "why"}, with "waits" true where a command
has been taken and the same id asks again. Beside a refusal, here and in replies, `worded` is what it was made
of (monitor.worded), for whoever says it in another language.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from monitor.worded import Worded, beside, worded

SOCKET = "control.sock"
MAX_QUESTION_BYTES = 65_536
"""A longer question is refused unread."""
MAX_ANSWER_BYTES = 33_554_432
"""The trends of 1000 sources are below a third of this."""
COMMAND_S = 8.0
"""So long a command may wait for the thread that judges; whoever asks waits a little longer."""
PIECE_BYTES = 65_536
"""Of a bundle so much is read at a time."""
PIECE_S = 10.0
"""Within this the next piece of it must come."""
INSTALL_S = 60.0
"""So long a bundle that has come may take to be checked and copied."""
MAX_ADDRESS_BYTES = 100
"""The kernel takes 107 bytes as the address of a Unix socket."""


def socket_path(state_dir: Path) -> Path:
    """Return where the daemon that writes to `state_dir` listens."""
    return state_dir / SOCKET


def document_of(reason: str) -> dict[str, object]:
    """Return the answer to what cannot be answered."""
    return {"error": reason, **beside(reason)}


def no_source(source_id: str) -> Worded:
    """Return that a source is not known here."""
    return worded("no-source", "this box has no source {source}", source=repr(source_id[:64]))


@contextlib.contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """Give an address for `path` that the kernel takes however long the path is, while the body runs.

    Raises:
        OSError: The path is long and its folder cannot be opened.
    """
    if len(os.fsencode(path)) <= MAX_ADDRESS_BYTES:
        yield str(path)
        return
    handle = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{handle}/{path.name}"
    finally:
        os.close(handle)
