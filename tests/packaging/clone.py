"""A clone of this repository in which the hook itself is replaced by a probe."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# Tells on stdout who runs it and how; what a test adds goes in front.
PROBE = """
import os, sys
def main():
    size = len(os.read(0, 100_000))
    how = f"{sys.flags.isolated}{sys.flags.no_site} {sys.pycache_prefix}"
    text = f"{size} {how} {sys.path[-1]}|{sys.executable}\\n"
    os.write(1, text.encode())
"""


class Clone:
    """The folder `hooks` as it is, and a package `moai_flow` that holds a probe and little else.

    Args:
        root: an empty folder of the test's own.
        hooks: where below `root` the entry points lie.
        source: where below `root` the package lies.
    """

    def __init__(self, root: Path, hooks: str = "hooks", source: str = "src") -> None:
        self.root = root
        self.hooks = root / hooks
        self.source = root / source
        self.data = root / "data"
        shutil.copytree(ROOT / "hooks", self.hooks, ignore=shutil.ignore_patterns("*.pyc", "__pycache__"))
        package = self.source / "moai_flow"
        for folder in (package, package / "hook", package / "hook" / "start", package / "statusline"):
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "__init__.py").write_text("")
        for name in ("compiled.py", "interpreter.py"):
            shutil.copy(ROOT / "src/moai_flow/hook/start" / name, package / "hook" / "start")
        self.write_main(PROBE)

    @property
    def launcher(self) -> str:
        """The path of the launcher."""
        return str(self.hooks / "run")

    @property
    def memory(self) -> Path:
        """The file that remembers an interpreter."""
        return self.data / "interpreter"

    def write_main(self, text: str) -> None:
        """Replace the hook and the status line by a module with this text."""
        for name in ("hook/run", "statusline/show"):
            (self.source / "moai_flow" / f"{name}.py").write_text(text)

    def write_python(self, name: str, text: str) -> Path:
        """Make an executable script below `bin` and return it; its folder is first in `path`."""
        script = self.root / "bin" / name
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!/bin/sh\n{text}\n")
        script.chmod(0o755)
        return script

    def write_shim(self) -> None:
        """Make a `python3` that leads to this interpreter and counts its calls in `shim-calls`."""
        log = shlex.quote(f"{self.root}/shim-calls")
        self.write_python("python3", f'echo x >>{log}\nexec {shlex.quote(sys.executable)} "$@"')

    @property
    def shim_calls(self) -> int:
        """How often the shim was started."""
        log = self.root / "shim-calls"
        return len(log.read_text().splitlines()) if log.exists() else 0

    def run(
        self, *arguments: str, payload: str = "{}", plugin: bool = True, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the launcher; only the programs of `write_python` are on its PATH."""
        known = {"PATH": str(self.root / "bin"), "HOME": str(self.root)}
        if plugin:
            known["CLAUDE_PLUGIN_DATA"] = str(self.data)
        return run([self.launcher, *arguments], payload, {**known, **(env or {})})


def run(command: list[str], payload: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command with a payload on its standard input and return what it said."""
    return subprocess.run(command, input=payload, env=env, capture_output=True, text=True, timeout=60, check=False)


def real_interpreter() -> str:
    """Return the path that the launcher is to remember when this interpreter runs the hook."""
    return os.path.realpath(sys.executable)
