"""What a connection needs besides an address: encryption and a login, checked before the first attempt.

The password goes from its file into the client and nowhere else; no error and no log line holds it.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from monitor.config import MqttConfig
from monitor.errors import PublishError


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to the broker."""

    username: str
    """As in mqtt.username."""
    password: str = field(repr=False)
    """Read from the password file; left out of repr, so that no log shows it."""


def login_from_config(config: MqttConfig) -> Login | None:
    """Return the login, or None when the broker asks for none.

    Raises:
        PublishError: The password file cannot be read, or is empty.
    """
    if config.username is None:
        if config.password_file is not None:
            raise PublishError("mqtt: password_file needs username too; give both or neither")
        return None
    path = config.password_file
    if path is None:
        raise PublishError("mqtt: username needs password_file: the path of a file that holds the password")
    try:
        password = path.read_text(encoding="utf-8").rstrip("\r\n")
    except OSError as error:
        raise PublishError(
            f"mqtt.password_file {path}: cannot be read ({error.strerror}); give the daemon's user the "
            "right to read it"
        ) from error
    except UnicodeDecodeError:
        # without a cause: it would carry the file's bytes into the log
        raise PublishError(f"mqtt.password_file {path}: is not UTF-8 text; write it anew") from None
    if not password:
        raise PublishError(f"mqtt.password_file {path}: is empty; write the password into it")
    return Login(config.username, password)


def tls_from_config(config: MqttConfig) -> ssl.SSLContext | None:
    """Return a context that checks the broker's certificate and name, TLS 1.2 at least; None without TLS.

    Raises:
        PublishError: A certificate or key is missing, unreadable, or does not fit.
    """
    if not config.tls:
        if config.ca_file is not None:
            raise PublishError("mqtt: ca_file needs tls: true; the connection would not be encrypted")
        return None
    _check_readable("ca_file", config.ca_file)
    _check_readable("cert_file", config.cert_file)
    _check_readable("key_file", config.key_file)
    try:
        context = ssl.create_default_context(cafile=config.ca_file)
    except (OSError, ValueError) as error:
        raise PublishError(
            f"mqtt.ca_file {config.ca_file}: is not a certificate in PEM form ({error})"
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if config.cert_file is not None:
        try:
            # the empty password keeps OpenSSL from asking for one on the terminal
            context.load_cert_chain(config.cert_file, config.key_file, password="")
        except (OSError, ValueError) as error:
            raise PublishError(
                f"mqtt.cert_file {config.cert_file} and key_file {config.key_file}: are no certificate and "
                f"its unencrypted key in PEM form ({error})"
            ) from error
    return context


def _check_readable(key: str, path: Path | None) -> None:
    if path is None:
        return
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise PublishError(
            f"mqtt.{key} {path}: cannot be read ({error.strerror}); give the path of a PEM file that the "
            "daemon's user may read"
        ) from error
