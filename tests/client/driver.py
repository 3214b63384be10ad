"""Starts the real Claude Code client against a stand-in, in a home and a project of its own.

The client's environment is built from nothing: whatever session the caller itself runs in, and
whatever account it has, never reaches the client under test.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from terminal import Terminal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

JsonObject = dict[str, Any]

BINARY_VARIABLE = "TOKEN_BUDGET_TEST_CLIENT"
TURN_SECONDS = 60.0


def find_client() -> str | None:
    """Return the path of the client's binary: TOKEN_BUDGET_TEST_CLIENT, or `claude` on PATH; else None."""
    named = os.environ.get(BINARY_VARIABLE)
    if named:
        return named if os.access(named, os.X_OK) else None
    return shutil.which("claude")


def client_version(binary: str) -> str:
    """Return the version a client's binary reports, such as "2.1.330"."""
    done = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.split()[0]


def hook_settings(command: str, events: Iterable[str]) -> JsonObject:
    """Return settings that run one shell command at each of `events`."""
    return {"hooks": {event: [{"hooks": [{"type": "command", "command": command}]}] for event in events}}


class Result:
    """What a print-mode run gave."""

    __slots__ = ("code", "errors", "lines")

    def __init__(self, code: int, lines: list[JsonObject], errors: str) -> None:
        self.code = code
        self.lines = lines
        self.errors = errors

    @property
    def session_id(self) -> str:
        """The session's id, as the first line that names one says."""
        return next(str(line["session_id"]) for line in self.lines if line.get("session_id"))

    @property
    def messages_for_person(self) -> list[str]:
        """Every `systemMessage` that the client passed on, as it words them."""
        return [
            str(line.get("content", ""))
            for line in self.lines
            if line.get("type") == "system" and line.get("subtype") == "informational"
        ]

    @property
    def final(self) -> str:
        """The text of the last reply."""
        results = [str(line.get("result", "")) for line in self.lines if line.get("type") == "result"]
        return results[-1] if results else ""


class Client:
    """A client in a clean home, with a project folder, talking to one stand-in.

    Args:
        binary: the client's binary.
        root: a folder of the test's own; `home` and `project` are made in it.
        url: the stand-in's address.
        env: variables to add to the client's environment (and so to its hooks').
    """

    def __init__(self, binary: str, root: Path, url: str, env: Mapping[str, str] | None = None) -> None:
        self.binary = binary
        self.home = root / "home"
        self.project = root / "project"
        self.url = url
        self.extra = dict(env or {})
        self._root = root
        self.home.mkdir(parents=True, exist_ok=True)
        self.project.mkdir(parents=True, exist_ok=True)
        (self.home / ".claude").mkdir(exist_ok=True)
        known = {
            "hasCompletedOnboarding": True,
            "theme": "dark",
            # The client asks about a key it has not seen; this is the tail by which it knows ours.
            "customApiKeyResponses": {"approved": [self._key()[-20:]], "rejected": []},
            "projects": {str(self.project): {"hasTrustDialogAccepted": True}},
        }
        (self.home / ".claude.json").write_text(json.dumps(known))

    @staticmethod
    def _key() -> str:
        return "sk-made-up-for-tests-0123456789"

    @property
    def projects(self) -> Path:
        """Where the client puts the transcripts of this project."""
        name = re.sub(r"[^A-Za-z0-9]", "-", str(self.project))
        return self.home / ".claude" / "projects" / name

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the client."""
        kept = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
        return {
            "LANG": "C.UTF-8",
            "TERM": "xterm-256color",
            "SHELL": "/bin/bash",
            **{name: os.environ[name] for name in kept if name in os.environ},
            "HOME": str(self.home),
            "ANTHROPIC_BASE_URL": self.url,
            "ANTHROPIC_API_KEY": self._key(),
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "DISABLE_TELEMETRY": "1",
            "DISABLE_ERROR_REPORTING": "1",
            "DISABLE_AUTOUPDATER": "1",
            "IS_SANDBOX": "1",
            **self.extra,
        }

    def write_settings(self, settings: JsonObject) -> Path:
        """Write settings for --settings and return the file."""
        permissions = {"defaultMode": "bypassPermissions"}
        quiet = {"skipDangerousModePermissionPrompt": True, "permissions": permissions}
        path = self._root / "settings.json"
        path.write_text(json.dumps({**quiet, **settings}))
        return path

    def write_agent(self, name: str) -> None:
        """Give the project a subagent type."""
        folder = self.project / ".claude" / "agents"
        folder.mkdir(parents=True, exist_ok=True)
        text = f"---\nname: {name}\ndescription: Works on {name}.\n---\nYou work on {name}.\n"
        (folder / f"{name}.md").write_text(text)

    def command(self, *arguments: str, settings: JsonObject | None = None, plugin: Path | None = None) -> list[str]:
        """Return the command line that starts the client, for both modes."""
        line = [self.binary, "--dangerously-skip-permissions"]
        line += ["--settings", str(self.write_settings(settings or {}))]
        if plugin is not None:
            line += ["--plugin-dir", str(plugin)]
        return [*line, *arguments]

    def run(
        self,
        prompt: str,
        *arguments: str,
        settings: JsonObject | None = None,
        plugin: Path | None = None,
        seconds: float = TURN_SECONDS,
    ) -> Result:
        """Run one prompt in print mode; `arguments` may be ("--resume", id).

        Raises:
            subprocess.TimeoutExpired: the client did not end in `seconds`.
        """
        flags = ["-p", "--output-format", "stream-json", "--verbose", *arguments, "--", prompt]
        done = subprocess.run(
            self.command(*flags, settings=settings, plugin=plugin),
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return Result(done.returncode, lines, done.stderr)

    def terminal(
        self,
        *arguments: str,
        settings: JsonObject | None = None,
        plugin: Path | None = None,
        columns: int = 120,
        rows: int = 40,
    ) -> Terminal:
        """Start the client in a terminal; use the result with `with`."""
        line = self.command(*arguments, settings=settings, plugin=plugin)
        return Terminal(line, self.project, self.environment(), sockets=self._root, columns=columns, rows=rows)
