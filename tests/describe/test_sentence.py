"""One true sentence for every kind of finding, in English and in German."""

from __future__ import annotations

import pytest

from monitor.describe import languages, sentence
from monitor.explanation import Explanation, Finding, SoundKind


def explanation(*findings: Finding) -> Explanation:
    return Explanation(findings, 0.0, 10.0, 9)


def finding(
    kind: SoundKind,
    band: tuple[float, float] = (2800.0, 5300.0),
    db: float = 14.2,
    *,
    period_s: float | None = None,
    lasts_s: float = 8.0,
) -> Finding:
    return Finding(kind, *band, 1.0, 1.0 + lasts_s, db, period_s)


WHOLE = (0.0, 8000.0)


@pytest.mark.parametrize(
    ("what", "english", "german"),
    [
        (
            finding(SoundKind.RHYTHM, period_s=0.8204),
            "Knocks every 0.82 s between 2.8 and 5.3 kHz, 14 dB above normal.",
            "Schläge alle 0,82 s zwischen 2,8 und 5,3 kHz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.RHYTHM, period_s=3.1),
            "Knocks every 3.1 s between 2.8 and 5.3 kHz, 14 dB above normal.",
            "Schläge alle 3,1 s zwischen 2,8 und 5,3 kHz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.KNOCK, lasts_s=0.1),
            "A knock between 2.8 and 5.3 kHz, 14 dB above normal.",
            "Ein Schlag zwischen 2,8 und 5,3 kHz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.KNOCK),
            "Knocks between 2.8 and 5.3 kHz, 14 dB above normal.",
            "Schläge zwischen 2,8 und 5,3 kHz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.TONE, (2000.0, 2240.0)),
            "A tone at 2.1 kHz, 14 dB above normal.",
            "Ein Ton bei 2,1 kHz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.TONE, (0.0, 35.0)),
            "A tone at 18 Hz, 14 dB above normal.",
            "Ein Ton bei 18 Hz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.TONE, (600.0, 1100.0)),
            "A tone between 0.6 and 1.1 kHz, 14 dB above normal.",
            "Ein Ton zwischen 0,6 und 1,1 kHz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.HISS, (297.0, 614.0)),
            "Hiss or rattle between 300 and 610 Hz, 14 dB above normal.",
            "Zischen oder Rasseln zwischen 300 und 610 Hz, 14 dB über normal.",
        ),
        (
            finding(SoundKind.LEVEL_RISE, WHOLE, 6.4),
            "Everything is 6 dB louder than normal.",
            "Alles ist 6 dB lauter als normal.",
        ),
        (
            finding(SoundKind.LEVEL_DROP, WHOLE, -6.4),
            "Everything is 6 dB softer than normal.",
            "Alles ist 6 dB leiser als normal.",
        ),
        (
            finding(SoundKind.MISSING, db=-21.0),
            "Something is missing between 2.8 and 5.3 kHz, 21 dB below normal.",
            "Etwas fehlt zwischen 2,8 und 5,3 kHz, 21 dB unter normal.",
        ),
        (
            finding(SoundKind.OTHER, WHOLE, 0.3),
            "Unusual sound, most of all at all frequencies, about as loud as normal.",
            "Ungewöhnliches Geräusch, vor allem bei allen Frequenzen, etwa so laut wie normal.",
        ),
        (
            finding(SoundKind.DROPOUT, WHOLE, lasts_s=1.2),
            "The sound breaks off.",
            "Der Ton bricht ab.",
        ),
        (
            finding(SoundKind.CLIPPING, WHOLE, lasts_s=4.1),
            "The input is overdriven.",
            "Der Eingang ist übersteuert.",
        ),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Finding) else "",
)
def test_a_finding_is_said(what: Finding, english: str, german: str) -> None:
    assert english == sentence(explanation(what), "en")
    assert german == sentence(explanation(what), "de")


def test_several_findings_are_one_sentence() -> None:
    what = explanation(
        finding(SoundKind.RHYTHM, period_s=0.82), finding(SoundKind.TONE, (2000.0, 2240.0), 20.0)
    )
    assert (
        "Knocks every 0.82 s between 2.8 and 5.3 kHz, 14 dB above normal; "
        "also a tone at 2.1 kHz, 20 dB above normal."
    ) == sentence(what, "en")
    assert (
        "Schläge alle 0,82 s zwischen 2,8 und 5,3 kHz, 14 dB über normal; "
        "außerdem ein Ton bei 2,1 kHz, 20 dB über normal."
    ) == sentence(what, "de")


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", SoundKind)
def test_every_kind_is_said_in_every_language(kind: SoundKind, language: str) -> None:
    said = sentence(explanation(finding(kind, period_s=1.0 if kind is SoundKind.RHYTHM else None)), language)
    assert said[0].isupper()
    assert said.endswith(".")
    assert not set("{}\n") & set(said)
