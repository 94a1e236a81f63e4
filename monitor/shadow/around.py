"""What a shadow run has to do with beyond itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from monitor.config import Config
from monitor.roster import Roster
from monitor.shadow.facts import ShadowFacts
from monitor.shadow.policy import Found
from monitor.shadow.sounds import DisputeSounds
from monitor.store import Store


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The parts of a daemon that a shadow run has to do with."""

    roster: Roster
    """Knows the live bundles."""
    store: Store
    """Keeps what is found."""
    sounds: DisputeSounds
    """Has the sound of disputes written."""
    live_waiting: Callable[[], int]
    """Returns how many windows wait for a live bundle."""
    verdict: Callable[[str, str], Found | None]
    """Returns the last verdict on a source's candidate."""
    tell: Callable[[Mapping[str, ShadowFacts]], None]
    """Is told how each source's candidate is getting on."""
    config_now: Callable[[], Config]
    """Returns the configuration that is in force."""
