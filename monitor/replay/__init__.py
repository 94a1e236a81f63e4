r"""The technicians' page: hear it, see where it was wrong, say what it was.

    browser -> serving (uvicorn) -> app -> gate -> pages, api -> kept -> the store, read only
                                                             \-> control socket -> the daemon

A process of its own (`wheeltapper replay`). It reads the store and never writes it, opens no microphone and
no model; what changes anything goes as a command through the daemon's control socket: there is one writer.
"""
