"""Gives the publisher and the log their words, so that neither knows how a sentence is made."""

from __future__ import annotations

from monitor.describe import sentence
from monitor.explanation import Explanation
from monitor.logs import Log
from monitor.publish.explained import Voice
from monitor.supervisor import guarded


def voice_of(language: str, log: Log) -> Voice:
    """Return the voice that speaks `language`.

    It never raises: a plant's own catalogue may have a slip in a sentence that is seldom said, and an event
    without words is better than one that cannot be sent.
    """

    def say(explanation: Explanation) -> str | None:
        said: list[str] = []
        guarded(
            log, "sentence failed", lambda: said.append(sentence(explanation, language)), language=language
        )
        return said[0] if said else None

    return Voice(language, say)
