"""What follows the judging of a window and changes no verdict: drift, the candidates, and the policy.

judging thread   hands over each window that was judged
drift thread     counts of normal scores -> store; a day -> what has moved
shadow thread    candidates judge beside the live bundles -> store
policy thread    is a candidate better -> the command that promotes it
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from monitor.config import Config
from monitor.drift.watch import DriftWatch
from monitor.health import HealthBook
from monitor.logs import Log
from monitor.pipeline import Pipeline
from monitor.roster import Roster
from monitor.shadow.around import Surroundings
from monitor.shadow.policy import Policy, Promote
from monitor.shadow.shadow import Shadow
from monitor.shadow.sounds import DisputeSounds
from monitor.store import Store
from monitor.supervisor import Supervisor, Task, idle_task


@dataclass(frozen=True, slots=True)
class Ties:
    """What the followers have to do with beyond themselves."""

    roster: Roster
    """Knows the live bundles, and whose windows come."""
    store: Store
    """Keeps what is found."""
    book: HealthBook
    """Is told what is found."""
    sounds: DisputeSounds
    """Has the sound of disputes written."""
    live_waiting: Callable[[], int]
    """Returns how many windows wait for a live bundle."""
    config_now: Callable[[], Config]
    """Returns the configuration that is in force."""
    is_dated: Callable[[], bool]
    """Whether the box knows the time."""
    promote: Promote
    """Hands in the policy's command."""


class Followers:
    """Made and ended by the main thread."""

    def __init__(self, config: Config, ties: Ties, log: Log) -> None:
        """Start nothing yet: `start` does."""
        self._drift = DriftWatch(
            ties.roster,
            ties.store,
            ties.config_now,
            log,
            tell=ties.book.note_drift,
            is_dated=ties.is_dated,
        )
        self._policy = Policy(ties.config_now, lambda: self.shadow.facts, ties.promote, log)
        around = Surroundings(
            ties.roster,
            ties.store,
            ties.sounds,
            live_waiting=ties.live_waiting,
            verdict=self._policy.found,
            tell=ties.book.note_shadows,
            config_now=ties.config_now,
        )
        self.shadow = Shadow(config, around, log)
        """The candidates of all sources."""
        self._drifting: list[Task] = []
        self._deciding: list[Task] = []

    def follow(self, pipeline: Pipeline) -> None:
        """Have every window that `pipeline` judges handed over."""
        pipeline.have_followed(self._drift.note)
        pipeline.have_followed(self.shadow.hear)

    def start(self, supervisor: Supervisor, wait_s: float) -> None:
        """Start the three threads; each waits `wait_s` at a time for something to do."""
        drifting = idle_task("drift", self._drift, wait_s, last=self._drift.finish)
        self._drifting = [supervisor.start(drifting)]
        self.shadow.start(supervisor, wait_s)
        self._deciding = [supervisor.start(idle_task("policy", self._policy, wait_s))]

    def look_again(self, source_id: str) -> None:
        """Have a source's normal sound looked into anew, for somebody has said something of it; at once."""
        self._drift.look_again(source_id)

    def stop_deciding(self, supervisor: Supervisor, timeout_s: float) -> list[str]:
        """Have no more commands handed in; return the name of the policy's thread if it is still busy."""
        return supervisor.stop(self._deciding, timeout_s)

    def stop(self, supervisor: Supervisor, timeout_s: float) -> list[str]:
        """Keep what was found, when nothing is judged any more; return the names of those still busy.

        Each of the two threads has `timeout_s`. Sound of disputes goes to the keeper, which ends after this.
        """
        busy = self.shadow.stop(supervisor, timeout_s)
        return busy + supervisor.stop(self._drifting, timeout_s)
