"""Which folder may import which: imports point down one list of floors, and the core touches nothing."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import moai_flow

PACKAGE = Path(moai_flow.__file__).parent
MODULES = {
    ".".join(["moai_flow", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
    if "entry" not in path.relative_to(PACKAGE).parts
}


def floor_of(name: str) -> str:
    """Return the floor of a module, "" for the package itself."""
    below = name.removeprefix("moai_flow").removeprefix(".")
    places = [*FLOORS, *SIDE_BY_SIDE]
    return max((place for place in places if f"{below}.".startswith(f"{place}.")), key=len, default="")


PURE_STANDARD = {"__future__", "_json"}
"""What the core imports from the standard library. (`json` stands in where the accelerator is missing.)"""

FLOORS = (
    "core",
    "hook.start",
    "hook.payload",
    "hook.state",
    "hook.estimate",
    "usage",
    "pool",
    "hook",
    "statusline",
    "replay",
    "analysis",
    "report",
    "cli.projects",
    "cli.client",
    "cli.view",
    "cli",
    "cli.checks",
    "cli.commands",
)
"""The folders, the lowest first; where a module or a folder inside one has a place of its own, that counts. Each may
import from its own floor and those below."""

SIDE_BY_SIDE = {"resource": {"core", "pool"}}
"""The library stands beside the hooks: it imports from these floors only, and the command line may import it."""

CORE = sorted(name for name in MODULES if floor_of(name) == "core")

IMPURE = {"os", "posix", "time", "io", "sys", "pathlib", "fcntl", "subprocess", "random", "datetime", "shutil"}
EFFECTS = {"open", "print", "input", "exec", "eval"}


class Imports(ast.NodeVisitor):
    """Collect what a module imports when it runs, at its top or later; type checkers' imports are none."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.late: set[str] = set()
        self.calls: set[str] = set()
        self.depth = 0

    def visit_If(self, node: ast.If) -> None:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for child in node.orelse:
                self.visit(child)
        else:
            self.generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    def add(self, name: str) -> None:
        (self.late if self.depth else self.names).add(name)

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            self.add(alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        assert not node.level, "imports are absolute"
        assert node.module
        for alias in node.names:
            whole = f"{node.module}.{alias.name}"
            self.add(whole if whole in MODULES else node.module)

    def visit_Call(self, node: ast.Call) -> None:
        if isinstance(node.func, ast.Name):
            self.calls.add(node.func.id)
        self.generic_visit(node)


def imports_of(name: str) -> Imports:
    found = Imports()
    found.visit(ast.parse(MODULES[name].read_text(encoding="utf-8")))
    return found


@pytest.mark.parametrize("name", MODULES)
def test_imports_point_down(name: str) -> None:
    """A module imports from its own floor and those below, whether at the top of a module or inside a function."""
    found = imports_of(name)
    used = {floor_of(other) for other in found.names | found.late if other.startswith("moai_flow.")}
    own = floor_of(name)
    if own in SIDE_BY_SIDE:
        assert used - {own} <= SIDE_BY_SIDE[own]
    elif own:
        allowed = {"", *FLOORS[: FLOORS.index(own) + 1], *(["resource"] if own.startswith(("cli", "analysis")) else [])}
        assert used <= allowed


def test_every_folder_has_a_floor() -> None:
    """A new folder is given its place before anything imports it."""
    assert not [name for name in MODULES if not floor_of(name) and name != "moai_flow"]


def test_no_circle_of_imports() -> None:
    """No module imports itself through others."""
    below = {name: {other for other in imports_of(name).names if other in MODULES} for name in MODULES}
    done: set[str] = set()
    while len(done) < len(below):
        ready = {name for name, others in below.items() if name not in done and others <= done}
        assert ready, f"a circle among {sorted(set(below) - done)}"
        done |= ready


@pytest.mark.parametrize("name", CORE)
def test_core_imports_the_core_only(name: str) -> None:
    """What hooks and library share imports nothing but itself and the JSON accelerator."""
    found = imports_of(name)
    assert found.names <= set(CORE) | PURE_STANDARD
    assert found.late <= set(CORE) | ({"json"} if name == "moai_flow.core.compact_json" else set())


@pytest.mark.parametrize("name", CORE)
def test_core_touches_nothing(name: str) -> None:
    """No file, clock, environment or printing, directly or through others: all that is handed in."""
    waiting, seen = [name], set()
    while waiting:
        other = waiting.pop()
        seen.add(other)
        found = imports_of(other)
        assert not {module.split(".")[0] for module in found.names | found.late} & IMPURE, other
        assert not found.calls & EFFECTS, other
        waiting += [module for module in found.names | found.late if module in MODULES and module not in seen]


def test_the_visitor_sees_imports() -> None:
    """The guard itself: it tells late imports from early ones, and ignores those for type checkers."""
    found = Imports()
    found.visit(
        ast.parse(
            "import os\nif TYPE_CHECKING:\n    import typing\nelse:\n    import re\n"
            "def f():\n    import json\n    open('x')\nfrom moai_flow.core import compact_json\n"
        )
    )
    assert found.names == {"os", "re", "moai_flow.core.compact_json"}
    assert found.late == {"json"}
    assert found.calls == {"open"}


@pytest.mark.skipif(sys.platform == "win32", reason="the hooks of Windows may use the whole library")
def test_core_loads_nothing_else() -> None:
    """In a bare interpreter, the core brings nothing into memory but itself and the accelerator."""
    program = (
        f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r}); before = set(sys.modules)\n"
        f"import {', '.join(CORE)}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {*CORE, "moai_flow", "__future__", "_json"}
