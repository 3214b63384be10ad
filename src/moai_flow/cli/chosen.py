"""Which of this machine's sessions a command looks at: a project's, of some days, or the named ones."""

from __future__ import annotations

import os
import time
from datetime import date
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from moai_flow.cli import projects
from moai_flow.core.errors import TokenBudgetError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from moai_flow.analysis.trace import Trace
    from moai_flow.replay.recorded import Recorded

ALL = "all"
DAY_SECONDS = 86_400.0
_LISTED = 5


class Period(NamedTuple):
    """From when (seconds since the epoch) until before when; None for no limit."""

    begin: float | None = None
    end: float | None = None

    def has(self, began: float, ended: float) -> bool:
        """Return whether something that lasted from `began` to `ended` falls into it."""
        return (self.begin is None or ended >= self.begin) and (self.end is None or began < self.end)


def period(since: date | None, until: date | None, days: float | None) -> Period | None:
    """Return the period that the options ask for, None if they ask for none.

    Raises:
        click.UsageError: they contradict each other.
    """
    from moai_flow.usage.days import day_begins, day_ends

    if days is not None:
        if since or until:
            raise click.UsageError("--days excludes --since and --until.")
        return Period(time.time() - days * DAY_SECONDS)
    if since and until and until < since:
        raise click.UsageError("--until is before --since.")
    if since is None and until is None:
        return None
    return Period(day_begins(since) if since else None, day_ends(until) if until else None)


def today() -> Period:
    """Return this day, by the local clock."""
    from moai_flow.usage.days import day_begins

    return Period(day_begins(date.today()))  # noqa: DTZ011 - the day of the person's clock


def every(state_dir: str | None = None) -> list[Recorded]:
    """Return every session with a transcript on this machine, those that were written last first.

    Raises:
        TokenBudgetError: there is none, or this system cannot play them.
    """
    from moai_flow.analysis.load import all_sessions
    from moai_flow.usage.places import CONFIG_VARIABLE

    found = all_sessions(os.environ, state_of(state_dir))
    if not found:
        raise TokenBudgetError(
            "no session with a transcript on this machine; Claude Code keeps them in ~/.claude/projects "
            f"({CONFIG_VARIABLE} names other folders) and deletes them after a while"
        )
    return found


def state_of(state_dir: str | None = None) -> str:
    """Return the folder of the ledgers, "" where there is none: transcripts do without.

    Raises:
        TokenBudgetError: this system has no hooks.
    """
    from moai_flow.cli import sessions

    if os.name != "posix":
        raise TokenBudgetError("sessions are metered on Linux and macOS only; on Windows, run Claude Code in WSL")
    try:
        return sessions.state_folder(state_dir)
    except TokenBudgetError:
        return ""


def named(found: Sequence[Recorded], session: str) -> Recorded:
    """Return the session with that id, or the one whose id begins so.

    Raises:
        TokenBudgetError: there is none, or several begin so.
    """
    begins = [one for one in found if one.session_id.startswith(session)]
    exact = [one for one in begins if one.session_id == session]
    if len(begins) > 1 and not exact:
        ids = ", ".join(one.session_id for one in begins[:_LISTED])
        raise TokenBudgetError(f"{len(begins)} sessions begin with {session}: {ids}")
    if not begins:
        raise TokenBudgetError(f"no session {session} with a transcript; the latest is {found[0].session_id}")
    return (exact or begins)[0]


def pointed_at(target: str | None, state_dir: str | None = None) -> list[Recorded]:
    """Return the sessions that an argument names, the one that was written last first.

    Args:
        target: a transcript, a folder of transcripts, the client's folder of projects, a project's folder (its last
            session), how a session's id begins, or None for this project's last session.
        state_dir: the folder of the ledgers, None for the hooks'.

    Raises:
        TokenBudgetError: there is none.
    """
    from moai_flow.analysis.load import all_sessions
    from moai_flow.replay import recorded

    if target is None:
        return of_project(every(state_dir), None)[:1]
    path = os.path.expanduser(target)
    if os.path.isdir(path):
        own = recorded.of_project(all_sessions(os.environ, state_of(state_dir)), os.path.abspath(path))
        found = own[:1] or recorded.inside(path)
        if not found:
            raise TokenBudgetError(f"{target}: no transcript in it, and no session of a project there")
        return found
    if os.path.exists(path) or os.sep in target:
        return [recorded.at(path)]
    return [named(every(state_dir), target)]


def of_project(found: Sequence[Recorded], project: str | None) -> list[Recorded]:
    """Return the sessions of a project: the one this command runs in (or the nearest around it), or the named one.

    Args:
        found: all sessions.
        project: a folder, a part of its path, "all", or None for this one.

    Raises:
        TokenBudgetError: it has none.
    """
    from moai_flow.replay import recorded
    from moai_flow.usage.places import folder_name

    if project == ALL:
        return list(found)
    if project is None:
        for folder in projects.around():
            own = recorded.of_project(found, folder)
            if own:
                return own
        where = projects.here()
    else:
        where = os.path.abspath(os.path.expanduser(project))
        own = recorded.of_project(found, where) or [one for one in found if folder_name(project) in one.main.folder]
        if own:
            return own
    folders = len({one.main.folder for one in found})
    raise TokenBudgetError(
        f"no session of {where}; --project all takes the {len(found)} of {folders} "
        f"project{'s' if folders > 1 else ''} that have transcripts, --project DIR another's"
    )


def within(found: Sequence[Recorded], when: Period) -> list[Recorded]:
    """Return the sessions that may fall into a period, by when their files were written last."""
    return [one for one in found if when.begin is None or one.changed >= when.begin]


def traces(
    found: Sequence[Recorded], when: Period | None = None, *, state_dir: str | None = None, with_cache: bool = True
) -> list[Trace]:
    """Return the traces of some sessions, with a progress bar where that takes long; those in the period only."""
    from moai_flow.analysis.load import load_traces
    from moai_flow.cli import cache
    from moai_flow.cli.view.progress import progress

    place = cache.folder("analysis") if with_cache else ""
    with progress("Sessions", sum(one.size for one in found)) as advance:
        made = load_traces(found, environment(), state_of(state_dir), cache=place, progress=advance)
    return [trace for trace in made if when is None or when.has(trace.began, trace.ended)]


def environment() -> dict[str, str]:
    """Return the environment as the hooks of this project see it."""
    from moai_flow.cli.client import environment as client

    return dict(client.as_hooks_see_it(os.environ, projects.here()))


def _read_day(ctx: click.Context, param: click.Parameter, value: str | None) -> date | None:
    if value is None:
        return None
    from moai_flow.usage.days import read_day

    try:
        return read_day(value)
    except TokenBudgetError as error:
        raise click.BadParameter(str(error), ctx, param) from error


def options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --project, --since, --until and --days to a command."""
    for option in (
        click.option(
            "--days", type=click.FloatRange(0, min_open=True), metavar="N", help="Sessions of the last N days."
        ),
        click.option("--until", metavar="DAY", callback=_read_day, help="Sessions up to this day."),
        click.option("--since", metavar="DAY", callback=_read_day, help="Sessions from this day on, like 2026-11-01."),
        click.option(
            "--project", metavar="DIR", help="Another project's sessions, or \"all\" [default: this project's]."
        ),
    ):
        command = option(command)
    return command
