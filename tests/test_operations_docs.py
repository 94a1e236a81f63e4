"""What docs/operations.md tells people to type for engines is understood, and runs as the daemon's user."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.__main__ import build_parser
from monitor.commands.engine import VERBS

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
UNIT = (ROOT / "systemd" / "wheeltapper.service").read_text(encoding="utf-8")


def of_unit(key: str) -> str:
    (value,) = re.findall(rf"^{key}=(.*)$", UNIT, re.MULTILINE)
    return str(value)


def test_engines_are_looked_after_as_the_daemons_user_with_its_state_and_configuration() -> None:
    (function,) = re.findall(r"^    engine\(\) \{ (.*?); \}$", PAGE, re.MULTILINE | re.DOTALL)
    program, _, _, config = of_unit("ExecStart").split()
    assert [
        *("sudo", "-u", of_unit("User"), "env", f"STATE_DIRECTORY=/var/lib/{of_unit('StateDirectory')}"),
        *(program, "engine", '"$@"', "--config", config),
    ] == function.replace("\\\n", " ").split()
    assert [] == re.findall(r"^    wheeltapper engine ", PAGE, re.MULTILINE), "another user's, and refused"


def test_every_engine_command_on_the_page_is_understood() -> None:
    lines = re.findall(r"^    engine (\w+.*?)\s*#", PAGE, re.MULTILINE)
    assert {"build", "parity", "list", "prune"} == {line.split()[0] for line in lines} <= set(VERBS)
    parser, _ = build_parser("engine")
    for line in lines:
        words = line.replace("...", "").split()
        assert words[0] == parser.parse_args(["engine", *words, "--config", "config.yaml"]).engine_verb
