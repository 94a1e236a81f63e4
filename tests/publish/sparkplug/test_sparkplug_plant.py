"""Random lives of a node between two brokers and a host: nothing that is forbidden, and nothing lost."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping

import pytest
from hypothesis import HealthCheck, settings
from sparkplug_chance import live_at_random
from sparkplug_lives import Plant

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.actions import Publish
from monitor.publish.sparkplug.composer import Composer
from monitor.publish.sparkplug.history import History
from monitor.publish.sparkplug.payload import Metric
from monitor.publish.sparkplug.phase import Phase
from monitor.publish.sparkplug.roster import Roster
from monitor.publish.sparkplug.session import Session
from monitor.publish.sparkplug.tags import Reading, TagSet
from monitor.publish.sparkplug.topics import Verb

LIVES = int(os.environ.get("WHEELTAPPER_PLANTS", "25"))
RANDOM_LIVES, RANDOM_STEPS = 1_000, 200

Plant.TestCase.settings = settings(
    max_examples=LIVES,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
TestPlant = Plant.TestCase


def test_a_thousand_random_lives_break_no_rule_and_lose_no_event() -> None:
    """Cut lines, restarts in order and by kill -9, hosts that come and go, rebirths, lost microphones."""
    heard: Counter[str] = Counter()
    for seed in range(RANDOM_LIVES):
        try:
            heard += live_at_random(seed, RANDOM_STEPS).host.strict.counts
        except Exception as error:
            raise AssertionError(f"life {seed} of {RANDOM_STEPS} steps went wrong") from error
    # what nobody did proves nothing
    assert {verb: count for verb, count in heard.items() if count < RANDOM_LIVES} == {}


def skip_a_seq(composer: Composer, device_id: str, now_ms: int) -> Publish:
    composer._seq += 1
    return composer._message(Verb.DDEATH, device_id, (), now_ms)


def as_if_now(tags: TagSet, values: Mapping[str, Reading], at_ms: int) -> tuple[Metric, ...]:
    return tuple(tags._metric(name, reading, at_ms, quality=None) for name, reading in values.items())


def live_sixty_times() -> None:
    for seed in range(60):
        live_at_random(seed, RANDOM_STEPS)


@pytest.mark.parametrize(
    ("owner", "name", "broken"),
    [
        (Composer, "ddeath", skip_a_seq),
        (Composer, "nbirth", lambda composer, metrics, ms: composer._message(Verb.NBIRTH, None, metrics, ms)),
        (TagSet, "past", as_if_now),
        (TagSet, "is_past", lambda _tags, _values, _at_ms: False),
        (History, "take_back", lambda history, _from_number=0: history._under_way.clear()),
        (History, "give_back", lambda _history, _is_alive: ()),
        (Session, "_speaks_for", lambda session, _device_id: session.phase is Phase.BORN),
        (Session, "failed", lambda _session, _number, _now: []),
        (Roster, "lose", lambda roster, device_id: roster._alive.discard(device_id)),
    ],
    ids=[
        "gap",
        "birth-not-0",
        "not-historical",
        "told-again-as-now",
        "lost",
        "starved",
        "before-birth",
        "gap-not-told",
        "death-not-told",
    ],
)
def test_a_node_that_breaks_a_rule_is_found(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, broken: object
) -> None:
    monkeypatch.setattr(owner, name, broken)
    with pytest.raises((AssertionError, SparkplugError)):
        live_sixty_times()
