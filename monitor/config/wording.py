"""What is wrong with one value, in words for people: what it must be, by the rule that it breaks.

Pydantic tells which rule that is and speaks of Python; none of its own words is told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

from monitor.config.shapes import IN_WORDS

Limits = Mapping[str, Any]
"""What pydantic says of the rule: `ge`, `pattern`, `expected`."""
Wording = str | Callable[[Limits], str]
ELSE = "is not what belongs here"
"""Said of a rule that has no words of its own; a test sees to it that no section has such a rule."""
WHOLE_NUMBER = "must be a whole number"
NUMBER = "must be a number"
SWITCH = "must be true or false"
KEYS = "must hold keys and values, or be left out"
LIST = "must be a list: [a, b], or a line with `- ` for each"
TEXT = "must be text, in quotes where YAML takes it for something else"

WORDS: Mapping[str, Wording] = {
    "missing": "must be given",
    "literal_error": lambda limits: f"must be {limits['expected']}",
    "greater_than": lambda limits: f"must be more than {_number(limits['gt'])}",
    "greater_than_equal": lambda limits: f"must be {_number(limits['ge'])} or more",
    "less_than": lambda limits: f"must be less than {_number(limits['lt'])}",
    "less_than_equal": lambda limits: f"must be {_number(limits['le'])} or less",
    "finite_number": "must be a finite number",
    "int_type": WHOLE_NUMBER,
    "int_parsing": WHOLE_NUMBER,
    "int_parsing_size": WHOLE_NUMBER,
    "int_from_float": WHOLE_NUMBER,
    "float_type": NUMBER,
    "float_parsing": NUMBER,
    "bool_type": SWITCH,
    "bool_parsing": SWITCH,
    "string_type": TEXT,
    "string_unicode": "must be text in UTF-8",
    "string_too_short": lambda limits: f"must have {limits['min_length']} or more characters",
    "string_too_long": lambda limits: f"must have {limits['max_length']} or fewer characters",
    "string_pattern_mismatch": lambda limits: IN_WORDS.get(limits["pattern"], ELSE),
    "path_type": "must be a path",
    "tuple_type": LIST,
    "too_short": lambda limits: f"must have {limits['min_length']} or more entries",
    "too_long": lambda limits: f"must have {limits['max_length']} or fewer entries",
    "model_type": KEYS,
    "model_attributes_type": KEYS,
    "recursion_loop": "holds itself, by an anchor (&) of YAML; write it out",
}
"""Type of pydantic's error -> what is said in place of its words; problems.py sees to keys and kinds."""


def wording_of(problem: ErrorDetails, words_of: Mapping[str, Wording] = WORDS) -> str:
    """Return what a value must be, by `words_of`; what our own checks say they say in their own words."""
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    words = words_of.get(problem["type"], ELSE)
    return words if isinstance(words, str) else words(problem.get("ctx", {}))


def _number(limit: float) -> str:
    return f"{limit:.12g}"
