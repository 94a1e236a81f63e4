"""The login at the broker, checked before the first attempt.

The password goes from its file into the client and nowhere else; no error and no log line holds it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from monitor.config import MqttConfig
from monitor.errors import PublishError
from monitor.publish.credential_files import credential_path


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
    if config.password_file is None:
        raise PublishError("mqtt: username needs password_file: the path of a file that holds the password")
    path = credential_path("password_file", config.password_file)
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
        given = path == config.password_file
        into = "it" if given else "the file that the unit's LoadCredential names, and restart the service"
        raise PublishError(f"mqtt.password_file {path}: is empty; write the password into {into}")
    return Login(config.username, password)
