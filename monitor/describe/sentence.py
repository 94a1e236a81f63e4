"""One sentence in plain words, in the reader's language, from an explanation.

    Knocks every 0.82 s between 2.8 and 5.3 kHz, 14 dB above normal.

Every text below is a key of the catalogues in monitor/locale; the numbers are put in afterwards. Whoever
translates may change the order of what stands in braces.
"""

from __future__ import annotations

import gettext
from pathlib import Path

from monitor.describe.catalogue import LOCALE, open_catalogue
from monitor.explanation import Explanation, Finding, SoundKind

WHOLE_HZ = (60.0, 7600.0)
"""A band that begins below the first and ends above the second is said to be all frequencies."""
NARROW = 1.35
"""a tone whose band's edges are no further apart than by this factor has one frequency, not two."""
HUM_HZ = 100.0
"""... and a tone below this is too low for its band to be told."""
SHORT_S = 0.35
"""Knocks within so short a time are said to be one."""


def sentence(explanation: Explanation, language: str = "en", *, folder: Path = LOCALE) -> str:
    """Return what an event sounded like, as one sentence with its full stop.

    Raises:
        CatalogueError: There is no catalogue of this language in `folder`, or it cannot be read.
    """
    return Speaker(open_catalogue(language, folder)).sentence(explanation)


class Speaker:
    """Speaks one language."""

    def __init__(self, catalogue: gettext.NullTranslations) -> None:
        self._of = catalogue.gettext
        self._of_context = catalogue.pgettext

    def sentence(self, explanation: Explanation) -> str:
        """Return the findings, most telling first, as one sentence."""
        _ = self._of
        parts = [self.clause(finding) for finding in explanation.findings]
        text = parts[0]
        for part in parts[1:]:
            text = _("{first}; also {second}").format(first=text, second=part)
        return f"{text[:1].upper()}{text[1:]}."

    def clause(self, finding: Finding) -> str:
        """Return one finding as a clause without its full stop."""
        facts = {
            "band": self._band(finding),
            "level": self._level(finding.change_db),
            "db": self._number(abs(finding.change_db), 0),
            "period": self._seconds(finding.period_s),
        }
        return self._pattern(finding).format(**facts)

    def _pattern(self, finding: Finding) -> str:  # noqa: PLR0911 - one for each kind
        _ = self._of
        kind, lasts_s = finding.kind, finding.end_utc_s - finding.start_utc_s
        if kind is SoundKind.RHYTHM:
            return _("knocks every {period} s {band}, {level}")
        if kind is SoundKind.KNOCK:
            return _("a knock {band}, {level}") if lasts_s < SHORT_S else _("knocks {band}, {level}")
        if kind is SoundKind.TONE:
            return _("a tone {band}, {level}")
        if kind is SoundKind.HISS:
            return _("hiss or rattle {band}, {level}")
        if kind is SoundKind.LEVEL_RISE:
            return _("everything is {db} dB louder than normal")
        if kind is SoundKind.LEVEL_DROP:
            return _("everything is {db} dB softer than normal")
        if kind is SoundKind.MISSING:
            return _("something is missing {band}, {level}")
        if kind is SoundKind.OTHER:
            return _("unusual sound, most of all {band}, {level}")
        if kind is SoundKind.DROPOUT:
            return _("the sound breaks off")
        return _("the input is overdriven")

    def _band(self, finding: Finding) -> str:
        _ = self._of
        low_hz, high_hz = finding.low_hz, finding.high_hz
        if low_hz < WHOLE_HZ[0] and high_hz > WHOLE_HZ[1]:
            return _("at all frequencies")
        if finding.kind is SoundKind.TONE and (high_hz < HUM_HZ or high_hz <= NARROW * low_hz):
            middle_hz = (low_hz + high_hz) / 2.0
            if middle_hz < 1000.0:
                return _("at {frequency} Hz").format(frequency=self._hertz(middle_hz))
            return _("at {frequency} kHz").format(frequency=self._number(middle_hz / 1000.0, 1))
        if high_hz < 1000.0:
            return _("between {low} and {high} Hz").format(low=self._hertz(low_hz), high=self._hertz(high_hz))
        return _("between {low} and {high} kHz").format(
            low=self._number(low_hz / 1000.0, 1), high=self._number(high_hz / 1000.0, 1)
        )

    def _level(self, change_db: float) -> str:
        _ = self._of
        if round(change_db) == 0:
            return _("about as loud as normal")
        text = _("{db} dB above normal") if change_db > 0 else _("{db} dB below normal")
        return text.format(db=self._number(abs(change_db), 0))

    def _hertz(self, hz: float) -> str:
        return self._number(round(hz, -1) if hz >= 100.0 else hz, 0)

    def _seconds(self, seconds: float | None) -> str:
        if seconds is None:
            return ""
        return self._number(seconds, 2 if seconds < 2.0 else 1)

    def _number(self, value: float, digits: int) -> str:
        return f"{value:.{digits}f}".replace(".", self._of_context("decimal separator", "."))
