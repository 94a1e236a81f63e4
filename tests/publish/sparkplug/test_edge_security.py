"""The edge node's connection is as careful as that of the JSON topics: TLS, names, certificates, logins."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edge_rig import EdgeRig
from fixtures_mosquitto import Mosquitto, eventually
from publish_certificates import sign, tls_lines

FILES = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}


@pytest.fixture
def own_files(certificates: Path, tmp_path: Path) -> Path:
    """Certificates that this test may change."""
    for path in certificates.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


@pytest.fixture
def live(mosquitto_tls: Mosquitto) -> Iterator[Callable[..., EdgeRig]]:
    rigs: list[EdgeRig] = []

    def start(host: str = "localhost", **mqtt: object) -> EdgeRig:
        rigs.append(EdgeRig([(host, mosquitto_tls.port)], mqtt=mqtt).run())
        return rigs[-1]

    yield start
    for rig in rigs:
        rig.stop(1.0)


@pytest.fixture
def mosquitto_tls(make_mosquitto: Callable[..., Mosquitto], certificates: Path) -> Mosquitto:
    """Takes the user's name from the client certificate, and says it in its log."""
    return make_mosquitto(more_lines=(*tls_lines(certificates), "use_identity_as_username true"))


@pytest.mark.broker
def test_a_renewed_client_certificate_is_used_at_the_nodes_next_connect(
    live: Callable[..., EdgeRig], mosquitto_tls: Mosquitto, own_files: Path
) -> None:
    rig = live(tls=True, **{name: str(own_files / file) for name, file in FILES.items()})
    rig.born()
    eventually(lambda: "u'box1'" in mosquitto_tls.log)
    sign(own_files, "client", "/CN=box2")
    mosquitto_tls.restart()
    eventually(lambda: "u'box2'" in mosquitto_tls.log)
    rig.born()


@pytest.mark.broker
# paho leaves a socket whose handshake failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("host", "keys"), [("127.0.0.1", ("ca_file",)), ("localhost", ())], ids=["name", "authority"]
)
def test_a_broker_of_another_name_or_authority_is_not_spoken_to_and_the_cause_is_told(
    live: Callable[..., EdgeRig], own_files: Path, host: str, keys: tuple[str, ...]
) -> None:
    rig = live(host, tls=True, **{name: str(own_files / FILES[name]) for name in keys})
    eventually(lambda: rig.node.state.failed_connects)
    assert 0 == rig.node.state.connects
    assert "certificate is not accepted" in rig.node.state.last_error


@pytest.mark.broker
def test_a_wrong_password_is_told_and_is_in_no_line_of_the_log(
    make_mosquitto: Callable[..., Mosquitto], tmp_path: Path
) -> None:
    broker = make_mosquitto(login=("box", "right"))
    (tmp_path / "password").write_text("hush-hush")
    login: dict[str, object] = {"username": "box", "password_file": str(tmp_path / "password")}
    rig = EdgeRig([("127.0.0.1", broker.port)], mqtt=login).run()
    try:
        eventually(lambda: "refuses" in rig.node.state.last_error)
        assert "hush" not in f"{rig.node.state} {rig.log.lines}"
    finally:
        rig.stop(1.0)
