"""Catalogues are read strictly, hold every message of the code, and need no build step."""

from __future__ import annotations

import ast
import gettext
import shutil
import string
import subprocess
from pathlib import Path

import pytest

from monitor.describe import catalogue, languages
from monitor.describe import sentence as sentence_function
from monitor.describe.catalogue import LOCALE, Message, compiled, open_catalogue, read_catalogue
from monitor.errors import CatalogueError

CODE = Path(catalogue.__file__).with_name("sentence.py")
HEADER = 'msgid ""\nmsgstr "Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
CALLS = {"_": (None, 0), "_of_count": (None, 0), "_of_context": (0, 1)}


def path_of(language: str) -> Path:
    return LOCALE / language / "LC_MESSAGES" / "wheeltapper.po"


def messages_of_code() -> set[tuple[str | None, str, str | None]]:
    """(context, text, plural) of every call of a translating function in the code."""
    found = set()
    for node in ast.walk(ast.parse(CODE.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if name not in CALLS:
            continue
        texts = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
        assert texts, ast.unparse(node)  # what is made at run time can be in no catalogue
        context, text = CALLS[name]
        plural = str(texts[1]) if name == "_of_count" else None
        found.add((None if context is None else str(texts[context]), str(texts[text]), plural))
    return found


def placeholders(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def test_there_are_english_and_german() -> None:
    assert {"de", "en"} <= set(languages())


@pytest.mark.parametrize("language", languages())
def test_every_message_of_the_code_is_in_every_catalogue_and_no_other(language: str) -> None:
    known = {(m.context, m.text, m.plural) for m in read_catalogue(path_of(language)) if m.text}
    assert len(messages_of_code()) > 15
    assert messages_of_code() == known


@pytest.mark.parametrize("language", languages())
def test_placeholders_agree_and_nothing_is_left_untranslated(language: str) -> None:
    for message in read_catalogue(path_of(language)):
        assert all(message.translations), message.text
        if message.text:
            for translation in message.translations:
                assert placeholders(message.text) == placeholders(translation), message.text


def test_english_says_what_stands_in_the_code() -> None:
    for message in read_catalogue(path_of("en")):
        if message.text:
            texts = (message.text,) if message.plural is None else (message.text, message.plural)
            assert texts == message.translations


@pytest.mark.parametrize("language", languages())
def test_there_are_as_many_plural_forms_as_the_header_says(language: str) -> None:
    opened = open_catalogue(language)
    forms = int(opened.info()["plural-forms"].split("nplurals=")[1].split(";")[0])
    for message in read_catalogue(path_of(language)):
        if message.plural is not None:
            assert forms == len(message.translations)


@pytest.mark.skipif(shutil.which("msgfmt") is None, reason="GNU gettext's msgfmt is not installed")
@pytest.mark.parametrize("language", languages())
def test_our_reading_is_that_of_gnu_gettext(language: str, tmp_path: Path) -> None:
    compiled_path = tmp_path / "wheeltapper.mo"
    subprocess.run(["msgfmt", "--check", "-o", compiled_path, path_of(language)], check=True)
    with compiled_path.open("rb") as file:
        theirs = gettext.GNUTranslations(file)
    for message in read_catalogue(path_of(language)):
        if message.plural is None and message.context is None and message.text:
            assert theirs.gettext(message.text) == open_catalogue(language).gettext(message.text)


def test_texts_over_several_lines_and_escapes_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.po"
    path.write_text(
        HEADER + '# a note\n#: monitor/x.py:1\nmsgid ""\n"two "\n"parts"\nmsgstr "zwei\\n\\"Teile\\""\n'
        '\nmsgid "n"\nmsgid_plural "ns"\nmsgstr[0] "ein"\nmsgstr[1] "viele"\n',
        encoding="utf-8",
    )
    _, long, plural = read_catalogue(path)
    assert ("two parts", ('zwei\n"Teile"',)) == (long.text, long.translations)
    assert ("ns", ("ein", "viele")) == (plural.plural, plural.translations)


def test_fuzzy_and_obsolete_entries_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.po"
    path.write_text(
        HEADER
        + '#, fuzzy\nmsgid "a"\nmsgstr "b"\n\n#~ msgid "old"\n#~ msgstr "alt"\n\nmsgid "c"\nmsgstr "d"\n',
        encoding="utf-8",
    )
    assert ["", "c"] == [message.text for message in read_catalogue(path)]


def test_a_message_without_translation_stays_english() -> None:
    header = Message(None, "", None, ("Content-Type: text/plain; charset=UTF-8\n",), 1)
    import io  # noqa: PLC0415 - only here

    opened = gettext.GNUTranslations(io.BytesIO(compiled((header, Message(None, "a", None, ("",), 2)))))
    assert "a" == opened.gettext("a")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no header"),
        ('msgid "a"\nmsgstr "b"\n', "no header"),
        (HEADER + 'msgid "a"\n', "lacks msgid or msgstr"),
        (HEADER + 'msgstr "a"\n', "lacks msgid or msgstr"),
        (HEADER + 'msgid "a"\nmsgstr "b\n', "line 5: .* not a text in double quotes"),
        (HEADER + "msgid 'a'\nmsgstr \"b\"\n", "line 4: .* not a text in double quotes"),
        (HEADER + 'msgid "a"\nmsgstr "b"\n\nmsgid "a"\nmsgstr "c"\n', "line 7: .*twice"),
        (HEADER + 'msgid "a"\nmsgid "b"\nmsgstr "c"\n', "line 5: .* not expected"),
        (HEADER + 'id "a"\nmsgstr "c"\n', "line 4: .* not expected"),
        ('"stray"\n', "line 1: .* not expected"),
        (HEADER + 'msgid "at {band}"\nmsgstr "bei {bnd}"\n', r"line 4: \{bnd\} is not in .*there are band"),
        (HEADER + 'msgid "at {band}"\nmsgstr "bei {band"\n', "line 4: .* write braces in pairs"),
    ],
)
def test_what_is_not_a_catalogue_is_refused_with_its_line(tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "a.po"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogueError, match=complaint):
        read_catalogue(path)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.po"
    path.write_bytes(b'msgid ""\nmsgstr "\xff"\n')
    with pytest.raises(CatalogueError, match="save it as UTF-8"):
        read_catalogue(path)


def test_a_plant_adds_its_language_by_dropping_in_a_file(tmp_path: Path) -> None:
    folder = tmp_path / "nl" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    text = path_of("en").read_text(encoding="utf-8")
    dutch = text.replace('msgstr "a tone {band}, {level}"', 'msgstr "een toon {band}, {level}"')
    (folder / "wheeltapper.po").write_text(dutch, encoding="utf-8")
    assert ("nl",) == languages(tmp_path)
    assert "een toon {band}, {level}" == open_catalogue("nl", tmp_path).gettext("a tone {band}, {level}")


def test_an_unknown_language_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(CatalogueError, match="'xx' has no catalogue; there are de, en"):
        open_catalogue("xx")


@pytest.mark.parametrize(
    "broken",
    [
        HEADER.replace("(n != 1)", "(n !! 1)"),
        HEADER.replace("plural=(n != 1);", ""),
        HEADER.replace("Plural", "Content-Type: text/plain\\nPlural"),
    ],
)
def test_a_header_that_cannot_be_read_is_refused(tmp_path: Path, broken: str) -> None:
    folder = tmp_path / "yy" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    (folder / "wheeltapper.po").write_text(broken, encoding="utf-8")
    with pytest.raises(CatalogueError, match="Plural-Forms"):
        open_catalogue("yy", tmp_path)


def test_catalogues_are_in_the_wheel() -> None:
    project = (LOCALE.parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    assert "locale/*/LC_MESSAGES/*.po" in project
    assert callable(sentence_function)
