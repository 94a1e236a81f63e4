"""What the texts of a configuration look like: as patterns for the sections, and in words for people."""

from __future__ import annotations

from monitor.config.section import NAME

TOPIC_PREFIX = r"^[^+#$\x00][^+#\x00]{0,199}$"
DISCOVERY_PREFIX = r"^[^+#$\x00/][^+#\x00]{0,99}$"
TOPIC = r"^[^+#$\x00][^+#\x00]{0,499}$"
SPARKPLUG_ID = r"^[^+#/\x00-\x1f]{1,200}$"
JSON_PATH = r"^[^.\x00]+(\.[^.\x00]+)*$"
WIDTHS = r"^\d+(,\d+)*$"
STREAM_URL = r"^(rtsp|rtsps|http|https|udp|rtp|srt|tcp)://"

IN_WORDS = {
    NAME: "must have 1 to 64 letters (A to Z, a to z), digits, dots, dashes or underscores, and begin with a "
    "letter or a digit",
    TOPIC_PREFIX: "must be the start of a topic: 1 to 200 characters without + and #, not beginning with $",
    DISCOVERY_PREFIX: "must be the start of a topic: 1 to 100 characters without + and #, not beginning with "
    "$ or /",
    TOPIC: "must be one topic: 1 to 500 characters without the wildcards + and #, not beginning with $",
    SPARKPLUG_ID: "must have 1 to 200 characters, and none of + # / among them",
    JSON_PATH: "must be names or numbers with dots between them, as machine.state or drives.0.on",
    WIDTHS: "must be whole numbers with commas between them, as 32,64,128, in quotes",
    STREAM_URL: "must begin with rtsp://, rtsps://, http://, https://, udp://, rtp://, srt:// or tcp://",
}
"""Pattern -> what a text must be that does not fit it."""
