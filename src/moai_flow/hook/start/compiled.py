"""A short way to this package's modules: straight to their compiled files.

The interpreter's own search takes a dozen system calls and much Python for each module, and a hook loads some
thirty of them: this makes the whole process 8% faster. The rule is the interpreter's: a compiled file counts if this
version made it from a source of this time and size. Everything else (no compiled file yet, an outdated one) is left to
the interpreter, which writes the compiled files too.
"""

from __future__ import annotations

import posix
import sys
from _frozen_importlib import ModuleSpec
from _frozen_importlib_external import MAGIC_NUMBER
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import Any

_PACKAGE = "moai_flow."
_SUFFIX = f".{sys.implementation.cache_tag}.pyc"
_CHECKED_BY_TIME = bytes(4)
_FLAGS = posix.O_RDONLY | posix.O_CLOEXEC

MAX_BYTES = 1 << 16
"""Bytes of a compiled file; a larger buffer is one that the system has to map at every read."""


class Compiled:
    """A module whose code is at hand: finder and loader as `importlib.abc` describes them."""

    __slots__ = ("code",)

    def __init__(self, code: CodeType) -> None:
        self.code = code

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: object = None) -> ModuleSpec | None:
        """Return the module if its compiled file can be used, None to let the interpreter look for it."""
        del target
        if not path or not name.startswith(_PACKAGE):
            return None
        folder, stem = path[0], name.rpartition(".")[2]
        found = _read(folder, stem)
        places = None
        if found is None:
            # A package: its code is that of `__init__.py` in the folder of its name.
            places = [f"{folder}/{stem}"]
            found = _read(places[0], "__init__")
        if found is None:
            return None
        source, data = found
        header = MAGIC_NUMBER + _CHECKED_BY_TIME + _four(int(source.st_mtime)) + _four(source.st_size)
        if len(data) == MAX_BYTES or not data.startswith(header):
            return None
        code = loads(data[len(header) :])  # noqa: S302 - trusted as much as the source beside it
        loader: Any = Compiled(code)  # without the base class, whose module costs an import
        spec = ModuleSpec(name, loader, is_package=places is not None)
        if places is not None:
            spec.submodule_search_locations = places
        return spec

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave the making of the module to the interpreter."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code."""
        exec(self.code, module.__dict__)  # noqa: S102 - what an import is


def _read(folder: str, stem: str) -> tuple[posix.stat_result, bytes] | None:
    """Return the status of a source file and its compiled file's bytes, None where either is missing."""
    compiled = f"{sys.pycache_prefix}{folder}" if sys.pycache_prefix else f"{folder}/__pycache__"
    try:
        source = posix.stat(f"{folder}/{stem}.py")
        descriptor = posix.open(f"{compiled}/{stem}{_SUFFIX}", _FLAGS)
        data = posix.read(descriptor, MAX_BYTES)
        posix.close(descriptor)
    except OSError:
        return None
    return source, data


def _four(number: int) -> bytes:
    return (number & 0xFFFF_FFFF).to_bytes(4, "little")


def install() -> None:
    """Find this package's modules so from now on."""
    sys.meta_path.insert(0, Compiled)
