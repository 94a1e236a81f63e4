"""A Sparkplug B 3.0 edge node without input or output: what to say when, and the bytes of it.

    metrics (our messages as tags) -> session (what is said when) -> composer (topics, seq) -> payload (bytes)

Nothing in here opens a connection, starts a thread, reads a clock or a file: whoever owns the connection
hands in what happened and when, and sends what comes back. docs/decisions/0009 says why it is our own.
"""
