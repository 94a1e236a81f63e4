"""The example for Node-RED is a flow that hangs together, and its functions do what the page needs."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from monitor.publish.commands import parse_command
from monitor.publish.examples import EXAMPLES
from monitor.publish.topics import TOPICS

FLOW_PATH = Path(__file__).resolve().parents[2] / "docs" / "examples" / "node-red-alarms.json"
FLOW: list[dict[str, Any]] = json.loads(FLOW_PATH.read_text(encoding="utf-8"))
NODES = {node["id"]: node for node in FLOW}
NODE = shutil.which("node")
PREFIX = "wheeltapper/plant/box1"
ALARM: dict[str, Any] = {"topic": f"{PREFIX}/pump/alarm", "payload": EXAMPLES["alarm"]()}
PLAY = """
const [functions, calls] = JSON.parse(require("fs").readFileSync(0, "utf8"));
const kept = {};
const flow = {get: (key) => kept[key], set: (key, value) => { kept[key] = value; }};
const answers = calls.map(([id, msg]) => new Function("msg", "flow", functions[id])(msg, flow));
console.log(JSON.stringify(answers));
"""
"""Node-RED runs the text of a function node as the body of a function, with the flow's memory beside it."""


def played(*calls: tuple[str, dict[str, Any]]) -> list[Any]:
    """What the function nodes return, called one after the other in Node.js with one memory."""
    if NODE is None:
        pytest.skip("node (Node.js) is not installed")
    functions = {node["id"]: node["func"] for node in FLOW if node["type"] == "function"}
    done = subprocess.run(
        [NODE, "-e", PLAY], input=json.dumps([functions, calls]), capture_output=True, text=True, check=False
    )
    assert (0, "") == (done.returncode, done.stderr)
    answers = json.loads(done.stdout)
    assert isinstance(answers, list)
    return answers


def rows_after(*calls: tuple[str, dict[str, Any]]) -> list[dict[str, Any]]:
    rows = played(*calls, ("wt-rows", {}))[-1]["payload"]["rows"]
    assert isinstance(rows, list)
    return rows


def test_every_wire_leads_to_a_node_and_every_node_is_reached() -> None:
    assert len(FLOW) == len(NODES)
    wired = [(node, outputs) for node in FLOW for outputs in node.get("wires", [])]
    reached = {target for _, outputs in wired for target in outputs}
    assert reached <= set(NODES)
    begins = {node["id"] for node in FLOW if node["type"] in {"mqtt in", "http in", "tab", "mqtt-broker"}}
    assert set(NODES) == reached | begins
    assert not reached & begins
    for node in FLOW:
        if node["type"] == "function":
            assert node["outputs"] == len(node["wires"])
        if "broker" in node and node["type"].startswith("mqtt "):
            assert "mqtt-broker" == NODES[node["broker"]]["type"]
        if "z" in node:
            assert "tab" == NODES[node["z"]]["type"]


def test_only_nodes_that_every_node_red_has_are_used() -> None:
    core = {
        "tab",
        "mqtt-broker",
        "mqtt in",
        "mqtt out",
        "function",
        "template",
        "debug",
        "http in",
        "http response",
    }
    assert {node["type"] for node in FLOW} <= core


def test_it_listens_to_our_topics_and_parses_what_is_json() -> None:
    listened = {node["topic"]: node for node in FLOW if node["type"] == "mqtt in"}
    ours = {TOPICS[kind].topic("wheeltapper/+/+", "+") for kind in ("alarm", "status", "reply")}
    assert ours == set(listened)
    # not "json": that makes an error of the empty payload by which a topic is cleared
    assert {"auto-detect"} == {node["datatype"] for node in listened.values()}


def test_nobody_is_kept_from_setting_the_broker_by_a_login_in_the_file() -> None:
    assert [] == [node["id"] for node in FLOW if "credentials" in node]


def test_an_alarm_becomes_a_row_with_all_that_the_page_shows() -> None:
    (row,) = rows_after(
        ("wt-remember", ALARM), ("wt-boxes", {"topic": f"{PREFIX}/status", "payload": {"state": "online"}})
    )
    document = EXAMPLES["alarm"]()
    assert ("pump", document["state"], "1.31", "online", True) == tuple(
        row[key] for key in ("source", "state", "peak", "box_state", "waits")
    )
    assert document["explanation"]["text"] == row["heard"]
    wanted = set(re.findall(r"{{(?:[#/]payload\.\w+)?(\w*)}}", NODES["wt-page"]["template"])) - {""}
    assert wanted - {"source", "action", "result", "reason"} <= set(row)


def test_what_needs_somebody_stands_first_and_a_cleared_source_goes() -> None:
    calm = {**EXAMPLES["alarm"](), "state": "normal", "explanation": None, "peak": None}
    calls = [
        ("wt-remember", {"topic": f"{PREFIX}/fan/alarm", "payload": calm}),
        ("wt-remember", ALARM),
        ("wt-remember", {"topic": f"{PREFIX}/gear/alarm", "payload": calm}),
    ]
    assert [("pump", True), ("fan", False), ("gear", False)] == [
        (row["source"], row["waits"]) for row in rows_after(*calls)
    ]
    gone = ("wt-remember", {"topic": f"{PREFIX}/fan/alarm", "payload": ""})
    assert ["pump", "gear"] == [row["source"] for row in rows_after(*calls, gone)]


def test_the_button_gives_a_command_that_we_take_for_the_event_that_was_shown() -> None:
    pressed = {"key": f"{PREFIX}/pump", "event_id": ALARM["payload"]["event_id"], "actor": " anna "}
    press = ("wt-command", {"payload": pressed, "res": "kept"})
    first, second = played(("wt-remember", ALARM), press, press)[1:]
    sent, answer = first
    assert TOPICS["command"].topic(PREFIX, "pump") == sent["topic"]
    assert (1, False) == (sent["qos"], sent["retain"])
    command = parse_command(sent["payload"].encode())
    assert ("acknowledge", "anna", pressed["event_id"]) == (command.action, command.actor, command.event_id)
    assert command.id != parse_command(second[0]["payload"].encode()).id
    assert (303, "kept") == (answer["statusCode"], answer["res"])


@pytest.mark.parametrize(
    "wrong", [{"key": "other/topic", "actor": "anna"}, {"key": f"{PREFIX}/pump", "actor": " "}, {}]
)
def test_a_press_that_names_no_alarm_or_nobody_sends_nothing(wrong: dict[str, str]) -> None:
    sent, answer = played(("wt-remember", ALARM), ("wt-command", {"payload": wrong}))[1]
    assert (None, 400) == (sent, answer["statusCode"])
