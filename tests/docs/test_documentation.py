"""The documentation names what there is, and what it shows is what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from moai_flow.core.config import BudgetConfig
from moai_flow.core.setting_checks import CHECKS, DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "benchmarks" / "README.md", *(ROOT / "docs").glob("*.md")]
)


def page(name: str) -> str:
    """Return the text of a page."""
    return (ROOT / name).read_text()


@pytest.mark.parametrize("key", CHECKS)
def test_every_setting_is_documented_with_its_default(key: str) -> None:
    """The table of settings has a row for each key, and the row's default is the real one."""
    row = re.search(rf"^\| `{key}` \| (.*?) \|", page("docs/configuration.md"), re.MULTILINE)
    assert row is not None
    value = getattr(BudgetConfig(), key) if DEFAULTS[key] is None else DEFAULTS[key]
    words = {"True": "true", "False": "false", "()": "`{}`", "{}": "`{}`", "None": "none"}
    assert row[1] == words.get(str(value), f'`"{value}"`' if isinstance(value, str) else str(value))


def test_the_readme_s_settings_are_real() -> None:
    """Each key in the README's table exists."""
    table = page("README.md").split("| key | default | means |")[1].split("\n\n")[0]
    keys = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert len(keys) > 5
    assert set(keys) <= set(CHECKS)


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in PAGES])
def test_every_link_leads_somewhere(path: Path) -> None:
    """A relative link or picture names a file of the repository."""
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text()):
        if "://" not in target:
            assert (path.parent / target).exists(), target


def test_the_readme_s_library_example_says_what_happens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example runs as written from a fresh folder, and prints what its comments say."""
    monkeypatch.chdir(tmp_path)
    (example,) = re.findall(r"```python\n(.*?)```", page("README.md"), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - the example is what is tested
    assert capsys.readouterr().out.splitlines() == re.findall(r"  # (.+)$", example, re.MULTILINE)


def test_the_readme_s_settings_example_is_valid() -> None:
    """The JSON shown is accepted as it stands."""
    for name in ("README.md", "docs/configuration.md"):
        for example in re.findall(r"```json\n(.*?)```", page(name), re.DOTALL):
            assert BudgetConfig(**json.loads(example)["token_budget"]).swarms
