"""A real Mosquitto starts with the files of docs/examples, and keeps everybody to what is theirs."""

from __future__ import annotations

import contextlib
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as mqtt
import pytest
from fixtures_mosquitto import LEAST_S, MOSQUITTO, Mosquitto, end_thread, eventually
from paho.mqtt.enums import CallbackAPIVersion

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.homeassistant import birth_topic, discovery_topic
from monitor.publish.sparkplug.topics import EdgeNode, Verb, host_topic
from monitor.publish.topics import TOPICS, command_filters
from monitor.publish.walk import walk_to_broker

EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
BOX1 = "wheeltapper/plant/box1"
NODE = EdgeNode("plant", "box1")
PASSWORD = "of-the-plant"  # noqa: S105 - the test's own


class ExampleBroker(Mosquitto):
    """The broker of the example, with this machine's folders in place of the plant's."""

    def __init__(self, folder: Path, certificates: Path) -> None:
        super().__init__(folder)
        (folder / "mosquitto.acl").write_bytes((EXAMPLES / "mosquitto.acl").read_bytes())
        passwords = folder / "passwords"
        passwords.touch(mode=0o600)
        (folder / "mosquitto.acl").chmod(0o600)
        for user in ("box1", "scada", "telegraf"):
            command = ["mosquitto_passwd", "-b", str(passwords), user, PASSWORD]
            subprocess.run(command, check=True, capture_output=True)
        text = (EXAMPLES / "mosquitto.conf").read_text(encoding="utf-8")
        for named, real in {
            "listener 8883": f"listener {self.port} 127.0.0.1",
            "/etc/mosquitto/plant-ca.pem": str(certificates / "ca.pem"),
            "/etc/mosquitto/broker": str(certificates / "broker"),
            "/etc/mosquitto/": f"{folder}/",
            "/var/lib/mosquitto/": f"{folder}/",
        }.items():
            assert named in text
            text = text.replace(named, real)
        self._config.write_text(f"user root\n{text}")


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[ExampleBroker]:
    if MOSQUITTO is None:
        pytest.skip("mosquitto is not installed")
    made = ExampleBroker(tmp_path_factory.mktemp("example"), certificates)
    made.start()
    yield made
    made.kill()


class User:
    """A client that subscribes to everything and hears what it is allowed to hear."""

    def __init__(self, broker: Mosquitto, certificates: Path, name: str) -> None:
        self.heard: set[str] = set()
        self._subscribed = threading.Event()
        self._client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=f"example-{name}")
        self._client.username_pw_set(name, PASSWORD)
        self._client.tls_set(str(certificates / "ca.pem"))
        self._client.on_subscribe = lambda *_details: self._subscribed.set()
        self._client.on_message = lambda _client, _data, message: self.heard.add(message.topic)
        self._client.connect("localhost", broker.port)
        self._client.loop_start()
        self._client.subscribe("#", qos=1)
        assert self._subscribed.wait(LEAST_S)

    def send(self, topic: str) -> None:
        """Publish, and wait until the broker has let it through, or has dropped it without a word."""
        self._client.publish(topic, b"x", qos=1).wait_for_publish(LEAST_S)

    def close(self) -> None:
        self._client.disconnect()
        end_thread(self._client)


@pytest.fixture(scope="module")
def users(broker: Mosquitto, certificates: Path) -> Iterator[dict[str, User]]:
    found = {name: User(broker, certificates, name) for name in ("box1", "scada", "telegraf")}
    yield found
    for user in found.values():
        user.close()


OURS = [rule.topic(BOX1, "pump") for kind, rule in TOPICS.items() if rule.direction == "out"]
ORDERS = [*command_filters(BOX1)]
BORN = [NODE.topic(verb) for verb in (Verb.NBIRTH, Verb.NDATA, Verb.NDEATH)]
BORN += [NODE.topic(verb, "pump") for verb in (Verb.DBIRTH, Verb.DDATA, Verb.DDEATH)]
WRITTEN = [NODE.topic(Verb.NCMD), NODE.topic(Verb.DCMD, "pump"), host_topic("scada")]


@pytest.mark.broker
@pytest.mark.parametrize(
    ("writer", "topics", "readers"),
    [
        ("box1", OURS, {"box1", "scada", "telegraf"}),
        ("scada", [one.replace("+", "pump") for one in ORDERS], {"box1", "scada", "telegraf"}),
        ("box1", BORN, {"scada"}),
        ("scada", WRITTEN, {"box1", "scada"}),
        ("box1", [discovery_topic("homeassistant", BOX1, "pump")], set()),
        ("box1", [one.replace("box1", "box2") for one in OURS + BORN], set()),
        ("box1", [host_topic("scada"), NODE.topic(Verb.NCMD), birth_topic("homeassistant")], set()),
        ("scada", [*OURS, *BORN, host_topic("other")], set()),
        ("telegraf", [*OURS, *BORN, *WRITTEN, "wheeltapper/plant/box1/pump/command"], set()),
    ],
    ids=[
        "box-tells", "scada-commands", "box-is-born", "scada-writes", "introduced-to-nobody-here",
        "box-as-another", "box-as-host", "scada-as-box", "telegraf-writes",
    ],
)  # fmt: skip
def test_the_access_list_lets_each_user_do_this_and_no_more(
    users: dict[str, User], writer: str, topics: list[str], readers: set[str]
) -> None:
    for user in users.values():
        user.heard.clear()
    for topic in topics:
        users[writer].send(topic)
    expected = {name: set(topics) if name in readers else set() for name in users}
    with contextlib.suppress(AssertionError):  # waits no longer than what is allowed takes to come
        eventually(lambda: expected == {name: user.heard for name, user in users.items()})
    time.sleep(0.1)  # and what is not allowed would be here by now, too
    assert expected == {name: user.heard for name, user in users.items()}


@pytest.mark.broker
def test_a_box_gets_in_by_tls_with_its_password_and_by_no_other_way(
    broker: ExampleBroker, certificates: Path, tmp_path: Path
) -> None:
    (tmp_path / "password").write_text(PASSWORD)
    login = {"username": "box1", "password_file": tmp_path / "password"}
    keys = {"host": "localhost", "port": broker.port, "tls": True, "ca_file": certificates / "ca.pem"}
    steps = [step.name for step in walk_to_broker(MqttConfig.model_validate({**keys, **login}), BOX1)]
    assert ["files", "name", "line", "encryption", "login", "subscribe", "publish"] == steps
    with pytest.raises(PublishError, match="login: the broker refuses us without a user name"):
        list(walk_to_broker(MqttConfig.model_validate(keys), BOX1))


@pytest.mark.broker
def test_the_example_takes_nothing_older_than_tls_1_2(broker: ExampleBroker, certificates: Path) -> None:
    context = ssl.create_default_context(cafile=certificates / "ca.pem")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # old TLS is what this is about
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")  # so that it is the broker who refuses
    with socket.create_connection(("localhost", broker.port)) as line, pytest.raises(ssl.SSLError) as refusal:
        context.wrap_socket(line, server_hostname="localhost")
    assert "TLSV1_ALERT_PROTOCOL_VERSION" == refusal.value.reason
