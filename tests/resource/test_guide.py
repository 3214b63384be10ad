"""Every code block of the guide runs as written, in an empty folder, and prints what the guide promises."""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from moai_flow.resource import BudgetConfig, TokenBudget

GUIDE = Path(__file__).with_name("guide.md").read_text(encoding="utf-8")
FIGURES = ("JIT Context Loader (Existing)", "TokenBudget (New)")
"""Headings whose blocks are tables of figures in python's colours, not code."""


def blocks(language: str) -> list[tuple[str, str]]:
    """Return (heading, text) of every fenced block of a language."""
    found = []
    heading, text, fence = "", "", None
    for line in GUIDE.splitlines(keepends=True):
        if fence is None and line.startswith("```"):
            fence, text = line[3:].strip(), ""
        elif fence is not None and line.startswith("```"):
            if fence == language:
                found.append((heading, text))
            fence = None
        elif fence is not None:
            text += line
        elif line.startswith("#"):
            heading = line.strip("# \n`")
    return found


CODE = [(heading, code) for heading, code in blocks("python") if heading not in FIGURES]

PRINTED = {
    "Basic Usage": "Remaining: 45000 tokens\n",
    "Convenience Functions": "Total consumed: 8000\n",
    "Integration Pattern": "Phase consumed 46000 tokens\n⚠️  WARNING: Swarm swarm-implementation at 76.7% token usage\n",
    "Default Configuration": "",
    "allocate_swarm": "",
    "consume": "Tokens consumed successfully\n",
    "get_balance": "Remaining: 12000 tokens\n",
    "get_usage_percent": "Usage: 76.0%\n",
    "should_warn": "⚠️  WARNING: Swarm swarm-backend at 76.0% token usage\n",
    "reset": "",
    "get_global_status": "Total: 38000 / 200000\nWarning level: normal\n",
    "Scenario 1: TDD Cycle Management": "TDD cycle used 61.7% of budget\n",
    "Scenario 2: Multi-Swarm Coordination": "",
    "Scenario 3: Context Reset After /clear": "Available after reset: 50000\n",
    "Thread Safety": "",
}
"""What each block prints. The snippets of the reference find swarm-backend with 38,000 of 50,000 consumed."""


def title(heading: str) -> str:
    return heading.partition("(")[0]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the blocks take as given: the classes, a `budget`, and a stand-in for MoAI-ADK's loader."""
    budget = TokenBudget()
    budget.allocate_swarm("swarm-backend", 50_000)
    budget.consume("swarm-backend", 38_000)
    budget.allocate_swarm("swarm-1", 5_000)
    budget.allocate_swarm("swarm-2", 5_000)

    class Loader:
        async def load_context(self, **given: object) -> tuple[dict[str, object], types.SimpleNamespace]:
            assert set(given) == {"user_input", "conversation_history", "context"}
            return {}, types.SimpleNamespace(token_count=46_000, phase="SPEC", cache_hit=False)

    loader = types.ModuleType("moai_adk.core.jit_context_loader")
    loader.JITContextLoader = Loader  # type: ignore[attr-defined]
    loader.Phase = object  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "moai_adk", types.ModuleType("moai_adk"))
    monkeypatch.setitem(sys.modules, "moai_adk.core", types.ModuleType("moai_adk.core"))
    monkeypatch.setitem(sys.modules, "moai_adk.core.jit_context_loader", loader)
    return {"TokenBudget": TokenBudget, "BudgetConfig": BudgetConfig, "budget": budget}


def execute(code: str, names: dict[str, Any]) -> None:
    """Run a block; one with a bare `await` as the body of a coroutine."""
    compiled = compile(code, "guide.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    result = eval(compiled, names)  # noqa: S307 - the guide's own code
    if inspect.iscoroutine(result):
        asyncio.run(result)


@pytest.mark.parametrize(("heading", "code"), [pytest.param(*block, id=title(block[0])) for block in CODE])
def test_block_prints_what_the_guide_promises(
    heading: str, code: str, names: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each block runs unchanged from an empty folder."""
    if "TokenBudget()" in code:
        del names["budget"]
    execute(code, names)
    assert capsys.readouterr().out == PRINTED[title(heading)]


def test_no_block_is_left_out() -> None:
    """Every python block is either run or known to be a table of figures."""
    assert [title(heading) for heading, _ in CODE] == list(PRINTED)
    assert [heading for heading, _ in blocks("python") if heading in FIGURES] == list(FIGURES)


def test_blocks_leave_what_they_describe(names: dict[str, Any]) -> None:
    """The blocks that print nothing did what they say."""
    by_title = {title(heading): code for heading, code in CODE}
    execute(by_title["Thread Safety"], names)
    assert names["budget"].get_balance("swarm-1") == 4_000
    assert names["budget"].get_balance("swarm-2") == 3_500
    execute(by_title["reset"], names)
    assert names["budget"].get_balance("swarm-backend") == 50_000
    execute(by_title["Scenario 2: Multi-Swarm Coordination"], names)
    assert names["status"]["total_consumed"] == 45_000
    assert names["status"]["total_allocated"] == 120_000
    assert names["status"]["warn_level"] == "normal"


def test_default_configuration_is_the_guides() -> None:
    """`BudgetConfig()` has the guide's figures, and so has the guide's file."""
    code = dict(CODE)["Default Configuration"]
    assert eval(code, {"BudgetConfig": BudgetConfig}) == BudgetConfig()  # noqa: S307 - the guide's own code
    Path(".moai/config").mkdir(parents=True)
    Path(".moai/config/config.json").write_text(blocks("json")[0][1], encoding="utf-8")
    assert TokenBudget().config == BudgetConfig()
    assert TokenBudget(config_path=".moai/config/config.json").config == BudgetConfig()


def test_guides_table_of_swarm_budgets_is_the_configurations() -> None:
    """The figures of the section "TokenBudget (New)" are the defaults."""
    table = dict(blocks("python"))["TokenBudget (New)"]
    found = re.findall(r"(.+?):\s+([\d,]+) tokens", table)
    figures = {name.strip(): int(text.replace(",", "")) for name, text in found}
    config = BudgetConfig()
    assert figures == {
        "Default per-swarm": config.default_swarm_limit,
        "Global budget": config.total_budget,
        "Reserve buffer": config.reserve_buffer,
    }


@pytest.mark.parametrize("key", json.loads(blocks("json")[0][1])["token_budget"])
def test_every_key_of_the_guides_file_is_read(key: str) -> None:
    """A key of the guide's configuration file changes the setting of that name."""
    other = {"enable_auto_rebalance": False, "enable_warnings": False, "total_budget": 190_000}.get(key, 30_000)
    if key == "warning_threshold_2":
        other = 199_000
    Path("config.json").write_text(json.dumps({"token_budget": {key: other}}), encoding="utf-8")
    assert getattr(TokenBudget("config.json").config, key) == other


def test_guides_warnings_word_for_word() -> None:
    """The example output of the guide comes from these figures."""
    sentences = blocks("")[1][1].splitlines()
    budget = TokenBudget(config=BudgetConfig(reserve_buffer=0))
    budget.allocate_swarm("swarm-backend", 100_000)
    budget.allocate_swarm("swarm-frontend", 100_000)
    budget.consume("swarm-backend", 76_300)
    budget.consume("swarm-frontend", 91_200)
    assert budget.should_warn("swarm-backend") == (True, sentences[0])
    assert budget.should_warn("swarm-frontend") == (True, sentences[1])
    budget.record("swarm-backend", 182_000 - 76_300 - 91_200)
    assert budget.should_warn_global() == (True, sentences[2])
