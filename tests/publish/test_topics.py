from __future__ import annotations

import pytest

from monitor.operators import WHOLE_BOX
from monitor.publish.topics import TOPICS, command_filters, source_of_command


def test_the_table_is_the_published_one() -> None:
    table = {kind: (rule.topic("p", "s"), rule.qos, rule.retain) for kind, rule in TOPICS.items()}
    assert table == {
        "status": ("p/status", 1, True),
        "health": ("p/s/health", 1, True),
        "score": ("p/s/score", 0, False),
        "map": ("p/s/map", 0, False),
        "alarm": ("p/s/alarm", 1, True),
        "event": ("p/s/event", 1, False),
        "command": ("p/s/command", 1, False),
        "reply": ("p/s/reply", 1, False),
    }


@pytest.mark.parametrize(
    ("topic", "source_id"),
    [
        ("a/b/pump.1/command", "pump.1"),
        ("a/b/command", WHOLE_BOX),
        ("a/b//command", None),
        ("a/b/x/y/command", None),
        ("a/b/pump/event", None),
        ("other/pump/command", None),
        ("a/b/pump/command/more", None),
    ],
)
def test_a_command_topic_names_its_source_and_others_none(topic: str, source_id: str | None) -> None:
    assert source_id == source_of_command("a/b", topic)


def test_what_is_about_the_whole_box_has_no_source_in_its_topic() -> None:
    assert ("p/command", "p/reply") == (TOPICS["command"].topic("p"), TOPICS["reply"].topic("p"))


def test_the_subscriptions_take_each_sources_commands_and_the_boxs() -> None:
    assert command_filters("a/b") == ("a/b/+/command", "a/b/command")
