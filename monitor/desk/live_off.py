"""What takes the sections `off` of the sources while the daemon runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from monitor.config import Config
from monitor.machine import Machine
from monitor.off import SignalBoard
from monitor.prepared import Prepared


def off_part(
    machines: Iterable[Machine], signals: SignalBoard, follow: Callable[[], None]
) -> Callable[[Config], Prepared]:
    """Return the reloader's part; `follow` subscribes to the topics that `signals` then has."""

    def prepare(config: Config) -> Prepared:
        sections = {source.id: source.off for source in config.sources}

        def apply() -> None:
            signals.configure(sections)
            for machine in machines:
                machine.off.configure(sections.get(machine.source_id))
            follow()

        return Prepared(apply)

    return prepare
