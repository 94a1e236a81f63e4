"""All that the metrics show, put together at the moment of asking from facts that other threads keep.

Nothing here waits for the daemon: the report is the last one that was told, an hour's trend is copied under
the book's lock, and sysfs belongs to the thread that serves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from engines.histogram import HistogramCounts
from engines.runtime import Engine
from monitor.config import Config
from monitor.hardware import SYSFS, Hardware, read_hardware
from monitor.health import HealthBook
from monitor.prepared import Prepared
from monitor.redaction import redacted_config
from monitor.report import Report
from monitor.roster import Roster
from monitor.trends import TrendSteps


@dataclass(frozen=True, slots=True)
class Identity:
    """What the configuration in force says of this box."""

    site: str
    """As configured."""
    box: str
    """As configured."""
    config_digest: str
    """Of the whole configuration, less its secrets: changes when the configuration does."""
    max_kept_bytes: int
    """store.max_bytes."""
    min_free_bytes: int
    """store.min_free_bytes."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """How one engine is getting on; it serves every source that has its bundle."""

    bundle_id: str
    """The bundle that it answers for."""
    backend: str
    """The library that answers, with its version, place and precision."""
    fell_back: bool
    """Whether `auto` had to pass over a better backend."""
    windows: int
    """Answered since it was opened."""
    call_times: HistogramCounts
    """Of each batch."""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything, at one moment."""

    identity: Identity
    """Who is speaking."""
    report: Report
    """As it was told last to systemd, status.json and MQTT."""
    trends: Mapping[str, TrendSteps | None]
    """The last hour of each source."""
    lags: Mapping[str, HistogramCounts]
    """From the end of a window's sound to its score, of each source."""
    engines: Sequence[EngineFacts]
    """One for each bundle."""
    hardware: Hardware
    """Heat and GPU."""


class Painter:
    """Makes scenes, for one thread, the metrics server's; a new configuration may come from another."""

    def __init__(
        self,
        config: Config,
        roster: Roster,
        book: HealthBook,
        last_report: Callable[[], Report | None],
        sysfs: Path = SYSFS,
    ) -> None:
        """`last_report` returns what was told last, without looking for newer: None, before the first."""
        self._identity = identity_of(config)
        self._roster = roster
        self._book = book
        self._last_report = last_report
        self._sysfs = sysfs

    def prepare(self, config: Config) -> Prepared:
        """Return what lets the next scene know a configuration that was read again."""
        identity = identity_of(config)

        def apply() -> None:
            self._identity = identity

        return Prepared(apply)

    def scene(self) -> Scene | None:
        """Return everything as it is now; None: the daemon has told nothing yet."""
        report = self._last_report()
        if report is None:
            return None
        ids = [facts.capture.source_id for facts in report.sources]
        return Scene(
            identity=self._identity,
            report=report,
            trends={source_id: self._book.trend(source_id) for source_id in ids},
            lags={source_id: self._book.lags(source_id) for source_id in ids},
            engines=[_facts_of(engine) for engine in self._roster.engines],
            hardware=read_hardware(self._sysfs),
        )


def identity_of(config: Config) -> Identity:
    """Return what the metrics say of the configuration."""
    settings = json.dumps(redacted_config(config), sort_keys=True)
    digest = hashlib.sha256(settings.encode()).hexdigest()
    return Identity(
        site=config.site,
        box=config.box,
        config_digest=digest[:12],
        max_kept_bytes=config.store.max_bytes,
        min_free_bytes=config.store.min_free_bytes,
    )


def _facts_of(engine: Engine) -> EngineFacts:
    return EngineFacts(
        bundle_id=engine.bundle.bundle_id,
        backend=engine.backend,
        fell_back=bool(engine.fallback),
        windows=engine.windows,
        call_times=engine.call_times.counts(),
    )
