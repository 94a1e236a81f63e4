"""`wheeltapper check --mqtt` gets to a real broker, or names the step at which it is refused."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_mosquitto import Mosquitto, Recorder, free_port
from publish_certificates import sign_outdated, tls_lines

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.sparkplug.topics import EdgeNode
from monitor.publish.walk import walk_for_sparkplug, walk_to_broker

PREFIX = "wheeltapper/plant/box1"
ACCESS_LIST = Path(__file__).resolve().parents[2] / "docs" / "examples" / "mosquitto.acl"


def config(port: int, **keys: object) -> MqttConfig:
    return MqttConfig.model_validate({"host": "localhost", "port": port, **keys})


def walked(found: MqttConfig) -> dict[str, str]:
    return {step.name: step.said for step in walk_to_broker(found, PREFIX)}


@pytest.mark.broker
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_the_whole_way_is_told_step_by_step(mosquitto: Mosquitto, version: str) -> None:
    steps = walked(config(mosquitto.port, version=version))
    assert ["files", "name", "line", "login", "subscribe", "publish"] == list(steps)
    assert "127.0.0.1" in steps["name"]
    assert f"{PREFIX}/+/command" in steps["subscribe"]
    assert f"{PREFIX}/check came back after" in steps["publish"]


@pytest.mark.broker
@pytest.mark.parametrize("version", ["3.1.1", "5"])
def test_an_edge_node_subscribes_to_what_it_will_hear_and_says_nothing_to_hosts(
    mosquitto: Mosquitto, make_recorder: Callable[..., Recorder], version: str
) -> None:
    listener = make_recorder(mosquitto.port, "#")
    keys = config(mosquitto.port, version=version)
    steps = {
        step.name: step.said
        for step in walk_for_sparkplug(keys, EdgeNode("plant", "box1"), ["pump"], "scada")
    }
    assert ["files", "name", "line", "login", "subscribe"] == list(steps)
    heard = "spBv1.0/plant/NCMD/box1, spBv1.0/plant/DCMD/box1/pump, spBv1.0/STATE/scada"
    assert heard == steps["subscribe"]
    assert [] == listener.heard


@pytest.mark.broker
def test_with_tls_version_and_the_certificates_end_are_told(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path
) -> None:
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    files = {
        "ca_file": certificates / "ca.pem",
        "cert_file": certificates / "client.pem",
        "key_file": certificates / "client.key",
    }
    steps = walked(config(broker.port, tls=True, **files))
    assert "TLSv1.3" in steps["encryption"]
    assert "in 2 days" in steps["encryption"]
    assert "publish" in steps


def refused(found: MqttConfig) -> tuple[list[str], str]:
    """The steps that went well, and the sentence of the one that did not."""
    done: list[str] = []

    def walk() -> None:
        for step in walk_to_broker(found, PREFIX):
            done.append(step.name)  # noqa: PERF401 - those before the refusal are wanted

    with pytest.raises(PublishError) as refusal:
        walk()
    return done, str(refusal.value)


def test_a_name_that_nobody_knows_fails_at_the_name() -> None:
    done, sentence = refused(config(1883, host="no-such-broker.invalid"))
    assert ["files"] == done
    assert sentence.startswith("name: mqtt.host 'no-such-broker.invalid' cannot be resolved")


def test_a_port_where_nothing_listens_fails_at_the_line() -> None:
    done, sentence = refused(config(free_port()))
    assert ["files", "name"] == done
    assert sentence.startswith("line: localhost:")
    assert "is a broker listening there" in sentence


def test_what_listens_and_is_no_broker_fails_at_the_login(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.publish.walk.STEP_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        done, sentence = refused(config(mute.getsockname()[1]))
    assert ["files", "name", "line"] == done
    assert "does not answer as an MQTT broker does; is the port the broker's, should mqtt.tls be" in sentence


@pytest.mark.broker
def test_tls_against_a_plain_port_fails_at_the_encryption(mosquitto: Mosquitto) -> None:
    done, sentence = refused(config(mosquitto.port, tls=True))
    assert ["files", "name", "line"] == done
    assert sentence.startswith("encryption: no TLS with localhost")


@pytest.mark.broker
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"], ids=["other-authority", "other-name"])
def test_a_certificate_of_another_authority_or_name_fails_at_the_encryption(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path, host: str
) -> None:
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    authority = {"ca_file": certificates / "ca.pem"} if host == "127.0.0.1" else {}
    _, sentence = refused(config(broker.port, host=host, tls=True, **authority))
    assert sentence.startswith("encryption: the broker's certificate is not accepted")
    assert f"mqtt.host {host!r} a name in it" in sentence


@pytest.mark.broker
def test_a_certificate_that_has_expired_is_not_blamed_on_the_authority_or_the_name(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path
) -> None:
    sign_outdated(certificates, "old", "localhost")
    lines = [line.replace("broker.", "old.") for line in tls_lines(certificates)]
    broker = make_mosquitto(more_lines=tuple(lines))
    files = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}
    keys = {"host": "localhost", "tls": True, **{key: certificates / name for key, name in files.items()}}
    done, sentence = refused(config(broker.port, **keys))
    assert ["files", "name", "line"] == done
    assert "certificate has expired); it must be renewed there" in sentence
    assert "unless this box's clock is wrong" in sentence
    assert "must be the authority that signed it" not in sentence


@pytest.mark.broker
def test_the_name_may_be_left_unchecked_by_a_loud_key(
    make_mosquitto: Callable[..., Mosquitto], certificates: Path
) -> None:
    lines = (*tls_lines(certificates)[:3], "require_certificate false")
    broker = make_mosquitto(more_lines=lines)
    keys = {"host": "127.0.0.1", "tls": True, "ca_file": certificates / "ca.pem"}
    assert "publish" in walked(config(broker.port, **keys, insecure_skip_tls_name_check=True))
    with pytest.raises(PublishError, match="not accepted"):
        walked(config(broker.port, **keys))


@pytest.mark.broker
def test_a_wrong_password_fails_at_the_login_and_is_not_told(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = make_mosquitto(login=("box", "right"))
    (tmp_path / "password").write_text("hush-hush")
    done, sentence = refused(config(broker.port, username="box", password_file=tmp_path / "password"))
    assert ["files", "name", "line"] == done
    assert "login: the broker refuses us as 'box'" in sentence
    assert "hush" not in sentence


@pytest.mark.broker
@pytest.mark.parametrize(
    ("allowed", "step", "said"),
    [("#", "", ""), ("+/command", "publish", "did not come back; allow writing and reading it there")],
    ids=["as-documented", "commands-only"],
)
def test_an_access_list_that_forbids_our_topics_fails_where_it_does(
    make_mosquitto: Callable[..., Mosquitto],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    allowed: str,
    step: str,
    said: str,
) -> None:
    monkeypatch.setattr("monitor.publish.walk.STEP_S", 1.0)
    documented = ACCESS_LIST.read_text(encoding="utf-8")
    assert "plant/box1/#" in documented
    (tmp_path / "acl").write_text(documented.replace("plant/box1/#", f"plant/box1/{allowed}"))
    (tmp_path / "acl").chmod(0o600)
    broker = make_mosquitto(login=("box1", "right"), more_lines=(f"acl_file {tmp_path / 'acl'}",))
    (tmp_path / "password").write_text("right")
    keys = config(broker.port, username="box1", password_file=tmp_path / "password")
    if not step:
        assert "publish" in walked(keys)
        return
    _, sentence = refused(keys)
    assert sentence.startswith(f"{step}: ")
    assert said in sentence
