"""docs/commands.md names what there is: every action, every tag that can be written, every live key."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

from monitor.desk.desk import QUEUE_COMMANDS
from monitor.desk.refusals import REFUSED_ANSWERED, UNREADABLE_ANSWERED
from monitor.desk.reload import LIVE_KEYS
from monitor.publish.commands import MAX_COMMAND_BYTES, Action, ReplyPayload, parse_command
from monitor.publish.limits import LimitsDocument
from monitor.publish.sparkplug.command_tags import COMMAND_TAGS, NODE_COMMAND_TAGS, REPLY_TAGS
from monitor.store.outbox import REPLIES_KEPT, REPLIES_WAITING

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "commands.md").read_text(encoding="utf-8")
CODE = set(re.findall(r"`([^`\n]+)`", PAGE))


def test_every_action_is_in_the_table_and_no_other() -> None:
    table = PAGE.partition("## By JSON")[0]
    named = {
        word
        for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
        for word in re.findall("`(.*?)`", row)
    }
    assert set(get_args(Action)) == named


def test_every_writable_tag_and_every_tag_of_the_answer_is_named() -> None:
    tags = [tag for tag in (*COMMAND_TAGS, *NODE_COMMAND_TAGS) if tag.writable] + list(REPLY_TAGS)
    missing = {tag.name for tag in tags if not {tag.name, tag.name.rpartition("/")[2]} & {*CODE, *words()}}
    assert set() == missing


def words() -> set[str]:
    """Names as the page has them, the node's without its address."""
    return {word.removesuffix(" (node)") for word in CODE}


def test_every_live_key_is_named() -> None:
    live = PAGE.partition("Applied without a restart:")[2].partition("Besides, all of")[0]
    named = set(re.findall(r"`([a-z_.]+)`", live)) - {"alarm", "learn"}
    assert {".".join(key) for key in LIVE_KEYS} == {
        name if "." in name else f"store.{name}" for name in named
    }


def test_the_commands_shown_are_commands_and_the_answers_are_theirs() -> None:
    commands = [parse_command(text.encode()) for text in re.findall(r"-m '(\{.*\})'$", PAGE, re.MULTILINE)]
    shown = re.findall(r'^    (\{"schema":"reply/1".*?(?:null|"normal")\})$', PAGE, re.MULTILINE | re.DOTALL)
    # the page breaks a line where JSON has a space, or none
    replies = [ReplyPayload.model_validate_json(re.sub(r"\n +", " ", text)) for text in shown]
    assert ["set_limits", "promote", "promote"] == [command.action for command in commands]
    assert [(one.id, one.action) for one in commands] == [(one.id, one.action) for one in replies]
    assert ["refused", "refused", "done"] == [one.result for one in replies]
    assert f"promoted despite this, {commands[2].despite!r}: " in str(replies[2].detail)


def test_numbers_and_the_limits_shown_are_the_codes() -> None:
    assert f"Of such, {UNREADABLE_ANSWERED} a minute are answered" in PAGE
    assert f"and of commands that are refused {REFUSED_ANSWERED};" in PAGE
    assert f"each at most {REPLIES_WAITING}:" in PAGE
    assert f"More than {QUEUE_COMMANDS} that wait" in PAGE
    assert f"more than {MAX_COMMAND_BYTES // 1024} KiB" in PAGE
    assert f"of the last {REPLIES_KEPT:,} commands".replace(",", " ") in PAGE
    shown = re.search(r'"limits": (\{.*?\})', PAGE, re.DOTALL)
    assert shown is not None
    assert 1.3 == LimitsDocument.model_validate_json(shown.group(1)).limit
