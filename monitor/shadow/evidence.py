"""Brings what shadow runs found to the store, in batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, replace

from monitor.errors import StoreError
from monitor.logs import Log
from monitor.shadow.disputes import Change
from monitor.shadow.sounds import DisputeSounds
from monitor.shadow.watch import Watch
from monitor.store import Store
from monitor.store.shadow import RunKey, ShadowRun, add_shadow, shadow_runs
from monitor.store.shadow_clips import Dispute, add_dispute, prolong_disputes


@dataclass(slots=True)
class _Open:
    """A dispute that is told and has not ended."""

    number: int
    dispute: Dispute
    is_kept: bool = True


class Evidence:
    """Belongs to the shadow thread."""

    def __init__(self, store: Store, sounds: DisputeSounds, log: Log) -> None:
        self._store = store
        self._sounds = sounds
        self._log = log
        self._open: dict[RunKey, _Open] = {}
        self._fails = False
        self.lost: Counter[str] = Counter()
        """Of each source the judged windows that the store did not take."""

    def keep(self, watches: Collection[Watch]) -> None:
        """Bring all that has come since the last call to the store; what it does not take is counted."""
        batch = {key: tally for watch in watches for key, tally in watch.taken().items()}
        try:
            if batch:
                add_shadow(self._store.database, batch)
            for watch in watches:
                self._keep_changes(watch)
            self._prolong()
        except StoreError as error:
            self.lost.update({key.source_id: tally.judged for key, tally in batch.items()})
            if not self._fails:  # once for each outage
                self._log.error("what candidates say is not stored", reason=str(error))
            self._fails = True
        else:
            self._fails = False

    def run_of(self, source_id: str, live_bundle_id: str, candidate: str) -> ShadowRun | None:
        """Return how far a run has come; None: it has not begun, or the store does not answer."""
        try:
            runs = shadow_runs(self._store.database, source_id, candidate=candidate)
        except StoreError:
            return None
        return next((run for run in runs if run.key.live_bundle_id == live_bundle_id), None)

    def forget(self, source_id: str) -> None:
        """Take it that a source's run has ended, and its disputes with it."""
        for key in [key for key in self._open if key.source_id == source_id]:
            del self._open[key]

    def _keep_changes(self, watch: Watch) -> None:
        while watch.changes:  # what the store does not take stays
            key, change, name = watch.changes[0]
            if change.is_new:
                self._begin(key, change, name)
                watch.changes[0] = key, replace(change, is_new=False), name
            elif key in self._open:
                self._open[key].dispute, self._open[key].is_kept = change.dispute, False
            if change.is_over:
                self._prolong()
                self._open.pop(key, None)
            watch.changes.popleft()

    def _begin(self, key: RunKey, change: Change, name: str | None) -> None:
        number = add_dispute(self._store.database, key, change.dispute)
        if number is None:
            return
        self._open[key] = _Open(number, change.dispute)
        self._log.info(
            "a candidate disputes what the live bundle says",
            source=key.source_id,
            candidate=key.candidate,
            alarmed=change.dispute.alarmed,
        )
        if name is not None:
            self._sounds.tell(key.source_id, name, number)

    def _prolong(self) -> None:
        grown = [one for one in self._open.values() if not one.is_kept]
        if grown:
            prolong_disputes(self._store.database, [(one.number, one.dispute) for one in grown])
        for one in grown:
            one.is_kept = True
