"""Where a file with a secret lies: on a path, or among the credentials that systemd hands to a service.

`credential:NAME` in the configuration is what `LoadCredential=NAME:/path` in the unit gives: root reads the
path, and the daemon's user gets a copy that no other user may read (systemd.exec(5), Credentials). A systemd
that knows no credentials, as JetPack 5 has it, gives none: then the file is the one of that name in the
service's configuration folder.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from monitor.errors import PublishError

PREFIX = "credential:"
NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,254}")
FOLDER_VARIABLE = "CREDENTIALS_DIRECTORY"
"""Set by systemd from version 247 on, in services that load any."""
FALLBACK_VARIABLE = "CONFIGURATION_DIRECTORY"
"""Set by older versions too, from ConfigurationDirectory= in the unit."""


def credential_path(key: str, value: Path) -> Path:
    """Return the file that mqtt.`key` means; a plain path is itself.

    Raises:
        PublishError: It names a credential that cannot be one, or this process was given none.
    """
    text = str(value)
    if not text.startswith(PREFIX):
        return value
    name = text[len(PREFIX) :]
    if not NAME.fullmatch(name):
        raise PublishError(f"mqtt.{key} {text}: is no name of a credential; write {PREFIX}mqtt-password")
    folder = os.environ.get(FOLDER_VARIABLE) or os.environ.get(FALLBACK_VARIABLE, "").split(":")[0]
    if not folder:
        raise PublishError(
            f"mqtt.{key} {text}: this process was given no credentials; start it by a systemd unit with "
            f"LoadCredential={name}:/path/of/the/file, or write the path itself"
        )
    return Path(folder) / name
