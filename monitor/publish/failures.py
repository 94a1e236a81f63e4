"""Why there is no connection to a broker, in sentences that end with what to do: the same everywhere."""

from __future__ import annotations

import socket
import ssl
import struct

from paho.mqtt import MQTTException

BROKEN = (OSError, MQTTException, ValueError, struct.error, IndexError)
"""What paho raises when the line breaks, or when a broker talks nonsense."""
ENDS = "ends it before it has accepted us"
REFUSES = "the broker refuses what is written"
SILENT = "does not answer as an MQTT broker does"
NONSENSE = "answers with what is no MQTT"
LOGIN = "correct mqtt.username and the password file, or allow this user there"
OUTDATED = frozenset({9, 10})
"""OpenSSL's X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""
ALERTS = {
    "CERTIFICATE_EXPIRED": "it has expired",
    "UNKNOWN_CA": "it does not know who signed it",
    "CERTIFICATE_REQUIRED": "it wants one and got none",
    "DECRYPT_ERROR": "it was signed by somebody else than it says",
    "BAD_CERTIFICATE": "it finds a fault in it",
    "CERTIFICATE_REVOKED": "it was revoked",
    "CERTIFICATE_UNKNOWN": "it does not say why",
}
"""What of OpenSSL's names for an alert says why the other side does not take our certificate -> in words."""
REMEDIES = {
    "Unsupported protocol version": "set mqtt.version to the one that it speaks",
    "Client identifier not valid": "give another mqtt.client_id, or allow this one there",
    "Bad user name or password": LOGIN,
    "Not authorized": LOGIN,
}
"""Reason for which a broker refuses a connection, as paho calls it in every version of MQTT -> what to do."""


def known_as(username: str | None) -> str:
    """Say as whom we come."""
    return f"as {username!r}" if username else "without a user name"


def refused(reason: object, username: str | None) -> str:
    """Say that a broker has answered and does not let us in."""
    remedy = REMEDIES.get(str(reason), "see its log for why")
    return f"the broker refuses us {known_as(username)}: {reason}; {remedy}"


def unreachable(host: str, port: int, error: BaseException | None, key: str, *, tls: bool) -> str:
    """Say why there is no line to a broker, or no encryption of it; `key` is the one that holds the name."""
    if isinstance(error, socket.gaierror):
        return (
            f"{key} {host!r} cannot be looked up ({error.strerror}); see how it is spelt, and whether this "
            "box has a name server"
        )
    # only a line that was taken can be reset; a handshake that takes too long is told by its text alone
    if tls and (isinstance(error, ssl.SSLError | ConnectionResetError) or "handshake" in str(error)):
        return unencrypted(host, port, error, key)
    return (
        f"{host}:{port} is not reachable ({error}); is a broker listening there, and does a firewall let "
        "this box through? 1883 is usual, 8883 with TLS"
    )


def unencrypted(host: str, port: int, error: BaseException | None, key: str) -> str:
    """Say why no TLS comes about on a line that was taken; `key` is the one that holds the name."""
    if isinstance(error, ssl.SSLCertVerificationError) and error.verify_code in OUTDATED:
        return (
            f"the broker's certificate is not accepted ({error.verify_message}); it must be renewed "
            "there, or the authority's (mqtt.ca_file), unless this box's clock is wrong (timedatectl)"
        )
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the broker's certificate is not accepted ({error.verify_message}); mqtt.ca_file must be the "
            f"authority that signed it, and {key} {host!r} a name in it"
        )
    if (why := next((words for name, words in ALERTS.items() if name in str(error)), None)) is not None:
        return (
            f"{host}:{port} does not take our certificate: {why}; mqtt.cert_file must be one that is good "
            "now, of an authority that the broker trusts, and mqtt.key_file its key"
        )
    return (
        f"no TLS with {host}:{port} ({error}); does this port speak TLS 1.2 or newer (else mqtt.tls: false), "
        "and does the broker take our client certificate?"
    )


def unaccepted(where: str, what: str, *, tls: bool) -> str:
    """Say that `where` takes the line and never accepts us; `what` it does is ENDS, SILENT or NONSENSE."""
    encryption = "does it take our client certificate (mqtt.cert_file)" if tls else "should mqtt.tls be true"
    return (
        f"{where} takes the connection and {what}; is the port the broker's, {encryption}, and what does the "
        "broker's log say?"
    )


def unwritten(reason: str, username: str | None) -> str:
    """Say that a broker takes messages of ours and hands them to nobody, which with MQTT 5 it tells."""
    return (
        f"{REFUSES} {known_as(username)}: {reason}; events wait in the store. Allow writing below "
        "mqtt.prefix there (docs/scada.md has an access list)"
    )
