"""What the plugin's slash commands run: a few of the commands, on the standard library alone.

They start from the plugin's folder by `hooks/run`, where neither `click` nor anything else needs to be
installed. What is printed goes into the prompt, so errors are printed like everything else.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from typing import TYPE_CHECKING, NoReturn

from moai_flow.cli import ledgers, sessions
from moai_flow.core.errors import StateError, TokenBudgetError
from moai_flow.core.names import is_swarm_name

if TYPE_CHECKING:
    from collections.abc import Sequence


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are errors of the library: one line, no exit code."""

    def error(self, message: str) -> NoReturn:
        raise TokenBudgetError(f"{message}\n{self.format_usage().strip()}")


def main(arguments: Sequence[str]) -> None:
    """Run a slash command and print what it says; never fails.

    Args:
        arguments: the command's name (one of `_COMMANDS`), the session's id, and what the person typed after
            the command, as one text.
    """
    name, session, *typed = [*arguments, "", ""][:3]
    words = " ".join(typed).split()
    try:
        os.environ.setdefault("CLAUDE_CODE_SESSION_ID", session)
        text = _COMMANDS[name](words)
    except TokenBudgetError as error:
        text = str(error)
    # The client decodes UTF-8, whatever the locale says.
    sys.stdout.buffer.write(text.encode("utf-8", "replace") + b"\n")


def _status(words: list[str]) -> str:
    """Return the status of this session, or with --all of every one that runs now."""
    parser = _Parser(prog="/token-budget:status", add_help=False)
    parser.add_argument("--all", action="store_true")
    chosen = parser.parse_args(words)
    state = sessions.state_folder()
    shown = sessions.running(state) if chosen.all else [sessions.look_up(state)]
    if not shown:
        return "No session runs now."
    return "\n\n".join([_table(state, found, is_one_of_many=chosen.all) for found in shown])


def _table(state: str, found: sessions.Found, *, is_one_of_many: bool) -> str:
    from moai_flow.hook.slash_status import table

    try:
        ledger = ledgers.measured(state, found.session_id)
    except StateError as error:
        if is_one_of_many:
            return f"session {found.session_id}: {error}"
        raise
    return f"{found.line}\n\n{table(ledger)}"


def _allocate(words: list[str]) -> str:
    """Promise a swarm tokens."""
    from moai_flow.cli.limits import promise
    from moai_flow.core.amounts import read_tokens

    parser = _Parser(prog="/token-budget:allocate", add_help=False)
    parser.add_argument("swarm")
    parser.add_argument("tokens")
    parser.add_argument("--shared", action="store_true")
    chosen = parser.parse_args(words)
    if not is_swarm_name(chosen.swarm):
        raise TokenBudgetError(f"{chosen.swarm!a}: a swarm's name is 1-64 characters of A-Z a-z 0-9 . _ -")
    try:
        tokens = read_tokens(chosen.tokens)
    except ValueError as error:
        raise TokenBudgetError(f"tokens: {error}") from error
    state = sessions.state_folder()
    with ledgers.opened(state, sessions.find(state, to_change=True)) as ledger:
        return promise(ledger, chosen.swarm, tokens, time.time(), shared=chosen.shared)


def _report(words: list[str]) -> str:
    """Return where the tokens of this session went, and what could be done about it; its transcript is enough."""
    from moai_flow.analysis.load import all_sessions, load_traces
    from moai_flow.report.document import document
    from moai_flow.report.text import lines

    _Parser(prog="/token-budget:report", add_help=False).parse_args(words)
    state = sessions.state_folder()
    found = all_sessions(os.environ, state)
    session = os.environ.get("CLAUDE_CODE_SESSION_ID", "")
    own = [one for one in found if one.session_id == session]
    traces = load_traces(own if session else found[:1], os.environ, state)
    return "\n".join(lines(document(traces), style=_plain))


def _plain(text: str, _: int) -> str:
    return text


def _setup(words: list[str]) -> str:
    """Put the status line into the settings, or take it away."""
    from moai_flow.cli.client import setup

    parser = _Parser(prog="/token-budget:setup", add_help=False)
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--wrap", action="store_true")
    how.add_argument("--remove", action="store_true")
    chosen = parser.parse_args(words)
    return setup.take_away() if chosen.remove else setup.set_up(wrap=chosen.wrap)


_COMMANDS = {"status": _status, "allocate": _allocate, "report": _report, "setup": _setup}
