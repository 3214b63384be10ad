import json
import os
import shlex
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.commands import Run

from moai_flow.cli.client import entry_points, registration
from moai_flow.cli.client.jsontext import Document

BY_HAND = """{
    "model": "opus",
    "permissions": {"allow": ["Bash(ls:*)"],   "deny": []},
    "hooks": {
        "Stop": [{"hooks": [{"type": "command", "command": "say done"}]}],
        "PreToolUse": []
    },
    "statusLine": {"type": "command", "command": "my-line"}
}"""


@pytest.fixture
def path(home: Path) -> Path:
    """The user's settings file, which is not there yet."""
    return home / ".claude" / "settings.json"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def test_registers_every_event_with_an_absolute_interpreter(run: Run, path: Path) -> None:
    """The launcher decides with a shell's builtins whether the session waits; nothing is searched for on PATH."""
    assert run("install").exit_code == 0
    hooks = read(path)["hooks"]
    assert set(hooks) == set(entry_points.EVENTS)
    for event, groups in hooks.items():
        [[handler]] = [group["hooks"] for group in groups]
        command, args = handler["command"], handler["args"]
        assert handler["type"] == "command"
        assert Path(command).is_absolute()
        assert os.access(command, os.X_OK)
        launcher, name, registered, interpreter = args[2:]
        assert os.access(launcher, os.X_OK)
        assert (name, registered) == ("hook", event)
        assert Path(interpreter).is_absolute()
        assert os.access(interpreter, os.X_OK)


def test_what_is_registered_works(run: Run, path: Path) -> None:
    """The command that the client would run meters a session."""
    run("install")
    [handler] = read(path)["hooks"]["UserPromptSubmit"][0]["hooks"]
    payload = {"session_id": "s", "hook_event_name": "UserPromptSubmit", "prompt": "hello", "prompt_id": "p"}
    subprocess.run([handler["command"], *handler["args"]], input=json.dumps(payload).encode(), check=True, timeout=30)
    assert run("status", "--session", "s").exit_code == 0


def test_a_removed_package_leaves_silent_hooks(run: Run, path: Path, tmp_path: Path) -> None:
    """The client shows an error for a missing program at every event, and exit code 2 would erase the prompt."""
    run("install")
    [handler] = read(path)["hooks"]["UserPromptSubmit"][0]["hooks"]
    command = [handler["command"], *handler["args"]]
    command[command.index("hook") - 1] = str(tmp_path / "gone" / "entry" / "run")
    done = subprocess.run(command, input=b"{}", capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_the_status_line_is_one_shell_command(run: Run, path: Path) -> None:
    """It is quoted for the shell that the client gives it to."""
    run("install")
    line = read(path)["statusLine"]
    assert line["type"] == "command"
    assert shlex.split(line["command"]) == entry_points.status_line_command()


def test_shows_the_change_and_keeps_everything_else(run: Run, path: Path) -> None:
    """Other keys, their order and how they are written stay; what was there is in a backup."""
    write(path, BY_HAND)
    result = run("install", "--diff")
    assert f"--- {path}" in result.output
    after = path.read_text()
    kept = [line for line in BY_HAND.splitlines() if "Stop" not in line and "PreToolUse" not in line]
    assert [line for line in after.splitlines() if line in kept][:3] == kept[:3]
    assert list(read(path)) == ["model", "permissions", "hooks", "statusLine"]
    assert read(path)["hooks"]["Stop"][0] == {"hooks": [{"type": "command", "command": "say done"}]}
    assert not after.endswith("\n")
    assert (path.parent / "settings.json.token-budget-backup").read_text() == BY_HAND


def test_a_status_line_of_the_users_stays(run: Run, path: Path) -> None:
    """There is only one; the output says that it was left alone."""
    write(path, BY_HAND)
    assert "status line      yours stays as it is (my-line)" in run("install").output
    assert read(path)["statusLine"]["command"] == "my-line"


def test_twice_is_the_same_as_once(run: Run, path: Path) -> None:
    """The second time there is nothing to do, and the backup is still what was there at first."""
    write(path, BY_HAND)
    run("install")
    once = path.read_bytes()
    assert "nothing to change" in run("install").output
    assert path.read_bytes() == once
    assert path.with_name("settings.json.token-budget-backup").read_text() == BY_HAND


def test_dry_run_writes_nothing(run: Run, path: Path) -> None:
    """Not even a folder."""
    result = run("install", "--dry-run")
    assert result.exit_code == 0
    assert '+  "hooks": {' in result.output
    assert not path.parent.exists()


@pytest.mark.parametrize(
    ("scope", "file"),
    [
        pytest.param("user", "home/.claude/settings.json", id="user"),
        pytest.param("project", "project/.claude/settings.json", id="project"),
        pytest.param("local", "project/.claude/settings.local.json", id="local"),
    ],
)
def test_scopes(run: Run, tmp_path: Path, scope: str, file: str) -> None:
    """Each scope has its file, and only that is written and restored."""
    assert run("install", "--scope", scope).exit_code == 0
    assert [str(found.relative_to(tmp_path)) for found in tmp_path.rglob("settings*")] == [file]
    assert run("uninstall", "--scope", scope).exit_code == 0
    assert not (tmp_path / file).exists()


def test_user_settings_may_be_elsewhere(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """CLAUDE_CONFIG_DIR moves them, as it does for the client."""
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", str(tmp_path / "config"))
    run("install")
    assert (tmp_path / "config" / "settings.json").exists()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(BY_HAND, id="written by hand"),
        pytest.param("{}", id="empty object"),
        pytest.param("{\n}\n", id="empty object over two lines"),
        pytest.param("", id="empty file"),
        pytest.param('{"hooks": {}}', id="empty hooks"),
        pytest.param('{\n  "hooks": {\n    "Stop": []\n  }\n}\n', id="empty event"),
        pytest.param('{"a":1,"b":[ ]}', id="one line"),
        pytest.param('{\r\n\t"a": "é \\u00e9 1e3",\r\n\t"b": 1.0\r\n}\r\n', id="tabs and Windows newlines"),
        pytest.param('\ufeff{\n "a": 1\n}\n', id="byte order mark"),
    ],
)
def test_uninstall_restores_byte_for_byte(run: Run, path: Path, text: str) -> None:
    """Nothing remains, neither in the file nor beside it."""
    write(path, text)
    assert run("install").exit_code == 0
    assert len(registration.hooks_in(json.loads(path.read_text(encoding="utf-8-sig")))) == len(entry_points.EVENTS)
    assert run("uninstall").exit_code == 0
    assert path.read_bytes() == text.encode()
    assert [file.name for file in path.parent.iterdir()] == ["settings.json"]


NAMES = st.sampled_from(["model", "env", "x", *entry_points.EVENTS[:2]])
GROUP = st.fixed_dictionaries({"hooks": st.just([{"type": "command", "command": "other"}])})
SETTINGS = st.dictionaries(NAMES, st.integers() | st.lists(st.integers(), max_size=2), max_size=3)
HOOKS = st.dictionaries(st.sampled_from([*entry_points.EVENTS, "PreCompact"]), st.lists(GROUP, max_size=2), max_size=4)


@given(SETTINGS, HOOKS, st.sampled_from([None, 2, "\t"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_registering_and_taking_back_keeps_what_others_have(
    others: dict[str, Any], hooks: dict[str, Any], indent: int | str | None
) -> None:
    """Whatever else is in the file: every event is registered once, and afterwards all is as before."""
    before = {**others, "hooks": hooks, "last": 1}
    document = Document(json.dumps(before, indent=indent))
    for _ in range(2):
        registration.register(document, lambda event: ["/x/moai_flow/entry/run", "hook", event])
    assert sorted(place.event for place in registration.hooks_in(document.read())) == sorted(entry_points.EVENTS)
    assert registration.unregister(document)
    assert registration.without_empty(document.read()) == registration.without_empty(before)


def test_what_was_changed_since_stays(run: Run, path: Path) -> None:
    """Where something else was changed meanwhile, only the registration goes, and the backup is kept."""
    write(path, BY_HAND)
    run("install")
    path.write_text(path.read_text().replace('"opus"', '"sonnet"'))
    assert "what else was changed there is kept" in run("uninstall").output
    expected = json.loads(BY_HAND) | {"model": "sonnet"}
    assert read(path) == expected
    assert path.with_name("settings.json.token-budget-backup").exists()


def test_a_file_that_the_client_wrote_anew_is_restored(run: Run, path: Path) -> None:
    """The client writes the whole file in its own way when it changes something, and may change it back."""
    write(path, BY_HAND)
    run("install")
    path.write_text(json.dumps(read(path), indent=2) + "\n")
    run("uninstall")
    assert path.read_text() == BY_HAND


def test_uninstall_without_install_changes_nothing(run: Run, path: Path) -> None:
    """And says so."""
    write(path, BY_HAND)
    result = run("uninstall")
    assert (result.exit_code, "not registered there" in result.output) == (0, True)
    assert path.read_text() == BY_HAND


@pytest.mark.parametrize(
    "old",
    [
        pytest.param({"command": "/old/python3", "args": ["-I", "-S", "/v/moai_flow/entry/hook.py"]}, id="interpreter"),
        pytest.param({"command": "/clone/hooks/run", "args": ["hook", "/usr/bin/python3"]}, id="the launcher"),
        pytest.param({"command": "python3 -I -S '/a clone/hooks/hook.py'"}, id="a shell command"),
    ],
)
def test_an_older_registration_is_brought_up_to_date_in_place(run: Run, path: Path, old: dict[str, Any]) -> None:
    """It is recognised however it was made; its place and its own settings stay."""
    handler = {"type": "command", **old, "timeout": 30}
    other = {"type": "command", "command": "other"}
    write(path, json.dumps({"hooks": {"Stop": [{"hooks": [handler, other]}, {"hooks": [handler]}]}}))
    run("install")
    first, *rest = read(path)["hooks"]["Stop"]
    assert rest == []
    assert first["hooks"][1] == other
    assert [first["hooks"][0]["command"], *first["hooks"][0]["args"]] == entry_points.command("Stop")
    assert first["hooks"][0]["timeout"] == 30
    run("uninstall")
    assert read(path) == {"hooks": {"Stop": [{"hooks": [other]}]}}


@pytest.mark.parametrize(
    "command",
    ["python3 /x/hooks/hook.py", "/x/hooks/run other", "python3 -m hook", "'unfinished", "/x/statusline.py"],
)
def test_hooks_of_others_are_not_taken_for_ours(run: Run, path: Path, command: str) -> None:
    """Names alike are not enough."""
    text = json.dumps({"hooks": {"Stop": [{"hooks": [{"type": "command", "command": command}]}]}})
    write(path, text)
    run("install")
    run("uninstall")
    assert path.read_text() == text


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param('{\n  "a": 1\n  "b": 2\n}', ":3:3: not JSON", id="comma missing"),
        pytest.param('{\n  // why\n  "a": 1\n}', ":2:3: not JSON", id="comment"),
        pytest.param("[]", ": must be an object", id="a list"),
        pytest.param('{"hooks": []}', "hooks: must be an object", id="hooks are a list"),
        pytest.param('{"hooks": {"Stop": {}}}', "hooks.Stop: must be a list", id="an event is an object"),
    ],
)
@pytest.mark.parametrize("command", ["install", "uninstall"])
def test_a_file_that_cannot_be_used_is_left_alone(run: Run, path: Path, text: str, where: str, command: str) -> None:
    """The error names file, line and what next."""
    write(path, text)
    result = run(command)
    if command == "install" or "not JSON" in where:
        assert result.exit_code == 1
        assert where in result.output
        assert "nothing was changed" in result.output
    assert path.read_text() == text
    assert len(list(path.parent.iterdir())) == 1


def test_bytes_that_are_no_text_are_left_alone(run: Run, path: Path) -> None:
    """The line is named."""
    write(path, "")
    path.write_bytes(b'{\n"a": "\xff"}')
    assert f"{path}:2: not UTF-8" in run("install").output


def test_keeps_rights_and_follows_links(run: Run, path: Path, tmp_path: Path) -> None:
    """Settings kept in a repository of dotfiles stay there, and stay private."""
    real = write(tmp_path / "dotfiles" / "claude.json", BY_HAND)
    real.chmod(0o600)
    path.parent.mkdir()
    path.symlink_to(real)
    run("install")
    assert path.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o600
    assert len(registration.hooks_in(read(real))) == len(entry_points.EVENTS)
    run("uninstall")
    assert path.is_symlink()
    assert real.read_text() == BY_HAND
    assert stat.S_IMODE(real.stat().st_mode) == 0o600


def test_says_when_the_plugin_is_enabled_too(run: Run, path: Path) -> None:
    """Each hook would run twice; the note says which to remove."""
    write(path, json.dumps({"enabledPlugins": {"token-budget@market": True, "other@market": True}}))
    assert "claude plugin disable token-budget@market" in run("install").output
    assert "claude plugin uninstall token-budget@market" in run("uninstall").output


def test_says_when_another_scope_is_registered_too(run: Run) -> None:
    """Both would run; the note says how to remove one."""
    run("install", "--scope", "project")
    assert "token-budget uninstall --scope project" in run("install").output


def test_in_the_home_folder_the_projects_file_is_the_users(
    run: Run, home: Path, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one file, and no reason for a note."""
    monkeypatch.chdir(home)
    run("install")
    assert "too" not in run("install").output
    run("uninstall", "--scope", "project")
    assert not path.exists()


def test_says_when_hooks_are_switched_off(run: Run, path: Path) -> None:
    """DisableAllHooks would make the registration useless."""
    write(path, '{"disableAllHooks": true}')
    assert "keeps every hook from running" in run("install").output


def test_a_folder_that_cannot_be_written_is_an_error(run: Run, path: Path) -> None:
    """The old file stays; the error says what is wrong."""
    path.parent.write_text("a file where the folder should be")
    result = run("install")
    assert result.exit_code == 1
    assert str(path) in result.output


def test_enforcement_is_registered_on_request(run: Run, path: Path) -> None:
    """`--enforce` adds PreToolUse; installing again without it keeps it, and uninstall takes it away."""
    run("install", "--enforce")
    assert set(read(path)["hooks"]) == {*entry_points.EVENTS, entry_points.ENFORCING}
    run("install")
    assert set(read(path)["hooks"]) == {*entry_points.EVENTS, entry_points.ENFORCING}
    run("uninstall")
    assert not path.exists()


def test_enforcement_beside_the_plugin_is_one_hook(run: Run, path: Path) -> None:
    """With the plugin enabled, which has the others, `--enforce` adds that hook alone and warns of nothing."""
    write(path, '{"enabledPlugins": {"token-budget@somewhere": true}}')
    done = run("install", "--enforce")
    assert "twice" not in done.output
    assert set(read(path)["hooks"]) == {entry_points.ENFORCING}
    assert "statusLine" not in read(path)


def test_wrap_shows_another_status_line_above_ours(run: Run, path: Path) -> None:
    """On request; it is kept through an update and put back at the end."""
    other = "my-line --colour 'a b'"
    text = json.dumps({"statusLine": {"type": "command", "command": other, "padding": 0}})
    write(path, text)
    run("install", "--wrap")
    ours = entry_points.status_line_command()
    words = shlex.split(read(path)["statusLine"]["command"])
    assert words == ["[", "-r", ours[-1], "]", "&&", *ours, "--wrap", other, "||", "exec", "/bin/sh", "-c", other]
    assert read(path)["statusLine"]["padding"] == 0
    path.write_text(path.read_text().replace(ours[0], "/old/python3"))
    run("install")
    assert shlex.split(read(path)["statusLine"]["command"]) == words
    run("uninstall")
    assert path.read_text() == text


def test_a_wrapped_status_line_outlives_the_package(run: Run, path: Path, tmp_path: Path) -> None:
    """Where the entry point has gone, the shell shows the person's own line, with the client's input."""
    write(path, json.dumps({"statusLine": {"type": "command", "command": "cat; echo 'my line'"}}))
    run("install", "--wrap")
    line = read(path)["statusLine"]["command"].replace(entry_points.folder(), str(tmp_path / "gone"))
    done = subprocess.run(["/bin/sh", "-c", line], input=b"{}", capture_output=True, check=True, timeout=30)
    assert (done.stdout, done.stderr) == (b"{}my line\n", b"")


def test_an_edit_from_true_to_1_is_kept(run: Run, path: Path) -> None:
    """To Python both are equal, to a person they are not."""
    write(path, '{"verbose": true}')
    run("install")
    path.write_text(path.read_text().replace("true", "1"))
    run("uninstall")
    assert path.read_text().replace(" ", "").strip() == '{"verbose":1}'


def test_the_slash_commands_come_and_go(run: Run, path: Path) -> None:
    """As files that the client names like the plugin's; what a person wrote there stays."""
    folder = path.parent / "commands" / "token-budget"
    folder.mkdir(parents=True)
    (folder / "report.md").write_text("mine")
    run("install")
    assert sorted(file.name for file in folder.iterdir()) == ["allocate.md", "report.md", "setup.md", "status.md"]
    assert f'/bin/sh "{entry_points.folder()}/run" command' in (folder / "status.md").read_text()
    assert "CLAUDE_PLUGIN_ROOT" not in (folder / "status.md").read_text()
    run("uninstall")
    assert [file.name for file in folder.iterdir()] == ["report.md"]


def test_a_wrapped_status_line_is_put_back_beside_other_changes(run: Run, path: Path) -> None:
    """Where the file was changed since, too."""
    write(path, '{"statusLine": {"type": "command", "command": "my-line"}}')
    run("install", "--wrap")
    path.write_text(json.dumps({**read(path), "model": "opus"}))
    run("uninstall")
    assert read(path) == {"statusLine": {"type": "command", "command": "my-line"}, "model": "opus"}


@pytest.mark.parametrize("line", ["none", ["a"], {"type": "command"}], ids=["text", "list", "no command"])
def test_a_status_line_of_no_known_shape_stays(run: Run, path: Path, line: object) -> None:
    """It is somebody's, whatever it is."""
    write(path, json.dumps({"statusLine": line}))
    assert run("install", "--wrap").exit_code == 0
    assert read(path)["statusLine"] == line


@pytest.mark.parametrize("event", ["UserPromptSubmit", "PreToolUse"])
def test_a_package_that_is_gone_erases_no_prompt(run: Run, path: Path, tmp_path: Path, event: str) -> None:
    """An interpreter without its script exits with 2, which would block: what stands in the settings does not."""
    run("install", "--yes", "--enforce")
    (group,) = [group for group in read(path)["hooks"][event] if "args" in group["hooks"][0]]
    hook = group["hooks"][0]
    command = [
        hook["command"],
        *(str(tmp_path / "gone.py") if word.endswith("hook.py") else word for word in hook["args"]),
    ]
    done = subprocess.run(command, input=b"{}", capture_output=True, check=False, timeout=30)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
