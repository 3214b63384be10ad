import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.commands import Hook, Run

from moai_flow.cli.checks import runtime, state, waiting
from moai_flow.cli.checks.finding import Finding
from moai_flow.cli.client import entry_points

Findings = dict[str, list[dict[str, str]]]
Doctor = Callable[[], Findings]


@pytest.fixture
def doctor(run: Run, monkeypatch: pytest.MonkeyPatch) -> Doctor:
    """Run the doctor; return its findings by check. Timings are taken once, to be quick."""
    monkeypatch.setattr(runtime, "TRIES", 1)

    def examine() -> Findings:
        result = run("doctor", "--json")
        document = json.loads(result.output)
        found: Findings = {}
        for finding in document["findings"]:
            found.setdefault(finding["check"], []).append(finding)
        is_broken = any(finding["level"] == "broken" for finding in document["findings"])
        assert (document["ok"], result.exit_code) == (not is_broken, int(is_broken))
        assert all(finding["advice"] for finding in document["findings"] if finding["level"] == "broken")
        return found

    return examine


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start no programs: they are not what the test is about."""
    found = Finding("programs", "ok", "not looked at")
    monkeypatch.setattr(runtime, "versions", lambda: iter([found]))
    for name in ("python_on_path", "hook"):
        monkeypatch.setattr(runtime, name, lambda: found)
    monkeypatch.setattr(waiting, "waiting", lambda *_: found)


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder on PATH, with a python3 and a client."""
    folder = tmp_path / "bin"
    script(folder / "claude", "echo '2.1.330 (Claude Code)'")
    (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    monkeypatch.setenv("PATH", str(folder))
    return folder


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_healthy_set_up(run: Run, programs: Path, hook: Hook, monkeypatch: pytest.MonkeyPatch) -> None:
    """After `install` and a first event everything is well, and the exit code says so."""
    assert programs.is_dir()
    monkeypatch.setattr(runtime, "TRIES", 1)
    monkeypatch.setattr(runtime, "SLOW_HOOK_MS", 10_000)
    monkeypatch.setattr(runtime, "SLOW_START", 100)
    run("install")
    hook("s", "SessionStart", source="startup", model="claude-opus-5-5")
    result = run("doctor")
    assert result.exit_code == 0, result.output
    assert result.output.endswith("All is well.\n")
    assert "warning" not in result.output.split("settings")[0]


def test_shows_what_to_do(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is broken is followed by the next step, and makes the exit code 1."""
    monkeypatch.setattr(runtime, "TRIES", 1)
    result = run("doctor")
    assert result.exit_code == 1
    assert "broken   registration" in result.output
    assert "-> `token-budget install`" in result.output


@pytest.mark.usefixtures("quick")
class TestRegistration:
    def test_none(self, doctor: Doctor) -> None:
        """Nothing meters any session."""
        [finding] = doctor()["registration"]
        assert finding["level"] == "broken"
        assert "token-budget install" in finding["advice"]

    def test_none_but_metered(self, doctor: Doctor, hook: Hook) -> None:
        """A plugin on the client's command line is in no settings file, and no fault."""
        hook("s", "SessionStart", source="startup")
        assert doctor()["registration"][0]["level"] == "warning"

    def test_complete(self, doctor: Doctor, run: Run) -> None:
        """What `install` writes is well."""
        run("install")
        assert [finding["level"] for finding in doctor()["registration"]] == ["ok"]

    def test_in_two_scopes(self, doctor: Doctor, run: Run) -> None:
        """Each hook would run twice."""
        run("install")
        run("install", "--scope", "local")
        *_, finding = doctor()["registration"]
        assert finding["level"] == "warning"
        assert "2 times" in finding["text"]

    def test_with_the_plugin(self, doctor: Doctor, run: Run, home: Path) -> None:
        """The advice names both ways to keep one."""
        write(home / ".claude" / "settings.json", '{"enabledPlugins": {"token-budget@market": true}}')
        run("install")
        *_, finding = doctor()["registration"]
        assert "token-budget uninstall --scope user" in finding["advice"]
        assert "claude plugin disable token-budget@market" in finding["advice"]

    def test_the_plugin_alone(self, doctor: Doctor, home: Path) -> None:
        """It is all that is needed."""
        write(home / ".claude" / "settings.json", '{"enabledPlugins": {"token-budget@market": true}}')
        assert [finding["level"] for finding in doctor()["registration"]] == ["ok"]

    def test_enforcement_beside_the_plugin(self, doctor: Doctor, run: Run, home: Path) -> None:
        """The one hook that the plugin leaves out is no second registration."""
        write(home / ".claude" / "settings.json", '{"enabledPlugins": {"token-budget@market": true}}')
        run("install", "--enforce")
        assert [finding["level"] for finding in doctor()["registration"]] == ["ok", "ok"]

    def test_enforcement_without_its_hook(
        self, doctor: Doctor, run: Run, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Asked for in the settings, it does nothing until the hook is registered; not asked for, it is no subject."""
        run("install")
        assert "enforcement" not in doctor()
        monkeypatch.setenv("TOKEN_BUDGET_ENFORCE", "deny")
        (missing,) = doctor()["enforcement"]
        assert missing["level"] == "warning"
        assert "install --enforce" in missing["advice"]
        write(project / ".claude" / "settings.json", "not JSON")
        run("install", "--enforce")
        assert [finding["level"] for finding in doctor()["enforcement"]] == ["ok"]

    def test_switched_off(self, doctor: Doctor, run: Run, project: Path) -> None:
        """DisableAllHooks in any scope."""
        run("install")
        write(project / ".claude" / "settings.local.json", '{"disableAllHooks": true}')
        assert "disableAllHooks" in doctor()["registration"][0]["text"]

    def test_an_event_missing(self, doctor: Doctor, run: Run, home: Path) -> None:
        """Somebody took a hook out."""
        run("install")
        path = home / ".claude" / "settings.json"
        settings = json.loads(path.read_text())
        del settings["hooks"]["Stop"]
        path.write_text(json.dumps(settings))
        [finding] = doctor()["registration"]
        assert (finding["level"], "lacks the hooks of Stop" in finding["text"]) == ("broken", True)

    @pytest.mark.parametrize(("part", "level"), [("command", "broken"), ("args", "broken")])
    def test_a_program_that_has_gone(self, doctor: Doctor, run: Run, home: Path, part: str, level: str) -> None:
        """The interpreter or the installation was removed."""
        run("install")
        path = home / ".claude" / "settings.json"
        gone: Any = "/gone/python3" if part == "command" else ["-I", "-S", "/gone/moai_flow/entry/hook.py"]
        settings = json.loads(path.read_text())
        settings["hooks"]["Stop"][0]["hooks"][0][part] = gone
        path.write_text(json.dumps(settings))
        found = doctor()["registration"]
        assert (found[0]["level"], "/gone/" in found[0]["text"]) == (level, True)

    def test_a_file_that_does_not_parse(self, doctor: Doctor, home: Path) -> None:
        """The line is named."""
        path = write(home / ".claude" / "settings.json", '{\n "a": 1\n "b": 2}')
        assert f"{path}:3:2" in doctor()["registration"][0]["text"]


class TestPrograms:
    def test_a_shim(self, doctor: Doctor, programs: Path) -> None:
        """A python3 that is a script in front of Python."""
        (programs / "python3").unlink()
        script(programs / "python3", f'exec {os.path.realpath(sys.executable)} "$@"')
        [finding] = doctor()["python3 on PATH"]
        assert (finding["level"], "shim" in finding["text"]) == ("warning", True)

    def test_too_old(self, doctor: Doctor, programs: Path) -> None:
        """Hooks need 3.10."""
        (programs / "python3").unlink()
        script(programs / "python3", "echo 3.9.2")
        [finding] = doctor()["python3 on PATH"]
        assert (finding["level"], "need 3.10" in finding["text"]) == ("warning", True)

    def test_none(self, doctor: Doctor, programs: Path) -> None:
        """Then the plugin cannot start, `install` can."""
        (programs / "python3").unlink()
        [finding] = doctor()["python3 on PATH"]
        assert (finding["level"], "token-budget install" in finding["advice"]) == ("warning", True)

    @pytest.mark.parametrize(
        ("said", "level"),
        [("2.1.197 (Claude Code)", "ok"), ("2.1.100 (Claude Code)", "broken"), ("hello", "warning")],
    )
    def test_the_client(self, doctor: Doctor, programs: Path, said: str, level: str) -> None:
        """Old clients know no hooks without a shell."""
        script(programs / "claude", f"echo '{said}'")
        assert doctor()["client"][0]["level"] == level

    @pytest.mark.parametrize(
        "program", [pytest.param("pass", id="keeps no ledger"), pytest.param(None, id="does not start")]
    )
    def test_a_hook_that_does_not_work(
        self, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str | None
    ) -> None:
        """It is run, not only looked for."""
        command = [sys.executable, "-c", program] if program else [str(tmp_path / "gone")]
        monkeypatch.setattr(entry_points, "command", lambda _: command)
        assert doctor()["hook"][0]["level"] == "broken"


@pytest.mark.usefixtures("quick")
class TestState:
    def test_relative(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The hooks would keep nothing."""
        monkeypatch.setenv("TOKEN_BUDGET_STATE_DIR", "here")
        [finding] = doctor()["state folder"]
        assert (finding["level"], "absolute" in finding["text"]) == ("broken", True)

    @pytest.mark.parametrize("make", [lambda path: path.write_text(""), lambda path: path.symlink_to("/tmp")])
    def test_no_folder(self, doctor: Doctor, state: Path, make: Callable[[Path], object]) -> None:
        """A file or a link stands in its place."""
        make(state)
        assert doctor()["state folder"][0]["level"] == "broken"

    def test_open_to_others(self, doctor: Doctor, state: Path) -> None:
        """A warning: the next hook closes it."""
        state.mkdir(mode=0o755)
        assert doctor()["state folder"][0]["level"] == "warning"

    def test_somebody_elses(self, doctor: Doctor, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """A command under sudo made it."""
        state.mkdir(mode=0o700)
        monkeypatch.setattr(os, "geteuid", lambda: 4242)
        assert "belongs to user" in doctor()["state folder"][0]["text"]

    @pytest.mark.parametrize(
        ("kind", "level"), [("ext4", "ok"), ("nfs4", "warning"), ("9p", "warning"), ("fuse.sshfs", "warning")]
    )
    def test_file_system(
        self, doctor: Doctor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, level: str
    ) -> None:
        """The longest mount point above the folder decides."""
        root = str(tmp_path.resolve())
        mounts = tmp_path / "mounts"
        mounts.write_text(f"a / btrfs rw 0 0\nb {root} {kind} rw 0 0\nc {root}/other tmpfs rw 0 0\n")
        monkeypatch.setattr(state, "MOUNTS", str(mounts))
        [finding] = doctor()["file system"]
        assert (finding["level"], kind in finding["text"]) == (level, True)

    def test_a_lock_that_does_not_hold(self, doctor: Doctor, begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """As on file systems that only pretend to lock."""
        assert begun.exists()
        assert doctor()["lock"][0]["level"] == "ok"
        monkeypatch.setattr("moai_flow.hook.state.files.try_lock", lambda path: os.open(path, os.O_RDWR | os.O_CREAT))
        assert doctor()["lock"][0]["level"] == "broken"

    def test_leaves_nothing_behind(self, doctor: Doctor, begun: Path, state: Path) -> None:
        """The state folder is as it was, to the byte."""
        assert begun.exists()
        before = {path: path.stat().st_mtime_ns for path in state.rglob("*")}
        doctor()
        assert {path: path.stat().st_mtime_ns for path in state.rglob("*")} == before

    def test_a_damaged_ledger(self, doctor: Doctor, hook: Hook, state: Path) -> None:
        """It is named; the hooks put it right by themselves."""
        hook("broken", "SessionStart", source="startup")
        (state / "sessions" / "broken.json").write_bytes(b"{}")
        [finding] = doctor()["ledgers"]
        assert (finding["level"], "broken" in finding["text"]) == ("warning", True)

    @pytest.mark.parametrize(
        ("model", "level"), [("claude-opus-5-5", "ok"), ("claude-sonnet-4-5", "warning")], ids=["known", "unknown"]
    )
    def test_window_size(self, doctor: Doctor, hook: Hook, model: str, level: str) -> None:
        """Unknown, it is assumed; the status line would tell."""
        hook("s", "SessionStart", source="startup", model=model)
        assert doctor()["window size"][0]["level"] == level


@pytest.mark.usefixtures("quick")
class TestSettings:
    @pytest.mark.parametrize(
        ("text", "line", "words", "level"),
        [
            pytest.param('{\n"token_budget": {\n"total_budget": -5}}', 3, "total_budget", "broken", id="value"),
            pytest.param('{\n"token_budget": {\n\n"total_budgte": 5}}', 4, "total_budget?", "warning", id="key"),
            pytest.param('{"token_budget":\n{"a": }}', 2, "not JSON", "broken", id="not JSON"),
            pytest.param(
                '{"token_budget": {"swarms":\n{"a": {},\n"b": {"limit": 0}}}}', 3, "b", "broken", id="in a swarm"
            ),
        ],
    )
    @pytest.mark.parametrize("place", ["home/.config/token-budget/config.json", "project/.moai/config/config.json"])
    def test_a_bad_setting_is_named_with_its_line(
        self, doctor: Doctor, tmp_path: Path, place: str, text: str, line: int, words: str, level: str
    ) -> None:
        """In the user's file and in the project's."""
        if sys.platform == "darwin" and place.startswith("home"):
            place = "home/Library/Application Support/token-budget/config.json"
        path = write(tmp_path / place, text)
        finding = doctor()["settings"][0]
        assert f"{path}:{line}:" in finding["text"]
        assert words in finding["text"] + finding["advice"]
        assert finding["level"] == level

    def test_a_bad_variable(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        """The environment has no lines, but a name."""
        monkeypatch.setenv("TOKEN_BUDGET_NOTIFY", "everybody")
        finding = doctor()["settings"][0]
        assert (finding["level"], "environment: notify" in finding["text"]) == ("broken", True)

    def test_settings_that_exclude_each_other(self, doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
        """Each is well by itself."""
        monkeypatch.setenv("TOKEN_BUDGET_WARNING_THRESHOLD_1", "190000")
        finding = doctor()["settings"][0]
        assert (finding["level"], "is above" in finding["text"]) == ("broken", True)

    def test_what_is_in_force_is_shown(self, doctor: Doctor, home: Path) -> None:
        """With where it comes from."""
        write(home / ".claude" / "settings.json", '{"env": {"TOKEN_BUDGET_TOTAL_BUDGET": "100000"}}')
        [finding] = doctor()["settings"]
        assert "budget 100,000 tokens, warnings at 75,000 and 90,000 (environment)" in finding["text"]


@pytest.mark.parametrize(
    ("settings", "begins"),
    [
        pytest.param({}, "quiet mode: far from every threshold a tool call waits ", id="on"),
        pytest.param({"quiet": False}, 'quiet mode is switched off ("quiet": false)', id="switched off"),
        pytest.param({"enforce": "deny"}, 'quiet mode is off while enforce is "deny"', id="enforcing"),
    ],
)
def test_how_long_a_call_waits(
    monkeypatch: pytest.MonkeyPatch, project: Path, settings: dict[str, Any], begins: str
) -> None:
    """The real hook runs in both ways; the settings say which one is in force."""
    monkeypatch.setattr(waiting, "TRIES", 1)
    write(project / ".moai/config/config.json", json.dumps({"token_budget": settings}))
    finding = waiting.waiting({"PATH": os.environ["PATH"], "HOME": str(project)}, str(project))
    assert finding.level == "ok"
    assert finding.text.startswith(begins)
