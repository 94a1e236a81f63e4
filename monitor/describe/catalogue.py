"""Catalogues of sentences: GNU gettext .po files, read as they are, so that no build step is needed.

A language is a folder: `<folder>/<language>/LC_MESSAGES/wheeltapper.po`. The text is compiled in memory to
the .mo form that the standard library reads; what is not plain .po is refused with its line.
"""

from __future__ import annotations

import functools
import gettext
import io
import json
import string
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor.errors import CatalogueError

LOCALE = Path(__file__).resolve().parent.parent / "locale"
"""The languages that come with the package."""
DOMAIN = "wheeltapper"
MAGIC = 0x950412DE
KEYWORDS = ("msgctxt", "msgid", "msgid_plural", "msgstr")


@dataclass(frozen=True, slots=True)
class Message:
    """One entry of a catalogue."""

    context: str | None
    """msgctxt: tells equal words of different use apart."""
    text: str
    """msgid: the English that stands in the code."""
    plural: str | None
    """msgid_plural: the English for any other number than one."""
    translations: tuple[str, ...]
    """msgstr: one, or one for each plural form of the language."""
    line: int
    """Where in the file it stands."""

    @property
    def key(self) -> str:
        """What gettext looks it up by."""
        context = "" if self.context is None else f"{self.context}\x04"
        return f"{context}{self.text}"


def languages(folder: Path = LOCALE) -> tuple[str, ...]:
    """Return the languages that there are catalogues of, in alphabetical order."""
    return tuple(sorted(path.parent.parent.name for path in folder.glob(f"*/LC_MESSAGES/{DOMAIN}.po")))


@functools.lru_cache(maxsize=16)
def open_catalogue(language: str, folder: Path = LOCALE) -> gettext.GNUTranslations:
    """Return the catalogue of a language; read once in a process.

    Raises:
        CatalogueError: There is none, or it is not a .po file; the text lists the languages or the line.
    """
    known = languages(folder)
    if language not in known:
        raise CatalogueError(
            f"language {language!r} has no catalogue; there are {', '.join(known) or 'none'} in {folder}; "
            f"choose one of them or add {folder / language / 'LC_MESSAGES' / (DOMAIN + '.po')}"
        )
    path = folder / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    messages = read_catalogue(path)
    try:
        return gettext.GNUTranslations(io.BytesIO(compiled(messages)))
    except (ValueError, LookupError) as error:
        raise CatalogueError(
            f"{path}: Content-Type or Plural-Forms cannot be read: {error}; copy another language's header"
        ) from error


def read_catalogue(path: Path) -> tuple[Message, ...]:
    """Return the messages of a .po file, the header first; entries marked fuzzy are left out.

    Raises:
        CatalogueError: It cannot be read, a line is not .po, or an entry is not whole or comes twice.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogueError(f"{path}: cannot be read: {error}; save it as UTF-8") from error
    messages: dict[str, Message] = {}
    for number, entry in _entries(lines, path):
        message = _message(entry, number, path)
        _refuse_other_fields(message, path)
        if message.key in messages:
            raise CatalogueError(f"{path}, line {number}: {message.text!r} stands there twice; remove one")
        messages[message.key] = message
    if "" not in messages:
        raise CatalogueError(f'{path}: has no header (msgid ""); copy that of another language')
    return tuple(messages.values())


def _refuse_other_fields(message: Message, path: Path) -> None:
    """Refuse what stands in braces and is not in the English text: nothing could be put in there."""
    try:
        allowed = _fields(message.text) | _fields(message.plural or "")
        found = set().union(*map(_fields, message.translations)) if message.key else allowed
    except ValueError as error:
        raise CatalogueError(f"{path}, line {message.line}: {error}; write braces in pairs") from error
    if strange := sorted(found - allowed):
        raise CatalogueError(
            f"{path}, line {message.line}: {{{strange[0]}}} is not in the English text; there are "
            f"{', '.join(sorted(allowed)) or 'none'}"
        )


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def _entries(lines: list[str], path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield each entry's first line and its strings by keyword, such as `msgid` or `msgstr[0]`."""
    for block in _blocks(lines):
        if any(line.startswith("#,") and "fuzzy" in line for _, line in block):
            continue
        entry: dict[str, str] = {}
        keyword = ""
        for number, line in block:
            if line.startswith("#"):
                continue
            text = line
            if not line.startswith('"'):
                keyword, _, text = line.partition(" ")
                if keyword.partition("[")[0] not in KEYWORDS or keyword in entry:
                    keyword = ""
            if not keyword:
                raise CatalogueError(
                    f"{path}, line {number}: {line!r} is not expected here; see docs/words.md"
                )
            entry[keyword] = entry.get(keyword, "") + _unquoted(text.strip(), f"{path}, line {number}")
        if entry:
            yield next(number for number, line in block if not line.startswith("#")), entry


def _blocks(lines: list[str]) -> Iterator[list[tuple[int, str]]]:
    """Yield the lines between empty ones, with their numbers."""
    block: list[tuple[int, str]] = []
    for number, line in enumerate([*lines, ""], start=1):
        if line.strip():
            block.append((number, line.strip()))
        elif block:
            yield block
            block = []


def _unquoted(text: str, place: str) -> str:
    """Return the text of a quoted one; its escapes are those that .po files and JSON share."""
    try:
        # not ast.literal_eval: Python 3.11 raises SystemError where two threads parse at once
        value = json.loads(text) if text[:1] == '"' else None
    except ValueError:
        value = None
    if not isinstance(value, str):
        raise CatalogueError(f'{place}: {text!r} is not a text in double quotes; write "..."')
    return value


def _message(entry: dict[str, str], line: int, path: Path) -> Message:
    plural = entry.get("msgid_plural")
    numbered = [entry[key] for key in sorted(entry) if key.startswith("msgstr[")]
    translations = numbered if plural is not None else [entry[key] for key in ("msgstr",) if key in entry]
    if "msgid" not in entry or not translations:
        raise CatalogueError(f"{path}, line {line}: the entry lacks msgid or msgstr; complete or remove it")
    return Message(entry.get("msgctxt"), entry["msgid"], plural, tuple(translations), line)


def compiled(messages: tuple[Message, ...]) -> bytes:
    """Return the translated messages in the form of a .mo file (GNU gettext manual, section 10.3)."""
    pairs = sorted(
        (
            (message.key if message.plural is None else f"{message.key}\x00{message.plural}").encode(),
            "\x00".join(message.translations).encode(),
        )
        for message in messages
        if all(message.translations)
    )
    header_size, table_size = 28, 8 * len(pairs)
    texts_at = header_size + 2 * table_size
    tables, texts = b"", b""
    for column in (0, 1):
        for pair in pairs:
            tables += struct.pack("<2I", len(pair[column]), texts_at + len(texts))
            texts += pair[column] + b"\x00"
    header = struct.pack(
        "<7I", MAGIC, 0, len(pairs), header_size, header_size + table_size, 0, header_size + 2 * table_size
    )
    return header + tables + texts
