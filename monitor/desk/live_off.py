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
    """Return the reloader's part, to come after the one that sees leavers off.

    `follow` subscribes to the topics that `signals` then has.
    """

    def prepare(config: Config) -> Prepared:
        sections = {source.id: source.off for source in config.sources}

        def apply() -> None:
            # a source that leaves is judged until its last sound has been: as off as it is
            leaving = {one.source_id: one.off.section for one in machines if one.source_id not in sections}
            signals.configure({**sections, **leaving})
            for machine in machines:
                if machine.source_id in sections:
                    machine.off.configure(sections[machine.source_id])
            follow()

        def forget_leavers() -> None:
            signals.configure(sections)
            follow()

        return Prepared(apply, forget_leavers)

    return prepare
