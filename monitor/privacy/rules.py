"""Says what may be stored of each source's sound: as is configured now, and as was when it was heard.

Of two rules the stricter one counts: for sound that was heard under one and is written under the other, and
while a reload is being looked into, so that no stricter rule is answered "done" before it is kept.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from monitor.band_pass import LEAST_WIDTH_HZ
from monitor.config import SourceConfig, StoreConfig

IN_BUFFERS_S = 2.0
"""Sound that was heard and has not come to the clips yet, in the buffers of a card and of a stream."""
REMEMBERED = 8
"""Earlier rules of a source that are told apart; those before count together, as long as the last of them."""
TREATMENTS = ("keep", "blur", "withhold")
"""Of speech, the strictest last."""

OwnKeys = tuple[Literal["flagged", "never"] | None, Literal["keep", "blur", "withhold"] | None]
"""A source's own `audio` and `speech`; None: it has not."""


@dataclass(frozen=True, slots=True)
class _Earlier:
    """A rule that was in force once."""

    until_s: float
    """Stream time up to which sound was heard under it."""
    rules: StoreConfig
    """What might be stored then."""


class SoundRules:
    """What may be stored of each source. Any thread may ask; a change is whole or not there."""

    def __init__(self, config: StoreConfig, sources: Iterable[SourceConfig]) -> None:
        """Begin with what is configured; nothing was heard under another rule."""
        self._changing = threading.Lock()
        self._config = config
        self._own = _own_keys(sources)
        self._coming: tuple[StoreConfig, Mapping[str, OwnKeys]] | None = None
        self._leavers: frozenset[str] = frozenset()
        self._earlier: dict[str, tuple[_Earlier, ...]] = {}

    def of(self, source_id: str, since_s: float) -> StoreConfig:
        """Return what may be stored of sound that was heard from stream time `since_s` on.

        Of a source that is not known, the least that there is.
        """
        with self._changing:
            own = self._own.get(source_id)
            if own is None:
                return self._config.for_source("never", "withhold")
            rules = self._config.for_source(*own)
            if self._coming is not None:
                config, coming = self._coming
                rules = stricter(rules, config.for_source(*coming.get(source_id, own)))
            for earlier in self._earlier.get(source_id, ()):
                if since_s < earlier.until_s:
                    rules = stricter(rules, earlier.rules)
            return rules

    def expect(self, config: StoreConfig, sources: Iterable[SourceConfig]) -> None:
        """Let what may come into force count too, where it is stricter, until `reconfigure` or `forget`."""
        with self._changing:
            self._coming = config, _own_keys(sources)

    def forget(self) -> None:
        """What was expected does not come."""
        with self._changing:
            self._coming = None

    def reconfigure(
        self, config: StoreConfig, sources: Iterable[SourceConfig], heard_s: Mapping[str, float]
    ) -> None:
        """Let other rules count for what is heard from now on; `heard_s`: how far each source was heard.

        A source that leaves keeps its own keys until the change after this one: its last clips are written.
        """
        with self._changing:
            new = _own_keys(sources)
            before, was = self._config, self._own
            stay = {name: own for name, own in was.items() if name not in self._leavers or name in new}
            back = self._leavers & set(new)
            self._leavers = frozenset(stay) - set(new)
            self._config, self._own, self._coming = config, {**stay, **new}, None
            earlier = {}
            for name, own in stay.items():
                if name in back:  # its stream begins anew
                    continue
                old = before.for_source(*own)
                kept = self._earlier.get(name, ())
                if _privacy_of(old) != _privacy_of(config.for_source(*self._own[name])):
                    kept = _with(kept, _Earlier(heard_s.get(name, 0.0) + IN_BUFFERS_S, old))
                earlier[name] = kept
            self._earlier = earlier


def stricter(one: StoreConfig, other: StoreConfig) -> StoreConfig:
    """Return `one`, storing no more of sound than `other` lets: what either takes out is taken out."""
    band_hz, stop_hz = one.clip_band_hz or other.clip_band_hz, one.clip_stop_hz or other.clip_stop_hz
    never = "never" in (one.audio, other.audio)
    if one.clip_band_hz and other.clip_band_hz:
        band_hz = (
            max(one.clip_band_hz[0], other.clip_band_hz[0]),
            min(one.clip_band_hz[1], other.clip_band_hz[1]),
        )
        if band_hz[1] - band_hz[0] < LEAST_WIDTH_HZ:  # nothing is left that both let pass
            band_hz, never = one.clip_band_hz, True
    if one.clip_stop_hz and other.clip_stop_hz:  # what lies between two bands goes with them
        stop_hz = (
            min(one.clip_stop_hz[0], other.clip_stop_hz[0]),
            max(one.clip_stop_hz[1], other.clip_stop_hz[1]),
        )
    return one.model_copy(
        update={
            "audio": "never" if never else one.audio,
            "speech": max(one.speech, other.speech, key=TREATMENTS.index),
            "speech_threshold": min(one.speech_threshold, other.speech_threshold),
            "clip_band_hz": band_hz,
            "clip_stop_hz": stop_hz,
        }
    )


def _privacy_of(rules: StoreConfig) -> tuple[object, ...]:
    return rules.audio, rules.speech, rules.speech_threshold, rules.clip_band_hz, rules.clip_stop_hz


def _own_keys(sources: Iterable[SourceConfig]) -> dict[str, OwnKeys]:
    return {source.id: (source.audio, source.speech) for source in sources}


def _with(kept: tuple[_Earlier, ...], one: _Earlier) -> tuple[_Earlier, ...]:
    kept = (*kept, one)
    if len(kept) <= REMEMBERED:
        return kept
    first, second, *others = kept
    both = _Earlier(max(first.until_s, second.until_s), stricter(first.rules, second.rules))
    return (both, *others)
