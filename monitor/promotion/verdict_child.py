"""Compares one source's candidate with its live bundle in a process of its own, and prints the verdict.

Standard input is a JSON object: `config`, `source_id`, `patience_s`, `nice`. The output is one, too:
`outcome` and `reasons`, or `error`, each sentence as monitor.worded has it. Here it takes no lock that a
judging thread might want, and cannot bring the daemon down.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from engines.errors import CodedError
from monitor.config import Config
from monitor.promotion.comparison import judged
from monitor.promotion.sentences import worded_ground
from monitor.sources.tied import die_with_parent
from monitor.worded import wording_of


def verdict_of(asked: Mapping[str, Any]) -> dict[str, object]:
    """Return what is printed for a question."""
    try:
        config = Config.model_validate(asked["config"])
        _, verdict = judged(config, asked["source_id"], patience_s=asked["patience_s"])
    except CodedError as error:
        return {"error": wording_of(error).tree}
    return {
        "outcome": verdict.outcome,
        "reasons": [worded_ground(ground).tree for ground in verdict.grounds],
    }


def main(parent_pid: int) -> None:
    """Answer the one question and end."""
    die_with_parent(parent_pid)
    asked = json.load(sys.stdin)
    os.nice(asked["nice"])
    sys.stdout.write(json.dumps(verdict_of(asked)))


if __name__ == "__main__":
    main(int(sys.argv[1]))
