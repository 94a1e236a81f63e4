from __future__ import annotations

import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures_mosquitto import Mosquitto, eventually, free_port
from publish_certificates import sign, tls_lines
from publish_rig import Rig

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.client import check_host
from monitor.publish.credentials import login_from_config
from monitor.publish.edge.line import EdgeLine
from monitor.publish.encryption import Encryption, encryption_from_config
from monitor.testing import CapturedLog

FILES = {"ca_file": "ca.pem", "cert_file": "client.pem", "key_file": "client.key"}


def config(**keys: object) -> MqttConfig:
    return MqttConfig.model_validate({"host": "localhost", **keys})


def test_the_password_is_read_without_its_line_end_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hush hush \n")
    login = login_from_config(config(username="box", password_file=str(path)))
    assert login is not None
    assert login.password == "hush hush "  # noqa: S105 - the test's own
    assert "hush" not in repr(login)


def test_no_username_is_no_login() -> None:
    assert login_from_config(config()) is None


def test_a_password_file_that_cannot_be_used_is_an_error_with_its_path_and_a_remedy(tmp_path: Path) -> None:
    path = tmp_path / "password"
    with pytest.raises(PublishError, match=r"cannot be read .*give the daemon's user the right"):
        login_from_config(config(username="box", password_file=str(path)))
    path.write_text("\n")
    with pytest.raises(PublishError, match="is empty; write the password into it"):
        login_from_config(config(username="box", password_file=str(path)))
    path.write_bytes(b"hush\xff")
    with pytest.raises(PublishError, match="not UTF-8") as refusal:
        login_from_config(config(username="box", password_file=str(path)))
    assert refusal.value.__cause__ is None  # it would print the bytes
    with pytest.raises(PublishError, match="needs username"):
        login_from_config(config(password_file=str(path)))


def test_tls_checks_certificate_and_name_and_takes_nothing_below_1_2(certificates: Path) -> None:
    context = Encryption(config(tls=True, ca_file=str(certificates / "ca.pem"))).context
    assert context.minimum_version == ssl.TLSVersion.TLSv1_2
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_bad_certificates_are_errors_that_name_key_and_path(certificates: Path, tmp_path: Path) -> None:
    nonsense = tmp_path / "nonsense.pem"
    nonsense.write_text("no certificate")
    missing = tmp_path / "missing.pem"
    ca, cert, key = (str(certificates / name) for name in ("ca.pem", "client.pem", "client.key"))
    locked, other = str(certificates / "locked.key"), str(certificates / "broker.key")
    for keys, complaint in [
        ({"ca_file": str(missing)}, "mqtt.ca_file .*missing.pem: cannot be read"),
        ({"ca_file": str(nonsense)}, "mqtt.ca_file .*nonsense.pem: is not a certificate"),
        ({"ca_file": ca, "cert_file": cert, "key_file": str(missing)}, "mqtt.key_file .*cannot be read"),
        ({"ca_file": ca, "cert_file": str(nonsense), "key_file": key}, "mqtt.cert_file .*nonsense.pem"),
        ({"ca_file": ca, "cert_file": cert, "key_file": other}, "are no certificate and its"),
        (
            {"ca_file": ca, "cert_file": cert, "key_file": locked},
            "are no certificate and its",
        ),
    ]:
        with pytest.raises(PublishError, match=complaint):
            encryption_from_config(config(tls=True, **keys))


def test_a_ca_without_tls_is_refused_because_nothing_would_be_encrypted(certificates: Path) -> None:
    with pytest.raises(PublishError, match="ca_file needs tls: true"):
        encryption_from_config(config(ca_file=str(certificates / "ca.pem")))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_it_is_named(certificates: Path, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_bytes((certificates / "ca.pem").read_bytes())
    path.chmod(0)
    with pytest.raises(PublishError, match="cannot be read"):
        encryption_from_config(config(tls=True, ca_file=str(path)))


@pytest.mark.parametrize("host", ["a..b", "x" * 64, "\udcff"])
def test_a_host_name_that_no_resolver_takes_is_refused(host: str) -> None:
    with pytest.raises(PublishError, match="is not a host name"):
        check_host(host)


@pytest.mark.broker
def test_a_broker_with_the_plants_certificate_is_trusted_and_knows_our_client_certificate(
    make_mosquitto: Callable[..., Mosquitto], make_rig: Callable[..., Rig], certificates: Path
) -> None:
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    rig = make_rig(
        host="localhost",
        port=broker.port,
        tls=True,
        ca_file=str(certificates / "ca.pem"),
        cert_file=str(certificates / "client.pem"),
        key_file=str(certificates / "client.key"),
    )
    eventually(lambda: rig.publisher.connected)


@pytest.mark.broker
# paho leaves a socket whose handshake failed to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(
    ("host", "trusted"), [("127.0.0.1", True), ("localhost", False)], ids=["other-name", "other-authority"]
)
def test_a_broker_with_another_name_or_authority_is_not_connected_to_and_the_cause_is_told(
    make_mosquitto: Callable[..., Mosquitto],
    make_rig: Callable[..., Rig],
    certificates: Path,
    host: str,
    trusted: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    broker = make_mosquitto(more_lines=tls_lines(certificates))
    authority = {"ca_file": str(certificates / "ca.pem")} if trusted else {}
    rig = make_rig(host=host, port=broker.port, tls=True, **authority)
    eventually(lambda: rig.publisher.state.client.failed_connects)
    assert not rig.publisher.connected
    assert "certificate is not accepted" in rig.publisher.state.client.last_error


def test_a_credential_of_systemd_is_read_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mqtt-password").write_text("hush\n")
    keys = config(username="box", password_file=Path("credential:mqtt-password"))
    with pytest.raises(PublishError, match=r"was given no credentials; .*LoadCredential=mqtt-password:"):
        login_from_config(keys)
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    login = login_from_config(keys)
    assert login is not None
    assert login.password == "hush"  # noqa: S105 - the test's own


def test_a_systemd_that_knows_no_credentials_leaves_the_file_in_the_configuration_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = config(username="box", password_file=Path("credential:mqtt-password"))
    (tmp_path / "mqtt-password").write_text("old\n")
    monkeypatch.setenv("CONFIGURATION_DIRECTORY", f"{tmp_path}:/etc/other")
    login = login_from_config(keys)
    assert login is not None
    assert login.password == "old"  # noqa: S105 - the test's own
    loaded = tmp_path / "loaded"
    loaded.mkdir()
    (loaded / "mqtt-password").write_text("\n")  # what the unit gives where there is no file
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(loaded))
    with pytest.raises(PublishError, match="is empty; write the password into the file that the unit's Load"):
        login_from_config(keys)


@pytest.mark.parametrize("name", ["", "../shadow", "a/b", "."])
def test_a_credential_name_that_leads_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    with pytest.raises(PublishError, match="is no name of a credential; write credential:mqtt-password"):
        login_from_config(config(username="box", password_file=f"credential:{name}"))


def own_files(certificates: Path, folder: Path) -> Path:
    """A copy of the certificates that a test may change."""
    for path in certificates.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def test_a_pair_that_does_not_fit_yet_is_told_and_the_old_one_stays(
    certificates: Path, tmp_path: Path
) -> None:
    folder = own_files(certificates, tmp_path)
    keys = {name: str(folder / file) for name, file in FILES.items()}
    encryption = Encryption(config(tls=True, **keys))
    assert not encryption.renew()
    before = encryption.context
    sign(folder, "other", "/CN=box2")
    (folder / "client.pem").write_bytes((folder / "other.pem").read_bytes())
    with pytest.raises(PublishError, match="are no certificate and its"):
        encryption.renew()
    (folder / "client.key").write_bytes((folder / "other.key").read_bytes())
    assert encryption.renew()
    assert not encryption.renew()
    assert before is encryption.context, "paho keeps the one it was given"


@pytest.mark.broker
def test_a_renewed_client_certificate_is_used_at_the_next_connect(
    make_mosquitto: Callable[..., Mosquitto],
    make_rig: Callable[..., Rig],
    certificates: Path,
    tmp_path: Path,
) -> None:
    """The broker takes the name from the certificate, and says it in its log."""
    folder = own_files(certificates, tmp_path)
    lines = (*tls_lines(certificates), "use_identity_as_username true")
    broker = make_mosquitto(more_lines=lines)
    keys = {name: str(folder / file) for name, file in FILES.items()}
    rig = make_rig(host="localhost", port=broker.port, tls=True, **keys)
    eventually(lambda: "u'box1'" in broker.log)
    sign(folder, "client", "/CN=box2")
    broker.restart()
    eventually(lambda: "u'box2'" in broker.log)
    eventually(lambda: rig.publisher.connected)


def test_a_name_that_is_not_checked_is_told_at_each_start_by_json_and_by_sparkplug(
    certificates: Path, make_rig: Callable[..., Rig]
) -> None:
    keys = {"tls": True, "ca_file": str(certificates / "ca.pem"), "port": free_port()}
    careless = {**keys, "insecure_skip_tls_name_check": True}
    json_logs = [make_rig(host="localhost", **one).log for one in (careless, keys)]
    edge_logs = [CapturedLog(), CapturedLog()]
    for one, log in zip((careless, keys), edge_logs, strict=True):
        EdgeLine(config(**one), [("localhost", 8883)], client_id="box", log=log)
    for logs in (json_logs, edge_logs):
        told = [[facts for _, event, facts in log.lines if "name is not checked" in event] for log in logs]
        assert [[{"key": "mqtt.insecure_skip_tls_name_check"}], []] == told
