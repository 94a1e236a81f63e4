"""Words are at hand for whoever needs them, and whoever has none goes without."""

from __future__ import annotations

import pytest

from monitor.explanation import Explanation, Finding, SoundKind
from monitor.testing import CapturedLog
from monitor.voice import voice_of

TONE = Explanation((Finding(SoundKind.TONE, 3000.0, 3200.0, 0.0, 2.0, 17.0),), 0.0, 2.0, 1)


@pytest.mark.parametrize(("language", "word"), [("en", "normal"), ("de", "normal")])
def test_a_voice_speaks_the_language_it_was_asked_for(language: str, word: str) -> None:
    log = CapturedLog()
    voice = voice_of(language, log)
    said = {code: voice_of(code, log).say(TONE) for code in ("en", "de")}
    assert language == voice.language
    assert word in str(voice.say(TONE))
    assert said["en"] != said["de"]
    assert "" == log.text()


def test_a_sentence_that_cannot_be_made_is_none_and_logged(monkeypatch: pytest.MonkeyPatch) -> None:
    def slip(_explanation: Explanation, _language: str) -> str:
        raise KeyError("bnad")  # as a plant's own catalogue may ask for

    monkeypatch.setattr("monitor.voice.sentence", slip)
    log = CapturedLog()
    assert voice_of("en", log).say(TONE) is None
    assert [("exception", "sentence failed", {"language": "en"})] == log.lines
