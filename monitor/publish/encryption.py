"""TLS to the broker: its certificate and name are checked, and ours may be renewed while we run."""

from __future__ import annotations

import ssl
from pathlib import Path

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.credential_files import credential_path

Stamp = tuple[int, int, int]
"""Of a file: when written, which one, how long. Another one means another content."""


class Encryption:
    """A TLS context, 1.2 at least, that takes renewed certificates from the same files.

    A connection that stands keeps the certificates it was made with: a renewed one is used at the next.
    """

    def __init__(self, config: MqttConfig) -> None:
        """Read the files.

        Raises:
            PublishError: A certificate or key is missing, unreadable, or does not fit.
        """
        files = {"ca_file": config.ca_file, "cert_file": config.cert_file, "key_file": config.key_file}
        self._files = {key: credential_path(key, path) for key, path in files.items() if path is not None}
        self._checks_name = not config.insecure_skip_tls_name_check
        self._stamps = self._read_stamps()
        self.context = self._new_context()
        """For every connection; stays the same object."""

    def renew(self) -> bool:
        """Take the files in again if one has changed; return whether it has.

        Raises:
            PublishError: What is there now does not fit; the certificates from before stay in use.
        """
        stamps = self._read_stamps()
        if stamps == self._stamps:
            return False
        self._new_context()  # a certificate without its key must not get into the one in use
        self._load(self.context)
        self._stamps = stamps
        return True

    def _new_context(self) -> ssl.SSLContext:
        ca_file = self._files.get("ca_file")
        try:
            # with a CA of the plant's own the system's are not trusted
            context = ssl.create_default_context(cafile=ca_file)
        except (OSError, ValueError) as error:
            raise PublishError(
                f"mqtt.ca_file {ca_file}: is not a certificate in PEM form ({error})"
            ) from error
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self._checks_name
        self._load(context)
        return context

    def _load(self, context: ssl.SSLContext) -> None:
        ca_file, cert_file = self._files.get("ca_file"), self._files.get("cert_file")
        if ca_file is not None:
            context.load_verify_locations(ca_file)
        if cert_file is None:
            return
        key_file = self._files.get("key_file")
        try:
            # the empty password keeps OpenSSL from asking for one on the terminal
            context.load_cert_chain(cert_file, key_file, password="")
        except (OSError, ValueError) as error:
            raise PublishError(
                f"mqtt.cert_file {cert_file} and key_file {key_file}: are no certificate and "
                f"its unencrypted key in PEM form ({error})"
            ) from error

    def _read_stamps(self) -> dict[str, Stamp]:
        return {key: _stamp(key, path) for key, path in self._files.items()}


def encryption_from_config(config: MqttConfig) -> Encryption | None:
    """Return how the connection is encrypted; None without TLS.

    Raises:
        PublishError: A certificate or key is missing, unreadable, or does not fit.
    """
    if config.tls:
        return Encryption(config)
    if config.ca_file is not None:
        raise PublishError("mqtt: ca_file needs tls: true; the connection would not be encrypted")
    return None


def _stamp(key: str, path: Path) -> Stamp:
    try:
        with path.open("rb"):
            found = path.stat()
    except OSError as error:
        raise PublishError(
            f"mqtt.{key} {path}: cannot be read ({error.strerror}); give the path of a PEM file that the "
            "daemon's user may read"
        ) from error
    return found.st_mtime_ns, found.st_ino, found.st_size
