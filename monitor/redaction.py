"""Takes secrets and people's names out of what leaves the box for a support call.

Two nets, one behind the other: every secret that the configuration leads to is looked for as it stands,
wherever it may have got to; and whatever looks like a login, a key or a person's entry goes by its form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from monitor.addresses import FORMS, HIDDEN, SHORTEST_SECRET, secrets_of_address
from monitor.config import Config, StreamSource
from monitor.errors import PublishError
from monitor.publish.credential_files import credential_path

MAX_SECRET_FILE_BYTES = 4096
LOGIN_KEYS = frozenset({"username"})
PERSONAL_KEYS = frozenset({"actor", "acknowledged_by", "limits_by", "note", "set_by", "user", "who"})
"""What people wrote, and who they are."""
_FORMS = (
    (
        re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
        HIDDEN,
    ),
    *FORMS,
    (
        re.compile(rf'("(?:{"|".join(sorted(PERSONAL_KEYS | LOGIN_KEYS))})"\s*:\s*)"(?:[^"\\]|\\.)*"'),
        rf'\1"{HIDDEN}"',
    ),
    (  # as the log has it with log.format: console
        re.compile(
            rf"(?<![\w.])((?:{'|'.join(sorted(PERSONAL_KEYS | LOGIN_KEYS))})=)"
            r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|\S+)"""
        ),
        rf"\1{HIDDEN}",
    ),
)


class Redactor:
    """Hides known secrets, and what looks like one, in any text."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        known = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        # as JSON writes it too: a quote in a password stands there with a backslash
        known |= {json.dumps(secret)[1:-1] for secret in known}
        self._known = sorted(known, key=len, reverse=True)

    def text(self, words: str) -> str:
        """Return `words` without secrets."""
        for secret in self._known:
            words = words.replace(secret, HIDDEN)
        for form, instead in _FORMS:
            words = form.sub(instead, words)
        return words

    def tree(self, tree: object) -> object:
        """Return JSON-able values without secrets, logins and people's entries; keys stay."""
        if isinstance(tree, dict):
            return {key: self._value(str(key), value) for key, value in tree.items()}
        if isinstance(tree, list | tuple):
            return [self.tree(item) for item in tree]
        return self.text(tree) if isinstance(tree, str) else tree

    def _value(self, key: str, value: object) -> object:
        if key in PERSONAL_KEYS | LOGIN_KEYS and isinstance(value, str) and value:
            return HIDDEN
        return self.tree(value)


def redactor_of(config: Config) -> Redactor:
    """Return what hides every secret that the configuration leads to."""
    return Redactor(_secrets_of(config))


def redacted_config(config: Config) -> dict[str, Any]:
    """Return the configuration as JSON-able values, defaults included, without secrets."""
    tree = redactor_of(config).tree(config.model_dump(mode="json"))
    return dict(tree) if isinstance(tree, dict) else {}


def _secrets_of(config: Config) -> Iterator[str]:
    for source in config.sources:
        if isinstance(source, StreamSource):
            yield from secrets_of_address(source.url)
    mqtt = config.mqtt
    if mqtt.password_file is not None:
        yield from _first_line(mqtt.password_file)


def _first_line(path: Path) -> Iterator[str]:
    """Yield the secret in a file; nothing when this user may not read it, nor could print it."""
    try:
        with credential_path("password_file", path).open(encoding="utf-8", errors="replace") as file:
            yield file.read(MAX_SECRET_FILE_BYTES).rstrip("\r\n")
    except (OSError, PublishError):
        return
