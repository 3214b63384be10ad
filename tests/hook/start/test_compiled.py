"""The short way to compiled files: it takes those that the interpreter itself would take, and no others."""

from __future__ import annotations

import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

if sys.platform == "win32":
    pytest.skip("hooks load their modules the usual way there", allow_module_level=True)

from moai_flow.hook.start.compiled import MAX_BYTES, Compiled

ROOT = Path(__file__).resolve().parents[3]
NAME = "moai_flow.hook.thing"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A module and its compiled file."""
    path = tmp_path / "thing.py"
    path.write_text("answer = 41\n")
    py_compile.compile(str(path), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    return path


def compiled_file(source: Path) -> Path:
    return source.parent / "__pycache__" / f"thing.{sys.implementation.cache_tag}.pyc"


def found(source: Path, name: str = NAME) -> bool:
    return Compiled.find_spec(name, [str(source.parent)]) is not None


def test_compiled_file_of_the_source_is_used(source: Path) -> None:
    """The code that runs is the compiled file's."""
    spec = Compiled.find_spec(NAME, [str(source.parent)])
    assert spec is not None
    assert isinstance(spec.loader, Compiled)
    assert "answer" in spec.loader.code.co_names


def test_compiled_file_elsewhere_is_used(source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a folder that cannot be written, the compiled files are below `sys.pycache_prefix`."""
    monkeypatch.setattr(sys, "pycache_prefix", str(tmp_path / "elsewhere"))
    assert not found(source)
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.TIMESTAMP)
    assert found(source)


def edit(source: Path) -> None:
    source.write_text("answer = 42 # longer\n")


def touch(source: Path) -> None:
    os.utime(source, (1_000, 1_000))


def remove_source(source: Path) -> None:
    source.unlink()


def remove_compiled(source: Path) -> None:
    compiled_file(source).unlink()


def other_version(source: Path) -> None:
    file = compiled_file(source)
    file.write_bytes(b"\0\0\r\n" + file.read_bytes()[4:])


def checked_by_hash(source: Path) -> None:
    py_compile.compile(str(source), invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def too_large(source: Path) -> None:
    file = compiled_file(source)
    file.write_bytes(file.read_bytes() + bytes(MAX_BYTES))


@pytest.mark.parametrize(
    "change",
    [edit, touch, remove_source, remove_compiled, other_version, checked_by_hash, too_large],
    ids=lambda change: change.__name__,
)
def test_anything_else_is_left_to_the_interpreter(source: Path, change: object) -> None:
    """A compiled file that may not be that source's is not used."""
    assert found(source)
    assert callable(change)
    change(source)
    assert not found(source)


@pytest.mark.parametrize("name", ["json", "moai_flow", "moai_flow_other.thing"])
def test_other_peoples_modules_are_left_to_the_interpreter(source: Path, name: str) -> None:
    """Only modules inside this package are looked for."""
    assert not found(source, name)


def test_hook_goes_the_short_way(tmp_path: Path) -> None:
    """From its second start on, the entry point has the package's modules from their compiled files."""
    probe = """
import posix, sys
path, leave = sys.argv[1], posix._exit
def told(status):
    posix.write(1, type(sys.modules["moai_flow.hook.respond"].__spec__.loader).__name__.encode())
    leave(status)
posix._exit = told
sys.argv = [path]
with open(path, encoding="utf-8") as file:
    exec(compile(file.read(), path, "exec"), {"__name__": "__main__", "__file__": path})
"""
    command = [sys.executable, "-I", "-S", "-c", probe, str(ROOT / "hooks" / "hook.py")]
    for _ in range(2):
        done = subprocess.run(
            command, input=b"{}", env={"HOME": str(tmp_path)}, capture_output=True, check=True, timeout=60
        )
    assert done.stdout == b"Compiled"
