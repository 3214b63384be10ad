"""A terminal in which the client runs as for a person: tmux, with keys going in and screens coming out."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Self


class Terminal:
    """The client in a tmux of its own (its server's socket lies in the test's folder)."""

    def __init__(
        self,
        command: list[str],
        folder: Path,
        environment: dict[str, str],
        *,
        sockets: Path,
        columns: int,
        rows: int,
    ) -> None:
        self._command = command
        self._folder = folder
        self._environment = environment
        self._size = (columns, rows)
        # A socket's path has 108 bytes at most: the name is short and relative to the folder.
        self._root = sockets
        self._socket = "tmux.sock"

    def __enter__(self) -> Self:
        columns, rows = self._size
        # `env -i` and not only our own environment: tmux would pass variables of its server on.
        pairs = [f"{name}={value}" for name, value in self._environment.items()]
        line = "exec " + shlex.join(["env", "-i", *pairs, *self._command])
        self._tmux(
            *("new-session", "-d", "-x", str(columns), "-y", str(rows), "-c", str(self._folder), line),
            *(";", "set-option", "-g", "history-limit", "5000"),
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._tmux("kill-server", check=False)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        environment = {name: self._environment[name] for name in ("PATH", "LANG", "TERM")}
        done = subprocess.run(
            ["tmux", "-f", "/dev/null", "-u", "-S", self._socket, *arguments],
            cwd=self._root,
            env=environment,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        if check and done.returncode != 0:
            raise RuntimeError(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout

    def screen(self, *, colours: bool = False, history: bool = False) -> str:
        """Return what the terminal shows; `colours` adds escape sequences, `history` what scrolled off."""
        flags = ["-e"] if colours else []
        if history:
            flags += ["-S", "-"]
        return self._tmux("capture-pane", "-p", *flags)

    def key(self, *names: str) -> None:
        """Press keys by tmux's names for them ("Enter", "Escape", "C-c")."""
        self._tmux("send-keys", *names)

    def type(self, text: str, *, enter: bool = True) -> None:
        """Type a line as a person would, and press Enter."""
        self._tmux("send-keys", "-l", "--", text)
        if enter:
            # The client takes keys that arrive together with the text for a paste.
            time.sleep(0.4)
            self.key("Enter")

    def wait_for(self, text: str, *, seconds: float = 30.0, history: bool = False) -> str:
        """Return the screen once it shows `text` (a regular expression).

        Raises:
            TimeoutError: it did not in `seconds`; the message holds the screen.
        """
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen(history=history)
            if re.search(text, screen):
                return screen
            if time.monotonic() > deadline:
                raise TimeoutError(f"{text!r} did not appear in {seconds} s on:\n{screen}")
            time.sleep(0.1)

    def wait_until(self, condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Wait until `condition` holds.

        Raises:
            TimeoutError: it did not in `seconds`; the message holds the screen.
        """
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                raise TimeoutError(f"nothing in {seconds} s; the screen:\n{self.screen()}")
            time.sleep(0.1)

    @staticmethod
    def pause(seconds: float) -> None:
        """Let the client work for a while, as a person does between two inputs."""
        time.sleep(seconds)

    def wait_ready(self, *, seconds: float = 30.0) -> str:
        """Wait until the client takes input."""
        return self.wait_for("(?m)^\N{HEAVY RIGHT-POINTING ANGLE QUOTATION MARK ORNAMENT}", seconds=seconds)
