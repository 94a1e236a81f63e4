"""The page's own words in the reader's language, and how numbers and times are written in it.

Texts stand in English in the templates, here and in the scripts; locale/ beside this file translates
them, with the reader of monitor/describe/catalogue.py. Sentences about sounds are those of monitor/describe.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from starlette.requests import HTTPConnection

from monitor.describe import sentence
from monitor.describe.catalogue import languages, open_catalogue
from monitor.errors import CatalogueError
from monitor.explanation import Explanation, SoundKind
from monitor.messages import AlarmState, OffCause, Quality
from monitor.replay.gate.cookies import language_cookie

LOCALE = Path(__file__).parent / "locale"
STATIC = Path(__file__).parent / "static"
DEFAULT = "en"
LANGUAGES = "/language/"
"""Below it one chooses: /language/de?next=/events"""
SCRIPT_TEXT = re.compile(r"\bt\(\s*(\"(?:[^\"\\]|\\.)*\")")
"""A call of the scripts' own t("...")."""
MINUTE_S, HOUR_S = 60.0, 3600.0


def marked(text: str) -> str:
    """Return `text`: marks a key of the catalogues that is looked up elsewhere."""
    return text


STATES = {
    AlarmState.NORMAL: (marked("Normal"), "good"),
    AlarmState.UNACKNOWLEDGED: (marked("Alarm"), "alarm"),
    AlarmState.ACKNOWLEDGED: (marked("Alarm, acknowledged"), "seen"),
    AlarmState.RETURNED: (marked("Gone, not acknowledged"), "warn"),
    AlarmState.SHELVED: (marked("Shelved"), "aside"),
    AlarmState.OUT_OF_SERVICE: (marked("Out of service"), "aside"),
    AlarmState.SUPPRESSED: (marked("Suppressed by design"), "aside"),
}
"""Text and style of an alarm's state."""
QUALITIES = {
    Quality.OK: marked("good"),
    Quality.GAP: marked("samples are missing"),
    Quality.SILENT: marked("silent: nothing is heard"),
    Quality.FLAT: marked("flat line: cable or converter"),
    Quality.CLIPPED: marked("overdriven"),
    Quality.ABSENT: marked("absent: the device is away"),
    Quality.DROPPED: marked("not judged: the box cannot keep up"),
    Quality.OFF: marked("not judged: the machine is off"),
    Quality.UNLEARNED: marked("good, but not judged: no bundle yet"),
}
"""Whether the input can be judged."""
OFF_CAUSES = {
    OffCause.LEVEL: marked("it is too quiet to be running"),
    OffCause.SCHEDULE: marked("by schedule"),
    OffCause.SIGNAL: marked("the plant's signal says so"),
    OffCause.SETTLING: marked("it has just started"),
}
"""Why a machine counts as off."""
MACHINE_OFF = marked("Suppressed: machine off")
"""State of an alarm that is suppressed because its machine is off."""
UNLEARNED = marked("Not judged yet")
"""State of an alarm that is suppressed because no bundle is live yet."""
TOO_QUIET = marked("not judged: too quiet")
"""The same of quality OFF while the machine does not count as off."""
KINDS = {
    SoundKind.KNOCK: marked("Knock"),
    SoundKind.RHYTHM: marked("Rhythm"),
    SoundKind.TONE: marked("Tone"),
    SoundKind.HISS: marked("Hiss"),
    SoundKind.LEVEL_RISE: marked("Louder"),
    SoundKind.LEVEL_DROP: marked("Softer"),
    SoundKind.MISSING: marked("Missing part"),
    SoundKind.DROPOUT: marked("Dropout"),
    SoundKind.CLIPPING: marked("Overdriven"),
    SoundKind.OTHER: marked("Other"),
}
"""What a sound would be called, in one word or two."""
RATINGS = {
    "anomaly": marked("Anomaly"),
    "no_anomaly": marked("No anomaly"),
    "unsure": marked("Unsure"),
}
"""What a person said of an event."""


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language, as the templates speak it."""

    language: str
    """Its code, as in `de`."""

    def __call__(self, text: str, **facts: object) -> str:
        """Return the text in this language, {names} filled in; English where it has no translation."""
        said = open_catalogue(self.language, LOCALE).gettext(text)
        return said.format(**facts) if facts else said

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number with this language's decimal separator; a dash when it is not known."""
        if value is None:
            return "\N{EN DASH}"
        return f"{value:.{digits}f}".replace(".", self.decimal_point).replace("-", "\N{MINUS SIGN}")

    def rare(self, per_day: float | None) -> str:
        """Return how often something is expected in a day; below a thousandth only that it is less."""
        if per_day is not None and per_day < 0.001:
            return f"< {self.number(0.001, 3)}"
        return self.number(per_day, 3 if per_day is None or per_day < 1.0 else 1)

    def duration(self, seconds: float | None) -> str:
        """Return how long something lasted, to a precision that a person needs."""
        if seconds is None:
            return self("goes on")
        if seconds < MINUTE_S:
            return f"{self.number(seconds, 1 if seconds < 10.0 else 0)} s"
        if seconds < HOUR_S:
            minutes, rest = divmod(round(seconds), 60)
            return f"{minutes} min {rest} s" if rest else f"{minutes} min"
        hours, rest = divmod(round(seconds / MINUTE_S), 60)
        return f"{hours} h {rest} min" if rest else f"{hours} h"

    def hertz(self, hz: float) -> str:
        """Return a frequency in Hz or kHz."""
        return f"{self.number(hz)} Hz" if hz < 1000.0 else f"{self.number(hz / 1000.0, 1)} kHz"

    def explained(self, explanation: Explanation | None) -> str:
        """Return what was heard as one sentence; something to read in any case."""
        if explanation is None:
            return self("No description was kept.")
        try:
            return sentence(explanation, self.language)
        except (CatalogueError, KeyError, ValueError):  # a plant's own catalogue may have a slip
            return sentence(explanation)

    @property
    def decimal_point(self) -> str:
        """What stands between a number and its fraction."""
        return open_catalogue(self.language).pgettext("decimal separator", ".")

    @property
    def own_name(self) -> str:
        """What the language calls itself."""
        return self("English")

    def state(self, state: AlarmState) -> str:
        """Return an alarm's state in words."""
        return self(STATES[state][0])

    def quality(self, quality: str | None) -> str:
        """Return an input's quality in words, by its value."""
        return self("not yet known") if quality is None else self(QUALITIES[Quality(quality)])

    def kind(self, kind: SoundKind) -> str:
        """Return a kind of sound in a word or two."""
        return self(KINDS[kind])

    def rating(self, rating: str) -> str:
        """Return what a person said of an event."""
        return self(RATINGS[rating])


def local(utc_s: float) -> datetime:
    """Return a time in the zone of this box."""
    return (datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=utc_s)).astimezone()


def day(utc_s: float) -> str:
    """Return the date of a time in the box's zone: the same in every language."""
    return f"{local(utc_s):%Y-%m-%d}"


def clock(utc_s: float) -> str:
    """Return the time of day in the box's zone."""
    return f"{local(utc_s):%H:%M:%S}"


def offset(utc_s: float) -> str:
    """Return how far the box's zone was from UTC at a time, as in +01:00."""
    text = f"{local(utc_s):%z}"
    return f"{text[:3]}:{text[3:5]}"


def rfc3339(utc_s: float) -> str:
    """Return a time for machines."""
    moment = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=utc_s)
    return f"{moment:%Y-%m-%dT%H:%M:%S}Z"


def tongue_of(request: HTTPConnection, choice: str) -> Tongue:
    """Return the language to answer in.

    What the reader has chosen in this browser; else `choice`, or with `auto` the first that the browser asks
    for.
    """
    known = languages(LOCALE)
    for chosen in (request.cookies.get(language_cookie(request)), choice):
        if chosen in known:
            return Tongue(chosen)
    for wanted in _wanted(request.headers.get("accept-language", "")):
        if wanted in known:
            return Tongue(wanted)
    return Tongue(DEFAULT)


def other_tongues(tongue: Tongue) -> list[Tongue]:
    """Return the languages that the page could speak too."""
    return [Tongue(language) for language in languages(LOCALE) if language != tongue.language]


def _wanted(header: str) -> list[str]:
    """Return the languages of an Accept-Language header without their countries, the most wanted first."""
    weighed: list[tuple[float, int, str]] = []
    for place, part in enumerate(header[:500].split(",")):
        name, _, weight = part.partition(";q=")
        try:
            share = float(weight) if weight else 1.0
        except ValueError:
            continue
        weighed.append((-share, place, name.strip().lower().partition("-")[0]))
    return [name for share, _, name in sorted(weighed) if share < 0]


@functools.lru_cache(maxsize=8)
def script_texts(language: str) -> dict[str, str]:
    """Return the texts of the scripts that differ in this language, by their English."""
    tongue = Tongue(language)
    found = {
        str(json.loads(text))
        for path in sorted(STATIC.glob("*.js"))
        for text in SCRIPT_TEXT.findall(path.read_text(encoding="utf-8"))
    }
    return {text: said for text in sorted(found) if (said := tongue(text)) != text}
