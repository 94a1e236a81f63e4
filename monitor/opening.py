"""Opens what a daemon goes on with: its store, and the machines with their bundles and alarms."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from monitor.bundles.choice import is_managed
from monitor.bundles.library import Library
from monitor.bundles.trail import note_bundles, record_changes
from monitor.config import Config
from monitor.logs import Log
from monitor.machine import Machine, open_machines
from monitor.notify import Notifier
from monitor.starting import StartReport
from monitor.store import Store, open_store
from monitor.timekeeper import Timekeeper, open_clock


def open_what_is_kept(
    config: Config, notifier: Notifier, log: Log
) -> tuple[Store, Sequence[Machine], Timekeeper]:
    """Open the store and the models, which may take their time: systemd is told what is going on.

    How the clock stands is noted before anything else is stored.

    Raises:
        CodedError: One of them is refused.
    """
    with contextlib.closing(StartReport(notifier, config.state_dir, log)) as report:
        store = open_store(config.state_dir, say=report.say)
        if store.recovered_from is not None:
            log.error("the store was damaged; a new one was begun", old=str(store.recovered_from))
        timekeeper = Timekeeper(store, log, clock=open_clock(store, trusted=config.clock == "trusted"))
        report.say("opening the models and their engines")  # a GPU may take its time even with a plan
        machines = open_machines(config, store.alarm_snapshots(), say=report.say)
    for source in config.sources:
        if is_managed(source):
            record_changes(store, Library(config.state_dir, source.id), log)
    note_bundles(store, machines, log, why="started")
    for machine in machines:
        if machine.engine is None:
            log.warning("not judged: no bundle is live yet, learn and promote one", source=machine.source_id)
        elif machine.engine.fallback:
            log.warning(
                "a better backend does not answer",
                source=machine.source_id,
                backend=machine.engine.backend,
                reason=machine.engine.fallback,
            )
    return store, machines, timekeeper
