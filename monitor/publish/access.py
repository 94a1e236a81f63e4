"""What a connection needs besides an address, read from its files once: a login and encryption."""

from __future__ import annotations

from dataclasses import dataclass

import paho.mqtt.client as mqtt

from monitor.config import MqttConfig
from monitor.logs import Log
from monitor.publish.credentials import Login, login_from_config
from monitor.publish.encryption import Encryption, encryption_from_config


@dataclass(frozen=True, slots=True)
class Access:
    """How we are let in; the broker may ask for neither."""

    login: Login | None
    """Name and password."""
    encryption: Encryption | None
    """TLS, with our certificate if we have one."""

    def give_to(self, paho: mqtt.Client) -> None:
        """Set up a client that has not connected yet."""
        if self.login is not None:
            paho.username_pw_set(self.login.username, self.login.password)
        if self.encryption is not None:
            paho.tls_set_context(self.encryption.context)


def access_from_config(config: MqttConfig) -> Access:
    """Read what the configuration names.

    Raises:
        PublishError: A password, certificate or key is missing, unreadable, or does not fit.
    """
    return Access(login_from_config(config), encryption_from_config(config))


def warn_of_unchecked_name(config: MqttConfig, log: Log) -> None:
    """Say in the log that the broker's name is not checked, if it is not; once for each start."""
    if config.insecure_skip_tls_name_check:
        log.warning(
            "the broker's name is not checked: anyone with a certificate of its authority may pretend to be "
            "it",
            key="mqtt.insecure_skip_tls_name_check",
        )
