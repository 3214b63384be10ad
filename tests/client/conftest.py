from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from driver import BINARY_VARIABLE, Client, find_client
from standin import StandIn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SMALL_WINDOW = {"ANTHROPIC_MODEL": "claude-sonnet-4-5", "DISABLE_AUTO_COMPACT": "1"}

REQUIRE_VARIABLE = "TOKEN_BUDGET_REQUIRE_CLIENT"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder that starts the client."""
    for item in items:
        if "client_binary" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.client)


@pytest.fixture(scope="session")
def client_binary() -> str:
    """The client's binary; without one the test is skipped, or fails where it must not be skipped."""
    binary = find_client()
    if binary is None:
        reason = f"no Claude Code client: `claude` is not on PATH and {BINARY_VARIABLE} names none"
        if os.environ.get(REQUIRE_VARIABLE) == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return binary


@pytest.fixture
def standin() -> Iterator[StandIn]:
    """A stand-in that answers with the usage its plans say."""
    with StandIn() as server:
        yield server


@pytest.fixture
def natural_standin() -> Iterator[StandIn]:
    """A stand-in that reports usage from each request's size."""
    with StandIn(natural=True) as server:
        yield server


@pytest.fixture
def make_client(client_binary: str, tmp_path: Path) -> Callable[..., Client]:
    """Make clients by hand: `make_client(standin, name="a", env={...})`, each with a home of its own."""

    def make(standin: StandIn, *, name: str = "c", env: dict[str, str] | None = None) -> Client:
        state = {"TOKEN_BUDGET_STATE_DIR": str(tmp_path / "state")}
        return Client(client_binary, tmp_path / name, standin.url, {**state, **(env or {})})

    return make


@pytest.fixture
def client(make_client: Callable[..., Client], standin: StandIn) -> Client:
    """A client in a clean home that talks to `standin`; its state folder is `tmp_path/"state"`."""
    return make_client(standin)


@pytest.fixture
def small_client(make_client: Callable[..., Client], standin: StandIn) -> Client:
    """A client whose window holds 200,000 tokens, and which does not compact it: usage may pass both thresholds."""
    return make_client(standin, env=SMALL_WINDOW)


class HookLog:
    """A shell command that keeps every hook payload, to be registered with `hook_settings`."""

    def __init__(self, path: Path, reply: dict[str, Any] | None = None) -> None:
        self._path = path
        say = f"; echo '{json.dumps(reply)}'" if reply else ""
        # One printf of one line: hooks of parallel tools write at the same time.
        self.command = f"""p=$(cat); printf '%s\\n' "$p" >> '{path}'{say}"""

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """Return the payloads so far, of one event or of all."""
        if not self._path.exists():
            return []
        payloads = [json.loads(line) for line in self._path.read_text().splitlines() if line.strip()]
        return [one for one in payloads if name is None or one["hook_event_name"] == name]


@pytest.fixture
def hook_log(tmp_path: Path) -> Callable[..., HookLog]:
    """Make a hook that records payloads: `hook_log()` or `hook_log({"systemMessage": "..."})`."""

    def make(reply: dict[str, Any] | None = None) -> HookLog:
        return HookLog(tmp_path / "payloads.jsonl", reply)

    return make
