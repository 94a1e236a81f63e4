"""Sentences that can be said in other languages too: English with names in braces, and what stands for them.

Where a refusal is raised stands its English, as before; a code names it for programs, and the page looks the
same English up in its catalogues. Whoever knows nothing of this reads a plain `str`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from engines.errors import CodedError

Fact = str | float | Sequence[str]
"""A name, a number, a sentence of its own (Worded), or several, which are told one after the other."""
DETAIL = "{detail}"
"""The text of what has no words of its own in other languages: they say by its code what it is about."""
WORDED = "worded"
"""The key of a `Worded.tree` in documents that also have the English."""
BETWEEN = "; "
"""Between several sentences."""


class Worded(str):  # noqa: SLOT000 - it carries what it was made of
    """An English sentence that knows what it was made of."""

    code: str
    """What it says, for programs: it stays the same when the words change."""
    text: str
    """Itself with the names of `facts` in braces; a key of the catalogues."""
    facts: Mapping[str, Fact]
    """What stands for the names."""

    @property
    def tree(self) -> dict[str, Any]:
        """The same as JSON-able values: code, text and facts, which may hold such trees in turn."""
        return {"code": self.code, "text": self.text, "facts": {k: _plain(v) for k, v in self.facts.items()}}


def worded(code: str, text: str, /, **facts: Fact) -> Worded:
    """Return a sentence; every name in the braces of `text` is one of `facts`."""
    sentence = Worded(text.format(**{name: _english(fact) for name, fact in facts.items()}))
    sentence.code, sentence.text, sentence.facts = code, text, facts
    return sentence


def wording_of(error: CodedError) -> Worded:
    """Return what an error says; of one that was raised with a plain text at least what it is about."""
    said = error.args[0] if error.args else ""
    return (
        said if isinstance(said, Worded) else worded(error.code, DETAIL, detail=" ".join(str(said).split()))
    )


def replaced(sentence: Worded, old: str, new: str) -> Worded:
    """Return a sentence whose names have `new` in the place of `old`: a path that nobody else can look at."""
    facts = {name: _fact_with(fact, old, new) for name, fact in sentence.facts.items()}
    return worded(sentence.code, sentence.text, **facts)


def _fact_with(fact: Fact, old: str, new: str) -> Fact:
    if isinstance(fact, Worded):
        return replaced(fact, old, new)
    if isinstance(fact, str):
        return fact.replace(old, new)
    if isinstance(fact, Sequence):
        return [replaced(one, old, new) if isinstance(one, Worded) else one.replace(old, new) for one in fact]
    return fact


def worded_from(tree: object) -> Worded | None:
    """Return the sentence that a tree (Worded.tree) holds; None: it holds none, or of other software."""
    if not isinstance(tree, Mapping):
        return None
    try:
        facts = {str(name): _fact(value) for name, value in tree["facts"].items()}
        return worded(str(tree["code"]), str(tree["text"]), **facts)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def beside(sentence: str) -> dict[str, object]:
    """Return what stands beside a sentence in a document, for `sentence_in` to find; {} beside plain text."""
    return {WORDED: sentence.tree} if isinstance(sentence, Worded) else {}


def sentence_in(document: Mapping[str, Any], key: str) -> str:
    """Return the text under `key` as the sentence that stands beside it, where one does.

    Raises:
        KeyError: Neither is there.
    """
    return worded_from(document.get(WORDED)) or str(document[key])


def told_from(tree: object, text: str) -> str:
    """Return `text` as the sentence that a tree holds, unless that one is left over from another text."""
    said = worded_from(tree)
    return said if said is not None and said == text else text


def _fact(value: object) -> Fact:
    if isinstance(value, str | float | int):
        return value
    if isinstance(value, Sequence):
        return [one if isinstance(one, str) else _sentence(one) for one in value]
    return _sentence(value)


def _sentence(tree: object) -> Worded:
    found = worded_from(tree)
    if found is None:
        raise ValueError("it holds no sentence")
    return found


def _english(fact: Fact) -> str:
    if isinstance(fact, str):
        return fact
    if isinstance(fact, Sequence):
        return BETWEEN.join(fact)
    return f"{fact:g}" if isinstance(fact, float) else str(fact)


def _plain(fact: Fact) -> object:
    if isinstance(fact, Worded):
        return fact.tree
    if isinstance(fact, str | float | int):
        return fact
    return [_plain(one) for one in fact]
