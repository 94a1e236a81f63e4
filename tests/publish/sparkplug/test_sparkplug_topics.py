from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sparkplug_oracle import pysparkplug

from monitor.errors import SparkplugError
from monitor.publish.sparkplug.topics import MAX_ID_BYTES, EdgeNode, Verb, check_id, host_topic, id_from_name

NODE = EdgeNode("mill", "box1")


@pytest.mark.parametrize("verb", list(Verb))
def test_topics_are_those_an_independent_implementation_has(verb: Verb) -> None:
    device_id = "pump" if verb.value.startswith("D") else None
    topic = NODE.topic(verb, device_id)
    theirs = pysparkplug.Topic.from_str(topic)
    assert topic == str(theirs)
    assert ("mill", "box1", device_id, verb.value) == (
        theirs.group_id,
        theirs.edge_node_id,
        theirs.device_id,
        theirs.message_type.value,
    )


def test_the_hosts_topic_is_that_of_version_3() -> None:
    assert host_topic("scada") == "spBv1.0/STATE/scada"


@pytest.mark.parametrize("text", ["", "a/b", "a+b", "#", "a\0b", "a\nb", "\ud800", "x" * (MAX_ID_BYTES + 1)])
def test_an_id_that_cannot_stand_in_a_topic_is_refused(text: str) -> None:
    for make in (
        lambda: EdgeNode(text, "box"),
        lambda: EdgeNode("mill", text),
        lambda: NODE.topic(Verb.DDATA, text),
        lambda: host_topic(text),
    ):
        with pytest.raises(SparkplugError, match="id"):
            make()


@pytest.mark.parametrize(("verb", "device_id"), [(Verb.NDATA, "pump"), (Verb.DDATA, None)])
def test_a_verb_is_for_the_node_or_for_devices(verb: Verb, device_id: str | None) -> None:
    with pytest.raises(SparkplugError, match="is not for"):
        NODE.topic(verb, device_id)


@given(name=st.text(min_size=1, max_size=20))
@settings(deadline=None)
def test_any_name_becomes_an_id(name: str) -> None:
    assert id_from_name(name) == check_id("id", id_from_name(name))


@given(names=st.lists(st.text("+/#%2BF\0é", min_size=1, max_size=6), min_size=2, max_size=2, unique=True))
@settings(deadline=None)
def test_different_names_become_different_ids(names: list[str]) -> None:
    assert id_from_name(names[0]) != id_from_name(names[1])


def test_a_plain_name_is_its_own_id() -> None:
    assert id_from_name("Hall 3 - pump.1_é") == "Hall 3 - pump.1_é"
    assert id_from_name("a/b+c#%") == "a%2Fb%2Bc%23%25"
