"""Names of stores that are set aside: damaged, without their database, or too new for older software.

A name ends with the time; where the clock of the box is behind, with the newest time of its kind and a
number, so that names order by what was set aside when.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable

ASIDE = re.compile(
    r"(?:store\.sqlite|clips|maps|shadow)\.(corrupt|unlisted|schema)(?:-[0-9]+)?-([0-9]{8}T[0-9]{6}Z)(?:-([0-9]+))?"
    r"(?:-wal|-shm)?"
)


def age_of(name: str) -> tuple[str, tuple[str, int]] | None:
    """Return the kind of what is set aside (corrupt, unlisted, schema) and its order; None: it is not."""
    found = ASIDE.fullmatch(name)
    return None if found is None else (found[1], (found[2], int(found[3] or 1)))


def next_suffix(names: Iterable[str], word: str) -> str:
    """Return a suffix that none of these names has and that is newer than all of its kind.

    `word` is corrupt, unlisted or schema-N.
    """
    kind, now = word.partition("-")[0], time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    ages = [age[1] for name in names if (age := age_of(name)) is not None and age[0] == kind]
    stamp, number = max(ages, default=("", 0))
    return f".{word}-{now}" if stamp < now else f".{word}-{stamp}-{number + 1}"
